"""What is not an article, and why: a page that passes here is stored and counted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from newscrawl.extract.page import Page

# in bytes of UTF-8, in which the words of every script are about as long: a notice of a few words is shorter, the
# shortest news flash is longer; without a profile's own selectors a teaser or a cookie notice may be what was found
LEAST_SIZE = 25
LEAST_SIZE_GENERIC = 200
# where the page tells machines that it is news
LEAST_SIZE_TOLD = 100
# the longest reports of newspapers have 100,000 characters, their largest pages 10,000 elements (live coverage)
MOST_CHARACTERS = 500_000
MOST_ELEMENTS = 50_000
_FRONT_PAGES = frozenset({"", "/", "/index.html", "/index.htm", "/index.php", "/main"})
AHEAD = timedelta(days=2)
# in bytes of UTF-8, too: what is shorter, or has fewer such paragraphs, may be a notice or a list
_WHOLE_SIZE = 1_000
_PARAGRAPH = 80
_PARAGRAPHS = 3
_NOT_ARTICLES = frozenset({"website", "profile", "video.other", "product", "music.song"})


def oversize(page: Page) -> str | None:
    """Why the page is too large to be looked at, or None: an attack or a list without end, which would cost minutes."""
    if page.elements > MOST_ELEMENTS:
        return f"a page of {page.elements} elements, too many for an article"
    return None


def objection(
    page: Page,
    title: str,
    paragraphs: Sequence[str],
    published: datetime | None,
    *,
    profiled: bool,
    told: bool,
    fetched: datetime,
) -> str | None:
    """Why the page is no article, or None.

    `profiled` says that the body came from the profile's own selectors, `told` that the page names its date for
    machines, and not only shows one somewhere, as lists of articles do.
    """
    if not title:
        return "no title"
    if not paragraphs:
        return "no body"
    if not profiled and urlsplit(page.url).path in _FRONT_PAGES:
        return "the site's front page"
    least = LEAST_SIZE if profiled else LEAST_SIZE_TOLD if _told(page) else LEAST_SIZE_GENERIC
    if sum(len(one.encode()) for one in paragraphs) < least:
        return f"a body of {sum(map(len, paragraphs))} characters, too little for an article"
    if sum(map(len, paragraphs)) > MOST_CHARACTERS:
        return f"a body of {sum(map(len, paragraphs))} characters, too much for an article"
    if published is not None and published > fetched + AHEAD:
        return f"published in the future ({published.isoformat()})"
    kind = next(iter(page.metas.get("og:type", ())), "").lower()
    undated = not profiled and (published is None or not told)
    # many systems call every page a website: only what looks like none of the articles is refused for it
    if undated and kind in _NOT_ARTICLES and (_thin(paragraphs) or not names_an_article(urlsplit(page.url))):
        return f"og:type is {kind} and there is no date of publication"
    return None


def _told(page: Page) -> bool:
    return any(kind.endswith("NewsArticle") for kind in page.linked_by_type)


def names_an_article(url: SplitResult) -> bool:
    """Whether a URL has a number or the words of a title in it."""
    return bool(re.search(r"\d", url.path + url.query)) or url.path.count("-") > 1


def _thin(paragraphs: Sequence[str]) -> bool:
    sizes = [len(one.encode()) for one in paragraphs]
    return sum(sizes) < _WHOLE_SIZE or sum(size >= _PARAGRAPH for size in sizes) < _PARAGRAPHS
