"""The migrations make the tables that the code expects, once, whoever runs them at the same time."""

from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from newscrawl.store import Database, connect
from newscrawl.store.migrate import VERSION_TABLE, migrate, status
from newscrawl.store.tables import metadata
from sqlalchemy import make_url, text


def test_migrations_and_tables_agree(migrated: Database) -> None:
    with migrated.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_several_at_once_migrate_an_empty_database_once(mysql_url: str) -> None:
    url = make_url(mysql_url)
    name = f"{url.database}_empty"
    with connect(mysql_url).engine.begin() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        databases = [connect(url.set(database=name).render_as_string(hide_password=False)) for _ in range(4)]
        assert status(databases[0]).current is None
        with ThreadPoolExecutor(4) as pool:
            before = list(pool.map(migrate, databases))
        assert sorted(one.up_to_date for one in before) == [False, True, True, True]
        assert status(databases[0]).up_to_date
        for one in databases:
            one.engine.dispose()
    finally:
        with connect(mysql_url).engine.begin() as connection:
            connection.execute(text(f"DROP DATABASE {name}"))
