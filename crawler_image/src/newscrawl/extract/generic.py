"""The selectors that serve where no profile speaks: JSON-LD, then OpenGraph and other meta, then what pages show."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from newscrawl.extract.page import Page
from newscrawl.extract.selectors import Selector

# what schema.org calls news, the usual first
_ARTICLE_TYPES = (
    "NewsArticle",
    "Article",
    "ReportageNewsArticle",
    "AnalysisNewsArticle",
    "OpinionNewsArticle",
    "ReviewNewsArticle",
    "BackgroundNewsArticle",
    "BlogPosting",
    "LiveBlogPosting",
    "Report",
)
# the names under which publishers' systems put the time of publication into meta elements
_PUBLISHED = (
    "article:published_time",
    "article:published",
    "datepublished",
    "date",
    "pubdate",
    "pub_date",
    "publish-date",
    "publishdate",
    "publication_date",
    "published_time",
    "dc.date.issued",
    "dc.date.created",
    "dc.date",
    "dcterms.created",
    "dcterms.date",
    "parsely-pub-date",
    "sailthru.date",
    "cxenseparse:recs:publishtime",
    "bt:pubdate",
    "og:article:published_time",
    "og:published_time",
    "og:regdate",
    "displaydate",
)
# and into the JSON that scripts start from
_EMBEDDED = (
    "datePublished",
    "publishedAt",
    "published_at",
    "publishedDate",
    "publishDate",
    "firstPublished",
    "deployDt",
)
# where readers see a date; on a page without any other it is most likely the article's
_SHOWN = (
    "css: time",
    "xpath: //*[self::span or self::p or self::em or self::li or self::dd or self::div]"
    "[contains(@class, 'date') or contains(@class, 'time') or contains(@class, 'publish') or contains(@class, 'post')]"
    "[string-length(text()) < 100]",
)
SHOWN_DATES = frozenset({*_SHOWN, "url"})


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
        *(f"meta: {name}" for name in _PUBLISHED),
        "css: [itemprop=datePublished]",
        "xpath: //time[not(contains(@class, 'updat') or @itemprop = 'dateModified')]/@datetime",
        "css: time[datetime]::attr(datetime)",
        "json: $ld.WebPage.datePublished",
        *(f"json: $data..{key}" for key in _EMBEDDED),
        *_SHOWN,
    ],
    "modified": [*_ld("dateModified"), "meta: article:modified_time", "meta: og:updated_time"],
    "section": [*_ld("articleSection"), "meta: article:section"],
    "keywords": [*_ld("keywords"), "meta: article:tag", "meta: news_keywords", "meta: keywords"],
    "image": [*_ld("image.url"), *_ld("image"), *_ld("thumbnailUrl"), "meta: og:image", "meta: twitter:image"],
}
SELECTORS = {name: tuple(map(Selector.parse, texts)) for name, texts in _TEXTS.items()}
_SEPARATOR = re.compile(r"\s+[-–—:·<]\s+|\s*[|ㅣ｜：«»]\s*")
# characters at a title's end in which the site's name is looked for
_LONGEST_NAMES = 120
# what a publishing system of Korea sets before the site's name
_SECTIONS = frozenset({"기사본문"})
_NOT_WORDS = re.compile(r"[\W_]+")


def title_of(text: str, page: Page) -> str:
    """A title without the site's name; "" for a text that is this name alone, as the <h1> of a logo is."""
    squashed = _squashed(text)
    return "" if squashed in _site_names(page) else without_site_name(text, page)


def without_site_name(title: str, page: Page) -> str:
    """The title without the publisher's name at its end, which og:title and <title> often carry.

    With it goes a section that stands before it; a part that is no name of the site is the title's own.
    """
    rest = _without(title, _site_names(page))
    sections = {
        _squashed(one) for name in ("article:section", "og:article:section") for one in page.metas.get(name, ())
    }
    return _without(_without(rest, _SECTIONS), sections) if rest != title else title


def _without(title: str, names: set[str]) -> str:
    """The title up to the last separator behind which one of the squashed names stands; names may hold hyphens."""
    start = max(0, len(title) - _LONGEST_NAMES)
    for separator in _SEPARATOR.finditer(title, start):
        if separator.start() > 0 and _squashed(title[separator.end() :]) in names:
            return title[: separator.start()].strip()
    return title


def _site_names(page: Page) -> set[str]:
    """The names of the site, squashed: what the page says, its publisher in linked data, its host."""
    host = urlsplit(page.url).netloc.partition(":")[0].removeprefix("www.")
    publishers = [item.get("publisher") for item in page.linked_data]
    told = [one["name"] for one in publishers if isinstance(one, dict) and isinstance(one.get("name"), str)]
    names = {*page.metas.get("og:site_name", ()), *page.metas.get("application-name", ()), *told}
    squashed = {_squashed(name) for name in (*names, host, host.partition(".")[0])}
    return {name for name in squashed if len(name) > 1}


def _squashed(text: str) -> str:
    return _NOT_WORDS.sub("", text).casefold()


def without_publisher(names: tuple[str, ...], page: Page) -> tuple[str, ...]:
    """The authors without the publisher, unless it is the only one."""
    publishers = {name.casefold() for name in page.metas.get("og:site_name", ())}
    return tuple(name for name in names if name.casefold() not in publishers) or names
