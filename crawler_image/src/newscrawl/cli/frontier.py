"""`newscrawl frontier`: the URLs, and a second chance for those that failed."""

import click

from newscrawl import settings
from newscrawl.cli.options import open_to_look, show
from newscrawl.context import check_site, open_database
from newscrawl.store import frontier as store
from newscrawl.store.tables import URL_STATES


@click.group()
def frontier() -> None:
    """See every URL ever found, by state, and retry what failed."""


@frontier.command()
@click.option("--site", help="Only this site's URLs.")
def stats(site: str | None) -> None:
    """Count URLs by site and state."""
    database = open_to_look(site)
    counted: dict[str, dict[str, int]] = {}
    for name, state, count in database.run(lambda connection: store.stats(connection, site)):
        counted.setdefault(name, {})[state] = count
    rows = [(name, *(states.get(state, 0) for state in URL_STATES)) for name, states in counted.items()]
    show(("site", *URL_STATES), rows, "no URLs yet")


@frontier.command()
@click.argument("site")
@click.option(
    "--state",
    "states",
    type=click.Choice(["failed", "refused", "gone", "done"]),
    multiple=True,
    default=("failed",),
    show_default=True,
    help="Which URLs; may be given several times.",
)
@click.option("--kind", help="Only those that ended with this kind of error (see `newscrawl sites health`).")
@click.option("--url", help="Only this URL, in its canonical form.")
def retry(site: str, states: tuple[str, ...], kind: str | None, url: str | None) -> None:
    """Make URLs of SITE new again: its next run visits them."""
    told = settings.load()
    database = open_database(told)
    check_site(site, told, database)
    count = database.run(lambda connection: store.retry(connection, site=site, states=states, kind=kind, url=url))
    click.echo(f"{count} URLs of {site} are new again; `newscrawl crawl {site}` visits them")
