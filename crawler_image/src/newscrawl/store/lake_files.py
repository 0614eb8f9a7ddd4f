"""The lake's manifest: which file of which lake was loaded from this database, and which is being written.

A file has one writer at a time, the last that began: `begin` names it, and `hold` lets only that one publish. So a
writer that hung, or was thought dead, never replaces what a later one wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Row, select, update

from newscrawl.store.many import upsert_rows
from newscrawl.store.tables import lake_files


@dataclass(frozen=True)
class LakeFile:
    """A file's place: `lake` is the lake's URL without a user, `path` is relative to it; `site` is None for a WARC."""

    lake: str
    path: str
    kind: str
    site: str | None
    day: date


def begin(connection: Connection, file: LakeFile, writer: str, now: datetime) -> None:
    """Makes `writer` the file's only writer."""
    row = {
        "lake": file.lake,
        "path": file.path,
        "kind": file.kind,
        "site": file.site,
        "day": file.day,
        "state": "writing",
        "writer": writer,
        "started": now,
    }
    upsert_rows(connection, lake_files, [row], {name: f"new.{name}" for name in ("state", "writer", "started")})


def outdate(connection: Connection, site: str, days: Collection[date]) -> None:
    """The database has changed what the site's files of the days hold: they are to be loaded again, in every lake.

    Who is loading one now may have read what was before, and is no writer any more.
    """
    if days:
        of_days = lake_files.c.kind == "articles", lake_files.c.site == site, lake_files.c.day.in_(days)
        connection.execute(update(lake_files).where(*of_days).values(state="writing", writer=""))


def of_articles(connection: Connection, lake: str) -> Sequence[Row]:
    """Day, site, state and time of load of the lake's files of articles."""
    columns = lake_files.c.day, lake_files.c.site, lake_files.c.state, lake_files.c.loaded
    query = select(*columns).where(lake_files.c.lake == lake, lake_files.c.kind == "articles")
    return connection.execute(query).all()


def hold(connection: Connection, file: LakeFile, writer: str) -> bool:
    """Whether `writer` is still the file's writer; until the transaction ends nobody else can become it."""
    row = connection.execute(select(lake_files.c.writer).where(*_is(file)).with_for_update()).one_or_none()
    return row is not None and row.writer == writer


def finish(connection: Connection, file: LakeFile, *, records: int | None, size: int, now: datetime) -> None:
    """Says that the file is in the lake, with so many records (None for a WARC) and bytes; 0 records: it is not."""
    values = {"state": "loaded", "records": records, "bytes": size, "loaded": now}
    connection.execute(update(lake_files).where(*_is(file)).values(values))


def get(connection: Connection, file: LakeFile) -> Row | None:
    """The file's row."""
    return connection.execute(select(lake_files).where(*_is(file))).one_or_none()


def of_day(connection: Connection, lake: str, day: date) -> Sequence[Row]:
    """The lake's files of a day, by path."""
    query = select(lake_files).where(lake_files.c.lake == lake, lake_files.c.day == day)
    return connection.execute(query.order_by(lake_files.c.path)).all()


def days(connection: Connection, lake: str, *, limit: int) -> Sequence[Row]:
    """The lake's files of its last days that have any, newest first and then by path; at most `limit` files."""
    query = select(lake_files).where(lake_files.c.lake == lake)
    return connection.execute(query.order_by(lake_files.c.day.desc(), lake_files.c.path).limit(limit)).all()


def _is(file: LakeFile) -> tuple:
    return lake_files.c.lake == file.lake, lake_files.c.path == file.path
