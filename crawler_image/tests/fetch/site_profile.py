"""Profiles of the local servers."""

import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from newscrawl.profiles import Crawl, Discover, Politeness, Profile, Urls

UNLIMITED = 1e6  # requests a second: politeness is what other tests are about


def profile(*hosts: str, rate: float = UNLIMITED, concurrency: int = 4, **told: Any) -> Profile:
    """A site on `hosts`; other words are feeds, sitemaps, lists, article, exclude, keep_params, lookback_days."""
    return Profile(
        site="local",
        name="Local",
        language="ko",
        timezone=ZoneInfo("Asia/Seoul"),
        hosts=frozenset(hosts or ("127.0.0.1",)),
        file=Path("local.yaml"),
        allow_private=True,
        crawl=Crawl(lookback_days=told.get("lookback_days", 7)),
        politeness=Politeness(requests_per_second=rate, concurrency=concurrency),
        discover=Discover(**{kind: tuple(told.get(kind, ())) for kind in ("feeds", "sitemaps", "lists")}),
        urls=Urls(
            article=tuple(map(re.compile, told.get("article", ()))),
            exclude=tuple(map(re.compile, told.get("exclude", ()))),
            keep_params=told.get("keep_params"),
        ),
    )
