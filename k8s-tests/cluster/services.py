"""A real Redis and a real MySQL for the unit tests, each in a container of its own, gone when the tests end."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping

import pymysql
import redis
import tenacity

from cluster import versions
from cluster.steps import run

OWNER_LABEL = "newscrawl-airflow.tests"
# initialised on a memory file system at every start: half a second to a few seconds, and no trace
MYSQL_START = """
set -eu
mysqld --no-defaults --initialize-insecure --datadir=/var/lib/mysql/data
cat > /tmp/init.sql <<SQL
CREATE USER tests@'%' IDENTIFIED BY '$TESTS_PASSWORD';
GRANT ALL ON *.* TO tests@'%' WITH GRANT OPTION;
SQL
exec mysqld --no-defaults --datadir=/var/lib/mysql/data --init-file=/tmp/init.sql --socket=/tmp/mysqld.sock \\
    --pid-file=/tmp/mysqld.pid --mysqlx=OFF --secure-file-priv=NULL --performance-schema=OFF --skip-log-bin \\
    --character-set-server=utf8mb4 --innodb-buffer-pool-size=128M --innodb-flush-log-at-trx-commit=2
"""


@contextlib.contextmanager
def redis_server(docker: Mapping[str, str]) -> Iterator[str]:
    """The URL of an empty Redis on the loopback interface."""
    password = secrets.token_hex(8)
    environment = {**docker, "TESTS_PASSWORD": password}
    start = 'exec redis-server --save "" --requirepass "$TESTS_PASSWORD" --notify-keyspace-events Kl'
    with _container(environment, versions.REDIS_IMAGE, 6379, start) as port:
        url = f"redis://:{password}@127.0.0.1:{port}/0"
        _await(lambda: redis.Redis.from_url(url).ping(), redis.RedisError)
        yield url


@contextlib.contextmanager
def mysql_server(docker: Mapping[str, str]) -> Iterator[str]:
    """The URL of a MySQL without a database, whose user may make databases and users."""
    password = secrets.token_hex(8)
    environment = {**docker, "TESTS_PASSWORD": password}
    with _container(
        environment, versions.MYSQL_IMAGE, 3306, MYSQL_START, "--tmpfs", "/var/lib/mysql:uid=999,gid=999"
    ) as port:
        _await(
            lambda: pymysql.connect(host="127.0.0.1", port=port, user="tests", password=password).close() or True,
            pymysql.MySQLError,
        )
        yield f"mysql+pymysql://tests:{password}@127.0.0.1:{port}"


@contextlib.contextmanager
def _container(environment: Mapping[str, str], image: str, port: int, script: str, *options: str) -> Iterator[int]:
    _remove_orphans(environment)
    words = ("run", "-d", "--rm", "--label", f"{OWNER_LABEL}={os.getpid()}", "-e", "TESTS_PASSWORD", *options)
    publish = ("--user", "999:999", "-p", f"127.0.0.1::{port}", "--entrypoint", "bash")
    name = run("docker", *words, *publish, image, "-c", script, environment=environment).strip()
    try:
        address = run("docker", "port", name, str(port), environment=environment).split()[0]
        yield int(address.rsplit(":", 1)[1])
    finally:
        run("docker", "rm", "-f", "-v", name, environment=environment)


def _remove_orphans(environment: Mapping[str, str]) -> None:
    """Remove what test processes left that were killed."""
    template = f'{{{{.ID}}}} {{{{.Label "{OWNER_LABEL}"}}}}'
    listed = run(
        "docker", "ps", "-a", "--filter", f"label={OWNER_LABEL}", "--format", template, environment=environment
    )
    for line in listed.splitlines():
        name, owner = line.split()
        if not os.path.exists(f"/proc/{owner}"):
            run("docker", "rm", "-f", "-v", name, environment=environment)


def _await(probe, error: type[Exception]) -> None:
    tenacity.Retrying(
        stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.1), retry=tenacity.retry_if_exception_type(error)
    )(probe)
