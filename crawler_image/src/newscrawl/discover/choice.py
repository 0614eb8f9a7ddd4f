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
    from newscrawl.profiles import Profile


# eight digits alone may be an article's number
_SPELT_DAY = re.compile(r"[/-](?:19|20)\d\d[/-]")


class Choice:
    """The profile's hosts and patterns, and its look-back: whole days in the site's time zone before `now`."""

    def __init__(self, profile: Profile, now: datetime):
        self._profile = profile
        first_day = now.astimezone(profile.timezone).date() - timedelta(days=profile.crawl.lookback_days)
        self.since = datetime.combine(first_day, time.min, profile.timezone)

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
            if not (told and max(told) < self.since):
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
