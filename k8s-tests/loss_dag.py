"""Tasks that note each of their tries in MySQL, when it begins and that it ended.

The tests mount these DAGs: a run of `loss` has a plan that says how long each task takes, one of `first` has one task.
"""

import json
import os
import time
from contextlib import closing
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

import pymysql
import tenacity
from airflow.sdk import DAG, get_current_context, task

QUEUES = ("left", "right")


def execute(sql: str, *values: object) -> None:
    """Execute one statement in the articles database; MySQL may be away meanwhile, as an upgrade restarts it."""
    url = urlsplit(os.environ["NEWSCRAWL_MYSQL_URL"])
    login = {"user": unquote(url.username or ""), "password": unquote(url.password or "")}
    place = {"host": url.hostname, "port": url.port or 3306, "database": url.path.lstrip("/").split("?")[0]}
    connect = tenacity.retry(
        stop=tenacity.stop_after_delay(300),
        wait=tenacity.wait_fixed(1),
        retry=tenacity.retry_if_exception_type(pymysql.err.OperationalError),
        reraise=True,
    )(pymysql.connect)
    with closing(connect(**login, **place, autocommit=True)) as connection, connection.cursor() as cursor:
        cursor.execute(sql, values)


with DAG("loss", start_date=datetime(2026, 1, 1), schedule=None, catchup=False, params={"plan": "[]"}) as dag:

    @task
    def plan(share: int, params: dict | None = None) -> list[list[float]]:
        """A queue's share of the tasks: [number, seconds] each."""
        return json.loads(params["plan"])[share :: len(QUEUES)]

    def work(one: list[float]) -> None:
        """Take so many seconds, with a row for this try that says whether it came to its end."""
        context = get_current_context()
        key = (context["run_id"], one[0], context["ti"].try_number)
        execute("INSERT INTO loss (run, number, try) VALUES (%s, %s, %s)", *key)
        time.sleep(one[1])
        execute("UPDATE loss SET ended = ended + 1 WHERE run = %s AND number = %s AND try = %s", *key)

    for index, queue in enumerate(QUEUES):
        planned = plan.override(task_id=f"plan_{queue}")(index)
        own = task(task_id=f"on_{queue}", queue=queue, pool=queue, retries=5, retry_delay=timedelta(seconds=5))(work)
        own.expand(one=planned)

with DAG("first", start_date=datetime(2026, 1, 1), schedule=None, catchup=False) as first:

    @task
    def begin() -> None:
        """Note when the first task of a run on the default queue begins."""
        execute("INSERT INTO loss (run, number, try) VALUES (%s, 0, 1)", get_current_context()["run_id"])

    begin()
