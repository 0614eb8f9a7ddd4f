"""The DAG folder as Airflow loads it: a DAG per profile, and a broken profile that breaks only its own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[3] / "dags"

PROFILE = """
site: SITE
name: The SITE Daily
language: ko
timezone: Asia/Seoul
hosts: [SITE.example.org]
crawl:
  queue: news
  schedule: "*/30 * * * *"
  batch_size: 20
  retries: 1
discover:
  feeds: ["http://SITE.example.org/feed"]
urls:
  article: ["/news/"]
versions:
  - {since: 2024-01-01, title: ["css: h1"], body: ["css: article p"]}
"""


@pytest.fixture
def sites(tmp_path, monkeypatch):
    """Writes the profile of a site into the folder that the ConfigMap is mounted to."""
    monkeypatch.setenv("NEWSCRAWL_SITES", str(tmp_path))
    monkeypatch.setenv("NEWSCRAWL_QUEUES", "default,news")
    monkeypatch.setenv("NEWSCRAWL_PUBLISHERS", "")

    def write(site: str, change: tuple[str, str] = ("", "")) -> Path:
        path = tmp_path / f"{site}.yaml"
        path.write_text(PROFILE.replace("SITE", site).replace(*change))
        return path

    return write


@pytest.fixture
def load(airflow_database):
    """Loads the bundle `sites` as the DAG processor and the workers do."""
    from airflow.dag_processing.dagbag import BundleDagBag
    from newscrawl_airflow.sites_bundle import SitesBundle

    def run():
        bundle = SitesBundle(name="sites", dags=str(DAGS))
        bundle.initialize()
        return BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name="sites")

    return run


def test_profile_becomes_a_dag(sites, load):
    sites("hanbit")
    bag = load()
    assert bag.import_errors == {}
    dag = bag.dags["crawl_hanbit"]
    assert set(dag.task_ids) == {"discover", "fetch", "report"}
    assert {(task.queue, task.pool, task.retries) for task in dag.tasks} == {("news", "news", 1)}
    assert dag.task_dict["fetch"].downstream_task_ids == {"report"}
    assert dag.task_dict["report"].trigger_rule == "all_done"
    assert (dag.schedule, str(dag.timezone), dag.catchup, dag.max_active_runs) == (
        "*/30 * * * *",
        "Asia/Seoul",
        False,
        1,
    )
    assert dag.is_paused_upon_creation
    assert "The hanbit Daily" in dag.doc_md


def test_broken_profile_breaks_only_its_own_dag(sites, load):
    sites("hanbit")
    broken = sites("dure", ("batch_size: 20", "batch_size: many"))
    bag = load()
    assert "crawl_hanbit" in bag.dags
    assert set(bag.import_errors) == {"crawl_dure.py"}
    error = bag.import_errors["crawl_dure.py"]
    line = broken.read_text().splitlines().index("  batch_size: many") + 1
    assert f"{broken}:{line}" in error
    assert "crawl.batch_size" in error


def test_queue_that_no_worker_serves_is_refused(sites, load):
    unserved = sites("dure", ("queue: news", "queue: elsewhere"))
    error = load().import_errors["crawl_dure.py"]
    line = unserved.read_text().splitlines().index("  queue: elsewhere") + 1
    assert f"{unserved}:{line}" in error
    assert "crawl.queue" in error
    assert "workers.queues.elsewhere" in error


def test_dags_come_and_go_with_their_profiles(sites, load):
    profile = sites("hanbit")
    assert "crawl_hanbit" in load().dags
    profile.unlink()
    sites("dure")
    dags = set(load().dags)
    assert "crawl_dure" in dags
    assert "crawl_hanbit" not in dags


def test_publishers_of_the_image_have_a_dag_when_they_are_asked_for(sites, load, monkeypatch):
    sites("hanbit")
    assert set(load().dags) == {"crawl_hanbit"}
    monkeypatch.setenv("NEWSCRAWL_PUBLISHERS", "bbc,nobody")
    bag = load()
    assert set(bag.dags) == {"crawl_hanbit", "crawl_bbc"}
    assert "nobody.yaml" in bag.import_errors["crawl_nobody.py"]


def test_dag_folder_itself_has_only_the_sample(airflow_database):
    from airflow.dag_processing.dagbag import BundleDagBag

    bag = BundleDagBag(dag_folder=DAGS, bundle_path=DAGS, bundle_name="dags-folder")
    assert bag.import_errors == {}
    assert set(bag.dags) == {"connect_to_local_mysql"}
    dag = bag.dags["connect_to_local_mysql"]
    assert dag.schedule == "@once"
    assert {(task.conn_id, task.retries, task.retry_delay) for task in dag.tasks} == {
        ("mysql_test", 1, timedelta(minutes=5))
    }


def test_lake_is_loaded_daily_where_there_is_one(airflow_database, monkeypatch):
    from airflow.dag_processing.dagbag import BundleDagBag

    monkeypatch.setenv("NEWSCRAWL_LAKE_URL", "gs://bucket/news")
    bag = BundleDagBag(dag_folder=DAGS, bundle_path=DAGS, bundle_name="dags-folder")
    assert bag.import_errors == {}
    dag = bag.dags["load_lake"]
    assert (dag.schedule, str(dag.timezone), dag.catchup, dag.max_active_runs) == ("30 0 * * *", "UTC", False, 1)
    assert not dag.is_paused_upon_creation
    assert dag.task_dict["due"].downstream_task_ids == {"load"}


def test_sample_loads_its_23_rows_once_however_often_it_runs(airflow_database, mysql_url):
    from airflow.dag_processing.dagbag import BundleDagBag
    from sqlalchemy import create_engine

    bag = BundleDagBag(dag_folder=DAGS, bundle_path=DAGS, bundle_name="dags-folder")
    tasks = bag.dags["connect_to_local_mysql"].task_dict
    with create_engine(mysql_url).begin() as connection:
        for _ in range(2):
            for task_id in ("create_employees_table", "insert_employees_data"):
                connection.exec_driver_sql(tasks[task_id].sql)
        rows = connection.exec_driver_sql("SELECT employeeNumber, reportsTo, lastName FROM employees").all()
        connection.exec_driver_sql("DROP TABLE employees")
    assert len(rows) == 23
    managers = {number for number, _, _ in rows}
    assert {boss for _, boss, _ in rows} - {None} <= managers
    assert (1702, 1102, "Gerard") in rows
