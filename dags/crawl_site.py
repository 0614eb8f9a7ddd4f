"""The DAG of one site: discover its links, fetch them in batches on the site's queue, report what came of it.

The DAG bundle `sites` shows Airflow this file once per profile, as `crawl_<site>.py`: the name says whose DAG it is.
Everything that differs between sites is in the profile, and all work is in `newscrawl`, which the command line uses
alike; a task passes on ids only and goes on where a killed try was.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException
from newscrawl import profiles, settings
from newscrawl.profiles import Profile, ProfileError
from newscrawl_airflow.site_files import PREFIX, profile_files

DOC = """
Crawls **{name}** ({hosts}) on the queue `{queue}`, as its profile says:
`{file}`.

- `discover` finds links in feeds, sitemaps and list pages, and cuts what is due into batches of {batch_size}.
- `fetch` visits one batch: fetch, archive, extract, prepare, store. A URL that fails is a row in the frontier, not a
  failed task.
- `report` counts, and fails when the run yielded nothing without a good reason.

Start it with a `limit` to visit only that many URLs.
"""


def load_profile(site: str) -> Profile:
    """The site's profile; raises ProfileError, also for a queue that no worker serves."""
    environment = settings.load()
    profile = profiles.load(profile_files(environment)[site])
    queue = profile.crawl.queue
    if environment.queues is not None and queue not in environment.queues:
        raise ProfileError(
            profile.file,
            "crawl.queue",
            profiles.line_of(profile.file, "crawl.queue"),
            f"no worker serves the queue {queue!r} (served: {', '.join(sorted(environment.queues))}): "
            f"add it to the chart's values as workers.queues.{queue}, or use one of those",
        )
    return profile


def crawl_dag(profile: Profile) -> DAG:
    """The DAG of this profile."""
    crawl = profile.crawl
    on_queue: dict[str, Any] = {"queue": crawl.queue, "pool": crawl.queue}

    with DAG(
        f"{PREFIX}{profile.site}",
        description=f"crawl {profile.name}",
        doc_md=DOC.format(
            name=profile.name,
            hosts=", ".join(sorted(profile.hosts)),
            queue=crawl.queue,
            file=profile.file,
            batch_size=crawl.batch_size,
        ),
        # a cron expression is read in the site's own time zone
        start_date=datetime(2026, 1, 1, tzinfo=profile.timezone),
        schedule=crawl.schedule,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=crawl.paused,
        params={"limit": Param(None, type=["null", "integer"], minimum=1, description="visit at most so many URLs")},
        tags=["newscrawl", f"queue:{crawl.queue}", *([profile.language] if profile.language else [])],
        default_args={
            "retries": crawl.retries,
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=10),
        },
    ) as dag:

        @task(**on_queue)
        def discover() -> list[int]:
            """Ids of the batches; the run's id goes beside them, as a run may have no batch."""
            from newscrawl.crawl import discover_site

            context = get_current_context()
            found = discover_site(profile.site, run_key=context["run_id"], limit=context["params"]["limit"])
            context["ti"].xcom_push("run_id", found.run_id)
            print(f"{found.found} links, {found.new} of them new, {len(found.batches)} batches")
            return list(found.batches)

        @task(**on_queue)
        def fetch(batch: int, run: int) -> dict[str, int]:
            """How many URLs of the batch came to which outcome."""
            from newscrawl.crawl import fetch_batch

            return fetch_batch(run, batch).outcomes

        # also after failed batches: their URLs are what it has to show
        @task(**on_queue, trigger_rule="all_done")
        def report() -> dict[str, int]:
            """The run's counts; fails for a run that yielded nothing without a good reason."""
            from newscrawl.crawl import report as end_run

            # not an argument: one that a failed discovery did not give would fail this task with nothing said
            run = get_current_context()["ti"].xcom_pull(task_ids="discover", key="run_id")
            if run is None:
                raise AirflowFailException("nothing was discovered: see the log of the task discover")
            result = end_run(run)
            for failure in result["failures"]:
                print(failure)
            if not result["ok"]:
                raise AirflowFailException(result["reason"])
            return result["counts"]

        batches = discover()
        fetch.partial(run=batches["run_id"]).expand(batch=batches) >> report()
    return dag


dag = crawl_dag(load_profile(Path(__file__).stem.removeprefix(PREFIX)))
