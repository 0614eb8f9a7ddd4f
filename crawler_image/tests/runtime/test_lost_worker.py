"""A worker killed with SIGKILL beside one that works: the scaler puts back what the first held, and only that."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from celery_worker import QUEUE, until
from newscrawl_airflow.worker_hooks import Work
from queue_scaler.backlog import Backlog
from queue_scaler.decide import Workers
from queue_scaler.loop import Loop
from queue_scaler.orphans import GONE_SECONDS
from queue_scaler.status import Metrics, Status

pytestmark = pytest.mark.slow


class Sets:
    """One StatefulSet with two workers, which nobody changes."""

    def __init__(self) -> None:
        self.workers = {"workers": Workers(2)}
        self.ready: dict[str, int] = {}

    async def scale(self, name: str, replicas: int) -> None:
        """Not carried out: the processes of the test are not its pods."""

    async def warn(self, reason: str, message: str) -> None:
        """Nobody looks."""


def two_looks(redis_url: str, file: Path, between: Callable[[], None]) -> tuple[list[int], float]:
    """The tasks counted as running at two looks GONE_SECONDS apart, and how many were put back."""

    async def run():
        backlog = Backlog(redis_url)
        metrics = Metrics()
        sets = Sets()
        loop = Loop(
            file,
            backlog,
            lambda changed: sets,
            status=Status(),
            metrics=metrics,
            leads=lambda now: True,
            warn=sets.warn,
        )
        counted = []
        for now in (0.0, GONE_SECONDS, GONE_SECONDS + 1):
            await loop.recover(now)
            (choice,) = await loop.poll(now)
            counted.append(choice.reading.in_flight)
            if not now:
                await asyncio.to_thread(between)
        await backlog.close()
        return counted, metrics.registry.get_sample_value("queue_scaler_orphans_put_back_total", {"queue": QUEUE})

    return asyncio.run(run())


def kill_with_a_task(begin, publish):
    """A worker that began, ran the task `lost` and was killed."""
    killed = begin("killed")
    publish("lost", str(killed.folder / "go"))
    until(killed.running)
    killed.process.kill()
    killed.process.wait()
    # its task's process outlives it here; in a pod it would not
    (killed.folder / "go").touch()
    return killed


def test_what_a_killed_worker_held_runs_again_and_nothing_else(begin, broker, publish, redis_url, tmp_path, caplog):
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"queues": {QUEUE: {"statefulSet": "workers"}}}))
    living = begin("living")
    publish("long", str(tmp_path / "go"))
    until(living.running)
    # so that the next task goes to the other worker; a draining worker renews what it still runs
    (living.folder / "worker.drain").touch()
    until(lambda: QUEUE not in (living.folder / "worker.json").read_text())

    killed = kill_with_a_task(begin, publish)

    def a_renewal():
        before = broker.zrange(f"unacked_index:{QUEUE}", 0, -1, withscores=True)
        assert len(before) == 2
        until(lambda: broker.zrange(f"unacked_index:{QUEUE}", 0, -1, withscores=True) != before)

    counted, put_back = two_looks(redis_url, file, a_renewal)
    assert (counted, put_back) == ([2, 1, 1], 1)
    assert f"queue={QUEUE} orphans=1 put_back=1" in caplog.text
    (message,) = broker.lrange(QUEUE, 0, -1)
    assert json.loads(message)["headers"]["redelivered"]

    successor = begin("successor")
    until(successor.done)
    (tmp_path / "go").touch()
    until(living.done)
    until(lambda: not broker.hlen(f"unacked:{QUEUE}"))
    assert (living.done(), killed.done(), successor.done()) == (["long"], [], ["lost"])
    assert broker.zcard(f"unacked_index:{QUEUE}") == 0


def test_a_worker_whose_loop_is_blocked_renews_what_it_runs(worker, broker, publish, tmp_path):
    """While MySQL is away its main process can wait for minutes: its task runs, and is not put back."""
    publish("long", str(tmp_path / "go"))
    until(worker.running)
    until(lambda: broker.zcard(f"unacked_index:{QUEUE}") == 1 and '"tasks": 1' in worker.said())
    worker.process.send_signal(signal.SIGUSR2)
    until((worker.folder / "blocked").exists)
    for _ in range(2):
        before = broker.zrange(f"unacked_index:{QUEUE}", 0, -1, withscores=True)
        until(lambda before=before: broker.zrange(f"unacked_index:{QUEUE}", 0, -1, withscores=True) != before)
    (worker.folder / "unblock").touch()
    (tmp_path / "go").touch()
    until(lambda: broker.hlen(f"unacked:{QUEUE}") == 0)
    assert broker.zcard(f"unacked_index:{QUEUE}") == 0
    assert worker.stop() == 0


def test_without_a_scaler_workers_put_back_what_a_killed_one_held_and_not_what_a_blocked_one_runs(
    begin, broker, publish, tmp_path, monkeypatch
):
    """By Celery's visibility timeout, which bounds no task, as workers renew what they hold."""
    timeout = 15
    monkeypatch.setenv("NEWSCRAWL_TEST_VISIBILITY", str(timeout))
    blocked = begin("blocked")
    publish("long", str(tmp_path / "go"))
    until(blocked.running)
    (blocked.folder / "worker.drain").touch()
    until(lambda: QUEUE not in blocked.said() and '"tasks": 1' in blocked.said())
    (long,) = broker.zrange(f"unacked_index:{QUEUE}", 0, -1)

    killed = kill_with_a_task(begin, publish)
    blocked.process.send_signal(signal.SIGUSR2)
    until((blocked.folder / "blocked").exists)
    (lost,) = set(broker.zrange(f"unacked_index:{QUEUE}", 0, -1)) - {long}
    until(lambda: time.time() - broker.zscore(f"unacked_index:{QUEUE}", lost) > timeout)

    # a worker looks 10 s after it has begun
    successor = begin("successor")
    until(successor.done)
    until(lambda: broker.hkeys(f"unacked:{QUEUE}") == [long])
    assert broker.llen(QUEUE) == 0
    (blocked.folder / "unblock").touch()
    (tmp_path / "go").touch()
    until(blocked.done)
    until(lambda: not broker.hlen(f"unacked:{QUEUE}"))
    assert (blocked.done(), killed.done(), successor.done()) == (["long"], [], ["lost"])


def test_the_seconds_of_a_task_count_when_it_has_ended():
    """With those of what still runs a scaler would take all for longer than they are and ask for more workers."""
    work = Work(until=10.0)
    seen = []
    for now, running in ((11, {"a"}), (12, {"a", "b"}), (13, {"b"}), (14, set()), (15, {"a"})):
        work.see(running, now)
        seen.append(work.seconds)
    assert seen == [0, 0, 2, 4, 4]


def test_a_worker_counts_what_it_did(worker, broker, publish):
    """The scaler's time target rests on it."""
    for number in range(3):
        publish(str(number))
    until(lambda: broker.hget(f"work:{QUEUE}", "ended") == "3")
    assert 0 <= float(broker.hget(f"work:{QUEUE}", "seconds")) < 60
