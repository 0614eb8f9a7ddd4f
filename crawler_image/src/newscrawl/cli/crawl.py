"""`newscrawl crawl`: a whole crawl of one site in this terminal, with what a DAG does in its tasks."""

from __future__ import annotations

import multiprocessing
import secrets
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from newscrawl.cli.options import When, messages, output, print_json, table, with_profiles
from newscrawl.cli.runs import print_failures
from newscrawl.context import check_redis, find_profile, open_database
from newscrawl.crawl import Discovery, discover_site, fetch_batch, report
from newscrawl.settings import Settings
from newscrawl.store import StoreUnavailable, runs
from newscrawl.store.runs import Failure

_LOOK_SECONDS = 0.5


@click.command()
@click.argument("site")
@click.option("--limit", type=click.IntRange(1), help="Visit at most so many URLs (the profile's crawl.max_articles).")
@click.option("--since", type=When(), help="Leave out links known to be older (2026-03-01, UTC without offset).")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that fetch.")
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object.")
def crawl(site: str, limit: int | None, since: datetime | None, workers: int, as_json: bool) -> None:
    """Crawl SITE: discover its links, fetch what is new, store the articles, report.

    Can be stopped anywhere and run again: it goes on where it was. More workers do not ask the site any faster than
    its profile allows, they only keep up with it. Exit code 1 when the run failed.
    """
    settings = with_profiles()
    find_profile(site, settings)
    settings.require_mysql()
    check_redis(settings)
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=messages, disable=not messages.is_terminal) as progress:
        finding = progress.add_task(f"{site}: discovering", total=None)
        found = discover_site(
            site,
            run_key=f"cli:{site}:{secrets.token_hex(8)}",
            limit=limit,
            since=since,
            settings=settings,
            on_found=lambda count: progress.update(finding, completed=count),
        )
        progress.update(finding, total=found.found, completed=found.found)
        try:
            _fetch_all(found, workers, settings, progress)
        except StoreUnavailable:
            raise  # a report would only wait for it once more
        except BaseException:
            report(found.run_id, settings=settings)
            messages.print(f"stopped; `newscrawl crawl {site}` goes on where it was")
            raise
    told = report(found.run_id, settings=settings)
    if as_json:
        print_json(told)
    else:
        _show(told)
    sys.exit(0 if told["ok"] else 1)


def _fetch_all(found: Discovery, workers: int, settings: Settings, progress: Progress) -> None:
    with _watching(found, settings, progress):
        if workers == 1:
            for batch in found.batches:
                fetch_batch(found.run_id, batch, settings=settings)
            return
        # a fork of this process would share its database connections; the fork server has none, and imports once
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["newscrawl.batch"])
        with ProcessPoolExecutor(workers, context) as pool:
            batches = [pool.submit(fetch_batch, found.run_id, batch, settings=settings) for batch in found.batches]
            try:
                for future in as_completed(batches):
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@contextmanager
def _watching(found: Discovery, settings: Settings, progress: Progress) -> Iterator[None]:
    """Shows how many URLs were visited, by whichever process."""
    database = open_database(settings)
    planned = database.run(lambda connection: runs.planned(connection, found.run_id))
    bar = progress.add_task(f"{found.site}: fetching", total=planned)
    over = threading.Event()

    def look() -> None:
        # a database that is away is the workers' to complain about
        with suppress(StoreUnavailable):
            progress.update(bar, completed=database.run(lambda connection: runs.visited(connection, found.run_id)))

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
        look()
    finally:
        over.set()


def _show(told: dict[str, Any]) -> None:
    counts = {name: count for name, count in told["counts"].items() if name not in ("filled", "hubs", "elsewhere")}
    output.print(table(tuple(counts), [tuple(counts.values())]))
    print_failures(tuple(Failure(**failure) for failure in told["failures"]))
    verdict = "succeeded" if told["ok"] else f"failed: {told['reason']}"
    click.echo(f"run {told['run_id']} of {told['site']} {verdict} ({told['seconds']} s)")
    if told["next_visit"]:
        click.echo(f"{counts['waiting']} URLs that failed are tried again from {told['next_visit']} on")
    for url, kind in told["counts"].get("hubs", {}).items():
        click.echo(f"{url}: {kind}; asked again by the next run")
    for other, count in told["counts"].get("elsewhere", {}).items() if told["ok"] else ():
        click.echo(f"{count} links belong to site {other}, which goes on with them")
