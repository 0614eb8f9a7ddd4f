"""Adoption after a scheduler's death, with real messages in a real Redis."""

from __future__ import annotations

import base64
import json
import uuid
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import redis
from airflow.providers.celery.executors.celery_executor import CeleryExecutor
from airflow.providers.celery.executors.celery_executor_utils import ExceptionWithTraceback
from celery import Celery
from newscrawl_airflow import executor
from sqlalchemy import select

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


class Result:
    """What Celery gives for a sent task."""

    def __init__(self, task_id):
        self.task_id = task_id


def held(*names):
    """Entries of messages that workers hold."""
    return {name: json.dumps([{"headers": {"id": name}}, "", QUEUE]) for name in names}


@pytest.fixture
def state(airflow_database):
    """Gives a function that sets the state that Airflow has of a task; "one" and "two" are queued."""
    from airflow.models import DagModel, DagRun, TaskInstance
    from airflow.utils.session import create_session

    table = TaskInstance.__table__

    def write(name, state):
        with create_session() as session:
            # the task of no DAG version
            session.connection().exec_driver_sql("PRAGMA foreign_keys = OFF")
            session.execute(table.delete().where(table.c.external_executor_id == name))
            key = {"dag_id": "dag", "run_id": "run", "task_id": name, "map_index": -1, "id": uuid.uuid4()}
            held = {"state": state, "external_executor_id": name, "pool": "p", "queue": QUEUE, "try_number": 1}
            made = {"dag_version_id": uuid.uuid4(), "priority_weight": 1}
            session.execute(table.insert().values(key | held | made))

    with create_session() as session:
        session.connection().exec_driver_sql("PRAGMA foreign_keys = OFF")
        for model in (DagModel, DagRun):
            session.execute(model.__table__.delete())
        session.add(DagModel(dag_id="dag", bundle_name="bundle", relative_fileloc="dag.py"))
        session.add(DagRun(dag_id="dag", run_id="run", run_type="manual", state="running"))
    for name in ("one", "two"):
        write(name, "queued")
    return write


@pytest.fixture
def sender(redis_url, monkeypatch, publish, state):
    """An executor that sends its workloads, which are ids, for real; none of them ends."""
    sent = []

    def send(self, tuples):
        for _, workload, _, _ in tuples:
            publish(workload)
            sent.append(workload)
        return [(key, workload, Result(workload)) for key, workload, _, _ in tuples]

    monkeypatch.setattr(CeleryExecutor, "_send_workloads_to_celery", send)
    monkeypatch.setattr(executor.time, "monotonic", lambda: 0.0)
    made = executor.NewscrawlExecutor(parallelism=1)
    made.celery_app = Celery(broker=redis_url, set_as_current=False)
    made.sent = sent
    made._send_workloads([(name, name, QUEUE, None) for name in ("one", "two")])
    return made


def test_a_message_that_is_lost_at_two_looks_is_sent_again(sender, broker):
    broker.delete(QUEUE)
    sender.send_lost_again(60)
    assert sender.sent == ["one", "two"]
    sender.send_lost_again(120)
    assert sorted(sender.sent) == ["one", "one", "two", "two"]
    assert broker.llen(QUEUE) == 2
    sender.send_lost_again(180)
    sender.send_lost_again(240)
    assert len(sender.sent) == 4


def test_what_waits_or_is_held_or_has_ended_is_not_sent_again(sender, broker, redis_url):
    hold(redis_url)
    for now in (60, 120, 180):
        sender.send_lost_again(now)
    broker.flushall()
    sender.workloads.clear()
    for now in (240, 300):
        sender.send_lost_again(now)
    assert sender.sent == ["one", "two"]


def test_what_is_missed_once_only_or_was_just_sent_is_not_sent_again(sender, broker, publish):
    broker.delete(QUEUE)
    sender.send_lost_again(59)
    sender.send_lost_again(60)
    publish("one")
    publish("two")
    sender.send_lost_again(120)
    broker.delete(QUEUE)
    sender.send_lost_again(180)
    assert sender.sent == ["one", "two"]


def test_what_cannot_be_sent_again_is_tried_at_the_next_look_and_fails_nothing(sender, broker, monkeypatch):
    broker.delete(QUEUE)
    sender.event_buffer.clear()
    sender.send_lost_again(60)
    with monkeypatch.context() as patch:
        refused = ExceptionWithTraceback(OSError("away"), "")
        patch.setattr(
            CeleryExecutor, "_send_workloads_to_celery", lambda self, tuples: [(t[0], t[1], refused) for t in tuples]
        )
        sender.send_lost_again(120)
    assert sender.event_buffer == {}
    sender.send_lost_again(180)
    assert broker.llen(QUEUE) == 2


def test_without_redis_nothing_is_sent_again(sender):
    url = sender.celery_app.conf.broker_url
    sender.celery_app.conf.broker_url = "redis://127.0.0.1:1/0"
    for now in (60, 120, 180):
        sender.send_lost_again(now)
    sender.celery_app.conf.broker_url = url
    assert sender.sent == ["one", "two"]


def test_what_a_worker_has_begun_with_is_not_sent_again(sender, broker, state):
    """A killed worker's: its message comes back once, is refused and gone, while Airflow waits for the heartbeat."""
    broker.delete(QUEUE)
    state("two", "running")
    for now in (60, 120, 180, 240):
        sender.send_lost_again(now)
    assert sorted(set(sender.sent[2:])) == ["one"]


def test_a_callback_is_sent_again_once_and_its_end_is_heard(sender, broker, state):
    from airflow.models.callback import CallbackKey

    key = CallbackKey("callback")
    sender._send_workloads([(key, "first", QUEUE, None)])
    sent = CeleryExecutor._send_workloads_to_celery
    sender._send_workloads_to_celery = lambda tuples: sent(sender, [(key, "second", QUEUE, None) for key, *_ in tuples])
    broker.delete(QUEUE)
    for now in (60, 120, 180, 240, 300):
        broker.hset(f"unacked:{QUEUE}", mapping=held("one", "two"))
        sender.send_lost_again(now)
        broker.delete(QUEUE)
    assert sender.sent == ["one", "two", "first", "second"]
    assert sender.workloads[key].task_id == "second"


def test_what_is_no_message_is_passed_over(adopt, publish, broker, caplog):
    publish("waits")
    for text in ("text", b"\x80\xff", "[]", "null", '{"headers": {}}'):
        broker.lpush(QUEUE, text)
        broker.hset(f"unacked:{QUEUE}", text, text)
    assert adopt([task("waits")]) == []
    assert "passed over: b'text'" in caplog.text


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


def test_what_waits_is_found_while_workers_take_and_schedulers_send(broker, publish, redis_url, monkeypatch):
    monkeypatch.setattr(executor, "CHUNK", 3)
    names = [str(number) for number in range(10)]
    for name in names:
        publish(name)

    class Busy:
        """Redis, in which two messages are taken and one comes after each part of a list is read."""

        def __getattr__(self, command):
            return getattr(broker, command)

        def lrange(self, *arguments):
            part = broker.lrange(*arguments)
            if not broker.hlen(f"unacked:{QUEUE}"):
                hold(redis_url)
                hold(redis_url)
                publish("late")
            return part

    assert set(names) <= set(executor.message_ids(Busy(), [QUEUE]))


@pytest.fixture
def schedulers(redis_url, monkeypatch, broker, state):
    """Executors of two schedulers, as they are; the first has sent the task "one"."""
    from airflow.executors.workloads import ExecuteTask
    from airflow.providers.celery.executors import celery_executor_utils
    from airflow.utils.session import create_session
    from celery.backends.database.session import ResultModelBase

    # Celery makes its tables once in a process, whatever database an earlier test had
    with create_session() as session:
        ResultModelBase.metadata.create_all(session.connection())
    monkeypatch.setenv("AIRFLOW__CELERY__BROKER_URL", redis_url)
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", 64 * "s")
    # what Airflow sends by: once made, it keeps the Redis of the configuration of then
    celery_executor_utils._get_celery_app_for_workload.cache_clear()
    monkeypatch.setattr(executor.time, "monotonic", lambda: 0.0)
    first, second = executor.NewscrawlExecutor(parallelism=1), executor.NewscrawlExecutor(parallelism=1)
    with tasks("one") as (one,):
        workload = ExecuteTask.make(one, generator=first.jwt_generator, sentry_integration=first.sentry_integration)
    first.queued_tasks[one.key] = workload
    first.trigger_tasks(1)
    yield first, second
    celery_executor_utils._get_celery_app_for_workload.cache_clear()


@contextmanager
def tasks(*names):
    """Airflow's tasks, in a session."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        yield list(session.scalars(select(TaskInstance).where(TaskInstance.external_executor_id.in_(names))))


def only_message(broker):
    """The Celery id and the workload, without its token, of the one message that waits."""
    (text,) = broker.lrange(QUEUE, 0, -1)
    message = json.loads(text)
    ((workload,), *_) = json.loads(base64.b64decode(message["body"]))
    return message["headers"]["id"], {name: value for name, value in json.loads(workload).items() if name != "token"}


def test_an_adopted_task_whose_message_is_lost_is_sent_again_as_the_same(schedulers, broker):
    _, second = schedulers
    sent = only_message(broker)
    with tasks("one") as adopted:
        assert second.try_adopt_task_instances(adopted) == []
    for now in (60, 120):
        second.send_lost_again(now)
    assert only_message(broker) == sent
    broker.delete(QUEUE)
    second.send_lost_again(180)
    assert broker.llen(QUEUE) == 0
    second.send_lost_again(240)
    assert only_message(broker) == sent
    for now in (300, 360):
        second.send_lost_again(now)
    assert broker.llen(QUEUE) == 1


def test_an_adopted_task_that_a_worker_has_begun_with_is_not_sent_again(schedulers, broker, state):
    _, second = schedulers
    with tasks("one") as adopted:
        second.try_adopt_task_instances(adopted)
    broker.delete(QUEUE)
    state("one", "running")
    for now in (60, 120, 180):
        second.send_lost_again(now)
    assert broker.llen(QUEUE) == 0


def test_without_redis_every_queued_task_is_queued_again(adopt):
    adopt.__self__.celery_app.conf.broker_url = "redis://127.0.0.1:1/0"
    queued, running = task("queued"), task("runs", state="running")
    assert adopt([queued, running]) == [queued]
