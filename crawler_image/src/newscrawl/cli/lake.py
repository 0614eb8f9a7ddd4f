"""`newscrawl lake`: articles as Parquet and raw responses on HDFS, GCS or a shared folder."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click

from newscrawl import settings
from newscrawl.cli.options import Day, messages, show
from newscrawl.context import check_site, now, open_database
from newscrawl.settings import Settings
from newscrawl.store import lake_files

if TYPE_CHECKING:
    from newscrawl.lake.filesystem import Lake


@click.group()
def lake() -> None:
    """Load the lake at NEWSCRAWL_LAKE_URL, and see what is in it.

    What is loaded again takes the place of what was there: no article is ever in the lake twice, however often a load
    is tried, stopped or killed.
    """


@lake.command()
@click.argument("day", type=Day())
@click.argument("site", required=False)
def load(day: date, site: str | None) -> None:
    """Load the articles that were first fetched on DAY (UTC), of SITE or of all sites, as Parquet.

    A changed article is there with each of its versions, on the day of each.
    """
    from newscrawl.lake.load import load_articles, sites_to_load

    told = settings.load()
    target, database = _open(told), open_database(told)
    if site:
        check_site(site, told, database)
    sites = [site] if site else sites_to_load(database, target, day)
    for one in sites:
        with messages.status(f"loading {one}"):
            loaded = load_articles(database, target, day, one)
        click.echo(f"{one}: {loaded.records:,} articles, {loaded.bytes:,} bytes in {loaded.path}")
    if not sites:
        click.echo(f"no article was fetched on {day}")


@lake.command()
@click.option("--all", "all_days", is_flag=True, help="Also today's files that nobody writes to at this moment.")
@click.option(
    "--keep-days",
    type=click.IntRange(0),
    envvar="NEWSCRAWL_LAKE_KEEP_DAYS",
    help="Delete files here that were copied so long ago (NEWSCRAWL_LAKE_KEEP_DAYS; keep all).",
)
def ship(all_days: bool, keep_days: int | None) -> None:
    """Copy the complete WARC files of NEWSCRAWL_DATA_DIR, those of earlier days, to the lake, each once."""
    from newscrawl.lake.load import ship_warcs

    told = settings.load()
    target, database = _open(told), open_database(told)
    keep = timedelta.max if keep_days is None else timedelta(days=keep_days)
    count = 0
    with messages.status(f"copying {told.warc_dir}"):
        for shipped in ship_warcs(database, target, told.warc_dir, all_days=all_days, keep=keep):
            click.echo(f"{shipped.bytes:,} bytes in {shipped.path}")
            count += 1
    hint = "" if count or all_days else "; --all also copies today's that nobody writes to"
    messages.print(f"{count:,} files copied{hint}", highlight=False)


@lake.command("list")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many files, newest day first."
)
def list_(limit: int) -> None:
    """List what was loaded, and say what is to be; exit code 1 when a file is being written, or its load was killed."""
    from newscrawl.lake.load import due

    told = settings.load()
    target, database = _open(told), open_database(told)
    rows = database.run(lambda connection: lake_files.days(connection, target.name, limit=limit))
    shown = [(row.path, row.state, row.records, row.bytes, row.started, row.loaded) for row in rows]
    show(("file", "state", "articles", "bytes", "started", "loaded"), shown, "nothing was loaded yet")
    if left := due(database, target, now()):
        messages.print(f"{len(left):,} days of a site are to be loaded, from {left[0][0]} on", highlight=False)
    if any(row.state != "loaded" for row in rows):
        sys.exit(1)


def _open(told: Settings) -> Lake:
    from newscrawl.lake.filesystem import open_lake

    return open_lake(told.require_lake(), told.lake_options)
