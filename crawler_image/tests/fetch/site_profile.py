"""Profiles of the local servers."""

import re
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo


def profile(*hosts: str, rate: float | None = None, concurrency: int = 4, **told: Any) -> Any:
    """A site on `hosts`; other words are feeds, sitemaps, lists, article, exclude, keep_params, zone, lookback_days."""
    return SimpleNamespace(
        site="local",
        hosts=frozenset(hosts or ("127.0.0.1",)),
        timezone=ZoneInfo(told.get("zone", "Asia/Seoul")),
        allow_private=True,
        crawl=SimpleNamespace(lookback_days=told.get("lookback_days", 7), max_articles=5000),
        politeness=SimpleNamespace(requests_per_second=rate, concurrency=concurrency, user_agent=None),
        discover=SimpleNamespace(
            feeds=tuple(told.get("feeds", ())),
            sitemaps=tuple(told.get("sitemaps", ())),
            lists=tuple(told.get("lists", ())),
        ),
        urls=SimpleNamespace(
            article=tuple(re.compile(one) for one in told.get("article", ())),
            exclude=tuple(re.compile(one) for one in told.get("exclude", ())),
            keep_params=told.get("keep_params"),
        ),
    )
