"""Site profiles: what differs between sites, as data.

A profile is one YAML file. Whoever writes one learns of a mistake by file, key and line before anything is crawled; the
rest of the crawler only ever sees the frozen records that come out of here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from newscrawl.extract.selectors import FIELDS, Selector, SelectorError
from newscrawl.profile_file import Key, ProfileError, ProfileFile, lines, nearest

__all__ = [
    "Crawl",
    "Discover",
    "ListPage",
    "Politeness",
    "Profile",
    "ProfileError",
    "Urls",
    "Version",
    "line_of",
    "load",
    "load_all",
    "names",
]


@dataclass(frozen=True)
class Crawl:
    """When and how much: `schedule` is a cron expression in the site's zone or None, `lookback_days` whole days."""

    queue: str = "default"
    schedule: str | None = "*/30 * * * *"
    batch_size: int = 50
    max_articles: int = 5000
    lookback_days: int = 7
    retries: int = 2
    paused: bool = True


@dataclass(frozen=True)
class Politeness:
    """Per host and over all workers: requests a second and requests at once. None: the crawler's own user agent."""

    requests_per_second: float = 1.0
    concurrency: int = 1
    user_agent: str | None = None


@dataclass(frozen=True)
class ListPage:
    """A page that lists articles; `next` selects the following page's address, or `pages` holds `{page}`."""

    url: str
    links: str
    next: str | None = None
    pages: str | None = None
    max_pages: int = 20


@dataclass(frozen=True)
class Discover:
    """Where links come from: addresses of feeds and sitemaps, and list pages."""

    feeds: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    lists: tuple[ListPage, ...] = ()


@dataclass(frozen=True)
class Urls:
    """Which URLs may be articles (any of `article`, none of `exclude`), and the query parameters that matter.

    `keep_params` None drops only known tracking parameters.
    """

    article: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()
    keep_params: frozenset[str] | None = None


@dataclass(frozen=True)
class Version:
    """How the pages since a day are read: for each field of FIELDS its selectors, tried in order."""

    since: date
    fields: Mapping[str, tuple[Selector, ...]]
    drop: tuple[Selector, ...] = ()
    paywall: tuple[Selector, ...] = ()
    boilerplate: tuple[re.Pattern[str], ...] = ()


@dataclass(frozen=True)
class Profile:
    """One site; `versions` are newest first."""

    site: str
    name: str
    language: str | None
    timezone: ZoneInfo
    hosts: frozenset[str]
    file: Path
    allow_private: bool = False
    crawl: Crawl = field(default_factory=Crawl)
    politeness: Politeness = field(default_factory=Politeness)
    discover: Discover = field(default_factory=Discover)
    urls: Urls = field(default_factory=Urls)
    versions: tuple[Version, ...] = ()
    verified: str | None = None

    @property
    def discovery_digest(self) -> bytes:
        """16 bytes that change with the rules by which links are chosen: a hub read under others is to be read anew."""
        keep = None if self.urls.keep_params is None else sorted(self.urls.keep_params)
        patterns = [[one.pattern for one in part] for part in (self.urls.article, self.urls.exclude)]
        rules = (sorted(self.hosts), self.crawl.lookback_days, self.discover.lists, patterns, keep)
        return hashlib.blake2b(repr(rules).encode(), digest_size=16).digest()


def load(path: Path) -> Profile:
    """The profile in a file. Raises ProfileError with file, key and line."""
    file = ProfileFile(Path(path))
    raw = file.content
    if raw["site"] != file.path.stem:
        name = file.path.name
        raise file.error(("site",), f"is {raw['site']!r}, but the file's name is {name!r}: make them equal")
    urls, discover = raw.get("urls", {}), raw.get("discover", {})
    keep = urls.get("keep_params")
    return Profile(
        site=raw["site"],
        name=raw["name"],
        language=raw.get("language"),
        timezone=_zone(file, raw["timezone"]),
        hosts=frozenset(raw["hosts"]),
        file=file.path,
        allow_private=raw.get("allow_private", False),
        crawl=Crawl(**raw.get("crawl", {})),
        politeness=Politeness(**raw.get("politeness", {})),
        discover=Discover(
            feeds=tuple(discover.get("feeds", ())),
            sitemaps=tuple(discover.get("sitemaps", ())),
            lists=tuple(_lists(file, discover.get("lists", ()))),
        ),
        urls=Urls(
            article=_patterns(file, ("urls", "article"), urls.get("article", ())),
            exclude=_patterns(file, ("urls", "exclude"), urls.get("exclude", ())),
            keep_params=None if keep is None else frozenset(keep),
        ),
        versions=tuple(sorted(_versions(file), key=lambda version: version.since, reverse=True)),
        verified=raw.get("verified"),
    )


def load_all(directories: Iterable[Path]) -> dict[str, Profile | ProfileError]:
    """Every profile by its file's name, a broken one as its error; a later directory's file replaces an earlier's."""
    return {site: _loaded(path) for site, path in names(directories).items()}


def names(directories: Iterable[Path]) -> dict[str, Path]:
    """The file of every profile by its name, none of which is read; a later directory's replaces an earlier's."""
    return {path.stem: path for directory in directories for path in sorted(Path(directory).glob("*.yaml"))}


def line_of(path: Path, key: str) -> int | None:
    """The line, from 1, of a dotted key in a profile's file, or of the nearest key above it that is there."""
    try:
        return nearest(lines(yaml.compose(path.read_text("utf-8"), yaml.CSafeLoader)), tuple(key.split(".")))
    except (OSError, yaml.YAMLError):
        return None


def _loaded(path: Path) -> Profile | ProfileError:
    try:
        return load(path)
    except ProfileError as error:
        return error


def _zone(file: ProfileFile, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise file.error(("timezone",), f"{name!r} is no IANA time zone such as Asia/Seoul") from error


def _patterns(file: ProfileFile, key: Key, texts: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    patterns = []
    for number, text in enumerate(texts):
        try:
            patterns.append(re.compile(text))
        except re.error as error:
            raise file.error((*key, str(number)), f"{text!r} is no regular expression: {error}") from error
    return tuple(patterns)


def _selectors(file: ProfileFile, key: Key, texts: Iterable[str]) -> tuple[Selector, ...]:
    selectors = []
    for number, text in enumerate(texts):
        try:
            selectors.append(Selector.parse(text))
        except SelectorError as error:
            raise file.error((*key, str(number)), str(error)) from error
    return tuple(selectors)


def _lists(file: ProfileFile, pages: Iterable[Mapping[str, Any]]) -> Iterator[ListPage]:
    for number, page in enumerate(pages):
        key = ("discover", "lists", str(number))
        for name in ("links", "next"):
            _selectors(file, (*key, name), [page[name]] if page.get(name) else [])
        if page.get("pages") and "{page}" not in page["pages"]:
            raise file.error((*key, "pages"), "needs {page} where the number of the page goes")
        yield ListPage(**page)


def _versions(file: ProfileFile) -> Iterator[Version]:
    for number, raw in enumerate(file.content.get("versions", ())):
        key = ("versions", str(number))
        yield Version(
            since=_day(file, (*key, "since"), raw["since"]),
            fields={name: _selectors(file, (*key, name), raw[name]) for name in FIELDS if name in raw},
            drop=_selectors(file, (*key, "drop"), raw.get("drop", ())),
            paywall=_selectors(file, (*key, "paywall"), raw.get("paywall", ())),
            boilerplate=_patterns(file, (*key, "boilerplate"), raw.get("boilerplate", ())),
        )


def _day(file: ProfileFile, key: Key, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise file.error(key, f"{text!r} is no date such as 2026-01-31") from error
