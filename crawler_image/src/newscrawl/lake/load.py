"""Loads a day of a site's articles, or a file of responses, exactly once however often it is tried."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any

from newscrawl import archive
from newscrawl.context import now
from newscrawl.lake import LakeError, parquet, warc_path
from newscrawl.lake.filesystem import BLOCK, Lake
from newscrawl.store import Database, articles, lake_files
from newscrawl.store.articles import Position
from newscrawl.store.lake_files import LakeFile

MAX_DUE = 20_000  # tasks of one run of load_lake; the chart lets Airflow map five times as many


class Superseded(LakeError):
    """Another process began to load the same file later: what it writes is what counts."""


@dataclass(frozen=True)
class Loaded:
    """What is in the lake now; 0 records: the day has no file."""

    path: str
    records: int | None
    bytes: int


def sites_to_load(database: Database, lake: Lake, day: date) -> list[str]:
    """The sites that have articles of the UTC day, or a file of it in the lake, by name."""
    start, end = _bounds(day)
    sites = database.run(lambda connection: articles.sites_fetched(connection, start, end))
    rows = database.run(lambda connection: lake_files.of_day(connection, lake.name, day))
    return sorted({*sites, *(row.site for row in rows if row.site is not None)})


def due(database: Database, lake: Lake, moment: datetime) -> list[tuple[date, str]]:
    """The (UTC day, site) pairs before today that have articles and were not loaded since the day ended, however long
    ago that was, or whose articles were made anew since; oldest first, MAX_DUE at most: the rest is the next call's."""
    today = moment.astimezone(UTC).date()
    rows = database.run(lambda connection: lake_files.of_articles(connection, lake.name))
    done = {(row.day, row.site) for row in rows if row.state == "loaded" and row.loaded >= _bounds(row.day)[1]}
    begun = {(row.day, row.site) for row in rows}
    fetched = database.run(articles.days_fetched)
    return sorted(one for one in (begun | fetched) - done if one[0] < today)[:MAX_DUE]


def load_articles(database: Database, lake: Lake, day: date, site: str) -> Loaded:
    """Puts every version of the site's articles that was first fetched on the UTC day into the lake's file of that
    day, in place of what the file held. Raises LakeError (Superseded) and StoreUnavailable."""
    path = f"articles/site={site}/date={day:%Y-%m-%d}/articles.parquet"
    file = LakeFile(lake.name, path, "articles", site, day)
    return _place(
        database, lake, file, lambda target: parquet.write(target, _pages(database, site, day), parquet.LAKE_SCHEMA)
    )


def ship_warcs(database: Database, lake: Lake, directory: Path, *, all_days: bool, keep: timedelta) -> Iterator[Loaded]:
    """Copies each complete WARC file of `directory` to the lake, once, and yields those that were copied.

    Complete are those of earlier days; with `all_days` also those of today that nobody holds, for a worker that goes.
    What has been in the lake for longer than `keep` is deleted here. Raises LakeError and StoreUnavailable.
    """
    for warc in archive.complete_files(directory, None if all_days else now()):
        file = LakeFile(lake.name, warc_path(warc), "warc", None, archive.day_of(warc))
        row = database.run(lambda connection, file=file: lake_files.get(connection, file))
        if row is None or row.state != "loaded":
            yield _place(database, lake, file, lambda target, warc=warc: _copy(warc, target))
        elif now() - row.loaded > keep and lake.size(file.path) == row.bytes == warc.stat().st_size:
            warc.unlink()


def _place(database: Database, lake: Lake, file: LakeFile, fill: Callable[[IO[bytes]], int | None]) -> Loaded:
    writer = secrets.token_hex(8)
    begun = now()
    database.run(lambda connection: lake_files.begin(connection, file, writer, begun))
    with lake.write_aside(file.path, writer) as target:
        records = fill(target)
        size = target.tell()
    arrived = lake.aside_size(file.path, writer)

    def publish(connection: Any) -> None:
        # the row is ours until the end of the transaction: whoever begins now waits, and finds our file published
        if not lake_files.hold(connection, file, writer):
            raise Superseded(
                f"{file.path} of {lake.name}: another load of the same began later and goes on; wait for it"
            )
        if arrived != size:
            raise LakeError(f"{file.path} of {lake.name}: {arrived} of {size} bytes arrived: see its log, load again")
        if records == 0:
            lake.remove(file.path)
        else:
            lake.publish(file.path, writer)
        lake.clear_aside(file.path)
        lake_files.finish(connection, file, records=records, size=size if records != 0 else 0, now=now())

    database.run(publish)
    return Loaded(file.path, records, size if records != 0 else 0)


def _pages(database: Database, site: str, day: date) -> Iterator[Sequence[Mapping[str, Any]]]:
    # short queries rather than one long stream: a slow lake would make the server hang up
    start, end = _bounds(day)
    after: Position | None = None
    while True:
        rows = database.run(
            lambda connection, after=after: articles.fetched_between(connection, site, start, end, after)
        )
        if not rows:
            return
        yield [row._mapping for row in rows]
        last = rows[-1]
        after = Position(last.fetched, last.id, last.version)


def _bounds(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)


def _copy(source: Path, target: IO[bytes]) -> None:
    with source.open("rb") as opened:
        shutil.copyfileobj(opened, target, BLOCK)
