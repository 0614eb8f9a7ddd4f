"""Runs: what each crawl of a site found and did, and whether the site is healthy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Row, case, cast, desc, func, select, update
from sqlalchemy.dialects.mysql import insert

from newscrawl.store.tables import articles, batches, runs, urls, visits

_FRUITFUL = 20  # runs that brought articles: as many tell how long a site uses to be silent


class UnknownRun(Exception):
    """There is no run of this id."""


@dataclass(frozen=True)
class Failure:
    """Visits of a run that ended alike: how often, and one of them as an example."""

    outcome: str
    kind: str | None
    count: int
    example: str
    url: str


@dataclass(frozen=True)
class Tally:
    """What a run came to, from its visits: URLs by outcome of their last visit, and what is left.

    `unvisited` are in the run's batches and nobody answered for them: their tasks died. `waiting` failed, or could not
    be asked for, and are due again from `next_visit` on.
    """

    outcomes: Mapping[str, int]
    visits: int
    unvisited: int
    waiting: int
    next_visit: datetime | None
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class Health:
    """A site at a glance: its URLs by state, its runs (newest first), the failures of its visits since `since`."""

    site: str
    states: Mapping[str, int]
    runs: tuple[Row, ...]
    since: datetime
    failures: tuple[Failure, ...]


def start(connection: Connection, site: str, key: str, now: datetime) -> int:
    """The id of the site's run named `key`, which is made or, when its task is tried again, opened again."""
    statement = insert(runs).values(run_key=key, site=site, started=now, alive=now, counts={})
    again = statement.on_duplicate_key_update(
        id=func.last_insert_id(runs.c.id), state="running", reason=None, finished=None, alive=statement.inserted.alive
    )
    connection.execute(again)
    return connection.scalar(select(runs.c.id).where(runs.c.site == site, runs.c.run_key == key)) or 0


def give_up(connection: Connection, site: str, now: datetime, idle: timedelta) -> None:
    """Fails the site's runs that gave no sign of life for `idle`: they were killed, and nobody else will end them.

    One whose tasks only waited goes on all the same, and its report replaces this verdict.
    """
    reason = "stopped answering: its process was killed; the site's next run goes on where it was"
    silent = runs.c.site == site, runs.c.state == "running", runs.c.alive < now - idle
    connection.execute(update(runs).where(*silent).values(state="failed", reason=reason, finished=runs.c.alive))


def has_site(connection: Connection, site: str) -> bool:
    """Whether the site was ever crawled."""
    return connection.scalar(select(runs.c.id).where(runs.c.site == site).limit(1)) is not None


def get(connection: Connection, run_id: int) -> Row:
    """The run's row; raises UnknownRun."""
    row = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    if row is None:
        raise UnknownRun(f"run {run_id} is not in the database: `newscrawl runs` lists those that are")
    return row


def last_found(connection: Connection, site: str, run_id: int) -> datetime | None:
    """When the last run of the site began, but for this one, whose discovery found any link."""
    query = select(func.max(runs.c.started)).where(
        runs.c.site == site, runs.c.id != run_id, runs.c.counts["found"].as_integer() > 0
    )
    return connection.scalar(query)


def note(connection: Connection, run_id: int, counts: Mapping[str, Any], now: datetime) -> None:
    """Adds to the run's counts and says that it is alive."""
    merged = {**get(connection, run_id).counts, **counts}
    connection.execute(update(runs).where(runs.c.id == run_id).values(counts=merged, alive=now))


def finish(connection: Connection, run_id: int, state: str, reason: str | None, now: datetime) -> None:
    """Ends the run; what is left of its batches is free for the site's next run."""
    values = {"state": state, "reason": reason and reason[:1000], "finished": now, "alive": now}
    connection.execute(update(runs).where(runs.c.id == run_id).values(values))


def tally(connection: Connection, run_id: int) -> Tally:
    """Counts the run's visits; a URL that was visited more than once counts by its last visit."""
    last = (
        select(func.max(visits.c.id).label("id")).where(visits.c.run_id == run_id).group_by(visits.c.url_id).subquery()
    )
    by_outcome = dict(
        connection.execute(
            select(visits.c.outcome, func.count()).join(last, last.c.id == visits.c.id).group_by(visits.c.outcome)
        ).all()
    )
    total = connection.scalar(select(func.count()).where(visits.c.run_id == run_id)) or 0
    of_run = select(batches.c.id).where(batches.c.run_id == run_id)
    waiting = connection.execute(
        select(func.count(), func.min(urls.c.next_visit)).where(
            urls.c.batch_id.in_(of_run), urls.c.state == "failed", urls.c.next_visit.is_not(None)
        )
    ).one()
    unvisited = select(func.count()).where(urls.c.batch_id.in_(of_run), urls.c.state.in_(("new", "claimed")))
    failures = _failures(connection, visits.c.id.in_(select(last.c.id)))
    return Tally(by_outcome, total, connection.scalar(unvisited) or 0, waiting[0], waiting[1], failures)


def filled(connection: Connection, run_id: int) -> dict[str, int]:
    """How many articles the run stored or changed (`articles`), how many of them have each field, and how many
    `characters` their bodies have in all."""
    of_run = (
        select(urls.c.article_id)
        .join(visits, visits.c.url_id == urls.c.id)
        .where(visits.c.run_id == run_id, visits.c.outcome.in_(("stored", "changed")))
        .distinct()
        .subquery()
    )
    present = {name: articles.c[name].is_not(None) for name in ("published", "modified", "section", "image")}
    present |= {name: func.json_length(articles.c[name]) > 0 for name in ("authors", "keywords")}
    # the generic reading takes over silently where a profile's selectors find nothing any more
    by = func.json_unquote(func.json_extract(articles.c.sources, "$.body"))
    present["body by the profile"] = by.regexp_match("^(css|xpath|json|meta):")
    sums = [func.count(case((condition, 1))).label(name) for name, condition in sorted(present.items())]
    characters = cast(func.coalesce(func.sum(articles.c.characters), 0), Integer).label("characters")
    query = select(func.count().label("articles"), characters, *sums).join(of_run, of_run.c.article_id == articles.c.id)
    return dict(connection.execute(query).one()._mapping)


def counts_before(connection: Connection, run: Row, past: timedelta) -> list[tuple[datetime, Mapping[str, Any]]]:
    """Start and counts of the site's ended runs in the time before `run`, and of the last ones, whenever they were,
    that brought articles."""
    of_site = runs.c.site == run.site, runs.c.id != run.id, runs.c.state != "running", runs.c.started <= run.started
    query = select(runs.c.id, runs.c.started, runs.c.counts).where(*of_site)
    recent = query.where(runs.c.started >= run.started - past)
    fruitful = query.where(runs.c.counts["filled"]["articles"].as_integer() > 0).order_by(desc(runs.c.started))
    found = {row.id: row for part in (recent, fruitful.limit(_FRUITFUL)) for row in connection.execute(part)}
    return [(row.started, row.counts) for row in found.values()]


def planned(connection: Connection, run_id: int) -> int:
    """How many URLs were cut into the run's batches."""
    return int(connection.scalar(select(func.sum(batches.c.size)).where(batches.c.run_id == run_id)) or 0)


def visited(connection: Connection, run_id: int) -> int:
    """How many of them were visited so far."""
    return connection.scalar(select(func.count(visits.c.url_id.distinct())).where(visits.c.run_id == run_id)) or 0


def recent(connection: Connection, site: str | None = None, *, limit: int = 20) -> list[Row]:
    """The last runs, newest first."""
    query = select(runs).order_by(desc(runs.c.started), desc(runs.c.id)).limit(limit)
    if site is not None:
        query = query.where(runs.c.site == site)
    return list(connection.execute(query))


def health(connection: Connection, site: str, now: datetime, *, days: int = 7) -> Health:
    """How the site has been doing for `days`."""
    since = now - timedelta(days=days)
    states = select(urls.c.state, func.count()).where(urls.c.site == site).group_by(urls.c.state)
    of_site = visits.c.run_id.in_(select(runs.c.id).where(runs.c.site == site, runs.c.started >= since))
    return Health(
        site,
        dict(connection.execute(states).all()),
        tuple(recent(connection, site, limit=10)),
        since,
        _failures(connection, of_site),
    )


def _failures(connection: Connection, where: ColumnElement[bool]) -> tuple[Failure, ...]:
    bad = visits.c.outcome.in_(("failed", "refused", "gone"))
    grouped = (
        select(visits.c.outcome, visits.c.kind, func.count().label("count"), func.max(visits.c.id).label("example"))
        .where(where, bad)
        .group_by(visits.c.outcome, visits.c.kind)
        .subquery()
    )
    query = (
        select(grouped.c.outcome, grouped.c.kind, grouped.c.count, visits.c.reason, urls.c.url)
        .join(visits, visits.c.id == grouped.c.example)
        .join(urls, urls.c.id == visits.c.url_id)
        .order_by(desc(grouped.c.count))
    )
    return tuple(Failure(row[0], row[1], row[2], row[3] or "", row[4]) for row in connection.execute(query))
