"""Which of the links that a hub lists may be articles of the site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from newscrawl.model import Link
from newscrawl.urls import BadUrl, authority, canonicalize, is_on

if TYPE_CHECKING:
    from newscrawl.profiles import Profile


class Choice:
    """The profile's hosts and patterns, and its look-back: whole days in the site's time zone before `now`."""

    def __init__(self, profile: Profile, now: datetime):
        self._profile = profile
        first_day = now.astimezone(profile.timezone).date() - timedelta(days=profile.crawl.lookback_days)
        self.since = datetime.combine(first_day, time.min, profile.timezone)

    def of(self, links: Iterable[Link], base: str) -> Iterator[Link]:
        """The links, on the page `base`, that fit, with canonical URLs; a link without a date is never too old."""
        urls, secure = self._profile.urls, base.startswith("https:")
        for link in links:
            try:
                url = canonicalize(link.url, keep_params=urls.keep_params, base=base)
            except BadUrl:
                continue
            if url.startswith("http:") and secure and authority(url) == authority(base):
                url = f"https{url[4:]}"  # old feeds still write http: the same page would be two URLs
            dates = [date for date in (link.published, link.modified) if date is not None]
            if self._fits(url) and not (dates and max(dates) < self.since):
                yield replace(link, url=url)

    def _fits(self, url: str) -> bool:
        urls = self._profile.urls
        if not is_on(url, self._profile.hosts):
            return False
        if any(pattern.search(url) for pattern in urls.exclude):
            return False
        return not urls.article or any(pattern.search(url) for pattern in urls.article)
