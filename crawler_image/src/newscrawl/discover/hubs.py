"""A hub is a page that lists articles (a feed, a sitemap, a list page) and is asked only for what is new in it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Protocol

from newscrawl.model import FetchError, Link, Response, Seen

if TYPE_CHECKING:
    from newscrawl.fetch import Fetcher
    from newscrawl.profiles import Profile

log = logging.getLogger(__name__)

# no frontier stands behind a hub, so the fetcher itself tries again
_RETRIES = 2
# a hub that brought nothing rests longer each time, as with Nutch's AdaptiveFetchSchedule (its 0.4 and its minute) ...
_SHORTEST_REST = timedelta(minutes=1)
_LONGER = 1.4
# ... and is asked often again much sooner than there, since news come in waves
_SHORTER = 0.25
# what a profile names is where its news appear
LONGEST_REST = timedelta(hours=1)


def rest_after(rest: timedelta, *, changed: bool) -> timedelta:
    """How long a hub rests that rested for `rest` and then had, or had not, changed; zero: ask it in every run."""
    if changed:
        return rest * _SHORTER if rest * _SHORTER >= _SHORTEST_REST else timedelta(0)
    return max(rest * _LONGER, _SHORTEST_REST)


class HubState(Protocol):
    """What is remembered of hubs between runs."""

    def get(self, url: str) -> Seen:
        """What is remembered of the hub; `Seen()` for one that was never read, or under other rules."""

    def put(self, url: str, seen: Seen) -> None:
        """Remembers it."""


@contextmanager
def readable(url: str) -> Iterator[None]:
    """Whatever breaks on reading the hub is that hub's failure: FetchError `unreadable_hub`, and not the site's."""
    try:
        yield
    except FetchError:
        raise
    except Exception as error:
        log.exception("%s: broke its reader", url)
        raise FetchError(url, "unreadable_hub", f"{type(error).__name__}: {error}"[:300]) from error


@dataclass(frozen=True)
class Hubs:
    """Reads one site's hubs in one run, and notes what to ask the next time."""

    profile: Profile
    fetcher: Fetcher
    state: HubState
    now: datetime
    empty: set[str] = field(default_factory=set)  # URLs of those that listed nothing when they were last read
    _noted: list[tuple[str, Seen]] = field(default_factory=list)

    def read(
        self,
        url: str,
        *,
        changed_only: bool = True,
        longest: timedelta = LONGEST_REST,
        modified: datetime | None = None,
        max_bytes: int | None = None,
    ) -> Response | None:
        """The hub's answer; None when `changed_only` and it is as it was, or rests. Raises FetchError.

        A hub that brought nothing new rests, the longer the more often, but for `longest` at most, and not when it was
        `modified` since its last visit.
        """
        seen = self.state.get(url) if changed_only else Seen()
        if seen.listed == Digest().value:
            self.empty.add(url)
        if seen.rests(self.now, longest) and not (modified and seen.visited and modified > seen.visited):
            log.info("%s: rests, as it had nothing new", url)
            return None
        response = self.fetcher.get(
            url,
            site=self.profile,
            etag=seen.etag,
            last_modified=seen.last_modified,
            now=self.now,
            max_bytes=max_bytes,
            retries=_RETRIES,
        )
        if response.not_modified:
            self.put(url, replace(seen, visited=self.now, rest=rest_after(seen.rest, changed=False)))
            return None
        return response

    def remember(self, response: Response, listed: bytes) -> None:
        """Notes the answer's validators and what it listed, which count when its links were handed on (`settle`).

        A hub without validators gets the answer's time, which HTTP allows as If-Modified-Since.
        """
        headers, url = response.headers, response.requested_url
        etag, last_modified = headers.get("etag"), headers.get("last-modified")
        if etag is None and last_modified is None:
            last_modified = headers.get("date") or format_datetime(response.fetched_at, usegmt=True)
        (self.empty.add if listed == Digest().value else self.empty.discard)(url)
        before = self.state.get(url)
        rest = rest_after(before.rest, changed=listed != before.listed)
        self.put(url, Seen(etag, last_modified, listed, self.now, rest))

    def put(self, url: str, seen: Seen) -> None:
        """Notes it as `remember` does."""
        self._noted.append((url, seen))

    def settle(self) -> None:
        """Hands what was noted to the state: from now on the next run asks for what is newer."""
        for noted in self._noted:
            self.state.put(*noted)
        self._noted.clear()

    def forget(self) -> None:
        """Drops what was noted: its links did not get through."""
        self._noted.clear()


class Digest:
    """Of the links that a hub lists, 16 bytes: equal when the same links with the same dates come in the same order."""

    def __init__(self, links: Iterable[Link] = ()) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        for link in links:
            self.add(link)

    def add(self, link: Link) -> None:
        """The next link."""
        self._hash.update(f"{link.url} {link.modified}\n".encode(errors="surrogatepass"))

    @property
    def value(self) -> bytes:
        """The digest of the links so far."""
        return self._hash.digest()
