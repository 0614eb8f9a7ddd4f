"""Deletes what only grows: old runs in the metadata database, old task logs, old Celery results.

The crawler's own tables are no part of it: articles are the product, and the frontier must remember.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import click
from sqlalchemy import Engine, text

from newscrawl_airflow.results_database import connect

# table of the results database -> its column of time
AGED = {"task_log": "written", "celery_taskmeta": "date_done", "celery_tasksetmeta": "date_done"}
# rows of one statement: a delete of everything at once would hold its locks for minutes
CHUNK = 1000


def delete_old(engine: Engine, before: datetime) -> dict[str, int]:
    """Delete rows older than `before` (aware) from the results database; the number of rows by table."""
    deleted: dict[str, int] = {}
    with engine.connect() as connection:
        for table, column in AGED.items():
            statement = text(f"DELETE FROM {table} WHERE {column} < :before LIMIT {CHUNK}")
            deleted[table] = 0
            while count := connection.execute(
                statement, {"before": before.astimezone(UTC).replace(tzinfo=None)}
            ).rowcount:
                deleted[table] += count
    return deleted


@click.command()
@click.option("--days", type=click.IntRange(min=1), required=True, help="delete what is older than this many days")
def main(days: int) -> None:
    """Delete old task runs from Airflow's metadata, and old task logs and results from the results database."""
    before = datetime.now(UTC) - timedelta(days=days)
    for table, count in delete_old(connect(), before).items():
        click.echo(f"{table}: {count} rows older than {before:%Y-%m-%d %H:%M} UTC deleted")
    sys.stdout.flush()
    command = ["airflow", "db", "clean", "--yes", "--skip-archive", "--clean-before-timestamp", before.isoformat()]
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
