"""`newscrawl articles`: read, search and export what was crawled."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TextIO

import click
from sqlalchemy import Row

from newscrawl import settings
from newscrawl.cli.options import When, jsonable, messages, output, table
from newscrawl.context import open_database
from newscrawl.store import Database
from newscrawl.store import articles as store
from newscrawl.store.articles import Search

_EXPORTED = (
    *("id", "site", "canonical_url", "title", "body", "authors", "published", "published_offset", "modified"),
    *("section", "keywords", "image", "language", "access", "version", "extractor", "profile", "content_hash"),
    *("characters", "words", "fetched"),
)


def wanted(command: Callable[..., None]) -> Callable[..., None]:
    """The options that choose articles, handed to `command` as one Search."""

    def searching(site: str | None, since: datetime | None, until: datetime | None, **rest: Any) -> None:
        command(Search(site, since, until, rest.pop("text", None)), **rest)

    searching.__name__, searching.__doc__ = command.__name__, command.__doc__
    searching.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    for option in (
        click.option("--until", type=When(), help="Published before this time."),
        click.option("--since", type=When(), help="Published at this time or later (2026-03-01, UTC without offset)."),
        click.option("--site", help="Only this site's articles."),
    ):
        searching = option(searching)
    return searching


@click.group()
def articles() -> None:
    """Read, search and export the articles."""


@articles.command("list")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@wanted
def list_(search: Search, limit: int) -> None:
    """List the newest articles."""
    _show(search, limit)


@articles.command()
@click.argument("text")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@wanted
def search(search: Search, limit: int) -> None:
    """List the articles whose title or body contains TEXT, newest first."""
    _show(search, limit)


@articles.command()
@click.argument("article")
@click.option("--history", is_flag=True, help="Also what it said before it was changed.")
def show(article: str, history: bool) -> None:
    """Show ARTICLE, an id or a canonical URL, with where each field came from."""
    database = open_database(settings.load())
    key = int(article) if article.isdigit() else article
    row = database.run(lambda connection: store.get(connection, key))
    if row is None:
        raise click.ClickException(f"no article {article}: `newscrawl articles list` shows ids")
    output.print(table(("field", "value", "from"), _fields(row)))
    click.echo(f"\n{row.body}")
    for old in database.run(lambda connection: store.history(connection, row.id)) if history else ():
        click.echo(f"\n--- version {old.version}, until {old.replaced:%Y-%m-%d %H:%M} UTC\n{old.title}\n\n{old.body}")


@articles.command()
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True, help="How.")
@click.option("--output", "target", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="- is stdout.")
@click.option("--text", help="Only articles whose title or body contains this.")
@click.option("--limit", type=click.IntRange(1), help="How many, newest first (all).")
@wanted
def export(search: Search, form: str, target: TextIO, limit: int | None) -> None:
    """Write articles as JSON lines or CSV, newest first, however many there are."""
    database = open_database(settings.load())
    write = _write_jsonl if form == "jsonl" else _write_csv
    with messages.status("exporting"):
        count = write(target, _rows(database, search, limit))
    messages.print(f"{count:,} articles", highlight=False)


def _show(search: Search, limit: int) -> None:
    database = open_database(settings.load())
    rows = database.run(lambda connection: list(store.search(connection, search, limit=limit)))
    total = database.run(lambda connection: store.count(connection, search))
    output.print(table(("id", "site", "published", "title"), [(r.id, r.site, r.published, r.title) for r in rows]))
    messages.print(f"{len(rows):,} of {total:,} articles", highlight=False)


def _rows(database: Database, search: Search, limit: int | None) -> Iterator[dict[str, Any]]:
    # not database.run: what was written out cannot be taken back and read again
    with database.engine.connect() as connection:
        for row in store.search(connection, search, limit=limit):
            yield {name: getattr(row, name) for name in _EXPORTED}


def _write_jsonl(target: TextIO, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    for row in rows:
        target.write(json.dumps(row, ensure_ascii=False, default=jsonable) + "\n")
        count += 1
    return count


def _write_csv(target: TextIO, rows: Iterator[dict[str, Any]]) -> int:
    writer = csv.DictWriter(target, _EXPORTED)
    writer.writeheader()
    count = 0
    for row in rows:
        lists = {name: "; ".join(row[name]) for name in ("authors", "keywords")}
        plain = {name: jsonable(cell) for name, cell in row.items() if isinstance(cell, datetime | bytes)}
        writer.writerow({**row, **lists, **plain})
        count += 1
    return count


def _fields(row: Row) -> Iterator[tuple[str, object, object]]:
    for name in _EXPORTED:
        value = getattr(row, name)
        if name != "body":
            shown = ", ".join(value) if isinstance(value, list) else value.hex() if isinstance(value, bytes) else value
            yield name, shown, row.sources.get(name)
