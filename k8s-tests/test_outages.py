"""What breaks while a crawl runs: Redis and MySQL away for a minute, MySQL restarted, a site down, a full volume."""

import time

import demo
import pytest
import report
from installation import Installation, until

pytestmark = pytest.mark.cluster

AWAY_SECONDS = 60
ENDED = ("success", "failed", "up_for_retry")


def _await_running(installation: Installation, queue: str) -> None:
    def running() -> bool:
        reading = installation.queues().get(queue)
        return reading is not None and reading.in_flight > 0

    until(f"a task of {queue} runs", running, seconds=90)


def _absent(installation: Installation, part: str) -> None:
    """Take a StatefulSet's pod away for a minute and bring it back."""
    name = f"statefulset/{installation.release}-{part}"
    installation.kubectl("scale", name, "--replicas=0")
    gone = time.monotonic()
    until(f"{part} is away for a minute", lambda: time.monotonic() - gone > AWAY_SECONDS, seconds=AWAY_SECONDS + 5)
    installation.kubectl("scale", name, "--replicas=1")
    installation.kubectl("rollout", "status", name, "--timeout=120s")


def test_a_crawl_survives_redis_and_mysql_away_for_a_minute_and_a_restart(installation, crawled, sites):
    """New articles of the slowest site, so that every outage meets running tasks."""
    sites.control("harbor", publish=200)
    with installation.airflow() as airflow:
        run = airflow.trigger("crawl_harbor")
    _await_running(installation, "harbor")
    _absent(installation, "redis")
    _absent(installation, "mysql")
    installation.kubectl("delete", "pod", f"{installation.release}-mysql-0")
    installation.kubectl("rollout", "status", f"statefulset/{installation.release}-mysql", "--timeout=120s")

    with installation.airflow() as airflow:
        assert airflow.ended("crawl_harbor", run, seconds=600) == "success"
    demo.await_no_workers(installation)
    rows = installation.rows(report.QUERY)
    assert report.compare(sites.truth(), rows, [], {})["sites"]["harbor"]["wrong"] == []
    assert len({row["canonical_url"] for row in rows}) == len(rows)


def test_an_unreachable_site_fails_its_run_and_says_why(installation, crawled, sites):
    sites.control("dure", outage={"seconds": 600, "status": 503})
    with installation.airflow() as airflow:
        run = airflow.trigger("crawl_dure")
        assert airflow.ended("crawl_dure", run, seconds=300) == "failed"
    sites.control("dure", outage={"seconds": 0})
    reason = installation.rows("SELECT reason FROM runs WHERE site = 'dure' ORDER BY id DESC LIMIT 1")[0]["reason"]
    assert "503" in reason


def test_a_full_volume_is_said_and_leaves_other_queues_alone(installation, crawled, sites):
    """The site `tiny` is gangmun once more, on a queue whose worker has room for a few pages only."""
    sites.control("gangmun", publish=5)
    with installation.airflow() as airflow:
        full = airflow.trigger("crawl_tiny")
        other = airflow.trigger("crawl_gangmun")

        def failed_fetch() -> dict | None:
            tasks = airflow.tasks("crawl_tiny", full)
            return next((one for one in tasks if one["task_id"] == "fetch" and one["state"] in ENDED), None)

        task = until("a batch has met the full volume", failed_fetch, seconds=300)
        assert task["state"] in ("failed", "up_for_retry")
        assert "no space left" in airflow.log(task)
        assert "/data" in airflow.log(task)
        assert airflow.ended("crawl_gangmun", other, seconds=300) == "success"
        airflow.pause("crawl_tiny")
