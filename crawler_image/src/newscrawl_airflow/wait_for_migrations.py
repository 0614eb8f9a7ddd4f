"""Waits until the metadata database is as the image expects it, then becomes the component that uses it.

It makes `helm install --wait` and Argo CD safe: the migration is an ordinary Job that nothing hooks on, and the
components start by themselves when it is done. The API server waits for all of that Job, the admin and the connections
included, so that a ready API server means an installation that can be used.

It is no init container: those do not run again when a container does, and a scheduler that MySQL's absence ended would
fail again and again, while Kubernetes waits ever longer between its starts.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing
from pathlib import Path

import click
import pymysql

from newscrawl_airflow.metadata_database import BOOTSTRAP_TABLE, URL_VARIABLE, connect
from newscrawl_airflow.migration_heads import HEADS_FILE

NO_SUCH_TABLE = 1146
INTERVAL = 1.0
# a Job that has ended does not run again by itself, also where MySQL has lost its data or got back older one since
REMEDY = (
    "look at the log of the Job that migrates (kubectl logs -l app.kubernetes.io/component=bootstrap); "
    "where MySQL has lost its data since, or got back older data, let it run again: "
    "kubectl delete job -l app.kubernetes.io/component=bootstrap, then helm upgrade with the same values"
)


def missing(url: str, expected: dict[str, list[str]]) -> str | None:
    """What is not as expected yet, None when all is; `expected` maps version table to revisions."""
    try:
        with closing(connect(url)) as connection, connection.cursor() as cursor:
            for table, heads in expected.items():
                cursor.execute(f"SELECT version_num FROM {table}")
                found = sorted(version for (version,) in cursor.fetchall())
                if found != heads:
                    return f"{table} is at {', '.join(found) or 'nothing'}, expected is {', '.join(heads)}"
    except pymysql.err.ProgrammingError as error:
        if error.args[0] != NO_SUCH_TABLE:
            raise
        return f"there is no table {table}"
    except pymysql.err.OperationalError as error:
        return f"MySQL does not answer: {error.args[-1]}"
    return None


@click.command()
@click.option("--timeout", default=600.0, show_default=True, help="seconds to wait before giving up with exit code 1")
@click.option(
    "--heads", type=click.Path(exists=True, path_type=Path), default=HEADS_FILE, help="the expected revisions"
)
@click.option("--bootstrap", metavar="STATE", help="wait also until the bootstrap Job has brought this about")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def main(timeout: float, heads: Path, bootstrap: str | None, command: tuple[str, ...]) -> None:
    """Wait until AIRFLOW__DATABASE__SQL_ALCHEMY_CONN is migrated to what this image expects, then become COMMAND."""
    expected = json.loads(heads.read_text())
    if bootstrap:
        expected[BOOTSTRAP_TABLE] = [bootstrap]
    started = time.monotonic()
    said = ""
    while (reason := missing(os.environ[URL_VARIABLE], expected)) is not None:
        waited = time.monotonic() - started
        if waited > timeout:
            click.echo(f"gave up after {waited:.0f} s: {reason}; {REMEDY}", err=True)
            sys.exit(1)
        if reason != said:
            click.echo(f"{waited:.0f} s: waiting: {reason}")
            said = reason
        time.sleep(INTERVAL)
    click.echo(f"{time.monotonic() - started:.0f} s: the database is ready")
    sys.stdout.flush()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
