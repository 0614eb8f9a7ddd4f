"""`newscrawl runs`: what each crawl did."""

import click
from sqlalchemy import Row

from newscrawl import settings
from newscrawl.cli.options import open_to_look, print_json, show
from newscrawl.context import now
from newscrawl.store import runs as store

_COUNTS = ("found", "new", "stored", "changed", "unchanged", "duplicate", "refused", "gone", "failed")


@click.command()
@click.argument("run_id", type=int, required=False)
@click.option("--site", help="Only this site's runs.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def runs(run_id: int | None, site: str | None, limit: int, as_json: bool) -> None:
    """List the last runs, or show the run RUN_ID with its failures."""
    database = open_to_look(site)
    if run_id is None:
        rows = database.run(lambda connection: store.recent(connection, site, limit=limit))
        failures: tuple[store.Failure, ...] = ()
    else:
        rows = [database.run(lambda connection: store.get(connection, run_id))]
        failures = database.run(lambda connection: store.tally(connection, run_id)).failures
    if as_json:
        for row in rows:
            print_json(dict(row._mapping))
        return
    lines = [
        (row.id, row.site, state_of(row), row.started, row.finished, *(row.counts.get(name, 0) for name in _COUNTS))
        for row in rows
    ]
    show(("run", "site", "state", "started", "finished", *_COUNTS), lines, "no runs yet")
    for row in rows:
        if row.reason:
            click.echo(f"run {row.id} failed: {row.reason}")
    print_failures(failures)


def state_of(run: Row) -> str:
    """The run's state, for a person: one that was killed cannot say so itself."""
    silent = run.state == "running" and run.alive < now() - settings.load().idle
    return "stopped answering" if silent else run.state


def print_failures(failures: tuple[store.Failure, ...]) -> None:
    """A line for each kind of failure, with an example: messages and URLs are too long for a table."""
    for one in failures:
        click.echo(f"{one.count:,} {one.outcome}, {one.kind}: {one.example} [{one.url}]")
