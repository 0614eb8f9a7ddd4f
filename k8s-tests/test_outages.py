"""What breaks while the system runs: Redis and MySQL away for a minute, MySQL restarted, a site down, a full volume,
workers that come and go and are killed."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import demo
import loss
import pytest
import report
from installation import Installation, until
from loss import PUT_BACK, Disturber, Outcome, assert_all_done, assert_each_once
from newssite_in_cluster import NewsSites

pytestmark = pytest.mark.cluster

AWAY_SECONDS = 60
# Redis, MySQL and its restart; pages that two workers with two tasks of four requests each can have in hand
OUTAGES = 3
IN_FLIGHT = 16
FAILED = ("failed", "up_for_retry")
SEED = 4
# seconds that the small loss test may take after the last disturbance
SMALL_BOUND = 240


def _absent(installation: Installation, part: str) -> None:
    """Take a StatefulSet's pod away for a minute and bring it back."""
    name = f"statefulset/{installation.release}-{part}"
    installation.kubectl("scale", name, "--replicas=0")
    gone = time.monotonic()
    until(f"{part} is away for a minute", lambda: time.monotonic() - gone > AWAY_SECONDS, seconds=AWAY_SECONDS + 5)
    installation.kubectl("scale", name, "--replicas=1")
    installation.kubectl("rollout", "status", name, "--timeout=120s")


def test_a_crawl_survives_redis_and_mysql_away_for_a_minute_and_a_restart(installation, crawled, sites):
    """New articles of the slowest site, whose batches run when Redis goes."""
    asked = len(sites.requests("harbor"))
    versions = installation.rows("SELECT COUNT(*) AS versions FROM article_versions")
    sites.control("harbor", publish=200)
    with installation.airflow() as airflow:
        run = airflow.trigger("crawl_harbor")

    def batch_runs() -> bool:
        with installation.airflow() as airflow:
            tasks = airflow.tasks("crawl_harbor", run)
        return any(one["task_id"] == "fetch" and one["state"] == "running" for one in tasks)

    for part in ("redis", "mysql"):
        until("a batch is being fetched", batch_runs, seconds=120)
        _absent(installation, part)
    installation.kubectl("delete", "pod", f"{installation.release}-mysql-0")
    installation.kubectl("rollout", "status", f"statefulset/{installation.release}-mysql", "--timeout=120s")

    with installation.airflow() as airflow:
        assert airflow.ended("crawl_harbor", run, seconds=600) == "success"
    rows = installation.rows(report.QUERY)
    assert report.compare(sites.truth(), rows, [], {})["sites"]["harbor"]["wrong"] == []
    # what a worker held when one of them went may be fetched again, and nothing else: articles say when they change
    assert installation.rows("SELECT COUNT(*) AS versions FROM article_versions") == versions
    known = {urlsplit(line["url"]).path for line in sites.truth() if line["site"] == "harbor"}
    fetched = Counter(
        one["path"] for one in sites.requests("harbor")[asked:] if one["status"] == 200 and one["path"] in known
    )
    assert len(fetched) > 150  # a few are broken by intention
    assert fetched.total() - len(fetched) <= OUTAGES * IN_FLIGHT


@dataclass(frozen=True)
class Troubled:
    """The runs of three sites at once: one does not answer, one has a worker whose volume is full, one is well."""

    unreachable: str
    full: str
    well: str


@pytest.fixture(scope="module")
def troubled(installation: Installation, crawled: object, sites: NewsSites) -> Iterator[Troubled]:
    """`tiny` takes what is new on gangmun, on a queue whose worker has room for a few pages only."""
    sites.control("dure", outage={"seconds": 600, "status": 503})
    sites.control("gangmun", publish=100)
    sites.control("hanbit", publish=5)
    with installation.airflow() as airflow:
        runs = Troubled(*(airflow.trigger(f"crawl_{site}") for site in ("dure", "tiny", "hanbit")))
        yield runs
        airflow.fail("crawl_tiny", runs.full)
    sites.control("dure", outage={"seconds": 0})
    demo.await_no_workers(installation)


@pytest.fixture(scope="module")
def disturbed(installation: Installation, troubled: Troubled) -> Outcome:
    """40 tasks beside the crawls: on the left, workers come and go; on the right, one that runs tasks is killed."""
    gentle, rough = (Disturber(installation, random.Random(SEED), (queue,)) for queue in loss.QUEUES)
    steps = [gentle.gently, rough.kill, *[gentle.gently] * 4, rough.await_put_back]
    seconds = loss.durations(40, 8, SEED)
    return loss.disturbed_run(installation, seconds, steps, pause=5, bound=SMALL_BOUND)


def test_workers_that_come_and_go_lose_no_task_and_no_try(disturbed):
    assert_each_once(disturbed.of("left"))


def test_a_killed_workers_tasks_are_tried_again(disturbed):
    assert disturbed.times("kill -9") == 1, disturbed.disturbances
    assert disturbed.times(PUT_BACK) == 1, disturbed.disturbances
    outcome = disturbed.of("right")
    assert_all_done(outcome)
    # one worker's tasks, not those of the whole queue
    assert len(outcome.retried) <= 4


def test_a_full_volume_is_said_and_leaves_other_queues_alone(installation, troubled):
    with installation.airflow() as airflow:

        def failed_fetch() -> dict | None:
            tasks = airflow.tasks("crawl_tiny", troubled.full)
            return next((one for one in tasks if one["task_id"] == "fetch" and one["state"] in FAILED), None)

        task = until("a batch has met the full volume", failed_fetch, seconds=300, every=2)
        # the worker sends a log every few seconds
        log = until(
            "its log says so", lambda: (text := airflow.log(task)) and "no space left" in text and text, seconds=60
        )
        assert "/data" in log
        assert airflow.ended("crawl_hanbit", troubled.well, seconds=300) == "success"


def test_an_unreachable_site_fails_its_run_and_says_why(installation, troubled):
    with installation.airflow() as airflow:
        assert airflow.ended("crawl_dure", troubled.unreachable, seconds=300) == "failed"
        tasks = {task["task_id"]: task for task in airflow.tasks("crawl_dure", troubled.unreachable)}
        # the discovery was tried again, and the report knows that there is nothing to try again for
        assert (tasks["discover"]["try_number"], tasks["report"]["try_number"]) == (2, 1)
        assert "nothing was discovered" in airflow.log(tasks["report"])
    reason = installation.rows("SELECT reason FROM runs WHERE site = 'dure' ORDER BY id DESC LIMIT 1")[0]["reason"]
    assert "503" in reason
