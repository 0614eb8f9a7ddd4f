"""Finds the articles that a site has published since the last run: feeds, then sitemaps, then list pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from newscrawl.discover import feeds, lists, sitemaps
from newscrawl.discover.choice import Choice
from newscrawl.discover.dates import without_stamps
from newscrawl.discover.hubs import Digest, Hubs, HubState, readable
from newscrawl.model import FetchError, Link

if TYPE_CHECKING:
    from newscrawl.fetch import Fetcher
    from newscrawl.profiles import Profile

__all__ = ["HubState", "discover"]

log = logging.getLogger(__name__)

_ASKED_TOGETHER = 500
MAX_LINKS = 200_000  # of a run: more than a site publishes in years, and all are held in memory


def discover(
    profile: Profile,
    fetcher: Fetcher,
    *,
    known: Callable[[Sequence[str]], set[str]],
    hub_state: HubState,
    now: datetime,
    last: datetime | None = None,
    on_trouble: Callable[[str, str], None] = lambda url, kind: None,
) -> Iterator[Link]:
    """The links that may be articles, each canonical URL once; the known ones only where their hub dates a change.

    `known(urls)` tells which URLs the frontier has; `last` is when links of the site were last found. What is to be
    remembered is put into `hub_state` after a hub's links were handed on: save it together with the links. A hub that
    fails is logged and left to the next run; `on_trouble` hears of it, and of one that lists nothing or too much, by
    its URL and a kind. Raises FetchError when no hub answered, and at once when Redis does not. At MAX_LINKS it ends;
    the hub that was not read to its end is the next run's, like those after it.
    """
    hubs, choice = Hubs(profile, fetcher, hub_state, now), Choice(profile, hub_state, now, last)
    seen: set[str] = set()
    first_problem: FetchError | None = None
    answered = 0
    for name, links in _sources(hubs, choice, known, on_trouble):
        try:
            for link in links:
                if link.url in seen:
                    continue
                if len(seen) == MAX_LINKS:
                    log.warning("%s: the rest of it, and the hubs after it, are left out: %d links", name, MAX_LINKS)
                    on_trouble(name, "too_many_links")
                    hubs.forget()
                    return
                seen.add(link.url)
                yield link
            hubs.settle()
            answered += 1
            if name in hubs.empty:
                on_trouble(name, "lists_nothing")
        except FetchError as error:
            hubs.forget()
            if error.kind == "redis_unavailable":
                raise
            on_trouble(name, error.kind)
            log.warning("%s: hub failed, left to the next run: %s", name, error)
            first_problem = first_problem or error
    if first_problem is not None and not answered:
        raise first_problem


def _sources(
    hubs: Hubs,
    choice: Choice,
    known: Callable[[Sequence[str]], set[str]],
    on_trouble: Callable[[str, str], None],
) -> Iterator[tuple[str, Iterator[Link]]]:
    places = hubs.profile.discover
    for url in places.feeds:
        yield url, _news(choice.of(_feed(hubs, url), url), known)
    for url in places.sitemaps:
        yield url, _news(choice.of(sitemaps.links(hubs, url, choice.since, on_trouble), url), known)
    for page in places.lists:
        yield page.url, lists.links(hubs, page, choice, known)


def _feed(hubs: Hubs, url: str) -> Iterator[Link]:
    response = hubs.read(url)
    if response is not None:
        with readable(url):
            links = without_stamps(list(feeds.links(response, hubs.profile.timezone)), hubs.now)
        yield from links
        hubs.remember(response, Digest(links).value)


def _news(links: Iterable[Link], known: Callable[[Sequence[str]], set[str]]) -> Iterator[Link]:
    """The links that are unknown or say when they were changed."""
    iterator = iter(links)
    while part := list(islice(iterator, _ASKED_TOGETHER)):
        have = known([link.url for link in part if link.modified is None])
        yield from (link for link in part if link.modified is not None or link.url not in have)
