"""Gangmun: an older Korean CMS. Pages say EUC-KR and are CP949, dates have no zone, the id hides in the query."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from newssite.article import truth as line
from newssite.edition import KOREAN, Edition
from newssite.page import Page, html, not_found, render, xml

NAME = "gangmun"
TITLE = "강문신문"
FIRST_ID = 100_000
NEWS_ITEMS = 50  # the news sitemap has the newest only, as the protocol wants it
TRACKING = "utm_source=sitemap&utm_medium=xml"

_MONTH = re.compile(r"/sitemap/(\d{4}-\d\d)\.xml\.gz")


def edition(seed: int, count: int) -> Edition:
    """The site with its first `count` articles."""
    return Edition(NAME, KOREAN, ZoneInfo("Asia/Seoul"), seed, count, count)


def path_of(number: int) -> str:
    """The canonical path of an article."""
    return f"/news/articleView.html?idxno={FIRST_ID + number}"


def page(edition: Edition, authority: str, path: str, query: str) -> Page:
    """An article, the sitemap index, one of its sitemaps, or the front page."""
    if path == "/news/articleView.html":
        return _article(edition, authority, parse_qs(query).get("idxno", [""])[0])
    if path == "/sitemap.xml":
        return xml(render("gangmun/index.xml", authority=authority, months=_months(edition)))
    if path == "/sitemap/news.xml":
        return _sitemap(edition, authority, "gangmun/news.xml", range(edition.count, 0, -1)[:NEWS_ITEMS])
    if (found := _MONTH.fullmatch(path)) and (numbers := _months(edition).get(found[1])):
        plain = _sitemap(edition, authority, "gangmun/sitemap.xml", reversed(numbers))
        return Page(gzip.compress(plain.body, mtime=0), "application/x-gzip")
    return _korean(render("gangmun/front.html", site=TITLE)) if path == "/" else not_found()


def truth(edition: Edition, authority: str) -> Iterator[dict[str, object]]:
    """Every article; the sitemaps list it with tracking parameters."""
    for number in range(edition.count, 0, -1):
        canonical = f"http://{authority}{path_of(number)}"
        yield line(NAME, f"{canonical}&{TRACKING}", canonical, "article", edition.article(number))


def _months(edition: Edition) -> dict[str, list[int]]:
    months: dict[str, list[int]] = {}
    for number in range(1, edition.count + 1):
        months.setdefault(f"{edition.published(number):%Y-%m}", []).append(number)
    return months


def _sitemap(edition: Edition, authority: str, template: str, numbers: Iterable[int]) -> Page:
    items = [
        {"article": edition.article(number), "url": f"http://{authority}{path_of(number)}&{TRACKING}"}
        for number in numbers
    ]
    return xml(render(template, authority=authority, site=TITLE, items=items))


def _article(edition: Edition, authority: str, idxno: str) -> Page:
    number = int(idxno) - FIRST_ID if idxno.isascii() and idxno.isdigit() else 0
    if not 1 <= number <= edition.count:
        return not_found()
    values = {"site": TITLE, "article": edition.article(number), "idxno": idxno, "authority": authority}
    return _korean(render("gangmun/article.html", **values))


def _korean(text: str) -> Page:
    """What Korean servers call EUC-KR: CP949, which has all modern syllables."""
    return html(text, "euc-kr", "cp949")
