"""Brings the articles database to the tables that this version of the crawler needs.

The chart's bootstrap Job and a person run the same `newscrawl db migrate`, perhaps at the same moment: a named lock of
the server lets one go first, and the other then finds nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from newscrawl.store.database import Database

# the database may be shared with another program that keeps its own alembic_version
VERSION_TABLE = "newscrawl_version"
_LOCK = "newscrawl.migrate"
_LOCK_SECONDS = 300


class MigrationBusy(Exception):
    """Another migration held the lock for too long."""


@dataclass(frozen=True)
class Status:
    """The revision that the database has (None when empty) and the one that this code needs."""

    current: str | None
    needed: str

    @property
    def up_to_date(self) -> bool:
        """Whether there is nothing to migrate."""
        return self.current == self.needed


def status(database: Database) -> Status:
    """What `migrate` would start from and end with."""
    return Status(database.run(_current), _needed())


def migrate(database: Database) -> Status:
    """Applies every missing migration and returns the status from before; raises MigrationBusy after five minutes."""

    def upgrade(connection: Connection) -> Status:
        before = Status(_current(connection), _needed())
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return before

    def locked(connection: Connection) -> Status:
        name = {"name": f"{_LOCK}.{connection.engine.url.database}"[:64], "seconds": _LOCK_SECONDS}
        if connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), name) != 1:
            raise MigrationBusy(
                f"{database.name}: another `newscrawl db migrate` has run for {_LOCK_SECONDS} s; see whether it hangs"
            )
        try:
            # in a transaction of its own: whoever gets the lock next has to find it committed
            return database.run(upgrade)
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), name)

    return database.run(locked)


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _needed() -> str:
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "the package holds no migrations"
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config
