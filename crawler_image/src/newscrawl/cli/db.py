"""`newscrawl db`: the tables of the articles database."""

import sys

import click

from newscrawl import settings
from newscrawl.cli.options import messages, open_to_look
from newscrawl.context import open_database
from newscrawl.store import migrate


@click.group()
def db() -> None:
    """Make and check the tables in MySQL."""


@db.command("migrate")
def migrate_() -> None:
    """Bring the database to the tables that this version needs.

    Safe to run again and from several places at once: a lock of the server lets one go first.
    """
    database = open_database(settings.load())
    with messages.status(f"migrating {database.name}"):
        before = migrate.migrate(database)
    if before.up_to_date:
        click.echo(f"{database.name}: up to date at {before.needed}")
    else:
        click.echo(f"{database.name}: migrated from {before.current or 'nothing'} to {before.needed}")


@db.command()
def status() -> None:
    """Say which tables the database has and which are needed; exit code 1 when they differ."""
    database = open_to_look()
    found = migrate.status(database)
    if found.up_to_date:
        click.echo(f"{database.name}: up to date at {found.needed}")
    else:
        click.echo(
            f"{database.name}: has {found.current or 'nothing'}, needs {found.needed}: run `newscrawl db migrate`"
        )
        sys.exit(1)
