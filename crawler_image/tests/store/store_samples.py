"""Articles and links as the earlier stages would hand them over."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from newscrawl.model import Article, Link, PreparedArticle
from newscrawl.store import articles

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def link(number: int, **told: Any) -> Link:
    return replace(Link(f"https://news.example/{number}", "https://news.example/feed"), **told)


def links(*numbers: int) -> dict[str, Link]:
    return {link(number).url: link(number) for number in numbers}


def prepared(number: int, body: str | None = None, **told: Any) -> PreparedArticle:
    url = f"https://news.example/{number}"
    text = body or f"First paragraph of {number}.\n\nSecond paragraph, 두 번째 문단 😀."
    article = Article(url, url, f"Title {number}", tuple(text.split("\n\n")), extractor="test/1")
    article = replace(article, **told)
    digest = hashlib.sha256(f"{article.title}\n{article.body}".encode()).hexdigest()
    return PreparedArticle(article, digest, 2**64 - 1 - number, len(article.body), len(article.body.split()), 3)


def row(number: int, body: str | None = None, *, run_id: int = 1, **told: Any) -> dict[str, Any]:
    return articles.row_of(prepared(number, body, **told), site="hanbit", run_id=run_id, fetched=NOW)
