"""What is true of an article: the sites render it, the truth tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Reporter:
    """Who wrote an article."""

    name: str
    email: str


@dataclass(frozen=True)
class Text:
    """The prose of an article, as a grammar composed it."""

    title: str
    paragraphs: tuple[str, ...]
    caption: str
    keywords: tuple[str, ...]


@dataclass(frozen=True)
class Article:
    """One article of a site; `number` counts from 1, the oldest. Times are aware, in the site's zone."""

    number: int
    section: str
    text: Text
    reporters: tuple[Reporter, ...]
    published: datetime
    modified: datetime | None = None

    @property
    def title(self) -> str:
        """The headline alone, without the site's name."""
        return self.text.title


def truth(
    site: str, url: str, canonical: str, kind: str, article: Article | None = None, note: str | None = None
) -> dict[str, object]:
    """One line of the truth: what a crawler that follows `url` must end up with.

    `kind` is `article` (to be stored under `canonical`), `duplicate` or `redirect` (the article at `canonical` again),
    `disallowed` (never to be requested) or `broken` (nothing to store; `note` says why). Times are UTC, ISO 8601.
    """
    line: dict[str, object] = {"site": site, "url": url, "canonical": canonical, "kind": kind, "note": note}
    if article is None:
        return line
    return line | {
        "title": article.title,
        "paragraphs": list(article.text.paragraphs),
        "authors": [one.name for one in article.reporters],
        "published": article.published.astimezone(UTC).isoformat(),
        "modified": article.modified.astimezone(UTC).isoformat() if article.modified else None,
        "section": article.section,
        "keywords": list(article.text.keywords),
    }
