"""What several commands share: how times are written, how rows are shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from newscrawl import settings
from newscrawl.context import check_site, open_database
from newscrawl.settings import Settings
from newscrawl.store import Database

# seconds that a command which only looks something up waits for MySQL, where a crawl waits for minutes
LOOK_PATIENCE = 5.0

messages = Console(stderr=True)
# into a pipe or file: as wide as it takes, for grep
output = Console(width=None if sys.stdout.isatty() else 240)


def with_profiles() -> Settings:
    """The settings for a command that reads profiles, whose folders are there."""
    told = settings.load()
    told.require_sites()
    return told


def open_to_look(site: str | None = None) -> Database:
    """The database for a command that only reads; raises UnknownSite when nobody knows `site`."""
    told = settings.load(mysql_patience=LOOK_PATIENCE)
    database = open_database(told)
    if site is not None:
        check_site(site, told, database)
    return database


class When(click.ParamType):
    """A day or a time in ISO 8601; without an offset it is UTC, a day is its midnight."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The aware time that `value` says."""
        try:
            told = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-03-01 or 2026-03-01T09:00+09:00", param, ctx)
        return told if told.tzinfo else told.replace(tzinfo=UTC)


class Day(click.ParamType):
    """A calendar day in ISO 8601."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day that `value` says."""
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2026-03-01", param, ctx)


def show(columns: Sequence[str], rows: Sequence[Sequence[object]], nothing: str) -> None:
    """A table, or in its place that there is nothing to put in it."""
    if rows:
        output.print(table(columns, rows))
    else:
        messages.print(f"({nothing})", highlight=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Rows for a person; numbers are put to the right."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    lines = [[_words(cell) for cell in row] for row in rows]
    for number, name in enumerate(columns):
        numeric = bool(lines) and all(line[number].replace(",", "").isdigit() for line in lines)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for line in lines:
        shown.add_row(*(cell.replace("[", r"\[") for cell in line))
    return shown


def print_json(value: object) -> None:
    """One JSON object on one line, for a program."""
    click.echo(json.dumps(value, ensure_ascii=False, default=jsonable))


def jsonable(value: object) -> object:
    """What JSON has no word for: times as ISO 8601, hashes as hex."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _words(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
