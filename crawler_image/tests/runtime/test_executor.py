"""Adoption after a scheduler's death, with real messages in a real Redis."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import redis
from airflow.providers.celery.executors.celery_executor import CeleryExecutor
from celery import Celery
from newscrawl_airflow import executor

QUEUE = "news"


@pytest.fixture
def broker(redis_url):
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    return client


@pytest.fixture
def publish(redis_url, broker):
    app = Celery(broker=redis_url, set_as_current=False)
    yield lambda task_id: app.send_task("work", task_id=task_id, queue=QUEUE)
    app.close()


def hold(redis_url: str) -> None:
    """Take one message as a worker does that has not ended it, and go away."""
    app = Celery(broker=redis_url, set_as_current=False)
    app.conf.broker_transport_options = {
        "unacked_key": f"unacked:{QUEUE}",
        "unacked_index_key": f"unacked_index:{QUEUE}",
    }
    connection = app.connection_for_read()
    connection.default_channel.basic_get(QUEUE)
    # closed in good order, kombu would put it back
    connection.default_channel.qos._delivered.clear()


def task(task_id: str | None, state: str = "queued"):
    return SimpleNamespace(external_executor_id=task_id, state=state, queue=QUEUE, key=task_id)


@pytest.fixture
def adopt(redis_url, monkeypatch):
    """Call the executor's adoption; Airflow's own part adopts all that it is given."""
    monkeypatch.setattr(CeleryExecutor, "try_adopt_task_instances", lambda self, tis: [])
    made = executor.NewscrawlExecutor(parallelism=1)
    made.celery_app = Celery(broker=redis_url, set_as_current=False)
    return made.try_adopt_task_instances


def test_a_queued_task_without_a_message_is_left_to_the_scheduler(adopt, publish):
    publish("waits")
    lost = task("lost")
    assert adopt([task("waits"), lost]) == [lost]


def test_a_task_that_a_worker_holds_is_adopted(adopt, publish, redis_url, broker):
    publish("held")
    hold(redis_url)
    assert (broker.llen(QUEUE), broker.hlen(f"unacked:{QUEUE}")) == (0, 1)
    assert adopt([task("held")]) == []


def test_a_running_task_needs_no_message(adopt):
    assert adopt([task("runs", state="running")]) == []


def test_a_long_queue_is_read_whole(adopt, publish, monkeypatch):
    monkeypatch.setattr(executor, "CHUNK", 3)
    names = [str(number) for number in range(10)]
    for name in names:
        publish(name)
    assert adopt([task(name) for name in names]) == []


def test_without_redis_every_queued_task_is_queued_again(adopt):
    adopt.__self__.celery_app.conf.broker_url = "redis://127.0.0.1:1/0"
    queued, running = task("queued"), task("runs", state="running")
    assert adopt([queued, running]) == [queued]
