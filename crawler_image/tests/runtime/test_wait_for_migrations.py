"""Waiting for the migration: it sees each stage, and the migration can change the tables meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from newscrawl_airflow.metadata_database import URL_VARIABLE, connect
from newscrawl_airflow.wait_for_migrations import missing

EXPECTED = {"alembic_version": ["aaa"], "alembic_version_fab": ["bbb"]}


@pytest.fixture
def cursor(mysql_url):
    connection = connect(mysql_url)
    with connection.cursor() as cursor:
        for table in EXPECTED:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
        yield cursor
        for table in EXPECTED:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
    connection.close()


def migrate(cursor, table: str, version: str) -> None:
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} (version_num VARCHAR(32) NOT NULL)")
    cursor.execute(f"DELETE FROM {table}")
    cursor.execute(f"INSERT INTO {table} VALUES (%s)", (version,))


def test_each_stage_is_named(mysql_url, cursor):
    assert missing(mysql_url, EXPECTED) == "the database is empty"
    migrate(cursor, "alembic_version", "old")
    assert missing(mysql_url, EXPECTED) == "alembic_version is at old, this image expects aaa"
    migrate(cursor, "alembic_version", "aaa")
    assert missing(mysql_url, EXPECTED) == "the database is empty"
    migrate(cursor, "alembic_version_fab", "bbb")
    assert missing(mysql_url, EXPECTED) is None


def test_no_server_is_waited_for():
    assert missing("mysql+pymysql://airflow:secret@127.0.0.1:1/airflow", EXPECTED).startswith("MySQL does not answer")


def test_command_ends_when_the_migration_does_and_does_not_hinder_it(mysql_url, cursor, tmp_path):
    heads = tmp_path / "heads.json"
    heads.write_text(json.dumps(EXPECTED))
    migrate(cursor, "alembic_version", "old")
    command = [sys.executable, "-m", "newscrawl_airflow.wait_for_migrations", "--heads", str(heads)]
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
    command = [sys.executable, "-m", "newscrawl_airflow.wait_for_migrations", "--heads", str(heads), "--timeout", "0"]
    url = "mysql+pymysql://airflow:hunter2@127.0.0.1:1/airflow"
    done = subprocess.run(command, env={URL_VARIABLE: url}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "gave up" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
