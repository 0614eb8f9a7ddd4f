"""Waiting for the migration: it sees each stage, and the migration can change the tables meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from newscrawl_airflow.metadata_database import BOOTSTRAP_TABLE, URL_VARIABLE, connect, mark_bootstrapped
from newscrawl_airflow.wait_for_migrations import missing

EXPECTED = {"alembic_version": ["aaa"], "alembic_version_fab": ["bbb"]}


@pytest.fixture
def cursor(mysql_url):
    connection = connect(mysql_url)
    with connection.cursor() as cursor:
        for table in (*EXPECTED, BOOTSTRAP_TABLE):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
        yield cursor
        for table in (*EXPECTED, BOOTSTRAP_TABLE):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
    connection.close()


def migrate(cursor, table: str, version: str) -> None:
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} (version_num VARCHAR(32) NOT NULL)")
    cursor.execute(f"DELETE FROM {table}")
    cursor.execute(f"INSERT INTO {table} VALUES (%s)", (version,))


def test_each_stage_is_named(mysql_url, cursor):
    assert missing(mysql_url, EXPECTED) == "there is no table alembic_version"
    migrate(cursor, "alembic_version", "old")
    assert missing(mysql_url, EXPECTED) == "alembic_version is at old, expected is aaa"
    migrate(cursor, "alembic_version", "aaa")
    assert missing(mysql_url, EXPECTED) == "there is no table alembic_version_fab"
    migrate(cursor, "alembic_version_fab", "bbb")
    assert missing(mysql_url, EXPECTED) is None


def test_what_the_bootstrap_job_brings_about_is_waited_for(mysql_url, cursor):
    expected = {BOOTSTRAP_TABLE: ["state-2"]}
    assert missing(mysql_url, expected) == f"there is no table {BOOTSTRAP_TABLE}"
    mark_bootstrapped(cursor.connection, "state-1")
    assert missing(mysql_url, expected) == f"{BOOTSTRAP_TABLE} is at state-1, expected is state-2"
    mark_bootstrapped(cursor.connection, "state-2")
    assert missing(mysql_url, expected) is None


def test_no_server_is_waited_for():
    assert missing("mysql+pymysql://airflow:secret@127.0.0.1:1/airflow", EXPECTED).startswith("MySQL does not answer")


def test_the_component_starts_when_the_migration_ends_which_is_not_hindered(mysql_url, cursor, tmp_path):
    heads = tmp_path / "heads.json"
    heads.write_text(json.dumps(EXPECTED))
    migrate(cursor, "alembic_version", "old")
    component = [sys.executable, "-c", "import sys; sys.exit(sys.argv[1:] != ['--port', '8080'])", "--port", "8080"]
    command = [sys.executable, "-m", "newscrawl_airflow.wait_for_migrations", "--heads", str(heads), "--", *component]
    waiting = subprocess.Popen(command, env={URL_VARIABLE: mysql_url}, stdout=subprocess.PIPE, text=True)
    assert "alembic_version is at old" in waiting.stdout.readline()
    # a reader in a transaction would hold the metadata lock and this would wait for ever
    cursor.execute("SET SESSION lock_wait_timeout = 10")
    cursor.execute("ALTER TABLE alembic_version ADD COLUMN more INT")
    cursor.execute("ALTER TABLE alembic_version DROP COLUMN more")
    migrate(cursor, "alembic_version", "aaa")
    migrate(cursor, "alembic_version_fab", "bbb")
    assert waiting.wait(30) == 0


def test_command_gives_up(tmp_path):
    heads = tmp_path / "heads.json"
    heads.write_text(json.dumps(EXPECTED))
    command = [
        sys.executable,
        "-m",
        "newscrawl_airflow.wait_for_migrations",
        "--heads",
        str(heads),
        "--timeout",
        "0",
        "--",
    ]
    command += [sys.executable, "-c", "print('started')"]
    url = "mysql+pymysql://airflow:hunter2@127.0.0.1:1/airflow"
    done = subprocess.run(command, env={URL_VARIABLE: url}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "gave up" in done.stderr
    assert "kubectl delete job -l app.kubernetes.io/component=bootstrap" in done.stderr
    assert "started" not in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
