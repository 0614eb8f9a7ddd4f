"""Extraction of saved pages named in a list, for evaluation and for programs in other languages.

Each line of the list becomes one JSON object, in the same order; a line or a page that cannot be read becomes its
error, so that a bad one costs nothing but its own line.
"""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from newscrawl import preprocess
from newscrawl.extract import extract
from newscrawl.model import Article, NotAnArticle, Response
from newscrawl.profiles import Profile
from newscrawl.urls import BadUrl, authority

log = logging.getLogger(__name__)

_GZIP = b"\x1f\x8b"
# host names that sites give to the same pages for other devices
_PREFIXES = ("www.", "m.", "mobile.", "amp.")


@dataclass(frozen=True)
class Entry:
    """A saved page: HTML, plain or in gzip; `name` is the file as the list has it, `fetched` is aware."""

    url: str
    name: str
    file: Path
    fetched: datetime


def extracted(line: str, folder: Path, profiles: Iterable[Profile]) -> dict[str, Any]:
    """What became of a line of a list, as JSON: `file` and `url` as they were given with the article's fields, as they
    are stored, or with `error`.

    The line is an object with `url`, `file` (relative to `folder`, else to where the process runs) and `fetched`
    (ISO 8601, UTC without an offset).
    """
    raw: Any = None
    try:
        raw = json.loads(line)
        entry = _entry(raw, folder)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        problem = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        return _about(raw) | {"error": f"the line is no JSON object with url, file and fetched: {problem}"}
    return _about(raw) | _read(entry, profiles)


def profile_of(url: str, profiles: Iterable[Profile]) -> Profile | None:
    """The profile with the URL's host among its own, else the one with this host under another device's name.

    Raises BadUrl.
    """
    host = authority(url)
    known = list(profiles)
    for exact in (True, False):
        names = {host, host.partition(":")[0]}
        wanted = names if exact else set(map(_bare, names))
        for one in known:
            if wanted & (one.hosts if exact else set(map(_bare, one.hosts))):
                return one
    return None


def unpacked(body: bytes) -> bytes:
    """A saved page without its gzip, if it has one. Raises OSError, EOFError or zlib.error."""
    return gzip.decompress(body) if body.startswith(_GZIP) else body


def as_json(article: Article) -> Mapping[str, Any]:
    """The fields of an article as JSON, times in ISO 8601 with their offset."""
    return {
        "canonical_url": article.canonical_url,
        "title": article.title,
        "paragraphs": list(article.paragraphs),
        "authors": list(article.authors),
        "published": article.published.isoformat() if article.published else None,
        "modified": article.modified.isoformat() if article.modified else None,
        "section": article.section,
        "keywords": list(article.keywords),
        "image": article.image,
        "language": article.language,
        "access": article.access,
        "extractor": article.extractor,
        "profile": article.profile,
        "sources": dict(article.sources),
    }


def _entry(raw: Any, folder: Path) -> Entry:
    url, name = raw["url"], raw["file"]
    if not isinstance(url, str) or not isinstance(name, str):
        raise TypeError("url and file are texts")
    fetched = datetime.fromisoformat(raw["fetched"])
    file = folder / name
    if not file.exists() and Path(name).exists():
        file = Path(name)
    return Entry(url, name, file, fetched if fetched.tzinfo else fetched.replace(tzinfo=UTC))


def _about(raw: Any) -> dict[str, Any]:
    return {key: raw.get(key) if isinstance(raw, dict) else None for key in ("file", "url")}


def _read(entry: Entry, profiles: Iterable[Profile]) -> Mapping[str, Any]:
    try:
        body = unpacked(entry.file.read_bytes())
    # a name may have what no file's name can: half a character, a NUL
    except (OSError, EOFError, zlib.error, ValueError) as error:
        return {"error": f"cannot be read: {error}"}
    try:
        response = Response(entry.url, entry.url, 200, {}, body, 0.0, entry.fetched)
        article = extract(response, profile_of(entry.url, profiles), fetched=entry.fetched)
        return as_json(preprocess.cleaned(article))
    except BadUrl as error:
        return {"error": f"cannot be read: {error}"}
    except NotAnArticle as error:
        return {"error": error.reason}
    except Exception as error:
        log.exception("%a: the page broke the extraction", entry.name)
        return {"error": f"the page broke the extraction: {type(error).__name__}: {error}"}


def _bare(host: str) -> str:
    for prefix in _PREFIXES:
        host = host.removeprefix(prefix)
    return host
