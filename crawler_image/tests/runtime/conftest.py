"""An Airflow of the tests' own, and the folder's helpers by name (tests themselves are imported by path)."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
import redis
from celery import Celery

sys.path.insert(0, str(Path(__file__).parent))
from celery_worker import QUEUE, Worker, start

# before anything imports Airflow, which reads its configuration once and writes it to its home
HOME = Path(tempfile.mkdtemp(prefix="airflow-"))
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(HOME / "bundles"),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(HOME / "logs"),
    }
)


@pytest.fixture
def broker(redis_url):
    """The session's Redis, empty, as text."""
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    client.flushall()
    return client


@pytest.fixture
def publish(redis_url):
    """Send a task of the tests' worker; its arguments are those of celery_worker_app.work."""
    app = Celery(broker=redis_url, set_as_current=False)
    yield lambda *args: app.send_task("work", args, queue=QUEUE)
    app.close()


@pytest.fixture
def begin(redis_url, broker, tmp_path):
    """Start a worker in a folder of its own; all are killed in the end."""
    workers = []

    def start_worker(name: str) -> Worker:
        folder = tmp_path / name
        folder.mkdir()
        workers.append(start(redis_url, folder))
        return workers[-1]

    yield start_worker
    # whatever a task still waits for, so that no process of it stays
    (tmp_path / "go").touch()
    for worker in workers:
        worker.process.kill()
        worker.process.wait()


@pytest.fixture
def worker(begin):
    """One worker."""
    return begin("worker")


@pytest.fixture(scope="session")
def airflow_database():
    """Airflow's tables in SQLite, made from its models: what a migration ends with, in a tenth of the time."""
    import airflow.models
    from airflow import settings
    from airflow.models.base import Base

    airflow.models.import_all_models()
    Base.metadata.create_all(settings.engine)


@pytest.fixture
def results(mysql_url, monkeypatch):
    """The results database with its tables, empty; the environment names it as the chart does."""
    from newscrawl_airflow import results_database

    monkeypatch.setenv(results_database.RESULT_BACKEND, f"db+{mysql_url}")
    engine = results_database.connect()
    results_database.create_tables(engine)
    with engine.connect() as connection:
        for table in ("task_log", "celery_taskmeta", "celery_tasksetmeta"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    return engine
