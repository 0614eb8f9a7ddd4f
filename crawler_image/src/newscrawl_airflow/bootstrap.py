"""Makes an installation's databases and its objects as the chart's values say: the Job of each install and upgrade.

Migrations first, then the tables of the results database, the admin, and last the connections, variables and pools of
the values. It can be run any number of times; what it made carries a mark in its description, so that an object that
leaves the values leaves Airflow too, while what people made in the UI stays.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing

import click
import pymysql

from newscrawl_airflow import metadata_database, results_database

# what the Job's own log shows of each step
STEPS = (["airflow", "db", "migrate"], ["newscrawl", "db", "migrate"])


def wait_for_mysql(url: str, timeout: float) -> None:
    """Return when MySQL lets the user in; raises TimeoutError after `timeout` seconds."""
    started = time.monotonic()
    said = ""
    while True:
        try:
            metadata_database.connect(url).close()
            return
        except pymysql.err.OperationalError as error:
            reason = str(error.args[-1])
        if time.monotonic() - started > timeout:
            raise TimeoutError(f"MySQL does not let us in after {timeout:.0f} s: {reason}")
        if reason != said:
            click.echo(f"waiting for MySQL: {reason}")
            said = reason
        time.sleep(1)


def step(name: str, started: float) -> None:
    """Say that a step begins, and when."""
    click.echo(f"{time.monotonic() - started:5.1f} s  {name}")
    sys.stdout.flush()


@click.command()
@click.option("--timeout", default=300.0, show_default=True, help="seconds to wait for MySQL")
def main(timeout: float) -> None:
    """Migrate the databases, then bring the admin, connections, variables and pools in step with the values.

    Reads AIRFLOW__DATABASE__SQL_ALCHEMY_CONN, AIRFLOW__CELERY__RESULT_BACKEND, NEWSCRAWL_MYSQL_URL, ADMIN_*,
    RELEASE_NAME and BOOTSTRAP_STATE, and the files connections.json, variables.json and pools.json of
    /etc/newscrawl-airflow/bootstrap.
    """
    started = time.monotonic()
    try:
        step("wait for MySQL", started)
        wait_for_mysql(os.environ[metadata_database.URL_VARIABLE], timeout)
        for command in STEPS:
            step(" ".join(command), started)
            subprocess.run(command, check=True)
        step("tables of the results database", started)
        results_database.create_tables(results_database.connect())
        # imported only now: Airflow's models want a migrated database
        from newscrawl_airflow import admin_user, managed_objects

        step("admin user", started)
        admin_user.ensure(os.environ)
        step("connections, variables, pools", started)
        managed_objects.synchronize(os.environ)
        with closing(metadata_database.connect(os.environ[metadata_database.URL_VARIABLE])) as connection:
            metadata_database.mark_bootstrapped(connection, os.environ["BOOTSTRAP_STATE"])
    except (TimeoutError, subprocess.CalledProcessError, ValueError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    step("done", started)


if __name__ == "__main__":
    main()
