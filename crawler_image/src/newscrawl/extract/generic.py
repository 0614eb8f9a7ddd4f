"""The selectors that serve where no profile speaks: JSON-LD, then OpenGraph and other meta, then what pages show."""

from __future__ import annotations

import re

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
    "title": [*_ld("headline"), "meta: headline", "meta: og:title", "meta: twitter:title", "css: h1", "css: title"],
    "authors": [
        *_ld("author"),
        "meta: author",
        "meta: article:author",
        "meta: dable:author",
        "meta: byl",
        "css: [rel=author]",
        "css: [itemprop=author] [itemprop=name], [itemprop=author]",
        "css: .byline, .author",
    ],
    "published": [
        *_ld("datePublished"),
        "meta: article:published_time",
        "meta: datepublished",
        "meta: date",
        "meta: pubdate",
        "meta: dc.date.issued",
        "meta: parsely-pub-date",
        "meta: sailthru.date",
        "meta: publishdate",
        "meta: og:article:published_time",
        "css: [itemprop=datePublished]",
        "css: time[datetime]::attr(datetime)",
        *(f"json: $data..{key}" for key in ("datePublished", "publishedAt", "publishDate", "firstPublished")),
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


def without_publisher(names: tuple[str, ...], page: Page) -> tuple[str, ...]:
    """The authors without the publisher, unless it is the only one."""
    publishers = {name.casefold() for name in page.metas.get("og:site_name", ())}
    return tuple(name for name in names if name.casefold() not in publishers) or names
