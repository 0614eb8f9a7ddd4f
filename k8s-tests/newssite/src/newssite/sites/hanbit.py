"""Hanbit: a Korean daily in UTF-8 with a feed for each section and JSON-LD, the site that does everything right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from newssite.article import truth as line
from newssite.edition import KOREAN, Edition
from newssite.page import Page, html, not_found, render, script_json, xml

NAME = "hanbit"
TITLE = "한빛일보"
SLUGS = dict(zip(KOREAN.sections, ("economy", "society", "culture", "science", "sports"), strict=True))

_ARTICLE = re.compile(r"/news/[a-z]+/\d{8}(\d+)")
_FEED = re.compile(r"/rss/([a-z]+)\.xml")


def edition(seed: int, count: int) -> Edition:
    """The site with its first `count` articles."""
    return Edition(NAME, KOREAN, ZoneInfo("Asia/Seoul"), seed, count, count)


def path_of(edition: Edition, number: int) -> str:
    """The path of an article: section, day and number."""
    return f"/news/{SLUGS[edition.section(number)]}/{edition.published(number):%Y%m%d}{number:06d}"


def page(edition: Edition, authority: str, path: str, query: str) -> Page:
    """An article, a section's feed, or the front page."""
    if found := _ARTICLE.fullmatch(path):
        number = int(found[1])
        known = 1 <= number <= edition.count and path_of(edition, number) == path
        return _article(edition, authority, number) if known else not_found()
    if (found := _FEED.fullmatch(path)) and found[1] in SLUGS.values():
        return _feed(edition, authority, found[1])
    return html(render("hanbit/front.html", site=TITLE, slugs=SLUGS)) if path == "/" else not_found()


def truth(edition: Edition, authority: str) -> Iterator[dict[str, object]]:
    """Every article, under the one URL that it has."""
    for number in range(edition.count, 0, -1):
        url = f"http://{authority}{path_of(edition, number)}"
        yield line(NAME, url, url, "article", edition.article(number))


def _article(edition: Edition, authority: str, number: int) -> Page:
    article = edition.article(number)
    url = f"http://{authority}{path_of(edition, number)}"
    data = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": article.title,
        "datePublished": article.published.isoformat(),
        "dateModified": (article.modified or article.published).isoformat(),
        "author": [{"@type": "Person", "name": one.name, "email": one.email} for one in article.reporters],
        "articleSection": article.section,
        "keywords": list(article.text.keywords),
        "image": {"@type": "ImageObject", "url": f"http://{authority}/photo/{number}.jpg"},
        "mainEntityOfPage": {"@type": "WebPage", "@id": url},
        "publisher": {"@type": "NewsMediaOrganization", "name": TITLE},
    }
    others = range(max(1, number - 3), number)
    related = [(path_of(edition, other), edition.article(other).title) for other in others]
    values = {"site": TITLE, "article": article, "url": url, "data": script_json(data), "related": related}
    return html(render("hanbit/article.html", **values, slugs=SLUGS))


def _feed(edition: Edition, authority: str, slug: str) -> Page:
    items = [
        {
            "url": f"http://{authority}{path_of(edition, number)}",
            "article": edition.article(number),
            "date": format_datetime(edition.published(number)),
        }
        for number in range(edition.count, 0, -1)
        if SLUGS[edition.section(number)] == slug
    ]
    return xml(
        render("hanbit/feed.xml", site=TITLE, slug=slug, authority=authority, items=items), "application/rss+xml"
    )
