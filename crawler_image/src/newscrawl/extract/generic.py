"""Reads a page of which no profile speaks: JSON-LD, then OpenGraph and other meta, then trafilatura for the body."""

from __future__ import annotations

import re
from typing import Any

from newscrawl.extract.page import Page
from newscrawl.extract.selectors import Selector

_ARTICLE_TYPES = (
    "NewsArticle",
    "Article",
    "ReportageNewsArticle",
    "AnalysisNewsArticle",
    "BlogPosting",
    "LiveBlogPosting",
)


def _ld(path: str) -> list[str]:
    return [f"json: $ld.{kind}.{path}" for kind in _ARTICLE_TYPES]


_TEXTS = {
    "title": [*_ld("headline"), "meta: og:title", "meta: twitter:title", "css: h1", "css: title"],
    "authors": [*_ld("author"), "meta: author", "meta: article:author", "meta: dable:author", "css: [rel=author]"],
    "published": [
        *_ld("datePublished"),
        "meta: article:published_time",
        "meta: datepublished",
        "meta: date",
        "meta: pubdate",
        "meta: dc.date.issued",
        "css: time[datetime]::attr(datetime)",
    ],
    "modified": [*_ld("dateModified"), "meta: article:modified_time", "meta: og:updated_time"],
    "section": [*_ld("articleSection"), "meta: article:section"],
    "keywords": [*_ld("keywords"), "meta: article:tag", "meta: news_keywords", "meta: keywords"],
    "image": [*_ld("image.url"), *_ld("image"), *_ld("thumbnailUrl"), "meta: og:image", "meta: twitter:image"],
}
SELECTORS = {name: tuple(map(Selector.parse, texts)) for name, texts in _TEXTS.items()}
_SITE_NAME = re.compile(r"\s*[|ㅣ\-–—:·]\s*([^|ㅣ\-–—:·]+)$")


def without_site_name(title: str, page: Page) -> str:
    """The title without the publisher's name at its end, which og:title and <title> often carry."""
    names = {name.casefold() for name in page.metas.get("og:site_name", ())}
    match = _SITE_NAME.search(title)
    return title[: match.start()] if match and match[1].strip().casefold() in names else title


def body(page: Page) -> list[str]:
    """The paragraphs of the main text by trafilatura, or nothing."""
    # imported late: it costs a second and 60 MB that reading profiles (a DAG file does) has no need of
    import trafilatura

    text: Any = trafilatura.extract(
        page.tree, url=page.url, include_comments=False, include_tables=False, favor_precision=True, deduplicate=False
    )
    return [line.strip() for line in (text or "").splitlines() if line.strip()]
