"""`newscrawl reparse`: the articles of a site anew from its raw pages."""

from __future__ import annotations

from datetime import datetime

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from newscrawl import reparse as pages
from newscrawl.cli.options import When, messages, show, with_profiles
from newscrawl.context import find_profile


@click.command()
@click.argument("site")
@click.option("--since", type=When(), help="Only pages fetched at this time or later (2026-03-01, UTC without offset).")
@click.option("--after", type=int, default=0, help="Go on after this id, which the message of a stopped run names.")
def reparse(site: str, since: datetime | None, after: int) -> None:
    """Read the kept pages of SITE again, with today's profile, and store what comes out differently.

    Nothing is fetched; an article that changes keeps its past. With a lake (NEWSCRAWL_LAKE_URL) run it
    anywhere, without one in each worker whose volume holds pages.
    """
    settings = with_profiles()
    find_profile(site, settings)
    settings.require_mysql()
    columns = SpinnerColumn(), TextColumn("{task.description}: {task.completed} pages"), TimeElapsedColumn()
    with Progress(*columns, console=messages, disable=not messages.is_terminal) as progress:
        reading = progress.add_task(f"{site}: reading", total=None)
        outcomes = pages.reparse(
            site,
            since=since,
            after=after,
            settings=settings,
            on_pages=lambda count: progress.advance(reading, count),
        )
    counted = [(count, outcome) for outcome, count in sorted(outcomes.items())]
    show(("pages", "outcome"), counted, "no pages are kept")
