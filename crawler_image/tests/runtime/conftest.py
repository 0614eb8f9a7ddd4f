"""An Airflow of the tests' own, and the folder's helpers by name (tests themselves are imported by path)."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

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
