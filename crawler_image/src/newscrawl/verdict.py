"""Whether a run may call itself a success.

A layout change, a ban or a dead feed does not raise an error: it yields nothing, every day. So a run that found or
stored nothing has to show why that is right, and fails otherwise.
"""

from __future__ import annotations

from newscrawl.store.runs import Failure, Tally

# below this many refused pages a run says too little about the site: one video among the news is no layout change
EVIDENCE = 5
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
