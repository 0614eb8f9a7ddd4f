"""Whether a run may call itself a success.

A layout change, a ban or a dead feed does not raise an error: it yields nothing, every day. So a run that found or
stored nothing has to show why that is right, and fails otherwise; so has a run whose articles lack what the site's
articles had before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from statistics import median
from typing import Any

from newscrawl.store.runs import Failure, Tally

# below this many refused pages a run says too little about the site: one video among the news is no layout change
EVIDENCE = 5
# a site's own past is trusted from so many articles, and so many runs that found new ones, on
ENOUGH_ARTICLES = 20
ENOUGH_RUNS = 5
# a field that so few articles have may be empty in a run by chance
_USUAL = 0.5
# below this share of its usual share a field is as good as gone, where a run has enough articles to tell
_COLLAPSED = 0.25
# chances of a false alarm that are taken
_BY_CHANCE = 0.001
# so long a site's past is what its runs are compared with: what is lasting becomes the usual
PAST = timedelta(days=14)
# a site is silent for longer than ever before when it is so for three times its longest silence, and at least a day
_SILENCE = 3
_SHORTEST_SILENCE = timedelta(days=1)
# a day's articles are compared with those of so many days, at least
_DAY = timedelta(days=1)
_ENOUGH_DAYS = 7
# less than this part of a usual day's articles, or of their usual length, is a site that is half lost
_FEW, _SHORT = 0.25, 0.4
_GOOD = ("stored", "changed", "unchanged", "duplicate")


def judge(site: str, counts: Mapping[str, Any], ever_found: bool, tally: Tally) -> str | None:
    """Why the run failed, or None when it succeeded.

    Of `counts`, `found` is the number of links that discovery saw, missing when it did not end, and `elsewhere` how
    many belong to which other site; `ever_found` says whether the frontier has URLs of the site, so that an unchanged
    feed may say nothing.
    """
    found, elsewhere = counts.get("found"), counts.get("elsewhere")
    good = sum(tally.outcomes.get(outcome, 0) for outcome in _GOOD)
    refused = tally.outcomes.get("refused", 0)
    failed = tally.outcomes.get("failed", 0)
    if found is None:
        return "discovery did not end: see its log, and run it again"
    if elsewhere and not ever_found:
        return _taken(site, elsewhere)
    if found == 0 and not ever_found:
        return (
            "found no link at all: see whether the profile's feeds, sitemaps, lists and urls.article still fit the site"
        )
    if tally.unvisited:
        return f"{tally.unvisited} URLs were not visited: their tasks died; the site's next run takes them"
    if failed and not good:
        return f"none of {failed + refused} URLs could be fetched: {_words(tally.failures, 'failed')}"
    if refused >= EVIDENCE and not good:
        return f"none of {refused} pages was an article: {_words(tally.failures, 'refused')}"
    return None


def _taken(site: str, elsewhere: Mapping[str, int]) -> str:
    """All that a first run found is another site's: two profiles of the same pages, or one under a new name."""
    owner = max(elsewhere, key=lambda name: elsewhere[name])
    links = " and ".join(f"{count} links belong to site {name}" for name, count in sorted(elsewhere.items()))
    return (
        f"{links}, and a URL is crawled for one site only: keep one profile of these pages. To go on under the old "
        f"name, call the profile {owner} again (its file and its `site`); to rename {owner} for good, remove its "
        "profile and run in MySQL, for each of urls, articles, hubs and runs: "
        f"UPDATE urls SET site = '{site}' WHERE site = '{owner}'"
    )


def _words(failures: tuple[Failure, ...], outcome: str) -> str:
    worst = [one for one in failures if one.outcome == outcome][:3]
    return "; ".join(f"{one.kind} ({one.count}): {one.example} [{one.url}]" for one in worst)


@dataclass(frozen=True)
class Yield:
    """What one run brought: new or changed articles, in how many of them each field was filled, pages refused.

    `characters` are those of the articles' bodies in all, None when nobody counted; `hubs` what ails hubs, by URL.
    """

    started: datetime
    articles: int
    filled: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    characters: int | None = None
    hubs: Mapping[str, str] = field(default_factory=dict)


def drift(run: Yield, before: Sequence[Yield]) -> str | None:
    """What changed in a run against the site's own runs before it (any order), or None.

    Found are fields that went empty, pages that are no articles any more, hubs that fail for a day, a day with far
    fewer or far shorter articles than any before, and a silence longer than ever. The past is that of two weeks, but
    for the silence: that never becomes the usual.
    """
    past = [one for one in before if run.started - one.started <= PAST]
    wholes = _refusals(run, past), _silence(run, before), _few(run, past), _short(run, past)
    changes = [*_emptied(run, past), *_dead_hubs(run, past), *filter(None, wholes)]
    return "; ".join(changes) or None


def _emptied(run: Yield, before: Sequence[Yield]) -> list[str]:
    past = sum(one.articles for one in before)
    if past < ENOUGH_ARTICLES or not run.articles:
        return []
    changes = []
    for name in sorted({name for one in before for name in one.filled}):
        usual = sum(one.filled.get(name, 0) for one in before) / past
        filled = run.filled.get(name, 0)
        gone = filled == 0 and (1 - usual) ** run.articles < _BY_CHANCE
        collapsed = run.articles >= ENOUGH_ARTICLES and filled < _COLLAPSED * usual * run.articles
        if usual >= _USUAL and (gone or collapsed):
            changes.append(f"{name} went empty: {filled} of {run.articles} articles have it, before {usual:.0%} had")
    return [f"{one}: see the profile's selectors" for one in changes]


def _refusals(run: Yield, before: Sequence[Yield]) -> str | None:
    past, refused = sum(one.articles for one in before), sum(one.refused for one in before)
    seen = run.articles + run.refused
    if past < ENOUGH_ARTICLES or run.refused < EVIDENCE:
        return None
    usual, share = refused / (past + refused), run.refused / seen
    if share < max(0.5, 3 * usual):
        return None
    return f"{run.refused} of {seen} new pages were no articles, before {usual:.0%}: see whether the layout changed"


def _silence(run: Yield, before: Sequence[Yield]) -> str | None:
    """Runs without a new article are usual; how long a site stays without one is its own habit."""
    times = sorted(one.started for one in before if one.articles)
    if run.articles or len(times) < ENOUGH_RUNS:
        return None
    longest = max(later - earlier for earlier, later in pairwise(times))
    silent = run.started - times[-1]
    if silent <= max(_SILENCE * longest, _SHORTEST_SILENCE):
        return None
    hours = round(silent.total_seconds() / 3600)
    return (
        f"no new article for {hours} hours, before never for more than {round(longest.total_seconds() / 3600)}: "
        "see whether the profile's feeds, sitemaps, lists and urls.article still fit the site"
    )


def _few(run: Yield, before: Sequence[Yield]) -> str | None:
    """A dead feed among others, or a pattern that fits half of the new addresses."""
    days = [0] * PAST.days
    for one in (run, *before):
        if (age := (run.started - one.started) // _DAY) < len(days):
            days[age] += one.articles
    # the first day may have begun before the first run
    past = days[1 : max(((run.started - one.started) // _DAY for one in before), default=0)]
    if len(past) < _ENOUGH_DAYS or (usual := median(past)) < ENOUGH_ARTICLES:
        return None
    if days[0] >= _FEW * usual or days[0] >= min(past):
        return None
    return f"{days[0]} new articles in a day, before {usual:.0f}: see whether all feeds, sitemaps and lists still work"


def _short(run: Yield, before: Sequence[Yield]) -> str | None:
    """A paywall, or half of a layout change: the first paragraph is found, and the others are not."""
    counted = [one for one in (run, *before) if one.characters is not None]
    day = [one for one in counted if run.started - one.started < _DAY]
    past = [one for one in counted if run.started - one.started >= _DAY]
    if min(sum(one.articles for one in part) for part in (day, past)) < ENOUGH_ARTICLES:
        return None
    now, usual = (sum(one.characters or 0 for one in part) / sum(one.articles for one in part) for part in (day, past))
    if now >= _SHORT * usual:
        return None
    return f"articles have {now:.0f} characters on average, before {usual:.0f}: see the profile's body, or a paywall"


def _dead_hubs(run: Yield, before: Sequence[Yield]) -> list[str]:
    """Hubs that failed, or listed nothing or too much, in every run of a day and more; the others hide it."""
    newest_first = sorted(before, key=lambda one: one.started, reverse=True)
    found = []
    for url, kind in run.hubs.items():
        bad = [run, *takewhile(lambda one, url=url: url in one.hubs, newest_first)]
        if len(bad) >= ENOUGH_RUNS and run.started - bad[-1].started >= _DAY:
            hours = round((run.started - bad[-1].started).total_seconds() / 3600)
            cut_off = kind == "too_many_links"
            advice = "name smaller ones in its place" if cut_off else "see whether the site still has it"
            found.append(f"{url}: {kind} for {hours} hours: {advice}")
    return found
