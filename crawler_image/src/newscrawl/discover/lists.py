"""Sites that offer neither feed nor sitemap: their list pages, from the newest back to what is known."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from newscrawl.discover.choice import Choice
from newscrawl.discover.hubs import Digest, Hubs, readable
from newscrawl.extract.page import Page
from newscrawl.extract.selectors import Selector
from newscrawl.model import FetchError, Link, Response, Seen
from newscrawl.urls import BadUrl, resolve

if TYPE_CHECKING:
    from newscrawl.profiles import ListPage

log = logging.getLogger(__name__)

# a fragment names the note about a list, so that no real hub can have its name
_UNFINISHED = "#unfinished"
_MAX_LINKS = 10_000  # of one page


def links(hubs: Hubs, page: ListPage, choice: Choice, known: Callable[[Sequence[str]], set[str]]) -> Iterator[Link]:
    """The unknown links of a list, those of its last page first.

    It goes from page to page until one has no link, none that this walk has not seen, or none that is unknown, or
    until `max_pages`. Links are handed on from the oldest page to the newest: when a crawl dies half way, what is
    known is still everything up to some page, and the next run finds the rest. Raises FetchError for the first page.
    """
    note = page.url + _UNFINISHED
    unfinished = hubs.state.get(note).etag is not None
    first = hubs.read(page.url, changed_only=not unfinished)
    if first is None:
        return
    pages: list[list[Link]] = []
    stopped_at = None
    try:
        for new, all_known in _walk(hubs, page, first, choice, known):
            pages.append(new)
            if all_known and not unfinished:
                break
    except FetchError as error:
        if error.kind == "redis_unavailable":
            raise
        # the newest are worth having; the note makes the next run walk on where it would stop at them
        stopped_at = error
        log.warning("list left at page %d: %s", len(pages) + 1, error)
    for links_of_page in reversed(pages):
        yield from links_of_page
    if stopped_at is not None:
        hubs.put(note, Seen(etag=stopped_at.kind))
        return
    if unfinished:
        hubs.put(note, Seen())
    hubs.remember(first, Digest(_links(page, Page(first))).value)


def _walk(
    hubs: Hubs, page: ListPage, first: Response, choice: Choice, known: Callable[[Sequence[str]], set[str]]
) -> Iterator[tuple[list[Link], bool]]:
    """Each page's unknown links, and whether that is none."""
    response, number = first, 1
    urls, visited = set(), {page.url}
    while True:
        with readable(response.url):
            html = Page(response)
            found = {link.url: link for link in choice.of(_links(page, html), response.url) if link.url not in urls}
        if not found:
            return
        urls |= found.keys()
        have = known(list(found))
        new = [link for url, link in found.items() if url not in have]
        yield new, not new
        number += 1
        following = _following(page, number, html)
        if following is None or following in visited or number > page.max_pages:
            return
        visited.add(following)
        try:
            response = hubs.read(following, changed_only=False)
        except FetchError as error:
            if error.kind in ("http_404", "http_410"):
                return  # the page after the last
            raise


def _following(page: ListPage, number: int, html: Page) -> str | None:
    if page.pages:
        return page.pages.replace("{page}", str(number))
    targets = _addresses(html, page.next) if page.next else []
    try:
        return resolve(targets[0], html.url) if targets else None
    except BadUrl:
        return None


def _links(page: ListPage, html: Page) -> Iterator[Link]:
    return (Link(url, page.url) for url in _addresses(html, page.links)[:_MAX_LINKS])


def _addresses(html: Page, selector: str) -> list[str]:
    """The texts that `selector` finds, and of elements the target; those that a <base> completes are absolute."""
    found = [one if isinstance(one, str) else one.get("href") for one in _compiled(selector).find(html)]
    return [address if html.base == html.url else _joined(html.base, address) for address in found if address]


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return address  # nor is it an address for whoever reads it next


_compiled = cache(Selector.parse)
