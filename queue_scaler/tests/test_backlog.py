import asyncio
import threading
from itertools import takewhile
from urllib.parse import urlsplit

import pytest
import redis
from queue_scaler.backlog import Backlog, RedisUnavailable
from queue_scaler.config import Queue
from queue_scaler.decide import Reading
from queue_scaler.pace import Work


@pytest.fixture
def server(redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        yield client


def read(url, queues):
    async def once():
        backlog = Backlog(url)
        try:
            return await backlog.read(queues)
        finally:
            await backlog.close()

    return asyncio.run(once())


def test_queued_and_in_flight_of_every_queue(server, redis_url):
    server.lpush("harbor", "task 1", "task 2", "task 3")
    server.hset("unacked:harbor", "tag", "task 0")
    server.hset("elsewhere", mapping={"a": "1", "b": "2"})
    queues = {"harbor": Queue("a"), "dure": Queue("b", in_flight_key="elsewhere"), "new": Queue("c")}
    assert read(redis_url, queues) == {"harbor": Reading(3, 1), "dure": Reading(0, 2), "new": Reading(0, 0)}
    assert read(redis_url, {}) == {}


def test_what_workers_counted_is_read_where_it_is_asked_for(server, redis_url):
    server.hset("work:harbor", mapping={"ended": 4, "seconds": 2.5})
    server.hset("work:dure", mapping={"ended": 9, "seconds": 1})
    timed = {"harbor": Queue("a", target_seconds=60), "new": Queue("b", target_seconds=60), "dure": Queue("c")}
    assert read(redis_url, timed) == {
        "harbor": Reading(0, 0, Work(4, 2.5)),
        "new": Reading(0, 0, Work(0, 0.0)),
        "dure": Reading(0, 0),
    }


def test_a_key_of_another_type_spoils_only_its_own_queue(server, redis_url):
    server.set("harbor", "text")
    server.sadd("unacked:dure", "member")
    server.lpush("hanbit", "task")
    found = read(redis_url, {name: Queue(name) for name in ("harbor", "dure", "hanbit")})
    assert found["hanbit"] == Reading(1, 0)
    assert "key harbor in Redis is a string, not a list" in found["harbor"]
    assert "key unacked:dure in Redis is a set, not a hash" in found["dure"]


@pytest.mark.parametrize("counts", [{"ended": "x"}, {"seconds": "nan"}, {"ended": -1}, {"ended": 1, "seconds": "inf"}])
def test_counts_that_are_none_spoil_only_their_own_queue(server, redis_url, counts):
    server.hset("work:harbor", mapping=counts)
    found = read(redis_url, {name: Queue(name, target_seconds=60) for name in ("harbor", "dure")})
    assert found["dure"] == Reading(0, 0, Work(0, 0.0))
    assert "key work:harbor in Redis has no counts" in found["harbor"]


def test_a_moving_task_is_never_missed(server, redis_url):
    """A task that moves between list and hash as fast as Redis can is in one of them in each reading."""
    server.lpush("harbor", "task")
    stop = threading.Event()
    take = server.register_script("redis.call('RPOP', KEYS[1]) redis.call('HSET', KEYS[2], 'tag', 'task')")
    put_back = server.register_script("redis.call('HDEL', KEYS[2], 'tag') redis.call('LPUSH', KEYS[1], 'task')")

    def move():
        while not stop.is_set():
            take(keys=["harbor", "unacked:harbor"])
            put_back(keys=["harbor", "unacked:harbor"])

    async def look():
        backlog = Backlog(redis_url)
        readings = [(await backlog.read({"harbor": Queue("a")}))["harbor"] for _ in range(300)]
        await backlog.close()
        return readings

    mover = threading.Thread(target=move)
    mover.start()
    try:
        readings = asyncio.run(look())
    finally:
        stop.set()
        mover.join()
    assert set(readings) == {Reading(1, 0), Reading(0, 1)}


def test_one_round_trip_for_a_thousand_queues(server, redis_url):
    queues = {f"queue{number}": Queue(f"set{number}") for number in range(1000)}
    server.rpush("queue999", "task")

    async def twice():
        backlog = Backlog(redis_url)
        await backlog.read(queues)
        with server.monitor() as monitor:
            found = await backlog.read(queues)
            server.echo("the end")
            commands = iter(monitor.next_command, None)
            said = list(takewhile(lambda one: "the end" not in one["command"], commands))
        await backlog.close()
        # what the script itself does is told as well
        return found, [one for one in said if one["client_type"] != "lua" and "queue999" in one["command"]]

    found, calls = asyncio.run(twice())
    assert (found["queue999"], found["queue0"], len(calls)) == (Reading(1, 0), Reading(0, 0), 1)


def test_a_wrong_password_is_told_without_the_password(redis_url):
    address = urlsplit(redis_url)
    wrong = address._replace(netloc=f":guess-5141@{address.netloc.rpartition('@')[2]}").geturl()
    with pytest.raises(RedisUnavailable, match=r"refuses: .*check REDIS_URL") as caught:
        read(wrong, {"harbor": Queue("a")})
    assert "guess-5141" not in str(caught.value)


def test_no_server_is_told_with_its_address(unused_port):
    with pytest.raises(RedisUnavailable, match=rf"Redis at 127\.0\.0\.1:{unused_port} does not answer: "):
        read(f"redis://:secret@127.0.0.1:{unused_port}/0", {"harbor": Queue("a")})


def test_reading_goes_on_after_the_connection_broke_and_the_script_was_forgotten(server, redis_url):
    async def interrupted():
        backlog = Backlog(redis_url)
        await backlog.read({"harbor": Queue("a")})
        server.script_flush()
        server.client_kill_filter(_type="normal", skipme=True)
        found = await backlog.read({"harbor": Queue("a")})
        await backlog.close()
        return found

    assert asyncio.run(interrupted()) == {"harbor": Reading(0, 0)}
