"""Task logs: stored in a real MySQL while the task runs and at its end, readable without the worker."""

from __future__ import annotations

import os
import time

import pytest
from newscrawl_airflow import task_log
from newscrawl_airflow.log_shipper import LEFT_BEHIND, LIVE_LIMIT, LogShipper
from newscrawl_airflow.results_database import RESULT_BACKEND
from newscrawl_airflow.task_log import MysqlTaskLog

PATH = "dag_id=crawl_hanbit/run_id=manual__2026-11-23T00:00:00+00:00/task_id=fetch/map_index=3/attempt=1.log"


@pytest.fixture
def logs(results, tmp_path):
    return MysqlTaskLog(tmp_path)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / PATH
    path.parent.mkdir(parents=True)
    path.write_text('{"event": "첫 줄"}\n')
    return path


def text(logs: MysqlTaskLog) -> str | None:
    lines = logs.read(PATH)[1]
    return None if lines is None else "".join(lines)


def test_finished_log_moves_from_the_volume_to_mysql(logs, file):
    logs.upload(PATH)
    assert text(logs) == '{"event": "첫 줄"}\n'
    assert not file.exists()


def test_unknown_log_is_none(logs):
    assert logs.read(PATH) == ([], None)


def test_failed_upload_keeps_the_file_and_the_shipper_stores_it_later(logs, file, monkeypatch):
    good = os.environ[RESULT_BACKEND]
    monkeypatch.setenv(RESULT_BACKEND, "db+mysql+pymysql://nobody:wrong@127.0.0.1:1/none")
    with pytest.raises(Exception, match="connect"):
        logs.upload(PATH)
    assert file.exists()
    assert "does not answer" in logs.read(PATH)[0][0]
    monkeypatch.setenv(RESULT_BACKEND, good)
    assert LogShipper(logs).ship(time.time()) == 1
    assert text(logs) == '{"event": "첫 줄"}\n'


def test_running_log_is_shipped_when_it_has_grown(logs, file):
    shipper = LogShipper(logs)
    assert shipper.ship(time.time()) == 1
    assert shipper.ship(time.time()) == 0
    with file.open("a") as more:
        more.write("second\n")
    assert shipper.ship(time.time()) == 1
    assert text(logs).endswith("second\n")
    assert file.exists()


def test_half_a_log_never_replaces_the_whole(logs, file):
    whole = file.read_text() + "end\n"
    file.write_text(whole)
    logs.store(file)
    file.write_text("half")
    logs.store(file)
    assert text(logs) == whole


def test_log_of_a_killed_worker_is_stored_and_deleted(logs, file):
    LogShipper(logs).ship(time.time() + LEFT_BEHIND + 60)
    assert text(logs) == '{"event": "첫 줄"}\n'
    assert not file.exists()
    assert not list(logs.base_folder().iterdir())


def test_large_running_log_waits_for_its_end(logs, file):
    file.write_bytes(b"x" * (LIVE_LIMIT + 1))
    assert LogShipper(logs).ship(time.time()) == 0
    logs.upload(PATH)
    assert len(text(logs)) == LIVE_LIMIT + 1


def test_huge_log_says_what_was_cut(file, monkeypatch):
    monkeypatch.setattr(task_log, "KEPT_HEAD", 20)
    monkeypatch.setattr(task_log, "KEPT_TAIL", 10)
    file.write_bytes(b"first line\nsecond line\n" + b"m" * 100 + b"\nlast line\n")
    assert task_log.read_capped(file) == (
        b"first line\n[104 bytes of this log were not stored: it is longer than 32 MiB]\nlast line\n"
    )
