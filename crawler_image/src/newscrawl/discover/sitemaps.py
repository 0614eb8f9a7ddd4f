"""Sitemaps, indexes of sitemaps and news sitemaps, read as a stream and never without bounds.

Own code on lxml, because the libraries for it fetch by themselves or build the whole tree: a hostile or just large
site must cost neither memory nor hours. Entities are not resolved, nothing is loaded from outside.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from lxml import etree

from newscrawl.discover.dates import moment
from newscrawl.discover.hubs import LONGEST_REST, Digest, Hubs, readable
from newscrawl.fetch.decoding import Decoder, DecodingError
from newscrawl.model import FetchError, Link, Response

log = logging.getLogger(__name__)

MAX_BYTES = 50 * 1024 * 1024  # the protocol's own limit, uncompressed
MAX_URLS = 50_000  # the protocol's own limit for one file
MAX_DEPTH = 3  # indexes within indexes
MAX_FILES = 500  # that one run reads below one sitemap
# of a file below an index, most of which are archives that never change again
LONGEST_REST_BELOW = timedelta(days=7)
_GZIP_MAGIC = b"\x1f\x8b"
_PLAIN_XML = b"<"
_ROOTS = ("urlset", "sitemapindex")


@dataclass(frozen=True)
class Child:
    """A sitemap that an index lists."""

    url: str
    modified: datetime | None


def links(hubs: Hubs, url: str, since: datetime) -> Iterator[Link]:
    """The pages of the sitemap at `url` and of all below it that changed after `since`, those of the newest file first.

    A file that was not changed since the last run is not read again, and one without news rests. Raises FetchError when
    `url` cannot be read; a file below it that cannot is logged, and read by the next run.
    """
    todo: list[tuple[int, Child]] = [(0, Child(url, None))]
    seen = {url}
    while todo:
        depth, here = todo.pop(0)
        try:
            children = yield from _read(hubs, here, LONGEST_REST_BELOW if depth else LONGEST_REST)
        except FetchError as error:
            if not depth or error.kind == "redis_unavailable":
                raise
            log.warning("sitemap left out: %s", error)
            continue
        fresh = [one for one in children if one.url not in seen and not (one.modified and one.modified < since)]
        if fresh and depth >= MAX_DEPTH:
            log.warning("%s: its %d sitemaps lie too deep (more than %d indexes)", here.url, len(fresh), MAX_DEPTH)
            continue
        fresh.sort(key=lambda one: -one.modified.timestamp() if one.modified else 0.0)
        room = MAX_FILES - len(seen)
        if len(fresh) > room:
            log.warning("%s: %d of its sitemaps are left out (%d in a run)", here.url, len(fresh) - room, MAX_FILES)
        for one in fresh[: max(room, 0)]:
            seen.add(one.url)
            todo.append((depth + 1, one))


def _read(hubs: Hubs, file: Child, longest_rest: timedelta) -> Iterator[Link]:
    """Yields the file's links and returns its children."""
    response = hubs.read(file.url, longest=longest_rest, modified=file.modified, max_bytes=MAX_BYTES)
    if response is None:
        return []
    children: list[Child] = []
    digest = Digest()
    with readable(file.url):
        for found in entries(response, hubs.profile.timezone):
            if isinstance(found, Child):
                children.append(found)
            else:
                digest.add(found)
                yield found
    if not children:
        # an index may stay the same while its sitemaps change, so it is read in full each time
        hubs.remember(response, digest.value)
    return children


def entries(response: Response, zone: tzinfo) -> Iterator[Link | Child]:
    """What a sitemap lists, in its order, at most MAX_URLS; dates without a zone are in `zone`.

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
    events = etree.iterparse(
        io.BytesIO(body),
        events=("end",),
        tag=("{*}url", "{*}sitemap"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        recover=True,
        huge_tree=False,
    )
    try:
        for _, element in events:
            root = element.getparent()
            if root is None or root.getparent() is not None or _name(root) not in _ROOTS:
                continue
            found = _entry(element, source, zone)
            if found is not None:
                yield found
            element.clear()
            while element.getprevious() is not None:
                del root[0]
    except etree.XMLSyntaxError as error:
        raise FetchError(source, "not_a_sitemap", f"not well-formed: {error}") from error
    if events.root is None or _name(events.root) not in _ROOTS:
        start = "nothing" if events.root is None else f"<{_name(events.root)}>"
        raise FetchError(source, "not_a_sitemap", f"neither urlset nor sitemapindex, but {start}")


def _entry(element: etree._Element, source: str, zone: tzinfo) -> Link | Child | None:
    told: dict[str, str] = {}
    for part in element.iter():
        if isinstance(part.tag, str) and part.text:
            told.setdefault(_name(part), part.text.strip())
    url = told.get("loc")
    if not url:
        return None
    modified = moment(told.get("lastmod"), zone)
    if _name(element) == "sitemap":
        return Child(url, modified)
    published = moment(told.get("publication_date"), zone)
    return Link(url=url, source=source, published=published, modified=modified, title=told.get("title"))


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""


def _unpacked(response: Response) -> bytes:
    if not response.body.startswith(_GZIP_MAGIC):
        return response.body
    decoder = Decoder("gzip", MAX_BYTES)
    try:
        decoder.feed(response.body)
        return decoder.finish()
    except DecodingError as error:
        raise FetchError(response.requested_url, error.kind, str(error)) from error
