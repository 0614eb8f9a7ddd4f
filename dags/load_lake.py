"""Loads yesterday's articles into the lake, a task for each site; it is there where the chart's `lake` names a lake.

A day that was not loaded, because the lake or Airflow was down or no lake was named, is loaded with a later one.
Started by hand with a `day`, it loads all sites of that day again: what is in the lake is replaced, nothing is there
twice.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from airflow.sdk import DAG, Param, get_current_context, task
from newscrawl import settings


def lake_dag() -> DAG:
    """The DAG; its tasks run on the default queue."""
    with DAG(
        "load_lake",
        description="load yesterday's articles into the lake",
        doc_md=__doc__,
        # days are those of UTC; what was fetched at their end is stored a few seconds later
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        schedule="30 0 * * *",
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        params={"day": Param(None, type=["null", "string"], format="date", description="load this day again")},
        tags=["newscrawl", "lake"],
        default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": 2.0},
    ) as dag:

        @task
        def due() -> list[dict[str, str]]:
            """The days and sites to load."""
            from newscrawl.context import now, open_database
            from newscrawl.lake import load
            from newscrawl.lake.filesystem import open_lake

            told = settings.load()
            lake, database = open_lake(told.require_lake(), told.lake_options), open_database(told)
            if asked := get_current_context()["params"]["day"]:
                day = date.fromisoformat(asked)
                wanted = [(day, site) for site in load.sites_to_load(database, lake, day)]
            else:
                wanted = load.due(database, lake, now())
            return [{"day": day.isoformat(), "site": site} for day, site in wanted]

        @task(map_index_template="{{ task.op_kwargs['site'] }} {{ task.op_kwargs['day'] }}")
        def load(day: str, site: str) -> int:
            """How many articles the lake's file of the day now holds."""
            from newscrawl.context import open_database
            from newscrawl.lake.filesystem import open_lake
            from newscrawl.lake.load import load_articles

            told = settings.load()
            lake, database = open_lake(told.require_lake(), told.lake_options), open_database(told)
            loaded = load_articles(database, lake, date.fromisoformat(day), site)
            print(f"{loaded.records:,} articles, {loaded.bytes:,} bytes in {lake.name}/{loaded.path}")
            return loaded.records or 0

        load.expand_kwargs(due())
    return dag


if settings.load().lake_url is not None:
    dag = lake_dag()
