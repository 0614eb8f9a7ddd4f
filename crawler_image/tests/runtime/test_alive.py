"""The probes: what restarts a pod, and what must not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from newscrawl_airflow.alive import READ_SECONDS, STALE_JOB, STALE_WORKER, job_verdict, sites_verdict, worker_verdict
from newscrawl_airflow.metadata_database import URL_VARIABLE, connect
from newscrawl_airflow.worker_state import WorkerState

NOW = 1_800_000_000.0


def state(queues: tuple[str, ...] = ("news",), age: float = 1) -> WorkerState:
    return WorkerState(7, frozenset(queues), 0, NOW - age)


@pytest.mark.parametrize(
    ("said", "draining", "verdict"),
    [
        (state(), False, None),
        (state(queues=()), True, None),
        (None, False, "has not said that it is ready"),
        (state(age=STALE_WORKER + 1), False, "last sign of life"),
        (state(queues=("other",)), False, "does not consume its queue news"),
    ],
)
def test_worker(said, draining, verdict):
    found = worker_verdict(said, "news", NOW, draining=draining)
    assert found is verdict is None or verdict in found


def probe(component: str, tmp_path, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "newscrawl_airflow.alive", component, *options]
    environ["NEWSCRAWL_WORKER_STATE"] = str(tmp_path / "none.json")
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


def probe_worker(tmp_path, redis: str, mysql: str) -> subprocess.CompletedProcess[str]:
    urls = {"AIRFLOW__CELERY__BROKER_URL": redis, "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{mysql}"}
    return probe("worker", tmp_path, NEWSCRAWL_QUEUE="news", **urls)


def test_worker_is_not_restarted_for_a_redis_or_a_mysql_that_is_down(redis_url, mysql_url, tmp_path):
    done = probe_worker(tmp_path, "redis://:pw@127.0.0.1:1/0", mysql_url)
    assert done.returncode == 0
    assert "Redis does not answer" in done.stdout
    done = probe_worker(tmp_path, redis_url, "mysql+pymysql://airflow:hunter2@127.0.0.1:1/results")
    assert done.returncode == 0
    assert "MySQL does not answer" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_silent_worker_is_restarted_when_both_are_there(redis_url, mysql_url, tmp_path):
    done = probe_worker(tmp_path, redis_url, mysql_url)
    assert done.returncode == 1
    assert "has not said that it is ready" in done.stdout


def test_component_is_not_restarted_for_a_mysql_that_is_down(tmp_path):
    done = probe("scheduler", tmp_path, **{URL_VARIABLE: "mysql+pymysql://airflow:hunter2@127.0.0.1:1/airflow"})
    assert done.returncode == 0
    assert "hunter2" not in done.stdout + done.stderr


def test_component_has_not_started_while_mysql_is_down(tmp_path):
    url = {URL_VARIABLE: "mysql+pymysql://airflow:hunter2@127.0.0.1:1/airflow"}
    done = probe("dag-processor", tmp_path, "--starting", **url)
    assert done.returncode == 1
    assert "MySQL does not answer" in done.stdout


def test_component_has_not_started_before_the_migration(mysql_url, tmp_path):
    done = probe("dag-processor", tmp_path, "--starting", **{URL_VARIABLE: mysql_url})
    assert done.returncode == 1
    assert "not migrated" in done.stdout


@pytest.fixture
def jobs(mysql_url):
    connection = connect(mysql_url)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS job")
        cursor.execute(
            "CREATE TABLE job"
            " (job_type VARCHAR(30), state VARCHAR(20), hostname VARCHAR(500), latest_heartbeat DATETIME(6),"
            " start_date DATETIME(6))"
        )
        yield cursor
        cursor.execute("DROP TABLE job")
    connection.close()


def beat(cursor, hostname: str, age: float, state: str = "running") -> None:
    cursor.execute(
        "INSERT INTO job VALUES ('SchedulerJob', %s, %s, UTC_TIMESTAMP(6) - INTERVAL %s SECOND, UTC_TIMESTAMP(6))",
        (state, hostname, age),
    )


def test_job_of_this_host_must_beat(mysql_url, jobs):
    assert "no running SchedulerJob" in job_verdict(mysql_url, "SchedulerJob", {"here"})
    beat(jobs, "elsewhere", 1)
    beat(jobs, "here", 1, state="failed")
    assert "no running SchedulerJob" in job_verdict(mysql_url, "SchedulerJob", {"here"})
    # what an earlier container of the pod left behind does not count against the new one
    beat(jobs, "here", STALE_JOB + 60)
    assert "last heartbeat" in job_verdict(mysql_url, "SchedulerJob", {"here"})
    beat(jobs, "here", 2)
    assert job_verdict(mysql_url, "SchedulerJob", {"here", "here.cluster"}) is None


@pytest.fixture
def read_files(jobs):
    """A function that tells which files were read, as DAGs and as import errors, and how long the processor runs."""
    jobs.execute("CREATE TABLE dag (bundle_name VARCHAR(250), relative_fileloc VARCHAR(2000))")
    jobs.execute("CREATE TABLE import_error (bundle_name VARCHAR(250), filename VARCHAR(1024))")

    def tell(dags: list[str], errors: list[str], seconds: float) -> None:
        for table, names in (("dag", dags), ("import_error", errors)):
            jobs.execute(f"DELETE FROM {table}")
            jobs.executemany(f"INSERT INTO {table} VALUES ('sites', %s)", [(name,) for name in names])
        jobs.execute("DELETE FROM job")
        jobs.execute(
            "INSERT INTO job VALUES"
            " ('DagProcessorJob', 'running', 'here', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) - INTERVAL %s SECOND)",
            (seconds,),
        )

    yield tell
    jobs.execute("DROP TABLE dag, import_error")


def test_the_dag_processor_has_started_when_each_site_is_a_dag_or_an_import_error(mysql_url, read_files):
    files = {"crawl_a.py", "crawl_b.py"}
    read_files([], [], 10)
    assert sites_verdict(mysql_url, files, {"here"}) == "not read yet: crawl_a.py, crawl_b.py"
    assert sites_verdict(mysql_url, set(), {"here"}) is None
    read_files(["crawl_a.py"], [], 10)
    assert sites_verdict(mysql_url, files, {"here"}) == "not read yet: crawl_b.py"
    read_files(["crawl_a.py"], ["crawl_b.py"], 10)
    assert sites_verdict(mysql_url, files, {"here"}) is None


def test_a_file_that_is_never_read_does_not_keep_the_dag_processor_from_starting(mysql_url, read_files):
    read_files(["crawl_a.py"], [], READ_SECONDS + 1)
    assert sites_verdict(mysql_url, {"crawl_a.py", "crawl_b.py"}, {"here"}) is None
