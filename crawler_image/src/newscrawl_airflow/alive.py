"""The liveness probes: cheap, and true about the two things that a running process hides.

A worker can answer a ping and consume nothing after a Redis restart; a scheduler's process can live while its loop
hangs. Where Redis or MySQL themselves do not answer, a restart would help nobody: the probe says so and passes, but
for a component that is still to start: that one is not ready.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import closing
from urllib.parse import urlsplit

import click

from newscrawl_airflow import worker_state
from newscrawl_airflow.worker_state import WorkerState

# seconds; a worker gives a sign of life each second, Airflow's jobs every 5 s
STALE_WORKER = 30.0
STALE_JOB = 60.0
READ_SECONDS = 300.0
JOB_TYPES = {"scheduler": "SchedulerJob", "triggerer": "TriggererJob", "dag-processor": "DagProcessorJob"}


def worker_verdict(state: WorkerState | None, queue: str, now: float, *, draining: bool) -> str | None:
    """Why the worker is not well, None when it is; `now` in seconds since 1970."""
    if draining:
        return None
    if state is None:
        return "the worker has not said that it is ready"
    if now - state.written > STALE_WORKER:
        return f"the worker's last sign of life was {now - state.written:.0f} s ago"
    if queue not in state.queues:
        return f"the worker does not consume its queue {queue}, only {sorted(state.queues)}"
    return None


def answers(url: str, timeout: float = 3.0) -> bool:
    """Whether the host of a redis:// or mysql URL accepts a connection within `timeout` seconds."""
    parts = urlsplit(url)
    port = parts.port or (6379 if parts.scheme.startswith("redis") else 3306)
    try:
        socket.create_connection((parts.hostname or "localhost", port), timeout).close()
    except OSError:
        return False
    return True


def job_verdict(database_url: str, job_type: str, hostnames: set[str]) -> str | None:
    """Why Airflow's job of this type on this host is not well, None when it is; raises pymysql.err.OperationalError."""
    from newscrawl_airflow.metadata_database import connect

    query = (
        "SELECT MIN(TIMESTAMPDIFF(SECOND, latest_heartbeat, UTC_TIMESTAMP())) FROM job"
        " WHERE job_type = %s AND state = 'running' AND hostname IN %s"
    )
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(query, (job_type, sorted(hostnames)))
        (age,) = cursor.fetchone() or (None,)
    if age is None:
        return f"no running {job_type} on {sorted(hostnames)}"
    return f"the last heartbeat of {job_type} was {age} s ago" if age > STALE_JOB else None


def sites_verdict(database_url: str, files: set[str], hostnames: set[str]) -> str | None:
    """Which of the sites' DAG files the DAG processor of this host has not read yet.

    None when each is a DAG or an import error, and when it has run for READ_SECONDS: a file that never becomes either
    must not keep the others from being read. Raises pymysql.err.OperationalError.
    """
    from newscrawl_airflow.metadata_database import connect

    read = (
        "SELECT relative_fileloc FROM dag WHERE bundle_name = 'sites'"
        " UNION SELECT filename FROM import_error WHERE bundle_name = 'sites'"
    )
    age = (
        "SELECT TIMESTAMPDIFF(SECOND, MAX(start_date), UTC_TIMESTAMP()) FROM job"
        " WHERE job_type = 'DagProcessorJob' AND state = 'running' AND hostname IN %s"
    )
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(read)
        missing = sorted(files - {name for (name,) in cursor.fetchall()})
        cursor.execute(age, (sorted(hostnames),))
        (seconds,) = cursor.fetchone() or (None,)
    if missing and (seconds or 0) < READ_SECONDS:
        return f"not read yet: {', '.join(missing)}"
    return None


def _check_worker() -> str | None:
    queue = os.environ["NEWSCRAWL_QUEUE"]
    verdict = worker_verdict(worker_state.read(), queue, time.time(), draining=worker_state.DRAIN_FILE.exists())
    # without MySQL the main process may wait until it can write a result, while its other tasks run
    for party, url in (("Redis", "AIRFLOW__CELERY__BROKER_URL"), ("MySQL", "AIRFLOW__CELERY__RESULT_BACKEND")):
        if verdict and not answers(os.environ[url]):
            click.echo(f"{verdict}; but {party} does not answer, so a restart would not help")
            return None
    return verdict


def _check_job(component: str, *, starting: bool) -> str | None:
    import pymysql

    from newscrawl_airflow.metadata_database import URL_VARIABLE

    url, hostnames = os.environ[URL_VARIABLE], {socket.gethostname(), socket.getfqdn()}
    try:
        verdict = job_verdict(url, JOB_TYPES[component], hostnames)
        if verdict is None and starting and component == "dag-processor":
            # whoever waits for the release wants to start the DAGs of its sites
            from newscrawl import settings

            from newscrawl_airflow.site_files import dag_files

            verdict = sites_verdict(url, dag_files(settings.load()), hostnames)
        return verdict
    except pymysql.err.ProgrammingError as error:
        return f"the database is not migrated ({error.args[0]})"
    except pymysql.err.OperationalError as error:
        if starting:
            return f"MySQL does not answer ({error.args[0]})"
        click.echo(f"MySQL does not answer ({error.args[0]}), so a restart would not help")
        return None


@click.command()
@click.argument("component", type=click.Choice(["worker", *JOB_TYPES]))
@click.option(
    "--starting", is_flag=True, help="a startup probe: not well without MySQL, and not before the sites' DAGs are there"
)
def main(component: str, starting: bool) -> None:
    """Exit with 0 when this pod's COMPONENT is well, with 1 and the reason when it should be restarted.

    worker: reads NEWSCRAWL_QUEUE, AIRFLOW__CELERY__BROKER_URL and AIRFLOW__CELERY__RESULT_BACKEND; the others
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN.
    """
    verdict = _check_worker() if component == "worker" else _check_job(component, starting=starting)
    if verdict:
        click.echo(verdict)
        sys.exit(1)


if __name__ == "__main__":
    main()
