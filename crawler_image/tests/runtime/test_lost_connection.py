"""A worker whose Redis goes away or loses its data while tasks run: they stay counted, and none is given twice."""

from __future__ import annotations

import pytest
from celery_worker import QUEUE, until
from newscrawl_airflow.process_table import task_processes

pytestmark = pytest.mark.slow


def books(broker) -> tuple[int, int, int]:
    """Tasks that wait, that are in flight, and in flight with a renewal."""
    return broker.llen(QUEUE), broker.hlen(f"unacked:{QUEUE}"), broker.zcard(f"unacked_index:{QUEUE}")


def cut(broker) -> None:
    for kind in ("normal", "pubsub"):
        broker.client_kill_filter(_type=kind, skipme=True)


def lose_data(broker) -> None:
    broker.flushall()


def fail_over(broker) -> None:
    """To a replica that has nothing."""
    broker.flushall()
    cut(broker)


def fill_once(worker, publish, tmp_path) -> None:
    """Both slots have run a task: a process that is just starting when Redis goes is another story."""
    for _ in range(2):
        publish("first", str(tmp_path / "start"))
    until(lambda: task_processes(worker.process.pid) == 2)
    (tmp_path / "start").touch()
    until(lambda: len(worker.done()) == 2)


@pytest.mark.parametrize(("happens", "connections"), [(cut, 2), (lose_data, 1), (fail_over, 2)])
def test_a_running_task_stays_in_flight_and_is_not_queued_again(
    worker, broker, publish, tmp_path, happens, connections
):
    fill_once(worker, publish, tmp_path)
    publish("running", str(tmp_path / "go"))
    until(lambda: task_processes(worker.process.pid) == 1)
    happens(broker)
    until(lambda: worker.connections() == connections)
    until(lambda: books(broker) == (0, 1, 1), seconds=20)
    # what it does next as well
    publish("next")
    until(lambda: "next" in worker.done(), seconds=20)
    (tmp_path / "go").touch()
    until(lambda: "running" in worker.done())
    until(lambda: books(broker) == (0, 0, 0))
    assert worker.stop() == 0
    assert worker.done() == ["first", "first", "next", "running"]


def test_a_worker_that_is_busy_since_before_the_loss_takes_nothing(worker, begin, broker, publish, tmp_path):
    """One message more than it has slots would wait for it while other workers are free."""
    for name in ("one", "two"):
        publish(name, str(tmp_path / "go"))
    until(lambda: books(broker) == (0, 2, 2))
    until(lambda: task_processes(worker.process.pid) == 2)
    cut(broker)
    until(lambda: worker.connections() == 2)
    publish("three")
    other = begin("other")
    until(lambda: other.done() == ["three"])
    (tmp_path / "go").touch()
    until(lambda: books(broker) == (0, 0, 0))
    assert sorted(worker.done()) == ["one", "two"]
