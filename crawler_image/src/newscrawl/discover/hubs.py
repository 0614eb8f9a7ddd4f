"""A hub is a page that lists articles (a feed, a sitemap, a list page) and is asked only for what is new in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Protocol

from newscrawl.model import Response

if TYPE_CHECKING:
    from newscrawl.fetch import Fetcher
    from newscrawl.profiles import Profile

# no frontier stands behind a hub, so the fetcher itself tries again
_RETRIES = 2


class HubState(Protocol):
    """What is remembered of hubs between runs: their validators, (None, None) for a hub that was never read."""

    def get(self, url: str) -> tuple[str | None, str | None]:
        """(ETag, Last-Modified) of the hub's last answer."""

    def put(self, url: str, etag: str | None, last_modified: str | None) -> None:
        """Remembers the validators of an answer."""


@dataclass(frozen=True)
class Hubs:
    """Reads one site's hubs in one run, and notes what to ask the next time."""

    profile: Profile
    fetcher: Fetcher
    state: HubState
    now: datetime
    _noted: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    def read(self, url: str, *, changed_only: bool = True, max_bytes: int | None = None) -> Response | None:
        """The hub's answer; None when `changed_only` and it is as it was. Raises FetchError."""
        etag, last_modified = self.state.get(url) if changed_only else (None, None)
        response = self.fetcher.get(
            url,
            site=self.profile,
            etag=etag,
            last_modified=last_modified,
            now=self.now,
            max_bytes=max_bytes,
            retries=_RETRIES,
        )
        return None if response.not_modified else response

    def remember(self, response: Response) -> None:
        """Notes the answer's validators; they count when all its links were handed on, which `settle` says.

        A hub without validators gets the answer's time, which HTTP allows as If-Modified-Since.
        """
        headers = response.headers
        etag, last_modified = headers.get("etag"), headers.get("last-modified")
        if etag is None and last_modified is None:
            last_modified = headers.get("date") or format_datetime(response.fetched_at, usegmt=True)
        self.put(response.requested_url, etag, last_modified)

    def put(self, url: str, etag: str | None, last_modified: str | None) -> None:
        """Notes validators as `remember` does."""
        self._noted.append((url, etag, last_modified))

    def settle(self) -> None:
        """Hands what was noted to the state: from now on the next run asks for what is newer."""
        for noted in self._noted:
            self.state.put(*noted)
        self._noted.clear()

    def forget(self) -> None:
        """Drops what was noted: its links did not get through."""
        self._noted.clear()
