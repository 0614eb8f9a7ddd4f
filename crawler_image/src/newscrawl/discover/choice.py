"""Which of the links that a hub lists may be articles of the site."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from newscrawl.extract import dates
from newscrawl.model import Link
from newscrawl.urls import BadUrl, authority, canonicalize, is_on

if TYPE_CHECKING:
    from newscrawl.discover.hubs import HubState
    from newscrawl.profiles import Profile


# eight digits alone may be an article's number
_SPELT_DAY = re.compile(r"[/-](?:19|20)\d\d[/-]")


class Choice:
    """The profile's hosts and patterns, and its look-back: whole days in the site's time zone before the last visit.

    That is each hub's own, but not later than `last`, when links of the site were last found: a site that was paused
    and a hub that failed or rested are read from where they were left. A first crawl looks back from `now`.
    """

    def __init__(self, profile: Profile, hub_state: HubState, now: datetime, last: datetime | None = None):
        self._profile = profile
        self._hub_state = hub_state
        self._last = min(now, last or now)

    def since(self, hub: str) -> datetime:
        """What is older than this was listed by `hub` before, or is older than a first crawl reaches."""
        last = min(self._last, self._hub_state.get(hub).visited or self._last)
        first_day = last.astimezone(self._profile.timezone).date() - timedelta(days=self._profile.crawl.lookback_days)
        return datetime.combine(first_day, time.min, self._profile.timezone)

    def of(self, links: Iterable[Link], base: str) -> Iterator[Link]:
        """The links, on the page `base`, that fit, with canonical URLs; a link without a date is never too old.

        One that nobody dates has the day that its URL spells.
        """
        urls, secure = self._profile.urls, base.startswith("https:")
        for link in links:
            try:
                url = canonicalize(link.url, keep_params=urls.keep_params, base=base)
            except BadUrl:
                continue
            if url.startswith("http:") and secure and authority(url) == authority(base):
                url = f"https{url[4:]}"  # old feeds still write http: the same page would be two URLs
            if not self._fits(url):
                continue
            if link.published is None and link.modified is None:
                # an archive without dates would be crawled to its beginning
                link = replace(link, published=self._in_address(url))
            told = [date for date in (link.published, link.modified) if date is not None]
            if not (told and max(told) < self.since(link.source)):
                yield replace(link, url=url)

    def _in_address(self, url: str) -> datetime | None:
        path = urlsplit(url).path
        return dates.in_address(path, self._profile.timezone) if _SPELT_DAY.search(path) else None

    def _fits(self, url: str) -> bool:
        urls = self._profile.urls
        if not is_on(url, self._profile.hosts):
            return False
        if any(pattern.search(url) for pattern in urls.exclude):
            return False
        return not urls.article or any(pattern.search(url) for pattern in urls.article)
