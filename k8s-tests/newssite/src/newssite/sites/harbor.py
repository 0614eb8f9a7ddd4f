"""Harbor: an English gazette with everything that goes wrong on the web, each thing on purpose and at fixed numbers.

What is wrong with an article follows from its number alone, so that any edition of 200 articles has all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from newssite.article import truth as line
from newssite.edition import ENGLISH, Edition
from newssite.page import Page, html, not_found, redirect, render, script_json, xml

NAME = "harbor"
TITLE = "The Harbor Gazette"
BROKEN = ("not an article", "no body", "404", "cut off")

_ARTICLE = re.compile(r"/20\d\d/\d\d/[a-z0-9-]+-(\d+)")
_OTHER = re.compile(r"/(amp|story|print)/(\d+)")
_NO_WORD = re.compile(r"[^a-z0-9]+")


def edition(seed: int, count: int) -> Edition:
    """The site with its first `count` articles."""
    return Edition(NAME, ENGLISH, ZoneInfo("America/New_York"), seed, count, count)


def broken(number: int) -> str | None:
    """What is broken about an article (one in fifty), one of BROKEN."""
    return BROKEN[number // 50 % len(BROKEN)] if number % 50 == 7 else None


def has_amp(number: int) -> bool:
    """Whether the article has a second URL, which names the first as canonical (one in 29)."""
    return number % 29 == 3 and not broken(number)


def has_moved(number: int) -> bool:
    """Whether the sitemap lists the URL that the article had before it moved (one in 31)."""
    return number % 31 == 5 and not broken(number)


def has_print(number: int) -> bool:
    """Whether the sitemap lists a version for printing, which robots.txt forbids (one in 41)."""
    return number % 41 == 9 and not broken(number)


def fault(path: str, times: int) -> tuple[int, float | None] | None:
    """Status and Retry-After (seconds) of a request that fails, given how often the path was asked for before.

    One article in a hundred answers 500 and three in two hundred 429, the first time only.
    """
    found = _ARTICLE.fullmatch(path)
    if not found or times:
        return None
    number = int(found[1])
    if number % 100 == 11:
        return 500, None
    return (429, 1.0) if number % 67 == 13 else None


def path_of(edition: Edition, number: int) -> str:
    """The canonical path of an article: month, words of the title, number."""
    words = _NO_WORD.sub("-", edition.article(number).title.lower()).strip("-")
    return f"/{edition.published(number):%Y/%m}/{words}-{number}"


def page(edition: Edition, authority: str, path: str, query: str) -> Page:
    """An article in one of its forms, robots.txt, the sitemap, or the front page."""
    if path == "/robots.txt":
        return Page(render("harbor/robots.txt", delay=edition.crawl_delay, authority=authority).encode(), "text/plain")
    if path == "/sitemap.xml":
        return xml(render("harbor/sitemap.xml", entries=_entries(edition, authority)))
    if found := _ARTICLE.fullmatch(path):
        number = int(found[1])
        known = 1 <= number <= edition.count and path_of(edition, number) == path
        return _article(edition, authority, number) if known else not_found()
    if (found := _OTHER.fullmatch(path)) and 1 <= int(found[2]) <= edition.count:
        number = int(found[2])
        if found[1] == "story" and has_moved(number):
            return redirect(path_of(edition, number))
        if (found[1] == "amp" and has_amp(number)) or (found[1] == "print" and has_print(number)):
            return _article(edition, authority, number)
    return html(render("harbor/front.html", site=TITLE)) if path == "/" else not_found()


def truth(edition: Edition, authority: str) -> Iterator[dict[str, object]]:
    """Every article and every URL in the sitemap that must not become one more."""
    for number in range(edition.count, 0, -1):
        article, canonical = edition.article(number), f"http://{authority}{path_of(edition, number)}"
        if why := broken(number):
            yield line(NAME, canonical, canonical, "broken", note=why)
            continue
        yield line(NAME, _listed(authority, edition, number), canonical, "article", article)
        if has_moved(number):
            yield line(NAME, f"http://{authority}/story/{number}", canonical, "redirect", article)
        if has_amp(number):
            yield line(NAME, f"http://{authority}/amp/{number}", canonical, "duplicate", article)
        if has_print(number):
            yield line(NAME, f"http://{authority}/print/{number}", canonical, "disallowed", article)


def _listed(authority: str, edition: Edition, number: int) -> str:
    """The URL of the article in the sitemap."""
    return f"http://{authority}" + (f"/story/{number}" if has_moved(number) else path_of(edition, number))


def _entries(edition: Edition, authority: str) -> Iterator[tuple[str, str]]:
    """The sitemap's URLs with their dates."""
    for number in range(edition.count, 0, -1):
        article = edition.article(number)
        date = (article.modified or article.published).isoformat()
        yield _listed(authority, edition, number), date
        if has_amp(number):
            yield f"http://{authority}/amp/{number}", date
        if has_print(number):
            yield f"http://{authority}/print/{number}", date


def _article(edition: Edition, authority: str, number: int) -> Page:
    why, article = broken(number), edition.article(number)
    url = f"http://{authority}{path_of(edition, number)}"
    if why == "404":
        return not_found()
    if why == "not an article":
        return html(render("harbor/subscribe.html", site=TITLE))
    data = {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "WebSite", "name": TITLE, "url": f"http://{authority}/"},
            {
                "@type": ["NewsArticle"],
                "headline": article.title,
                "datePublished": article.published.isoformat(),
                "author": [{"@type": "Person", "name": one.name} for one in article.reporters],
                "articleSection": article.section,
            },
        ],
    }
    paragraphs = () if why == "no body" else article.text.paragraphs
    values = {"site": TITLE, "article": article, "url": url, "paragraphs": paragraphs, "data": script_json(data)}
    made = html(render("harbor/article.html", **values))
    return made if why != "cut off" else Page(made.body, made.content_type, cut=len(made.body) // 2)
