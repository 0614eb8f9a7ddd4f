"""Extraction of saved pages named in a list, for evaluation and for programs in other languages.

Each line of the list becomes one JSON object, in the same order; a page that cannot be read becomes its error, so that
one bad file costs nothing but its own line.
"""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from newscrawl.extract import extract
from newscrawl.model import Article, NotAnArticle, Response
from newscrawl.profiles import Profile
from newscrawl.urls import BadUrl, authority

log = logging.getLogger(__name__)


class ManifestError(ValueError):
    """A line of a list that names no page; the message says which line and what is wrong."""


@dataclass(frozen=True)
class Entry:
    """A saved page: HTML, or HTML in gzip when the file's name ends in .gz; `fetched` is aware."""

    url: str
    file: Path
    fetched: datetime


def read_manifest(lines: Iterable[str], folder: Path) -> Iterator[Entry]:
    """The pages of a list, JSON objects with `url`, `file` (relative to `folder`) and `fetched` (ISO 8601, UTC without
    an offset). Raises ManifestError.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
            fetched = datetime.fromisoformat(raw["fetched"])
            yield Entry(
                str(raw["url"]), folder / raw["file"], fetched if fetched.tzinfo else fetched.replace(tzinfo=UTC)
            )
        except (ValueError, TypeError, KeyError) as error:
            problem = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise ManifestError(f"line {number}: {problem}: needs url, file and fetched as JSON") from error


def extracted(entry: Entry, profiles: Iterable[Profile]) -> dict[str, Any]:
    """What became of a saved page, as JSON: the article's fields, or `file`, `url` and `error`."""
    about = {"file": str(entry.file), "url": entry.url}
    try:
        body = entry.file.read_bytes()
        response = Response(
            entry.url,
            entry.url,
            200,
            {},
            gzip.decompress(body) if entry.file.suffix == ".gz" else body,
            0.0,
            entry.fetched,
        )
        article = extract(response, profile_of(entry.url, profiles), fetched=entry.fetched)
    except (OSError, EOFError, zlib.error, BadUrl) as error:
        return about | {"error": f"cannot be read: {error}"}
    except NotAnArticle as error:
        return about | {"error": error.reason}
    except Exception as error:
        log.exception("%s: the page broke the extraction", entry.file)
        return about | {"error": f"the page broke the extraction: {type(error).__name__}: {error}"}
    return about | as_json(article)


def profile_of(url: str, profiles: Iterable[Profile]) -> Profile | None:
    """The profile whose hosts hold the URL. Raises BadUrl."""
    host = authority(url)
    return next((one for one in profiles if host in one.hosts or host.partition(":")[0] in one.hosts), None)


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
