"""RSS and Atom, by feedparser, on the bytes that our own fetcher brought."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import tzinfo

import feedparser

from newscrawl.discover.dates import moment
from newscrawl.model import FetchError, Link, Response

_DECLARED = re.compile(rb"""(<\?xml[^>]*?encoding\s*=\s*["'])(?:euc-kr|ks_c_5601-1987|ksc5601)(["'])""", re.IGNORECASE)
_KOREAN_HEADER = re.compile(r"euc-kr|ks_c_5601|ksc5601", re.IGNORECASE)
MAX_ENTRIES, MAX_TAGS = 10_000, 400_000
_ENTRY = re.compile(rb"<(?:[\w.-]+:)?(?:item|entry)\b", re.IGNORECASE)
_ENTITY = re.compile(rb"<!ENTITY\b", re.IGNORECASE)


def links(response: Response, zone: tzinfo) -> Iterator[Link]:
    """The entries of a feed, in its order; dates without a zone are in `zone`.

    Raises FetchError `not_a_feed` for what feedparser cannot read at all, and `too_large`.
    """
    # feedparser takes about a kilobyte and a millisecond for an entry, however small
    plain = response.body.replace(b"\0", b"")
    if plain.count(b"<") > MAX_TAGS or sum(1 for _ in _ENTRY.finditer(plain)) > MAX_ENTRIES:
        raise FetchError(response.requested_url, "too_large", f"more than {MAX_ENTRIES} entries or {MAX_TAGS} tags")
    if _ENTITY.search(response.body):
        raise FetchError(response.requested_url, "not_a_feed", "it declares XML entities, which no feed needs")
    body, content_type = _readable(response)
    parsed = feedparser.parse(
        io.BytesIO(body),
        response_headers={"content-type": content_type, "content-location": response.url},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not parsed.version and not parsed.entries:
        problem = parsed.get("bozo_exception") or "no RSS or Atom element in it"
        raise FetchError(response.requested_url, "not_a_feed", str(problem)[:300])
    for entry in parsed.entries:
        url = entry.get("feedburner_origlink") or entry.get("link") or entry.get("id")
        if url:
            yield Link(
                url=url,
                source=response.requested_url,
                published=moment(_own(entry, "published") or _own(entry, "created"), zone),
                modified=moment(_own(entry, "updated"), zone),
                title=entry.get("title") or None,
            )


def _own(entry: feedparser.FeedParserDict, field: str) -> str | None:
    # past feedparser's own look-up, which answers `published` when it is asked for a missing `updated`
    return dict.get(entry, field)


def _readable(response: Response) -> tuple[bytes, str]:
    """The body and its Content-Type; what is called EUC-KR is CP949, which feedparser refuses: it becomes UTF-8."""
    content_type = response.headers.get("content-type", "application/xml")
    if not (_KOREAN_HEADER.search(content_type) or _DECLARED.match(response.body.lstrip())):
        return response.body, content_type
    try:
        text = response.body.decode("cp949")
    except UnicodeDecodeError:
        return response.body, content_type  # declared wrongly: feedparser tries UTF-8 and others
    return _DECLARED.sub(rb"\1utf-8\2", text.encode()), "application/xml; charset=utf-8"
