"""The selectors that serve where no profile speaks: JSON-LD, then OpenGraph and other meta, then what pages show."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from newscrawl.extract import changes, fields
from newscrawl.extract.noise import holds_comments
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
    "article:published_date",
    "article:post_date",
    "article_date_original",
    "published-date",
    "publication-date",
    "originalpublicationdate",
    "cxenseparse:publishtime",
    "rnews:datepublished",
    "prism.publicationdate",
    "citation_publication_date",
    "datecreated",
)
# and into the JSON that scripts start from
_EMBEDDED = (
    "datePublished",
    "publishedAt",
    "published_at",
    "publishedDate",
    "publishDate",
    "publish_date",
    "firstPublished",
    "first_publish_date",
    "display_date",
    "deployDt",
)
# where readers see a date; on a page without any other it is most likely the article's
_NOT_AROUND = (
    "[not(ancestor::nav or ancestor::aside or ancestor::footer)]"
    "[not(ancestor::header[not(.//h1)][not(ancestor::article or ancestor::main)])]"
)
_ELSEWHERE = (
    f"{_NOT_AROUND}[not(contains(@class, 'current') or contains(@class, 'today') or contains(@class, 'clock')"
    " or contains(@class, 'updat') or contains(@class, 'modif') or @itemprop = 'dateModified')]"
)
_SHOWN = {
    "time elements": f"xpath: //time{_ELSEWHERE}",
    "elements called a date": "xpath: //*[self::span or self::p or self::em or self::li or self::dd or self::div]"
    "[contains(@class, 'date') or contains(@class, 'Date') or contains(@class, 'time') or contains(@class, 'publish')"
    f" or contains(@class, 'post') or contains(@class, 'byline')][string-length(text()) < 100]{_ELSEWHERE}",
}
# and where they see who wrote it
_BYLINES = ("css: [rel=author]", "css: [itemprop=author] [itemprop=name], [itemprop=author]", "css: .byline, .author")
_MOST_BYLINES = 20
# in a box around a link to another article
_IN_TEASER = etree.XPath(
    "boolean(ancestor::*[position() <= 3][not(self::body or self::main or .//h1)]"
    f"[{' or '.join(f'.//{tag}//a or .//a//{tag}' for tag in ('h2', 'h3', 'h4'))}])"
)
_AROUND_ARTICLE = etree.XPath(f"boolean(self::*{_NOT_AROUND})")
SHOWN_DATES = frozenset({*_SHOWN, "url"})
_TIMES = "time elements for machines"
_EMBEDDED_DATES = "json: $data, a date of publication"


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
        *_BYLINES,
    ],
    "published": [
        *_ld("datePublished"),
        *(f"meta: {name}" for name in _PUBLISHED),
        "css: [itemprop=datePublished]",
        _TIMES,
        "json: $ld.WebPage.datePublished",
        "json: $ld.*.datePublished",
        _EMBEDDED_DATES,
        *_SHOWN,
    ],
    "modified": [*_ld("dateModified"), "meta: article:modified_time", "meta: og:updated_time"],
    "section": [*_ld("articleSection"), "meta: article:section"],
    "keywords": [*_ld("keywords"), "meta: article:tag", "meta: news_keywords", "meta: keywords"],
    "image": [*_ld("image.url"), *_ld("image"), *_ld("thumbnailUrl"), "meta: og:image", "meta: twitter:image"],
}
_SEPARATOR = re.compile(r"\s+[-–—:·<]\s+|\s*[|ㅣ｜：«»]\s*")
# how a cut headline ends, and characters from which on one may be cut without it (search engines took 110)
_CUT = re.compile(r"\s*(?:…|\.\.\.)$")
_LONGEST_HEADLINE = 100
# characters from which a text is no title
_LONGEST_TITLE = 500
# bytes of UTF-8 from which a heading is no kicker
_LEAST_HEADING = 20
# characters at a title's end in which the site's name is looked for
_LONGEST_NAMES = 120
# the types of linked data that name the site itself
_PUBLISHERS = ("WebSite", "Organization", "NewsMediaOrganization")
# what a publishing system of Korea sets before the site's name
_SECTIONS = frozenset({"기사본문"})
# what may hold anything, whatever it is called
_PAGE = frozenset({"article", "main", "section", "body", "html"})
_NOT_WORDS = re.compile(r"[\W_]+")


def _embedded_dates(page: Page) -> list[Any]:
    """The dates of publication in the JSON of scripts: beside the page's title, else the one that all objects give.

    The first of many may be that of another article, of a list beside this one.
    """
    headings = {_squashed(one) for name in ("og:title", "twitter:title") for one in page.metas.get(name, ())}
    beside, others = [], []
    waiting = [value for _, value in page.data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += reversed([inner for inner in one if isinstance(inner, dict | list)])
        elif isinstance(one, dict):
            dated = [one[key] for key in _EMBEDDED if isinstance(one.get(key), str | int) and one[key]]
            if dated:
                told = {
                    _squashed(text) for text in one.values() if isinstance(text, str) and len(text) < _LONGEST_TITLE
                }
                (beside if told & headings else others).append(dated[0])
            waiting += reversed([inner for inner in one.values() if isinstance(inner, dict | list)])
    return beside or (others[:1] if len(set(others)) == 1 else [])


_DATES = {
    name: Selector.parse(text) for name, text in (_SHOWN | {_TIMES: f"xpath: //time{_ELSEWHERE}/@datetime"}).items()
}


def _shown(name: str) -> Selector:
    """The dates that readers are shown in one way, without those of changes beside another."""
    own = _DATES[name]

    def find(page: Page) -> list[Any]:
        return changes.without_changes(
            own.find(page), lambda: [one for each in _DATES.values() for one in each.find(page)[: changes.MOST]]
        )

    return Selector(name, find)


def _own_bylines(text: str) -> Selector:
    """The bylines of the article: the first that is none of a menu, a teaser or a comment, and those beside it."""
    selector = Selector.parse(text)

    def find(page: Page) -> list[Any]:
        found = [one for one in selector.find(page)[:_MOST_BYLINES] if _is_articles(one)]
        around = {outer for one in found for outer in one.iterancestors()}
        innermost = [one for one in found if one not in around]
        return [one for one in innermost if _are_together(innermost[0], one)]

    return Selector(text, find)


def _is_articles(byline: etree._Element) -> bool:
    if byline.tag in _PAGE or not fields.words(byline):
        return False
    around = (one for one in byline.iterancestors() if one.tag == "section" or one.tag not in _PAGE)
    return bool(_AROUND_ARTICLE(byline)) and not _IN_TEASER(byline) and not any(map(holds_comments, around))


def _are_together(one: etree._Element, other: etree._Element) -> bool:
    parent, others = one.getparent(), other.getparent()
    list_of_both = parent.getparent()
    return parent is others or (list_of_both is others.getparent() and list_of_both.tag not in _PAGE)


# by the names that an article's sources show, where the selectors themselves tell nobody anything
_NAMED = {name: _shown(name) for name in _DATES} | {_EMBEDDED_DATES: Selector(_EMBEDDED_DATES, _embedded_dates)}
_NAMED |= {text: _own_bylines(text) for text in _BYLINES}
SELECTORS = {name: tuple(_NAMED.get(text) or Selector.parse(text) for text in texts) for name, texts in _TEXTS.items()}
_WHOLE_TITLES = tuple(map(Selector.parse, ("meta: og:title", "meta: twitter:title", "css: h1")))


def title_of(text: str, page: Page) -> str:
    """A title without the site's name; "" for a text that is this name alone, as the <h1> of a logo is."""
    squashed = _squashed(text)
    return "" if squashed in _site_names(page) else without_site_name(text, page)


def whole_title(title: str, page: Page) -> tuple[str, str] | None:
    """The whole of a headline that was cut for search engines, with where it is; None when it is not cut."""
    cut = _CUT.sub("", title)
    if cut == title and len(title) < _LONGEST_HEADLINE:
        return None
    for selector in _WHOLE_TITLES:
        for found in selector.find(page):
            whole = title_of(fields.words(found), page)
            if len(title) < len(whole) < _LONGEST_TITLE and _squashed(whole).startswith(_squashed(cut)):
                return whole, selector.text
    return None


def without_site_name(title: str, page: Page) -> str:
    """The title without the publisher's name at its end, which og:title and <title> often carry.

    With it goes a section that stands before it, and whatever follows the page's heading; any other part that is no
    name of the site is the title's own.
    """
    if heading := _heading_before(title, page):
        return heading
    rest = _without(title, _site_names(page))
    sections = {
        _squashed(one) for name in ("article:section", "og:article:section") for one in page.metas.get(name, ())
    }
    return _without(_without(rest, _SECTIONS), sections) if rest != title else title


def _heading_before(title: str, page: Page) -> str:
    """What stands before one of the title's last separators and is a heading of the page; "" for none."""
    start = max(0, len(title) - _LONGEST_NAMES)
    fronts = [title[: separator.start()].strip() for separator in _SEPARATOR.finditer(title, start)]
    long = [one for one in fronts if len(one.encode()) >= _LEAST_HEADING]
    headings = set(map(_squashed, page.headings)) if long else set()
    if _squashed(title) in headings:
        return ""
    return next((one for one in reversed(long) if _squashed(one) in headings), "")


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
    publishers += [item for kind in _PUBLISHERS for item in page.linked_by_type.get(kind, ())]
    told = [one["name"] for one in publishers if isinstance(one, dict) and isinstance(one.get("name"), str)]
    names = {*page.metas.get("og:site_name", ()), *page.metas.get("application-name", ()), *told}
    squashed = {_squashed(name) for name in (*names, host, *host.split(".")[:-1])}
    return {name for name in squashed if len(name) > 1}


def _squashed(text: str) -> str:
    return _NOT_WORDS.sub("", text).casefold()


def without_publisher(names: tuple[str, ...], page: Page) -> tuple[str, ...]:
    """The authors without the publisher, unless it is the only one."""
    publishers = {name.casefold() for name in page.metas.get("og:site_name", ())}
    return tuple(name for name in names if name.casefold() not in publishers) or names
