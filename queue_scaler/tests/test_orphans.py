import asyncio
import json

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from queue_scaler.backlog import Backlog
from queue_scaler.config import Queue
from queue_scaler.orphans import GONE_SECONDS, LOOK_SECONDS, Claim, Recovery, follow, orphans, returned

RECONNECT_WAIT = 30.0  # the longest pause that kombu makes between two tries


@pytest.fixture
def server(redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        yield client


def entry(body="task"):
    """As kombu writes it."""
    properties = {"delivery_tag": "tag", "delivery_info": {"exchange": "", "routing_key": "harbor"}}
    return json.dumps(
        [{"body": body, "headers": {"stamps": {}, "group": None}, "properties": properties}, "", "harbor"]
    )


def recover(url, meanwhile=lambda: None):
    """Put all tasks in flight of the queue harbor back; `meanwhile` runs between the look and the put-back."""

    async def once():
        backlog = Backlog(url)
        recovery = Recovery(backlog)
        try:
            await recovery.find({"harbor": Queue("a")}, 0)
            found = await recovery.find({"harbor": Queue("a")}, GONE_SECONDS)
            meanwhile()
            return await recovery.put_back("harbor", Queue("a"), found.get("harbor", {}))
        finally:
            await backlog.close()

    return asyncio.run(once())


def in_flight(server, tag="tag", content=None, renewed=100.5):
    server.hset("unacked:harbor", tag, content or entry())
    server.zadd("unacked_index:harbor", {tag: renewed})


def test_an_orphan_is_the_next_task_of_its_queue(server, redis_url):
    in_flight(server)
    server.lpush("harbor", "waits")
    assert recover(redis_url) == (1, 0)
    assert (server.hlen("unacked:harbor"), server.zcard("unacked_index:harbor")) == (0, 0)
    message = json.loads(server.rpop("harbor"))
    assert message["body"] == "task"
    assert message["headers"] == {"stamps": {}, "group": None, "redelivered": True}
    assert message["properties"]["delivery_info"]["redelivered"]
    assert server.rpop("harbor") == "waits"


@pytest.mark.parametrize("what", ["renewed", "acknowledged", "taken anew"])
def test_a_worker_that_speaks_at_the_same_moment_wins(server, redis_url, what):
    in_flight(server)

    def meanwhile():
        match what:
            case "renewed":
                server.zadd("unacked_index:harbor", {"tag": 101}, xx=True)
            case "acknowledged":
                server.zrem("unacked_index:harbor", "tag")
                server.hdel("unacked:harbor", "tag")
            case "taken anew":
                in_flight(server, content=entry("redelivered"), renewed=101)

    assert recover(redis_url, meanwhile) == (0, 0)
    assert server.llen("harbor") == 0
    assert server.hexists("unacked:harbor", "tag") == (what != "acknowledged")


def test_what_cannot_be_read_stays_and_is_told(server, redis_url):
    in_flight(server, content="no message")
    assert recover(redis_url) == (0, 1)
    assert server.hget("unacked:harbor", "tag") == "no message"


def test_a_full_redis_loses_nothing(server, redis_url):
    in_flight(server)
    server.config_set("maxmemory", "1")
    try:
        with pytest.raises(Exception, match="maxmemory"):
            recover(redis_url)
    finally:
        server.config_set("maxmemory", "0")
    assert server.hlen("unacked:harbor") == 1


def test_without_an_index_nobody_can_be_said_to_be_gone(server, redis_url):
    server.hset("unacked:harbor", "tag", entry())
    assert recover(redis_url) == (0, 0)
    assert server.hlen("unacked:harbor") == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", "[1, 2, 3]", '[{}, "", "q"]', "null"])
def test_no_message(text):
    assert returned(text) is None


tags = st.sampled_from("abc")
looks = st.lists(st.tuples(st.floats(0.5, 40), st.dictionaries(tags, st.sampled_from(["1", "2", "3"]))), min_size=1)


@given(looks)
def test_an_orphan_was_the_same_at_every_look_for_the_whole_time(looks):
    claims, now, seen = {}, 0.0, []
    for pause, held in looks:
        now += pause
        seen.append((now, held))
        claims = follow(claims, held, now)
    for tag in "abc":
        unchanged_since = None
        for at, held in reversed(seen):
            if held.get(tag) is None or held[tag] != seen[-1][1].get(tag):
                break
            unchanged_since = at
        expected = unchanged_since is not None and now - unchanged_since >= GONE_SECONDS
        assert (tag in orphans(claims, now)) == expected


def test_a_lost_worker_is_recognised_within_a_minute():
    """The last renewal may come just after a look, and a look just before the end of the time."""
    assert GONE_SECONDS + 2 * LOOK_SECONDS < 60
    assert "tag" in orphans({"tag": Claim("1", 0.0)}, GONE_SECONDS)


@given(st.floats(0, LOOK_SECONDS), st.floats(0, RECONNECT_WAIT), st.floats(0, LOOK_SECONDS))
def test_a_worker_that_lives_is_never_gone_after_an_outage_of_redis(first_look, wait, phase):
    """The scaler is back within a look, the worker after its wait between two tries; then it reports at once."""
    claims, now = {}, first_look
    while now < wait:
        claims = follow(claims, {"tag": "before"}, now)
        assert not orphans(claims, now)
        now += LOOK_SECONDS
    claims = follow(claims, {"tag": "after"}, now + phase)
    assert not orphans(claims, now + phase)


def test_a_key_of_another_type_spoils_only_its_own_queue(server, redis_url):
    server.set("unacked:harbor", "text")
    server.hset("unacked:dure", "tag", entry())
    server.zadd("unacked_index:dure", {"tag": 1})
    queues = {"harbor": Queue("a"), "dure": Queue("b")}

    async def once():
        backlog = Backlog(redis_url)
        try:
            return await Recovery(backlog).held(queues)
        finally:
            await backlog.close()

    assert asyncio.run(once()) == {"harbor": {}, "dure": {"tag": "1"}}
