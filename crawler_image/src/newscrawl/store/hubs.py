"""What is remembered of feeds, sitemaps and list pages, so that an unchanged one costs the site a 304 at most.

It is kept in memory while a site is discovered and saved with its links: a hub that was marked as seen before its
links were stored would answer 304 to the run that comes after a crash, and the links would be lost.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from newscrawl.model import Seen
from newscrawl.store.many import upsert_rows
from newscrawl.store.tables import hubs, url_hash

log = logging.getLogger(__name__)

# another site's hub stays as it is: its owner would take links for read that went to somebody else
_UPDATE = {
    name: f"IF(hubs.site = new.site, new.{name}, hubs.{name})"
    for name in ("etag", "last_modified", "listed", "rules", "rest_seconds", "visited")
}


class Hubs:
    """A site's hubs: `get` and `put` while discovering, `save` in the transaction that stores the links.

    `rules` is the profile's `discovery_digest`: what was read under other rules may hold links that were left out.
    """

    def __init__(self, connection: Connection, site: str, rules: bytes):
        self._site = site
        self._rules = rules
        query = select(hubs).where(hubs.c.site == site, hubs.c.rules == rules)
        self._known = {
            row.url: Seen(row.etag, row.last_modified, row.listed, row.visited, timedelta(seconds=row.rest_seconds))
            for row in connection.execute(query)
        }
        self._changed: set[str] = set()

    def get(self, url: str) -> Seen:
        """What is remembered of the hub; `Seen()` for one that was never read, or under other rules."""
        return self._known.get(url, Seen())

    def put(self, url: str, seen: Seen) -> None:
        """Remembers it; validators too long to store are not used."""
        etag = seen.etag if len(seen.etag or "") <= 512 else None
        last_modified = seen.last_modified if len(seen.last_modified or "") <= 64 else None
        self._known[url] = replace(seen, etag=etag, last_modified=last_modified)
        self._changed.add(url)

    def save(self, connection: Connection, now: datetime) -> None:
        """Stores what `put` remembered, but for hubs of other sites, which this site reads in full every time."""
        hashes = {url_hash(url): url for url in self._changed}
        query = select(hubs.c.url_hash, hubs.c.site).where(hubs.c.url_hash.in_(hashes), hubs.c.site != self._site)
        for row in connection.execute(query) if hashes else ():
            log.warning(
                "%s: is a hub of site %s: %s reads all of it in every run",
                hashes[bytes(row.url_hash)],
                row.site,
                self._site,
            )
        rows = [
            {
                "url_hash": url_hash(url),
                "site": self._site,
                "url": url,
                "etag": self._known[url].etag,
                "last_modified": self._known[url].last_modified,
                "listed": self._known[url].listed,
                "rules": self._rules,
                "rest_seconds": round(self._known[url].rest.total_seconds()),
                "visited": self._known[url].visited or now,
            }
            for url in sorted(self._changed)
        ]
        upsert_rows(connection, hubs, rows, _UPDATE)
