"""How the demo ends when something is wrong: one message, and whatever there is to look at."""

from __future__ import annotations

import contextlib
import json
import os
import sys

import demo
import pymysql
import pytest
import requests
from cluster.steps import StepFailed
from installation import CommandFailed, Installation, QueueReading


def test_a_command_that_does_not_end_has_failed():
    with pytest.raises(CommandFailed, match=r"^sleep 60: no end after 0\.1 s$"):
        Installation(os.environ).run("sleep", "60", seconds=0.1)


@pytest.fixture
def environment(tmp_path):
    """Of a cluster that cannot be reached."""
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho connection refused >&2\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    "failure",
    [
        StepFailed("x"),
        CommandFailed("x"),
        TimeoutError("x"),
        requests.ConnectionError("x"),
        pymysql.err.OperationalError("x"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failure_is_one_message_beside_the_clusters_own_words(environment, failure, monkeypatch, tmp_path, capsys):
    def show(*_):
        raise failure

    monkeypatch.setattr(demo.cluster, "up_with_images", lambda: (environment, {}))
    monkeypatch.setattr(demo, "show", show)
    monkeypatch.setattr(sys, "argv", ["demo", "--out", str(tmp_path / "out")])
    assert demo.main() == 1
    assert capsys.readouterr().err == f"Pods, events and logs: {tmp_path / 'out' / 'diagnosis.txt'}\nerror: x\n"
    assert "connection refused" in (tmp_path / "out" / "diagnosis.txt").read_text()


class Stuck(Installation):
    """An installation that lets everything happen and never ends a crawl."""

    def remove(self, **_):
        pass

    def install(self, *_):
        pass

    def queues(self):
        return {"dure": QueueReading(3, 0, 1)}

    @contextlib.contextmanager
    def watched_queues(self):
        yield self.queues

    def rows(self, *_):
        return []


@pytest.mark.parametrize("readable", [True, False])
def test_a_crawl_that_does_not_end_leaves_its_report(readable, monkeypatch, tmp_path):
    def stuck(_):
        raise TimeoutError("every crawl has ended: not within 900 s")

    def truth(_):
        if not readable:
            raise requests.ConnectionError("gone")
        return [{"site": "dure", "kind": "article", "canonical": "http://dure.newssite/1"}]

    monkeypatch.setattr(demo.NewsSites, "start", lambda *_: None)
    monkeypatch.setattr(demo.NewsSites, "truth", truth)
    monkeypatch.setattr(demo, "crawl", stuck)
    tags = dict.fromkeys(("crawler", "queue-scaler", "newssite"), "dev")
    with pytest.raises(TimeoutError, match="every crawl"):
        demo.show(Stuck({}), tags, demo.Phases(), tmp_path)
    assert (tmp_path / "report.json").exists() is readable
    if readable:
        written = json.loads((tmp_path / "report.json").read_text())
        assert written["sites"]["dure"]["wrong"] == [{"url": "http://dure.newssite/1", "why": "missing"}]
        assert written["queues"]["dure"][0][1:] == [3, 1]
