"""The migrations make the tables that the code expects, once, whoever runs them at the same time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from newscrawl.store import connect
from newscrawl.store.migrate import VERSION_TABLE, migrate, status
from newscrawl.store.tables import metadata
from sqlalchemy import URL, make_url, text


@pytest.fixture
def empty(mysql_url: str) -> Iterator[URL]:
    """A database of its own, as the session's may hold tables of others."""
    url = make_url(mysql_url)
    name = f"{url.database}_empty"
    with connect(mysql_url).engine.begin() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield url.set(database=name)
    with connect(mysql_url).engine.begin() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))


def test_migrations_and_tables_agree(empty: URL) -> None:
    database = connect(empty.render_as_string(hide_password=False))
    migrate(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.engine.dispose()


def test_several_at_once_migrate_an_empty_database_once(empty: URL) -> None:
    databases = [connect(empty.render_as_string(hide_password=False)) for _ in range(4)]
    assert status(databases[0]).current is None
    with ThreadPoolExecutor(4) as pool:
        before = list(pool.map(migrate, databases))
    assert sorted(one.up_to_date for one in before) == [False, True, True, True]
    assert status(databases[0]).up_to_date
    for one in databases:
        one.engine.dispose()
