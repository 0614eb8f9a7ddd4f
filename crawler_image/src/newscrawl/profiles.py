"""Site profiles: what differs between sites, as data.

A profile is one YAML file. Whoever writes one learns of a mistake by file, key and line before anything is crawled; the
rest of the crawler only ever sees the frozen records that come out of here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jsonschema
import yaml

from newscrawl.extract.selectors import FIELDS, Selector, SelectorError


class ProfileError(Exception):
    """A profile that cannot be used: `key` is the dotted path in the YAML, `line` counts from 1 (None: unknown)."""

    def __init__(self, file: Path, key: str, line: int | None, message: str):
        place = f"{file}:{line}" if line else str(file)
        super().__init__(f"{place}: {key}: {message}" if key else f"{place}: {message}")
        self.file = file
        self.key = key
        self.line = line
        self.message = message


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


def load(path: Path) -> Profile:
    """The profile in a file. Raises ProfileError with file, key and line."""
    return _Reader(Path(path)).profile()


def load_all(directories: Iterable[Path]) -> dict[str, Profile | ProfileError]:
    """Every profile by its file's name, a broken one as its error; a later directory's file replaces an earlier's."""
    found = {path.stem: path for directory in directories for path in sorted(Path(directory).glob("*.yaml"))}
    return {site: _loaded(path) for site, path in found.items()}


def line_of(path: Path, key: str) -> int | None:
    """The line, from 1, of a dotted key in a profile's file, or of the nearest key above it that is there."""
    try:
        return _nearest(_lines(yaml.compose(path.read_text("utf-8"), yaml.CSafeLoader)), tuple(key.split(".")))
    except (OSError, yaml.YAMLError):
        return None


def _loaded(path: Path) -> Profile | ProfileError:
    try:
        return load(path)
    except ProfileError as error:
        return error


@cache
def _validator() -> jsonschema.protocols.Validator:
    schema = json.loads(files("newscrawl").joinpath("profile.schema.json").read_text("utf-8"))
    return jsonschema.Draft202012Validator(schema)


Path_ = tuple[str, ...]


def _lines(node: yaml.Node | None, path: Path_ = ()) -> dict[Path_, int]:
    """The line of each key and list item below a YAML node."""
    if node is None:
        return {}
    lines = {path: node.start_mark.line + 1}
    for key, child in _children(node):
        lines |= _lines(child, (*path, key))
        if isinstance(node, yaml.MappingNode):
            lines[(*path, key)] = next(k for k, v in node.value if v is child).start_mark.line + 1
    return lines


def _children(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), value) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((str(number), value) for number, value in enumerate(node.value))


def _nearest(lines: Mapping[Path_, int], path: Path_) -> int | None:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


class _Reader:
    """Reads one file; every error it raises knows its key and line."""

    def __init__(self, path: Path):
        self._path = path
        try:
            text = path.read_text("utf-8")
            node = yaml.compose(text, yaml.CSafeLoader)
            self._raw = yaml.load(text, yaml.CSafeLoader)
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(path, "", None, f"cannot be read: {error}") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            raise ProfileError(
                path, "", mark and mark.line + 1, f"is not YAML: {getattr(error, 'problem', error)}"
            ) from error
        self._lines = _lines(node)
        self._refuse_duplicates(node)

    def profile(self) -> Profile:
        self._validate()
        raw = self._raw
        if raw["site"] != self._path.stem:
            raise self._error(
                ("site",), f"is {raw['site']!r}, but the file's name is {self._path.name!r}: make them equal"
            )
        urls, discover = raw.get("urls", {}), raw.get("discover", {})
        keep = urls.get("keep_params")
        return Profile(
            site=raw["site"],
            name=raw["name"],
            language=raw.get("language"),
            timezone=self._zone(raw["timezone"]),
            hosts=frozenset(raw["hosts"]),
            file=self._path,
            allow_private=raw.get("allow_private", False),
            crawl=Crawl(**raw.get("crawl", {})),
            politeness=Politeness(**raw.get("politeness", {})),
            discover=Discover(
                feeds=tuple(discover.get("feeds", ())),
                sitemaps=tuple(discover.get("sitemaps", ())),
                lists=tuple(self._lists(discover.get("lists", ()))),
            ),
            urls=Urls(
                article=self._patterns(("urls", "article"), urls.get("article", ())),
                exclude=self._patterns(("urls", "exclude"), urls.get("exclude", ())),
                keep_params=None if keep is None else frozenset(keep),
            ),
            versions=tuple(sorted(self._versions(), key=lambda version: version.since, reverse=True)),
            verified=raw.get("verified"),
        )

    def _validate(self) -> None:
        for error in sorted(_validator().iter_errors(_plain(self._raw)), key=lambda error: list(map(str, error.path))):
            path = tuple(map(str, error.absolute_path))
            if error.validator == "additionalProperties":
                unknown = sorted(set(error.instance) - set(error.schema.get("properties", {})))
                known = ", ".join(sorted(error.schema.get("properties", {})))
                raise self._error((*path, unknown[0]), f"unknown key; known here: {known}")
            raise self._error(path, error.message)

    def _refuse_duplicates(self, node: yaml.Node | None, path: Path_ = ()) -> None:
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, _ in node.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ProfileError(self._path, ".".join((*path, key.value)), line, "stands here a second time")
                seen.add(key.value)
        for key, child in _children(node) if node else ():
            self._refuse_duplicates(child, (*path, key))

    def _zone(self, name: str) -> ZoneInfo:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise self._error(("timezone",), f"{name!r} is no IANA time zone such as Asia/Seoul") from error

    def _patterns(self, path: Path_, texts: Iterable[str]) -> tuple[re.Pattern[str], ...]:
        patterns = []
        for number, text in enumerate(texts):
            try:
                patterns.append(re.compile(text))
            except re.error as error:
                raise self._error((*path, str(number)), f"{text!r} is no regular expression: {error}") from error
        return tuple(patterns)

    def _selectors(self, path: Path_, texts: Iterable[str]) -> tuple[Selector, ...]:
        selectors = []
        for number, text in enumerate(texts):
            try:
                selectors.append(Selector.parse(text))
            except SelectorError as error:
                raise self._error((*path, str(number)), str(error)) from error
        return tuple(selectors)

    def _lists(self, pages: Iterable[Mapping[str, Any]]) -> Iterator[ListPage]:
        for number, page in enumerate(pages):
            path = ("discover", "lists", str(number))
            for key in ("links", "next"):
                self._selectors((*path, key), [page[key]] if page.get(key) else [])
            if page.get("pages") and "{page}" not in page["pages"]:
                raise self._error((*path, "pages"), "needs {page} where the number of the page goes")
            yield ListPage(**page)

    def _versions(self) -> Iterator[Version]:
        for number, raw in enumerate(self._raw.get("versions", ())):
            path = ("versions", str(number))
            since = raw["since"]
            try:
                since = since if isinstance(since, date) else date.fromisoformat(since)
            except ValueError as error:
                raise self._error((*path, "since"), f"{since!r} is no date such as 2026-01-31") from error
            yield Version(
                since=since.date() if isinstance(since, datetime) else since,
                fields={name: self._selectors((*path, name), raw[name]) for name in FIELDS if name in raw},
                drop=self._selectors((*path, "drop"), raw.get("drop", ())),
                paywall=self._selectors((*path, "paywall"), raw.get("paywall", ())),
                boilerplate=self._patterns((*path, "boilerplate"), raw.get("boilerplate", ())),
            )

    def _error(self, path: Path_, message: str) -> ProfileError:
        return ProfileError(self._path, ".".join(path), _nearest(self._lines, path), message)


def _plain(value: Any) -> Any:
    """YAML's values as JSON's: dates as text, keys as text."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value
