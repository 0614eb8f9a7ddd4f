"""`newscrawl crawl`: a whole crawl of one site in this terminal, with what a DAG does in its tasks."""

from __future__ import annotations

import multiprocessing
import secrets
import sys
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from newscrawl import settings as environment
from newscrawl.cli.options import When, messages, output, print_json, table
from newscrawl.cli.runs import failure_table
from newscrawl.context import open_database
from newscrawl.crawl import BatchResult, Discovery, discover_site, fetch_batch, report
from newscrawl.settings import Settings
from newscrawl.store import runs
from newscrawl.store.runs import Failure

_POLL_SECONDS = 0.5


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
    settings = environment.load()
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=messages) as progress:
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
        except KeyboardInterrupt:
            messages.print(f"stopped; `newscrawl crawl {site}` goes on where it was")
            raise
        finally:
            told = report(found.run_id, settings=settings)
    if as_json:
        print_json(told)
    else:
        _show(told)
    sys.exit(0 if told["ok"] else 1)


def _fetch_all(found: Discovery, workers: int, settings: Settings, progress: Progress) -> None:
    database = open_database(settings)
    bar = progress.add_task(f"{found.site}: fetching", total=database.run(_planned(found)))
    with _pool(workers) as pool:
        pending: set[Future[BatchResult]] = {
            pool.submit(fetch_batch, found.run_id, batch, settings=settings) for batch in found.batches
        }
        try:
            while pending:
                done, pending = wait(pending, _POLL_SECONDS)
                progress.update(bar, completed=database.run(lambda connection: runs.visited(connection, found.run_id)))
                for future in done:
                    future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _planned(found: Discovery) -> Any:
    return lambda connection: runs.planned(connection, found.run_id)


def _pool(workers: int) -> Executor:
    if workers == 1:
        return ThreadPoolExecutor(1)
    # spawn: a forked child would share the parent's database connections
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))


def _show(told: dict[str, Any]) -> None:
    counts = told["counts"]
    output.print(table(tuple(counts), [tuple(counts.values())]))
    if told["failures"]:
        output.print(failure_table(tuple(Failure(**failure) for failure in told["failures"])))
    verdict = "succeeded" if told["ok"] else f"failed: {told['reason']}"
    click.echo(f"run {told['run_id']} of {told['site']} {verdict} ({told['seconds']} s)")
    if told["next_visit"]:
        click.echo(f"{counts['waiting']} URLs that failed are tried again from {told['next_visit']} on")
