"""A worker that stops leaves its responses in the lake, and keeps them where the lake does not answer."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

import pytest
from newscrawl.archive import WarcWriter
from newscrawl.model import Response
from newscrawl.store import connect
from newscrawl.store.migrate import migrate
from newscrawl_airflow import warc_shipper


@pytest.fixture
def warc(mysql_url, tmp_path, monkeypatch):
    """The file of a worker that has written its last response, in the worker's environment."""
    migrate(connect(mysql_url))
    monkeypatch.setenv("NEWSCRAWL_MYSQL_URL", mysql_url)
    monkeypatch.setenv("NEWSCRAWL_DATA_DIR", str(tmp_path))
    url = "https://news.example/1"
    with WarcWriter(tmp_path / "warc") as writer:
        return writer.write(Response(url, url, 200, {}, b"page", 0.1, datetime.now(UTC))).path


def test_the_last_files_are_copied_when_the_worker_stops(warc, tmp_path, monkeypatch):
    monkeypatch.setenv("NEWSCRAWL_LAKE_URL", f"file://{tmp_path}/lake")
    warc_shipper.stop()
    (copied,) = (tmp_path / "lake" / "warc").rglob("*.gz")
    assert (copied.name, copied.read_bytes()) == (warc.name, warc.read_bytes())


def test_a_lake_that_fails_is_logged_and_stops_nothing(warc, monkeypatch, caplog):
    monkeypatch.setenv("NEWSCRAWL_LAKE_URL", "webhdfs://127.0.0.1:9/lake")
    with caplog.at_level(logging.WARNING):
        warc_shipper.stop()
    assert "cannot be copied to the lake now" in caplog.text
    assert "webhdfs://127.0.0.1:9/lake" in caplog.text
    assert warc.exists()


def test_without_a_lake_nothing_runs(monkeypatch, caplog):
    monkeypatch.delenv("NEWSCRAWL_LAKE_URL", raising=False)
    warc_shipper.start()
    warc_shipper.stop()
    assert "warc-shipper" not in {thread.name for thread in threading.enumerate()}
    assert not caplog.records
