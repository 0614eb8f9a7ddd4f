"""Whether a run may call itself a success.

A layout change, a ban or a dead feed does not raise an error: it yields nothing, every day. So a run that found or
stored nothing has to show why that is right, and fails otherwise; so has a run whose articles lack what the site's
articles had before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

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
# a site is silent for longer than ever before when it is so for three times its longest silence, and at least a day
_SILENCE = 3
_SHORTEST_SILENCE = timedelta(days=1)
_GOOD = ("stored", "changed", "unchanged", "duplicate")


def judge(found: int | None, ever_found: bool, tally: Tally) -> str | None:
    """Why the run failed, or None when it succeeded.

    `found` is the number of links that discovery saw, None when it did not end; `ever_found` whether the frontier had
    URLs of the site before, so that an unchanged feed may say nothing.
    """
    good = sum(tally.outcomes.get(outcome, 0) for outcome in _GOOD)
    refused = tally.outcomes.get("refused", 0)
    failed = tally.outcomes.get("failed", 0)
    if found is None:
        return "discovery did not end: see its log, and run it again"
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


def _words(failures: tuple[Failure, ...], outcome: str) -> str:
    worst = [one for one in failures if one.outcome == outcome][:3]
    return "; ".join(f"{one.kind} ({one.count}): {one.example} [{one.url}]" for one in worst)


@dataclass(frozen=True)
class Yield:
    """What one run brought: new or changed articles, in how many of them each field was filled, pages refused."""

    started: datetime
    articles: int
    filled: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0


def drift(run: Yield, before: Sequence[Yield]) -> str | None:
    """What changed in a run against the site's own runs before it (any order), or None.

    Found are fields that went empty, pages that are no articles any more, and a silence longer than ever before. The
    past is that of some weeks, so that what is lasting becomes the usual.
    """
    changes = [*_emptied(run, before), *filter(None, (_refusals(run, before), _silence(run, before)))]
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
