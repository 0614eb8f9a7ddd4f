import asyncio
import json
import logging
import os
import time

import pytest
import redis
import yaml
from queue_scaler.backlog import Backlog, RedisUnavailable
from queue_scaler.decide import Workers
from queue_scaler.kube import ApiUnavailable
from queue_scaler.loop import BURST_GAP_SECONDS, Loop, end
from queue_scaler.orphans import GONE_SECONDS
from queue_scaler.status import Metrics, Status
from queue_scaler.wakeup import Wakeup


class Namespace:
    """StatefulSets in memory, in the shape of kube.StatefulSets."""

    def __init__(self, **replicas):
        self.workers = {name: Workers(count) for name, count in replicas.items()}
        self.ready = {}
        self.forbidden = set()
        self.warnings = []

    def __call__(self, changed):
        return self

    async def scale(self, name, replicas):
        if name in self.forbidden:
            raise ApiUnavailable(f"cannot scale StatefulSet {name} to {replicas}: forbidden")
        self.workers[name] = Workers(replicas)

    async def warn(self, reason, message):
        if "events" in self.forbidden:
            raise ApiUnavailable("cannot create an event: forbidden")
        self.warnings.append((reason, message))

    @property
    def replicas(self):
        return {name: workers.replicas for name, workers in self.workers.items()}


@pytest.fixture
def server(redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        yield client


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "config.yaml"
    write(file, harbor={"statefulSet": "a", "maxReplicaCount": 3}, dure={"statefulSet": "b", "maxReplicaCount": 3})
    return file


def poll_rarely(file):
    """What happens in a test is then no poll's doing but the first one's."""
    file.write_text(file.read_text().replace("pollingInterval: 0.2", "pollingInterval: 600"))


def write(file, **queues):
    """As the kubelet does: the new content appears under the name at once."""
    new = file.with_suffix(".new")
    new.write_text(yaml.safe_dump({"queues": queues, "pollingInterval": 0.2}))
    new.replace(file)


def made(backlog, file, namespace, leads=True, dry_run=False):
    """A loop; it leads where `leads` is true or holds something, or says so when called."""
    return Loop(
        file,
        backlog,
        namespace,
        status=Status(),
        metrics=Metrics(),
        leads=lambda now: leads() if callable(leads) else bool(leads),
        warn=namespace.warn,
        dry_run=dry_run,
    )


def polls(url, file, namespace, *between, **how):
    """Poll once, then after each of the `between` steps again, a second apart; returns the loop."""

    async def run():
        backlog = Backlog(url)
        loop = made(backlog, file, namespace, **how)
        await loop.poll(0.0)
        for second, step in enumerate(between, 1):
            step()
            await loop.poll(float(second))
        await backlog.close()
        return loop

    return asyncio.run(run())


def test_each_queue_gets_its_workers(server, redis_url, file, caplog):
    caplog.set_level(logging.INFO)
    server.lpush("harbor", "1", "2")
    server.hset("unacked:dure", "tag", "3")
    namespace = Namespace(a=0, b=0, unrelated=7)
    polls(redis_url, file, namespace)
    assert namespace.replicas == {"a": 2, "b": 1, "unrelated": 7}
    assert 'queue=harbor queued=2 in_flight=0 current=0 wanted=2 why="backlog needs 2"' in caplog.messages


@pytest.mark.parametrize("how", [{"leads": False}, {"dry_run": True}])
def test_a_follower_and_a_dry_run_change_nothing(server, redis_url, file, how):
    server.lpush("harbor", "1", "2")
    namespace = Namespace(a=0, b=0)
    loop = polls(redis_url, file, namespace, **how)
    assert namespace.replicas == {"a": 0, "b": 0}
    assert loop._metrics.registry.get_sample_value("queue_scaler_wanted_replicas", {"queue": "harbor"}) == 2


def test_trouble_with_one_queue_leaves_the_others_and_is_said_once(server, redis_url, file, caplog):
    write(file, **{name: {"statefulSet": name} for name in ("absent", "denied", "spoilt", "fine")})
    server.set("spoilt", "text")
    for name in ("absent", "denied", "fine"):
        server.lpush(name, "1")
    namespace = Namespace(denied=0, spoilt=2, fine=0)
    namespace.forbidden.add("denied")
    polls(redis_url, file, namespace, lambda: None, lambda: None)
    assert namespace.replicas == {"denied": 0, "spoilt": 2, "fine": 1}
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 3
    assert any("absent does not exist" in text for text in warnings)
    assert any("cannot scale StatefulSet denied" in text for text in warnings)
    assert any("key spoilt in Redis is a string" in text for text in warnings)


def test_redis_away_holds_and_recovers(server, redis_url, file, unused_port, caplog):
    namespace = Namespace(a=2, b=1)
    polls(f"redis://127.0.0.1:{unused_port}/0", file, namespace, *[lambda: None] * 400)
    assert namespace.replicas == {"a": 2, "b": 1}
    assert [record.message for record in caplog.records if "replicas are held" in record.message] != []
    polls(redis_url, file, namespace, *[lambda: None] * 301)
    assert namespace.replicas == {"a": 0, "b": 0}


def test_after_the_api_was_away_the_cooldown_starts_anew(server, redis_url, file):
    namespace = Namespace(a=2, b=0)
    known = namespace.workers

    def away():
        namespace.workers = None

    def back():
        namespace.workers = known

    polls(redis_url, file, namespace, *[lambda: None] * 100, away, *[lambda: None] * 250, back)
    assert known["a"].replicas == 2


TASK = '{"body": "", "headers": {"task": "execute_workload"}, "properties": {}}'


def test_a_queue_without_workers_is_told_once_with_the_key_to_set(server, redis_url, file, caplog):
    config = yaml.safe_load(file.read_text()) | {"alsoServed": ["fixed"]}
    file.write_text(yaml.safe_dump(config))
    server.lpush("mistyped", TASK, TASK)
    server.lpush("fixed", TASK)
    server.lpush("harbor", TASK)
    server.lpush("celery.pidbox", '{"body": "", "headers": {}}')
    server.lpush("of another program", "text")
    namespace = Namespace(a=0, b=0)
    look = [lambda: None] * 60
    loop = polls(redis_url, file, namespace, *look)
    (warning,) = namespace.warnings
    assert warning[0] == "UnservedQueue"
    assert "2 tasks wait in queue mistyped" in warning[1]
    assert "workers.queues.mistyped: {}" in warning[1]
    assert [text for text in caplog.messages if "unserved" in text] == [f"queue=mistyped unserved: {warning[1]}"]
    assert loop._metrics.registry.get_sample_value("queue_scaler_unserved", {"queue": "mistyped"}) == 2
    loop = polls(redis_url, file, namespace, *look, lambda: server.delete("mistyped"), *look)
    assert loop._metrics.registry.get_sample_value("queue_scaler_unserved", {"queue": "mistyped"}) is None


def test_an_event_that_is_forbidden_stops_nothing(server, redis_url, file, caplog):
    server.lpush("mistyped", TASK)
    server.lpush("harbor", TASK)
    namespace = Namespace(a=0, b=0)
    namespace.forbidden.add("events")
    polls(redis_url, file, namespace)
    assert namespace.replicas["a"] == 1
    assert any("cannot create an event" in text for text in caplog.messages)


def test_an_event_that_could_not_be_told_is_told_later(server, redis_url, file, caplog):
    server.lpush("mistyped", TASK)
    server.lpush("misspelt", TASK)
    namespace = Namespace(a=0, b=0)
    namespace.forbidden.add("events")
    look = [lambda: None] * 31
    polls(redis_url, file, namespace, *look, namespace.forbidden.clear, *look, *look)
    assert len(namespace.warnings) == 2
    assert len([text for text in caplog.messages if "queue=mistyped unserved" in text]) == 1


@pytest.mark.parametrize(("seconds", "warnings"), [(31, 1), (124, 2)])
def test_a_queue_without_workers_is_told_of_again_when_it_was_away_for_long(
    server, redis_url, file, monkeypatch, seconds, warnings
):
    monkeypatch.setattr("queue_scaler.loop.UNSERVED_TOLD_SECONDS", 60)
    server.lpush("mistyped", TASK)
    namespace = Namespace(a=0, b=0)
    look = [lambda: None]
    away, back = [lambda: server.delete("mistyped")], [lambda: server.lpush("mistyped", TASK)]
    polls(redis_url, file, namespace, *away, *look * seconds, *back, *look * 31)
    assert len(namespace.warnings) == warnings


def test_who_no_longer_leads_shows_no_unserved_queue(server, redis_url, file):
    server.lpush("mistyped", TASK)
    leads = [True]
    loop = polls(redis_url, file, Namespace(a=0, b=0), leads.clear, leads=leads)
    assert loop._metrics.registry.get_sample_value("queue_scaler_unserved", {"queue": "mistyped"}) is None


def test_lists_and_keys_that_are_no_text_stop_nothing(server, redis_url, file):
    server.lpush("of another program", b"\x80\xff")
    server.lpush(b"\xff\xfe", b"\x80\xff")
    server.hset("unacked:dure", b"\xff", b"\xff")
    server.zadd("unacked_index:dure", {b"\xff": 1})
    server.lpush("harbor", TASK)
    namespace = Namespace(a=0, b=0)
    polls(redis_url, file, namespace)
    assert namespace.replicas == {"a": 1, "b": 1}


def test_who_lost_the_lease_during_the_poll_changes_nothing(server, redis_url, file):
    server.lpush("harbor", "1")
    namespace = Namespace(a=0, b=0)
    asked = iter([True])
    polls(redis_url, file, namespace, leads=lambda: next(asked, False))
    assert namespace.replicas["a"] == 0


def test_after_the_api_was_away_the_duration_of_tasks_is_still_known(server, redis_url, file):
    write(file, harbor={"statefulSet": "a", "targetSeconds": 60})
    server.hset("work:harbor", mapping={"ended": 10, "seconds": 50})
    namespace = Namespace(a=2)
    known = namespace.workers
    loop = polls(
        redis_url,
        file,
        namespace,
        lambda: setattr(namespace, "workers", None),
        lambda: server.hset("work:harbor", mapping={"ended": 11, "seconds": 150}),
        lambda: setattr(namespace, "workers", known),
    )
    assert loop._histories["harbor"].pace.task_seconds > 50


@pytest.mark.parametrize(
    ("workers", "why"),
    [
        (Workers(0, paused_at=0), "paused at 0 by annotation"),
        (Workers(0, held=True), "paused by annotation"),
        (Workers(0, problem="x is 'two', not a number"), "held: annotation x is 'two', not a number"),
    ],
)
def test_a_pause_is_told_in_the_log_and_a_metric(server, redis_url, file, caplog, workers, why):
    """Also where it changes no replicas."""
    caplog.set_level("INFO")
    server.lpush("harbor", "1")
    namespace = Namespace(a=0, b=0)
    namespace.workers["a"] = workers

    def paused():
        return loop._metrics.registry.get_sample_value("queue_scaler_paused", {"queue": "harbor"})

    loop = polls(redis_url, file, namespace, lambda: None)
    assert (namespace.replicas["a"], paused()) == (0, 1)
    loop = polls(redis_url, file, namespace, lambda: None, lambda: namespace.workers.update(a=Workers(0)))
    assert (namespace.replicas["a"], paused()) == (1, 0)
    told = [text for text in caplog.messages if "annotation" in text]
    assert told == [*[f"queue=harbor annotation: {why}"] * 2, "queue=harbor annotation: not paused any more"]


def orphan(server, queue="dure", tag="tag"):
    place = {"exchange": "", "routing_key": queue}
    message = {"body": "", "headers": {}, "properties": {"delivery_tag": tag, "delivery_info": place}}
    server.hset(f"unacked:{queue}", tag, json.dumps([message, "", queue]))
    server.zadd(f"unacked_index:{queue}", {tag: 1})


def test_orphans_are_put_back_however_rare_the_polls(server, redis_url, file, monkeypatch):
    for name in ("loop.ORPHANS_LOOK_SECONDS", "orphans.GONE_SECONDS"):
        monkeypatch.setattr(f"queue_scaler.{name}", 0.05)
    poll_rarely(file)
    orphan(server)
    turning(redis_url, file, Namespace(a=0, b=0), lambda loop, heard: server.llen("dure") == 1)


def test_what_workers_drop_is_counted_from_the_first_look_on(server, redis_url, file):
    leads = [True]

    async def run():
        backlog = Backlog(redis_url)
        loop = made(backlog, file, Namespace(a=0, b=0), leads=leads)
        for dropped in (4, 4, 6, 1):
            server.hset("work:dure", "dropped", dropped)
            await loop.recover(0.0)
        # what is dropped while another leads is that one's to count
        leads.clear()
        await loop.recover(0.0)
        server.hset("work:dure", "dropped", 9)
        leads.append(True)
        await loop.recover(0.0)
        await backlog.close()
        return loop._metrics.registry.get_sample_value("queue_scaler_orphans_dropped_total", {"queue": "dure"})

    assert asyncio.run(run()) == 3


def test_one_full_queue_does_not_keep_the_orphans_of_others(server, redis_url, file):
    orphan(server, "harbor")
    orphan(server, "dure")

    async def run():
        backlog = Backlog(redis_url)
        loop = made(backlog, file, Namespace(a=0, b=0))
        put_back = loop._recovery.put_back

        async def full(name, *arguments):
            if name == "harbor":
                raise RedisUnavailable("out of memory")
            return await put_back(name, *arguments)

        loop._recovery.put_back = full
        await loop.recover(0.0)
        await loop.recover(GONE_SECONDS)
        await backlog.close()

    asyncio.run(run())
    assert (server.llen("harbor"), server.llen("dure")) == (0, 1)


def test_a_queue_that_is_removed_during_the_look_for_orphans_is_left_alone(server, redis_url, file):
    orphan(server, "harbor")
    orphan(server, "dure")

    async def run():
        backlog = Backlog(redis_url)
        loop = made(backlog, file, Namespace(a=0, b=0))
        find = loop._recovery.find

        async def beside_a_reload(queues, now):
            found = await find(queues, now)
            write(file, harbor={"statefulSet": "a"})
            loop._reload()
            return found

        await loop.recover(0.0)
        loop._recovery.find = beside_a_reload
        await loop.recover(GONE_SECONDS)
        await backlog.close()

    asyncio.run(run())
    assert (server.llen("harbor"), server.llen("dure")) == (1, 0)


def turning(url, file, namespace, *steps, subscribing=None):
    """Let the loop turn by itself until each of `steps` was true, one after the other; with `subscribing`, which runs
    before each change of the subscriptions, Redis' events wake it, too."""

    async def beside():
        backlog = Backlog(url)
        loop = made(backlog, file, namespace)
        wakeup = Wakeup(backlog, loop.wake)
        heard = []

        def listen(idle):
            heard.append(idle)
            if subscribing:
                subscribing()
                wakeup.listen_to(idle)

        jobs = [loop.run(listen), loop.look_for_orphans(), *([wakeup.run()] if subscribing else [])]
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            async with asyncio.timeout(30):
                for step in steps:
                    while not step(loop, heard):
                        assert not any(task.done() for task in tasks), [task for task in tasks if task.done()]
                        await asyncio.sleep(0.01)
        finally:
            await end(tasks)
            await backlog.close()
        return loop

    return asyncio.run(beside())


def act(action):
    def step(loop, heard):
        action(loop)
        return True

    return step


def test_a_changed_configuration_is_taken_and_a_bad_one_refused(server, redis_url, file, caplog):
    server.lpush("late", "1")
    namespace = Namespace(a=0, b=0, c=0)

    def sample(loop, name, **labels):
        return loop._metrics.registry.get_sample_value(f"queue_scaler_{name}", labels)

    loop = turning(
        redis_url,
        file,
        namespace,
        lambda loop, heard: heard,
        act(lambda loop: write(file, late={"statefulSet": "c", "maxReplicas": 1})),
        lambda loop, heard: sample(loop, "config_valid") == 0,
        act(lambda loop: write(file, late={"statefulSet": "c"})),
        lambda loop, heard: namespace.replicas["c"] == 1,
        act(lambda loop: os.remove(file)),
        lambda loop, heard: sample(loop, "config_valid") == 0,
    )
    assert list(loop.config.queues) == ["late"]
    assert sample(loop, "queued", queue="harbor") is None
    assert any("refused" in text and "maxReplicas" in text for text in caplog.messages)


def first_task(server):
    """A step: a task comes into an empty queue, which wakes the loop."""

    def push(loop):
        server.lpush("harbor", "1")
        loop.wake()

    return act(push)


def test_idle_queues_are_told_and_a_wake_up_looks_at_once(server, redis_url, file):
    server.lpush("dure", "1")
    poll_rarely(file)
    namespace = Namespace(a=0, b=0)

    turning(
        redis_url,
        file,
        namespace,
        lambda loop, heard: heard and heard[0] == {"harbor"} and namespace.replicas["b"] == 1,
        first_task(server),
        lambda loop, heard: namespace.replicas["a"] == 1,
    )


def test_the_rest_of_a_burst_is_seen_soon_after_its_first_task(server, redis_url, file):
    """Airflow sends tasks one by one, and only the first of them wakes the scaler."""
    poll_rarely(file)
    namespace = Namespace(a=0, b=0)

    turning(
        redis_url,
        file,
        namespace,
        lambda loop, heard: heard and heard[0] == {"harbor", "dure"},
        first_task(server),
        lambda loop, heard: namespace.replicas["a"] == 1,
        act(lambda loop: server.lpush("harbor", *["1"] * 20)),
        lambda loop, heard: namespace.replicas["a"] == 3,
    )


def test_redis_going_away_is_no_burst_and_wake_ups_are_no_failed_polls(server, redis_url, file, unused_port):
    """The fallback's failureThreshold counts polls, of which there is one in ten minutes here."""
    write(file, harbor={"statefulSet": "a", "fallback": {"failureThreshold": 2, "replicas": 2}})
    poll_rarely(file)
    namespace = Namespace(a=0)

    def looks(loop):
        return loop._metrics.registry.get_sample_value("queue_scaler_poll_seconds_count")

    def away(loop):
        loop._backlog = Backlog(f"redis://127.0.0.1:{unused_port}/0")
        before.append(looks(loop))

    def nothing_happens(loop, heard):
        until.append(time.monotonic() + 3 * BURST_GAP_SECONDS)
        assert looks(loop) <= before[0] + 1
        return time.monotonic() >= until[0]

    def woken(number):
        return act(Loop.wake), lambda loop, heard: looks(loop) == before[0] + number

    before, until = [], []
    turning(
        redis_url,
        file,
        namespace,
        lambda loop, heard: heard,
        act(away),
        *woken(1),
        nothing_happens,
        *woken(2),
        *woken(3),
    )
    assert namespace.replicas == {"a": 0}


def test_a_task_that_comes_just_before_the_subscription_is_seen_at_once(server, redis_url, file):
    poll_rarely(file)
    namespace = Namespace(a=0, b=0)
    turning(
        redis_url,
        file,
        namespace,
        lambda loop, heard: namespace.replicas["a"] == 1,
        subscribing=lambda: server.llen("harbor") or server.lpush("harbor", "1"),
    )


def test_a_lost_cancellation_is_repeated(monkeypatch):
    monkeypatch.setattr("queue_scaler.loop.CANCEL_AGAIN_SECONDS", 0.01)
    lost = []

    async def loses_one():
        while True:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append(1)

    async def start_and_end():
        task = asyncio.create_task(loses_one())
        await asyncio.sleep(0)
        await end([task])
        return task.cancelled()

    assert asyncio.run(start_and_end())
