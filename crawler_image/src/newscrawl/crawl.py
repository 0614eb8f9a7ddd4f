"""A crawl in three steps, which the command line and Airflow's tasks call alike: discover, fetch each batch, report.

What passes between the steps is ids; what they know is in the database. So each step can be killed anywhere and run
again: it goes on where it was. A failure of one URL is a row with its kind and reason and stops nothing; a failure of
the site, the database or the disk ends the step with one message that says what to do.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from newscrawl import settings as environment
from newscrawl.batch import BatchResult, fetch_batch
from newscrawl.context import Context, now, open_context, open_database
from newscrawl.discover import discover
from newscrawl.model import FetchError, Link
from newscrawl.settings import Settings
from newscrawl.store import frontier, runs
from newscrawl.store.hubs import Hubs
from newscrawl.urls import MAX_URL
from newscrawl.verdict import PAST, Yield, drift, judge

__all__ = ["BatchResult", "Discovery", "SiteUnreachable", "discover_site", "fetch_batch", "report"]

log = logging.getLogger(__name__)

LINKS_TOGETHER = 500  # links in one transaction
MAX_BATCHES = 20_000  # of a run; the chart lets Airflow map a task five times as often ([core] max_map_length)


class SiteUnreachable(Exception):
    """Nothing could be discovered; the message says why, and so does the run."""


@dataclass(frozen=True)
class Discovery:
    """A run and its batches: what the following tasks need.

    `found` counts the links that discovery saw, `new` those that the frontier did not have; `batches` also hold URLs
    that were left over from earlier runs.
    """

    run_id: int
    site: str
    batches: tuple[int, ...]
    found: int
    new: int


def discover_site(
    site: str,
    *,
    run_key: str,
    limit: int | None = None,
    since: datetime | None = None,
    settings: Settings | None = None,
    on_found: Callable[[int], None] = lambda links: None,
) -> Discovery:
    """Finds the site's links, adds them to the frontier and cuts what is due into batches.

    `run_key` names the run: the same key again (a retried task) goes on with the same run. `limit` is the number of
    URLs to visit (the profile's crawl.max_articles by default); all links found are kept, so that those beyond the
    limit, and beyond MAX_BATCHES, are the next run's. `since` (aware) leaves out links known to be older. `on_found`
    hears the number of links as it grows. Raises SiteUnreachable, and what `open_context` raises; a run that ends so is
    marked as failed.
    """
    settings = settings or environment.load()
    database = open_database(settings)
    context = open_context(site, settings, database)
    started = now()
    database.run(lambda connection: runs.give_up(connection, site, started, settings.idle))
    run_id = database.run(lambda connection: runs.start(connection, site, run_key, started))
    try:
        found, new = _store_links(context, run_id, on_found)
        crawl = context.profile.crawl
        batches = database.run(
            lambda connection: frontier.cut_batches(
                connection,
                site,
                run_id,
                size=crawl.batch_size,
                limit=min(crawl.max_articles if limit is None else limit, MAX_BATCHES * crawl.batch_size),
                since=since,
                now=now(),
                idle=settings.idle,
            )
        )
    except FetchError as error:
        _fail(context, run_id, f"{error.kind}: {error.message} [{error.url}]")
        raise SiteUnreachable(f"{site}: {error.kind}: {error.message} [{error.url}]") from error
    except Exception as error:
        _fail(context, run_id, f"discovery failed: {type(error).__name__}: {error}")
        raise
    if len(batches) == MAX_BATCHES:
        log.warning(
            "%s: a run has %d batches at most: the rest is the next run's (or raise batch_size)", site, MAX_BATCHES
        )
    counts = {"found": found, "new": new, "batches": len(batches)}
    database.run(lambda connection: runs.note(connection, run_id, counts, now()))
    return Discovery(run_id, site, tuple(batches), found, new)


def report(run_id: int, *, settings: Settings | None = None) -> dict[str, Any]:
    """Ends the run and says what came of it, as plain data; `ok` is False, with a `reason`, for a run that failed.

    Running it again counts again. Raises UnknownRun, SettingsError, StoreUnavailable.
    """
    database = open_database(settings or environment.load())
    run = database.run(lambda connection: runs.get(connection, run_id))
    tally = database.run(lambda connection: runs.tally(connection, run_id))
    states = database.run(lambda connection: frontier.stats(connection, run.site))
    reason = judge(run.site, run.counts, bool(states), tally)
    if run.counts.get("found") is None and run.reason:
        reason = run.reason  # discovery itself said why it failed
    filled = database.run(lambda connection: runs.filled(connection, run_id))
    before = database.run(lambda connection: runs.counts_before(connection, run, PAST))
    refused = tally.outcomes.get("refused", 0)
    reason = reason or drift(_yield(run.started, run.counts | {"filled": filled, "refused": refused}), _yields(before))
    counts = {
        **run.counts,
        **tally.outcomes,
        "filled": filled,
        "visits": tally.visits,
        "unvisited": tally.unvisited,
        "waiting": tally.waiting,
    }
    ended = now()
    state = "failed" if reason else "succeeded"
    database.run(lambda connection: runs.note(connection, run_id, counts, ended))
    database.run(lambda connection: runs.finish(connection, run_id, state, reason, ended))
    return {
        "run_id": run_id,
        "site": run.site,
        "ok": reason is None,
        "reason": reason,
        "seconds": round((ended - run.started).total_seconds(), 1),
        "counts": counts,
        "next_visit": tally.next_visit and tally.next_visit.isoformat(),
        "failures": [asdict(failure) for failure in tally.failures],
    }


def _yields(before: Iterable[tuple[datetime, Mapping[str, Any]]]) -> list[Yield]:
    return [_yield(started, counts) for started, counts in before if "filled" in counts]


def _yield(started: datetime, counts: Mapping[str, Any]) -> Yield:
    fields = dict(counts["filled"])
    articles, characters = fields.pop("articles"), fields.pop("characters", None)
    return Yield(started, articles, fields, counts.get("refused", 0), characters, counts.get("hubs", {}))


def _store_links(context: Context, run_id: int, on_found: Callable[[int], None]) -> tuple[int, int]:
    site, database = context.profile.site, context.database
    hubs = database.run(lambda connection: Hubs(connection, site, context.profile.discovery_digest))

    # only a site that has no URL yet may be another one under a new name: for it alone whose they are is looked up
    unheard = not database.run(lambda connection: frontier.has_links(connection, site))
    others: dict[str, str] = {}

    def known(urls: Sequence[str]) -> set[str]:
        # also a sign of life: hubs of which all is known bring no link for long
        database.run(lambda connection: runs.note(connection, run_id, {}, now()))
        if not unheard:
            return database.run(lambda connection: frontier.known(connection, urls))
        owners = database.run(lambda connection: frontier.owners(connection, urls))
        others.update((url, owner) for url, owner in owners.items() if owner != site)
        return set(owners)

    troubles: dict[str, str] = {}
    links = discover(
        context.profile,
        context.fetcher,
        known=known,
        hub_state=hubs,
        now=now(),
        last=database.run(lambda connection: runs.last_found(connection, site, run_id)),
        on_trouble=troubles.__setitem__,
    )
    found = new = 0
    for part in _parts(links):
        usable = {link.url: link for link in part if len(link.url) <= MAX_URL}
        if len(usable) < len(part):
            log.warning("%s: %d links longer than %d characters", site, len(part) - len(usable), MAX_URL)
        found += len(usable)
        if unheard:
            known(list(usable))
        new += database.run(lambda c, usable=usable: frontier.add_links(c, site, usable, run_id, now()))
        database.run(lambda c, found=found, new=new: runs.note(c, run_id, {"new": new}, now()))
        on_found(found)
    if new or not others:
        # what is another site's is to be found again: the next run is to say so as well
        database.run(lambda connection: hubs.save(connection, now()))
    noted: dict[str, Any] = {"hubs": troubles}
    if others:
        noted["elsewhere"] = dict(Counter(others.values()))
    database.run(lambda connection: runs.note(connection, run_id, noted, now()))
    return found, new


def _parts(links: Iterator[Link]) -> Iterator[list[Link]]:
    while part := list(islice(links, LINKS_TOGETHER)):
        yield part


def _fail(context: Context, run_id: int, reason: str) -> None:
    context.database.run(lambda connection: runs.finish(connection, run_id, "failed", reason, now()))
