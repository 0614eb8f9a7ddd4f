"""`newscrawl articles`: read, search and export what was crawled."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

import click
from sqlalchemy import Row

from newscrawl.cli.options import When, jsonable, messages, open_to_look, output, table
from newscrawl.cli.options import show as show_rows
from newscrawl.store import Database
from newscrawl.store import articles as store
from newscrawl.store.articles import Search
from newscrawl.store.many import ROWS

_EXPORTED = (
    *("id", "site", "canonical_url", "title", "body", "authors", "published", "published_offset", "modified"),
    *("section", "keywords", "image", "language", "access", "version", "extractor", "profile", "content_hash"),
    *("characters", "words", "fetched"),
)


def _write_jsonl(target: BinaryIO, rows: Iterator[Mapping[str, Any]]) -> int:
    count = 0
    for row in rows:
        exported = {name: row[name] for name in _EXPORTED}
        target.write(json.dumps(exported, ensure_ascii=False, default=jsonable).encode() + b"\n")
        count += 1
    return count


def _write_csv(target: BinaryIO, rows: Iterator[Mapping[str, Any]]) -> int:
    text = io.TextIOWrapper(target, encoding="utf-8", newline="")
    writer = csv.DictWriter(text, _EXPORTED, extrasaction="ignore")
    writer.writeheader()
    count = 0
    for row in rows:
        lists = {name: "; ".join(row[name]) for name in ("authors", "keywords")}
        plain = {name: jsonable(cell) for name, cell in row.items() if isinstance(cell, datetime | bytes)}
        writer.writerow({**row, **lists, **plain})
        count += 1
    text.flush()
    text.detach()
    return count


def _write_parquet(target: BinaryIO, rows: Iterator[Mapping[str, Any]]) -> int:
    # its import takes time and memory that nothing else here needs
    from newscrawl.lake import parquet

    return parquet.write(target, iter(lambda: list(islice(rows, ROWS)), []), parquet.SCHEMA)


_FORMATS = {"jsonl": _write_jsonl, "csv": _write_csv, "parquet": _write_parquet}


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
    """List the articles whose title or body contains TEXT, newest first.

    There is no index of words: each article that --site, --since and --until leave is read.
    """
    _show(search, limit)


@articles.command()
@click.argument("article")
@click.option("--history", is_flag=True, help="Also what it said before it was changed.")
def show(article: str, history: bool) -> None:
    """Show ARTICLE, an id or a canonical URL, with where each field came from."""
    database = open_to_look()
    row = _get(database, article)
    output.print(table(("field", "value", "from"), _fields(row)))
    click.echo(f"\n{row.body}")
    for old in database.run(lambda connection: store.history(connection, row.id)) if history else ():
        click.echo(f"\n--- version {old.version}, until {old.replaced:%Y-%m-%d %H:%M} UTC\n{old.title}\n\n{old.body}")


@articles.command()
@click.argument("article")
@click.option(
    "--days", type=click.IntRange(1), default=3, show_default=True, help="How far apart they may be published."
)
@click.option(
    "--distance",
    type=click.IntRange(0, 32),
    default=3,  # of 64 bits, for web pages: Manku, Jain, Das Sarma 2007
    show_default=True,
    help="In how many of 64 bits their fingerprints may differ; unrelated texts differ in about 32.",
)
def similar(article: str, days: int, distance: int) -> None:
    """List the articles of all sites that say nearly the same as ARTICLE, an id or a canonical URL."""
    database = open_to_look()
    row = _get(database, article)
    rows = database.run(lambda connection: store.similar(connection, row, distance=distance, days=days))
    shown = [(one.distance, one.id, one.site, one.published, one.title) for one in rows]
    show_rows(("bits", "id", "site", "published", "title"), shown, "no article says nearly the same: try --distance")


@articles.command()
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), default="jsonl", show_default=True, help="How.")
@click.option("--output", "target", type=click.File("wb", lazy=True), default="-", help="- is stdout.")
@click.option("--text", help="Only articles whose title or body contains this.")
@click.option("--limit", type=click.IntRange(1), help="How many, newest first (all).")
@wanted
def export(search: Search, form: str, target: BinaryIO, limit: int | None) -> None:
    """Write articles as JSON lines, CSV or Parquet, newest first, however many there are."""
    database = open_to_look(search.site)
    with messages.status("exporting"):
        count = _FORMATS[form](target, _rows(database, search, limit))
    messages.print(f"{count:,} articles", highlight=False)


def _get(database: Database, article: str) -> Row:
    key = int(article) if article.isdigit() else article
    row = database.run(lambda connection: store.get(connection, key))
    if row is None:
        raise click.ClickException(f"no article {article}: `newscrawl articles list` shows ids")
    return row


def _show(search: Search, limit: int) -> None:
    database = open_to_look(search.site)
    rows = database.run(lambda connection: list(store.search(connection, search, limit=limit)))
    total = database.run(lambda connection: store.count(connection, search))
    shown = [(row.id, row.site, row.published, row.title) for row in rows]
    show_rows(("id", "site", "published", "title"), shown, "no articles")
    messages.print(f"{len(rows):,} of {total:,} articles", highlight=False)


def _rows(database: Database, search: Search, limit: int | None) -> Iterator[Mapping[str, Any]]:
    # not database.run: what was written out cannot be taken back and read again
    with database.engine.connect() as connection:
        for row in store.search(connection, search, limit=limit):
            yield row._mapping


def _fields(row: Row) -> Iterator[tuple[str, object, object]]:
    for name in _EXPORTED:
        value = getattr(row, name)
        if name != "body":
            shown = ", ".join(value) if isinstance(value, list) else value.hex() if isinstance(value, bytes) else value
            yield name, shown, row.sources.get(name)
