"""Sitemaps, indexes of sitemaps and news sitemaps, read as a stream and never without bounds.

Own code on lxml, because the libraries for it fetch by themselves or build the whole tree: a hostile or just large
site must cost neither memory nor hours. Entities are not resolved, nothing is loaded from outside.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache

from lxml import etree

from newscrawl.discover.dates import moment, without_stamps
from newscrawl.discover.hubs import LONGEST_REST, Digest, Hubs, readable
from newscrawl.fetch.decoding import Decoder, DecodingError
from newscrawl.model import FetchError, Link, Response
from newscrawl.urls import MAX_URL

log = logging.getLogger(__name__)

MAX_BYTES = 50 * 1024 * 1024  # the protocol's own limit, uncompressed
MAX_URLS = 50_000  # the protocol's own limit for one file
MAX_DEPTH = 3  # indexes within indexes
MAX_ELEMENTS = 2_000_000  # in one file: forty for each of its URLs
MAX_FILES = 500  # that one run reads below one sitemap
# of a file below an index, most of which are archives that never change again
LONGEST_REST_BELOW = timedelta(days=7)
_CHUNK = 65536
_TEXT, _TEXT_PARTS = 4096, 16  # characters of a part, and parts of a text, that are kept
_GZIP_MAGIC = b"\x1f\x8b"
_PLAIN_XML = b"<"
_ROOTS = ("urlset", "sitemapindex")


@dataclass(frozen=True)
class Child:
    """A sitemap that an index lists."""

    url: str
    modified: datetime | None


def links(
    hubs: Hubs, url: str, since: Callable[[str], datetime], on_trouble: Callable[[str, str], None]
) -> Iterator[Link]:
    """The pages of the sitemap at `url` and of all below it, those of the newest file first.

    Left out are files that did not change after `since`, which is asked for each by its URL. A file that was not
    changed since the last run is not read again, and one without news rests. A file below `url` that cannot be read is
    logged, and read by the next run; `on_trouble` hears of it when it was read before, and of files that are cut off,
    by its URL and a kind. Raises FetchError when `url` cannot be read, or none of the files that it leads to.
    """
    todo: list[tuple[int, Child]] = [(0, Child(url, None))]
    seen = {url}
    answered = False
    first_problem: FetchError | None = None
    while todo:
        depth, here = todo.pop(0)
        try:
            children = yield from _read(hubs, here, LONGEST_REST_BELOW if depth else LONGEST_REST, on_trouble)
        except FetchError as error:
            if not depth or error.kind == "redis_unavailable":
                raise
            log.warning("sitemap left out: %s", error)
            # many an index lists files that never were there
            if hubs.state.get(here.url).visited is not None:
                on_trouble(here.url, error.kind)
            first_problem = first_problem or error
            continue
        answered = answered or not children
        usable = [one for one in children if len(one.url) <= MAX_URL]
        if len(usable) < len(children):
            log.warning("%s: %d URLs of sitemaps are too long", here.url, len(children) - len(usable))
        fresh = [one for one in usable if one.url not in seen and not (one.modified and one.modified < since(one.url))]
        if fresh and depth >= MAX_DEPTH:
            log.warning("%s: its %d sitemaps lie too deep (more than %d indexes)", here.url, len(fresh), MAX_DEPTH)
            continue
        fresh.sort(key=lambda one: -one.modified.timestamp() if one.modified else 0.0)
        room = MAX_FILES - len(seen)
        if len(fresh) > room:
            log.warning("%s: %d of its sitemaps are left out (%d in a run)", here.url, len(fresh) - room, MAX_FILES)
            on_trouble(here.url, "too_many_links")
        for one in fresh[: max(room, 0)]:
            seen.add(one.url)
            todo.append((depth + 1, one))
    if first_problem is not None and not answered:
        raise first_problem


def _read(hubs: Hubs, file: Child, longest_rest: timedelta, on_trouble: Callable[[str, str], None]) -> Iterator[Link]:
    """Yields the file's links and returns its children."""
    response = hubs.read(file.url, longest=longest_rest, modified=file.modified, max_bytes=MAX_BYTES)
    if response is None:
        return []
    more: list[bool] = []
    with readable(file.url):
        found = list(entries(response, hubs.profile.timezone, lambda: more.append(True)))
    if more:
        on_trouble(file.url, "too_many_links")
    children = [one for one in found if isinstance(one, Child)]
    links = without_stamps([one for one in found if isinstance(one, Link)], hubs.now)
    yield from links
    if not children and not more:
        # an index may stay the same while its sitemaps change, so it is read in full each time; so is what is cut off,
        # which would be told in those runs alone in which it is asked
        hubs.remember(response, Digest(links).value)
    return children


def entries(response: Response, zone: tzinfo, on_more: Callable[[], None] = lambda: None) -> Iterator[Link | Child]:
    """What a sitemap lists, in its order, at most MAX_URLS, which `on_more` hears; dates without a zone are in `zone`.

    Raises FetchError `not_a_sitemap` and, for a .gz, `too_large`, `truncated`, `bad_encoding`.
    """
    url, body = response.requested_url, _unpacked(response)
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_PLAIN_XML):
        found = _of_text(body, url)
    else:
        found = _of_xml(body.lstrip(), url, zone)
    for number, one in enumerate(found):
        if number >= MAX_URLS:
            log.warning("%s: lists more than %d URLs; the rest is left out", url, MAX_URLS)
            on_more()
            return
        yield one


def _of_text(body: bytes, source: str) -> Iterator[Link]:
    lines = body.decode("utf-8-sig", errors="replace").split()
    if not lines or not lines[0].startswith(("http://", "https://")):
        start = repr(lines[0][:60]) if lines else "nothing"
        raise FetchError(source, "not_a_sitemap", f"neither XML nor a list of URLs: it starts with {start}")
    for line in lines:
        yield Link(url=line, source=source)


def _of_xml(body: bytes, source: str, zone: tzinfo) -> Iterator[Link | Child]:
    target = _Entries()
    # without a tree: one of a hostile file takes gigabytes
    parser = etree.XMLParser(
        target=target, resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False
    )
    try:
        for start in range(0, len(body), _CHUNK):
            parser.feed(body[start : start + _CHUNK])
            if target.root is not None and target.root not in _ROOTS:
                raise FetchError(source, "not_a_sitemap", f"neither urlset nor sitemapindex, but <{target.root}>")
            if target.elements > MAX_ELEMENTS:
                raise FetchError(source, "too_large", f"more than {MAX_ELEMENTS} elements")
            yield from filter(None, (_entry(kind, told, source, zone) for kind, told in target.taken()))
        parser.close()
        yield from filter(None, (_entry(kind, told, source, zone) for kind, told in target.taken()))
    except etree.XMLSyntaxError as error:
        raise FetchError(source, "not_a_sitemap", f"not well-formed: {error}") from error
    if target.root is None:
        raise FetchError(source, "not_a_sitemap", "neither urlset nor sitemapindex, but nothing")


class _Entries:
    """Takes a parser's events and keeps the few texts of each entry that a crawl needs."""

    def __init__(self) -> None:
        self.root: str | None = None
        self.elements = 0
        self._path: list[str] = []
        self._space = ""
        self._told: dict[str, str] = {}
        self._field: str | None = None
        self._text: list[str] = []
        self._found: list[tuple[str, dict[str, str]]] = []

    def taken(self) -> list[tuple[str, dict[str, str]]]:
        """The entries since the last call: `url` or `sitemap`, and the texts by name."""
        found, self._found = self._found, []
        return found

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        space, name = _split(tag)
        self.elements += 1
        self._path.append(name)
        if len(self._path) == 1:
            self.root = name
        elif len(self._path) == 2:
            self._space, self._told = space, {}
        # of images and videos in an entry, loc and title mean something else
        own = len(self._path) == 3 and space == self._space and name in ("loc", "lastmod")
        news = len(self._path) == 4 and self._path[2] == "news" and name in ("publication_date", "title")
        self._field, self._text = (name if own or news else None), []

    def data(self, text: str) -> None:
        """A part of a text."""
        if self._field is not None and len(self._text) < _TEXT_PARTS:
            self._text.append(text[:_TEXT])

    def end(self, tag: str) -> None:
        """An element ends."""
        name = self._path.pop()
        if self._field is not None and (text := "".join(self._text).strip()):
            self._told.setdefault(self._field, text)
        self._field = None
        if len(self._path) == 1 and name in ("url", "sitemap"):
            self._found.append((name, self._told))

    def close(self) -> None:
        """The end of the file."""


def _entry(kind: str, told: Mapping[str, str], source: str, zone: tzinfo) -> Link | Child | None:
    url = told.get("loc")
    if not url:
        return None
    modified = moment(told.get("lastmod"), zone)
    if kind == "sitemap":
        return Child(url, modified)
    published = moment(told.get("publication_date"), zone)
    return Link(url=url, source=source, published=published, modified=modified, title=told.get("title"))


@lru_cache(256)
def _split(tag: str) -> tuple[str, str]:
    """Namespace and lower-case name of a tag, also of one whose prefix was never declared."""
    space, _, name = tag.rpartition("}")
    return space, name.rpartition(":")[2].lower()


def _unpacked(response: Response) -> bytes:
    if not response.body.startswith(_GZIP_MAGIC):
        return response.body
    decoder = Decoder("gzip", MAX_BYTES)
    try:
        decoder.feed(response.body)
        return decoder.finish()
    except DecodingError as error:
        raise FetchError(response.requested_url, error.kind, str(error)) from error
