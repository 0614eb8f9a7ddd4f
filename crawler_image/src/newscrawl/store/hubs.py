"""The validators of feeds, sitemaps and list pages, so that an unchanged one costs the site a 304 and us nothing.

They are kept in memory while a site is discovered and saved with its links: a hub that was marked as seen before its
links were stored would answer 304 to the run that comes after a crash, and the links would be lost.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from newscrawl.store.many import upsert_rows
from newscrawl.store.tables import hubs, url_hash


class Hubs:
    """A site's hubs: `get` and `put` while discovering, `save` in the transaction that stores the links."""

    def __init__(self, connection: Connection, site: str):
        self._site = site
        query = select(hubs.c.url, hubs.c.etag, hubs.c.last_modified).where(hubs.c.site == site)
        self._known: dict[str, tuple[str | None, str | None]] = {
            url: (etag, last_modified) for url, etag, last_modified in connection.execute(query)
        }
        self._changed: set[str] = set()

    def get(self, url: str) -> tuple[str | None, str | None]:
        """(ETag, Last-Modified) of the hub's last answer, None where it sent none or was never seen."""
        return self._known.get(url, (None, None))

    def put(self, url: str, etag: str | None, last_modified: str | None) -> None:
        """Remembers the validators of an answer; those too long to store are not used."""
        usable = (etag if len(etag or "") <= 512 else None, last_modified if len(last_modified or "") <= 64 else None)
        self._known[url] = usable
        self._changed.add(url)

    def save(self, connection: Connection, now: datetime) -> None:
        """Stores what `put` remembered."""
        rows = [
            {
                "url_hash": url_hash(url),
                "site": self._site,
                "url": url,
                "etag": self._known[url][0],
                "last_modified": self._known[url][1],
                "visited": now,
            }
            for url in sorted(self._changed)
        ]
        update = {name: f"new.{name}" for name in ("site", "etag", "last_modified", "visited")}
        upsert_rows(connection, hubs, rows, update)
