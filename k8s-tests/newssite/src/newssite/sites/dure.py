"""Dure: a small Korean weekly without feed or sitemap. List pages; bodies cut by line breaks, full of other things."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from newssite.article import truth as line
from newssite.edition import KOREAN, Edition
from newssite.page import Page, html, not_found, render

NAME = "dure"
TITLE = "두레신문"
ON_A_PAGE = 20

_ARTICLE = re.compile(r"/read/(\d+)\.html")


def edition(seed: int, count: int) -> Edition:
    """The site with its first `count` articles."""
    return Edition(NAME, KOREAN, ZoneInfo("Asia/Seoul"), seed, count, count)


def path_of(number: int) -> str:
    """The path of an article."""
    return f"/read/{number}.html"


def page(edition: Edition, authority: str, path: str, query: str) -> Page:
    """An article or a page of the list; the page after the last is a 404."""
    if found := _ARTICLE.fullmatch(path):
        number = int(found[1])
        return _article(edition, number) if 1 <= number <= edition.count else not_found()
    if path in ("/", "/list"):
        asked = parse_qs(query).get("page", ["1"])[0]
        return _list(edition, int(asked) if asked.isascii() and asked.isdigit() else 0)
    return not_found()


def truth(edition: Edition, authority: str) -> Iterator[dict[str, object]]:
    """Every article, under the one URL that it has."""
    for number in range(edition.count, 0, -1):
        url = f"http://{authority}{path_of(number)}"
        yield line(NAME, url, url, "article", edition.article(number))


def _list(edition: Edition, asked: int) -> Page:
    last = max(1, -(-edition.count // ON_A_PAGE))
    if not 1 <= asked <= last:
        return not_found()
    newest = edition.count - (asked - 1) * ON_A_PAGE
    articles = [edition.article(number) for number in range(newest, max(0, newest - ON_A_PAGE), -1)]
    popular = [edition.article(number) for number in range(1, min(edition.count, 5) + 1)]
    return html(render("dure/list.html", site=TITLE, articles=articles, popular=popular, page=asked, last=last))


def _article(edition: Edition, number: int) -> Page:
    related = [edition.article(other) for other in range(max(1, number - 2), number)]
    article = edition.article(number)
    clock = f"{article.published:%Y.%m.%d.} {'오전' if article.published.hour < 12 else '오후'} " + (
        f"{article.published.hour % 12 or 12}:{article.published:%M}"
    )
    values = {"site": TITLE, "article": article, "clock": clock, "related": related}
    return html(render("dure/article.html", **values, middle=len(article.text.paragraphs) // 2))
