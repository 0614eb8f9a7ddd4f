"""An empty articles database for each test, on the real server that the root conftest starts."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import hdfs
from newscrawl.store import Database, connect
from newscrawl.store.migrate import migrate
from newscrawl.store.tables import metadata

# tests are imported by path (importlib mode); what they share is imported by name
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fetch")]


@pytest.fixture(scope="session")
def migrated(mysql_url: str) -> Database:
    database = connect(mysql_url, patience=5)
    migrate(database)
    return database


@pytest.fixture
def database(migrated: Database) -> Iterator[Database]:
    yield migrated
    # DELETE: for a few rows it is much faster than TRUNCATE, which makes each table anew
    with migrated.engine.begin() as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())


@pytest.fixture(scope="session")
def hdfs_url(hadoop_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real HDFS, empty."""
    with hdfs.server(hadoop_jars, tmp_path_factory.mktemp("hdfs")) as url:
        yield url


@pytest.fixture(scope="session")
def gcs_url() -> Iterator[str]:
    """A server that speaks GCS, with an empty bucket `lake`."""
    from gcp_storage_emulator.server import create_server

    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="lake")
    server.start()
    yield f"http://127.0.0.1:{server._api._httpd.server_port}"
    server.stop()
