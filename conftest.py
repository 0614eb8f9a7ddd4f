"""What the tests of every package share: a real Redis and a real MySQL, started once for a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
from cluster import engine, hdfs, images, services
from sqlalchemy.engine import make_url

# before its tests: to pytest their folder queue_scaler/ would be the package of the same name
import queue_scaler  # noqa: F401


@pytest.fixture(scope="session")
def docker() -> dict[str, str]:
    """The environment of a docker engine that has the MySQL and Redis images."""
    found = engine.environment()
    images.ensure_service_images(found, images.registry_reachable(found)[0])
    return found


@pytest.fixture(scope="session")
def redis_url(docker: dict[str, str]) -> Iterator[str]:
    """An empty Redis; a test that needs it empty flushes it."""
    with services.redis_server(docker) as url:
        yield url


@pytest.fixture(scope="session")
def mysql_server_url(docker: dict[str, str]) -> Iterator[str]:
    """A MySQL whose user may make databases and users."""
    with services.mysql_server(docker) as url:
        yield url


@pytest.fixture(scope="session")
def mysql_url(mysql_server_url: str) -> str:
    """A database of this test session."""
    url = make_url(mysql_server_url)
    with pymysql.connect(host=url.host, port=url.port, user=url.username, password=url.password) as connection:
        connection.cursor().execute("CREATE DATABASE tests")
    return f"{mysql_server_url}/tests"


@pytest.fixture(scope="session")
def hadoop_jars() -> Path:
    """The jars that a real HDFS needs; skips where Java or Maven cannot be had."""
    try:
        return hdfs.jars()
    except hdfs.NoJava as error:
        pytest.skip(f"no HDFS without Java and Maven: {error}")
