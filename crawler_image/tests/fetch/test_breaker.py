"""A host that is down is left alone, tried with one request, and trusted again when it answers."""

from uuid import uuid4

import pytest
import redis
from newscrawl.fetch.breaker import OPEN, Breaker
from newscrawl.fetch.limiter import Limiter, MustWait, state_key


def rest_over(client: redis.Redis, host: str) -> None:
    """Lets the pause end."""
    client.hset(state_key(host), "pause", 0)


def test_failures_in_a_row_open_it_for_all_workers(client: redis.Redis) -> None:
    host, breaker = uuid4().hex, Breaker(client, threshold=3, first_rest=10.0, longest_rest=35.0)
    assert [breaker.failed(host) for _ in range(3)] == [0, 0, 10]
    with pytest.raises(MustWait) as caught:
        Limiter(client, lease=60.0, patience=1.0).acquire(host, interval=0.0, concurrency=4)
    assert caught.value.reason == OPEN
    # requests that were under way when it opened say nothing new
    assert breaker.failed(host) == 0


def test_each_failed_trial_doubles_the_rest(client: redis.Redis) -> None:
    host, breaker = uuid4().hex, Breaker(client, threshold=1, first_rest=10.0, longest_rest=35.0)
    rests = []
    for _ in range(4):
        rests.append(breaker.failed(host))
        rest_over(client, host)
    assert rests == [10, 20, 35, 35]


def test_after_the_rest_one_request_at_a_time_tries(client: redis.Redis) -> None:
    host, breaker = uuid4().hex, Breaker(client, threshold=1)
    limiter = Limiter(client, lease=60.0, patience=0.0)
    breaker.failed(host)
    rest_over(client, host)
    trial = limiter.acquire(host, interval=0.0, concurrency=4)
    assert trial.failures == 1
    with pytest.raises(MustWait) as caught:
        limiter.acquire(host, interval=0.0, concurrency=4)
    assert caught.value.reason == "busy"
    breaker.recovered(host)
    assert [limiter.acquire(host, interval=0.0, concurrency=4).failures for _ in range(3)] == [0, 0, 0]


def test_an_answer_between_failures_starts_the_count_anew(client: redis.Redis) -> None:
    host, breaker = uuid4().hex, Breaker(client, threshold=3)
    for _ in range(5):
        assert [breaker.failed(host), breaker.failed(host)] == [0, 0]
        breaker.recovered(host)
