"""A real Redis and a real MySQL for the unit tests, each in a container of its own, gone when the tests end."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping

import pymysql
import redis
import tenacity
from redis.backoff import NoBackoff
from redis.retry import Retry

from cluster import versions
from cluster.steps import StepFailed, run, succeeds

OWNER_LABEL = "newscrawl-airflow.tests"
START_SECONDS = 180  # a busy machine; a few seconds on a quiet one
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
    with container(environment, versions.REDIS_IMAGE, 6379, start) as found:
        url = f"redis://:{password}@127.0.0.1:{published(found, 6379, environment)}/0"
        # await_answer asks again, and sooner than the client would
        with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client:
            await_answer(found, environment, client.ping, redis.RedisError)
        yield url


@contextlib.contextmanager
def mysql_server(docker: Mapping[str, str]) -> Iterator[str]:
    """The URL of a MySQL without a database, whose user may make databases and users."""
    password = secrets.token_hex(8)
    environment = {**docker, "TESTS_PASSWORD": password}
    memory = ("--tmpfs", "/var/lib/mysql:uid=999,gid=999")
    login = {"host": "127.0.0.1", "user": "tests", "password": password}
    with container(environment, versions.MYSQL_IMAGE, 3306, MYSQL_START, *memory) as found:
        port = published(found, 3306, environment)
        await_answer(found, environment, lambda: pymysql.connect(port=port, **login).close(), pymysql.MySQLError)
        yield f"mysql+pymysql://tests:{password}@127.0.0.1:{port}"


@contextlib.contextmanager
def container(environment: Mapping[str, str], image: str, port: int, script: str, *options: str) -> Iterator[str]:
    """Run `script` in a container of the image that publishes `port`; its id. It is gone with the test process."""
    _remove_orphans(environment)
    words = ("run", "-d", "--label", f"{OWNER_LABEL}={os.getpid()}", "-e", "TESTS_PASSWORD", *options)
    publish = ("--user", "999:999", "-p", f"127.0.0.1::{port}", "--entrypoint", "bash")
    found = run("docker", *words, *publish, image, "-c", script, environment=environment).strip()
    try:
        yield found
    finally:
        run("docker", "rm", "-f", "-v", found, environment=environment)


def published(container: str, port: int, environment: Mapping[str, str]) -> int:
    """The port of the loopback interface that leads to `port`, a new one at each start. Raises StepFailed."""
    try:
        address = run("docker", "port", container, str(port), environment=environment).split()[0]
    except StepFailed:  # it has ended already
        raise _no_answer(container, environment, "it ended at its start") from None
    return int(address.rsplit(":", 1)[1])


def await_answer(
    container: str, environment: Mapping[str, str], probe: Callable[[], object], error: type[Exception]
) -> None:
    """Wait until the probe raises no `error` any more. Raises StepFailed with the container's last lines."""
    inspect = ("docker", "container", "inspect", "-f", "{{.State.Running}}", container)

    def over() -> bool:
        try:
            probe()
        except error:
            return run(*inspect, environment=environment).strip() != "true"
        return True

    tenacity.Retrying(
        stop=tenacity.stop_after_delay(START_SECONDS),
        wait=tenacity.wait_fixed(0.2),
        retry=tenacity.retry_if_result(lambda ended: not ended),
        retry_error_callback=lambda _: None,
    )(over)
    try:
        probe()
    except error as failure:
        raise _no_answer(container, environment, str(failure)) from None


def _remove_orphans(environment: Mapping[str, str]) -> None:
    """Remove what test processes left that were killed."""
    template = f'{{{{.ID}}}} {{{{.Label "{OWNER_LABEL}"}}}}'
    words = ("ps", "-a", "--filter", f"label={OWNER_LABEL}", "--format", template)
    for line in run("docker", *words, environment=environment).splitlines():
        container, owner = line.split()
        if not _alive(int(owner)):
            succeeds("docker", "rm", "-f", "-v", container, environment=environment)  # another process may be faster


def _alive(pid: int) -> bool:
    """Whether there is a process of this id, of whichever user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _no_answer(container: str, environment: Mapping[str, str], why: str) -> StepFailed:
    logs = run("sh", "-c", 'docker logs --tail 20 "$0" 2>&1', container, environment=environment)
    return StepFailed(f"a server of the tests does not answer: {why}; its last lines:\n{logs}")
