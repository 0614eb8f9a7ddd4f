"""Whatever the workers do, a host is never asked faster than its limit, nor by more at once.

The grants are read from Redis itself (MONITOR shows each one's planned start and the lease's end), so that nothing
depends on how busy this machine is.
"""

import multiprocessing
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limited_worker import take_a_slot_and_die, take_turns
from newscrawl.fetch.limiter import Limiter, MustWait, _Held, state_key

LEASE = 2.0


@pytest.fixture(autouse=True)
def nothing_is_renewed_any_more(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends the renewing of what a test still holds, which would log after the tests' Redis has gone."""
    held, add = [], _Held.add

    def add_and_note(slots: _Held, token: str, key: str) -> None:
        held.append((slots, token))
        add(slots, token, key)

    monkeypatch.setattr(_Held, "add", add_and_note)
    yield
    for slots, token in held:
        slots.drop(token)


@dataclass
class Ledger:
    """A host's grants as Redis saw them: planned starts in seconds, and the most slots that were held at once.

    `in_pauses` counts the grants that were made while the host was paused.
    """

    starts: list[float] = field(default_factory=list)
    most_held: int = 0
    in_pauses: int = 0


@contextmanager
def ledger_of(client: redis.Redis, host: str, interval: float) -> Iterator[Ledger]:
    """Notes the grants until the block ends."""
    ledger, ready, end = Ledger(), threading.Event(), f"end of {host}"
    slots = state_key(host) + ":slots"

    def watch() -> None:
        held: dict[str, float] = {}
        following = paused = 0.0
        with client.monitor() as monitor:
            ready.set()
            for seen in monitor.listen():
                words = seen["command"].split(" ")
                if seen["command"].endswith(end):
                    return
                if words[0].upper() == "HSET" and words[1:3] == [state_key(host), "next"]:
                    following = int(words[3]) / 1e6
                if words[0].upper() == "HSET" and words[1:3] == [state_key(host), "pause"]:
                    paused = int(words[3]) / 1e6
                if len(words) < 3 or words[1] != slots:
                    continue
                held = {token: until for token, until in held.items() if until > seen["time"]}
                if words[0].upper() == "ZADD" and words[2] == "XX":
                    held |= {words[4]: int(words[3]) / 1e6} if words[4] in held else {}
                elif words[0].upper() == "ZADD":
                    ledger.starts.append(following - interval)
                    ledger.in_pauses += seen["time"] < paused
                    held[words[3]] = int(words[2]) / 1e6
                    ledger.most_held = max(ledger.most_held, len(held))
                elif words[0].upper() == "ZREM":
                    held.pop(words[2], None)

    watcher = threading.Thread(target=watch)
    watcher.start()
    ready.wait()
    yield ledger
    client.echo(end)
    watcher.join()


def gaps(starts: list[float]) -> list[float]:
    ordered = sorted(starts)
    return [later - earlier for earlier, later in pairwise(ordered)]


def work(url: str, host: str, interval: float, concurrency: int, lease: float, requests: int, seed: int) -> None:
    """A worker: some requests take long, some leave late, some never leave, some are told to wait, some outlive a lease
    that nobody renews, and some workers die with a slot."""
    chance = random.Random(seed)
    with redis.Redis.from_url(url) as client:
        limiter = Limiter(client, lease=lease, patience=60.0)
        for number in range(requests):
            grant = limiter.acquire(host, interval=interval, concurrency=concurrency)
            time.sleep(chance.choice([0.0, 0.0, 0.002, 0.01]))
            if chance.random() < 0.1:
                limiter.pause(host, chance.choice([0.005, 0.03]), "retry_after")
            if chance.random() < 0.1:
                limiter._held.drop(grant.token)  # a dead or frozen process renews nothing
                if number == requests - 1:
                    return
                time.sleep(1.2 * lease)
            limiter.release(grant, sent=chance.choice([None, time.monotonic(), time.monotonic() - 0.005]))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    workers=st.integers(1, 6),
    interval=st.sampled_from([0.0, 0.003, 0.01, 0.02]),
    concurrency=st.integers(1, 3),
    lease=st.sampled_from([0.05, 0.4]),
    seed=st.integers(0, 2**32),
)
def test_threads_never_exceed_the_limit(
    client: redis.Redis, client_url: str, workers: int, interval: float, concurrency: int, lease: float, seed: int
) -> None:
    host = uuid4().hex
    with ledger_of(client, host, interval) as ledger:
        threads = [
            threading.Thread(target=work, args=(client_url, host, interval, concurrency, lease, 6, seed + number))
            for number in range(workers)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert len(ledger.starts) >= 6 * workers  # who slept into a pause has more than one
    assert ledger.most_held <= concurrency
    assert ledger.in_pauses == 0
    assert all(gap > interval - 2e-6 for gap in gaps(ledger.starts))


def test_processes_never_exceed_the_limit(client: redis.Redis, client_url: str) -> None:
    host, spawn = uuid4().hex, multiprocessing.get_context("spawn")
    with ledger_of(client, host, 0.01) as ledger:
        workers = [spawn.Process(target=take_turns, args=(client_url, host, 20)) for _ in range(3)]
        for one in workers:
            one.start()
        for one in workers:
            one.join()
        assert [one.exitcode for one in workers] == [0, 0, 0]
    assert len(ledger.starts) == 60
    assert ledger.most_held <= 2
    assert all(gap > 0.01 - 2e-6 for gap in gaps(ledger.starts))


def test_the_whole_rate_is_used(client: redis.Redis) -> None:
    host, limiter = uuid4().hex, Limiter(client, lease=LEASE, patience=60.0)
    with ledger_of(client, host, 0.05) as ledger:
        for _ in range(10):
            limiter.acquire(host, interval=0.05, concurrency=100)
    # reservations follow each other without a break, unless the worker itself came late
    assert sorted(gaps(ledger.starts))[4] == pytest.approx(0.05, abs=1e-5)


def test_a_request_that_left_late_moves_the_next(client: redis.Redis) -> None:
    host, limiter = uuid4().hex, Limiter(client, lease=LEASE, patience=60.0)
    grant = limiter.acquire(host, interval=0.2, concurrency=1)
    planned = int(client.hget(state_key(host), "next"))
    time.sleep(0.25)  # a slow name server, say
    seconds, micros = client.time()
    limiter.release(grant, sent=time.monotonic())
    moved = int(client.hget(state_key(host), "next"))
    assert moved > planned
    assert moved >= seconds * 1_000_000 + micros + 200_000


def test_each_request_keeps_its_own_distance_from_the_one_before(client: redis.Redis) -> None:
    host, naps = uuid4().hex, []
    limiter = Limiter(client, lease=LEASE, patience=0.1, sleep=naps.append)
    for interval in (10.0, 30.0, 10.0):
        limiter.release(limiter.acquire(host, interval=interval, concurrency=1), sent=None)
    assert naps == pytest.approx([30.0, 60.0], abs=5)
    # the distance is that from when the request left, however early its turn was
    grant = limiter.acquire(uuid4().hex, interval=10.0, concurrency=1)
    client.delete(state_key(grant.host))
    limiter.release(grant, sent=time.monotonic())
    limiter.acquire(grant.host, interval=30.0, concurrency=1)
    assert naps[2] == pytest.approx(30.0, abs=5)


def test_a_worker_that_overslept_takes_a_new_turn(client: redis.Redis) -> None:
    host, naps = uuid4().hex, []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        time.sleep(seconds + (0.5 if len(naps) == 1 else 0.0))

    limiter = Limiter(client, lease=LEASE, patience=60.0, sleep=sleep)
    with ledger_of(client, host, 0.4) as ledger:
        for _ in range(2):
            limiter.acquire(host, interval=0.4, concurrency=2)
    assert len(ledger.starts) > 2
    assert ledger.starts[-1] > ledger.starts[1] + 0.4
    assert ledger.most_held == 2


def test_hosts_do_not_wait_for_each_other(client: redis.Redis) -> None:
    limiter = Limiter(client, lease=LEASE, patience=0.0, sleep=lambda _: pytest.fail("waited"))
    for host in (uuid4().hex, uuid4().hex):
        limiter.acquire(host, interval=60.0, concurrency=1)


def test_a_living_worker_s_slot_is_renewed(client: redis.Redis) -> None:
    host, limiter = uuid4().hex, Limiter(client, lease=1.0, patience=0.0)
    other = Limiter(client, lease=1.0, patience=0.0)
    grant = limiter.acquire(host, interval=0.0, concurrency=1)
    ends = time.monotonic() + 2.5  # leases
    while time.monotonic() < ends:
        with pytest.raises(MustWait):
            other.acquire(host, interval=0.0, concurrency=1)
    limiter.release(grant, sent=None)
    other.acquire(host, interval=0.0, concurrency=1)


def test_who_renews_too_late_does_not_take_its_slot_back(client: redis.Redis) -> None:
    host = uuid4().hex
    slots = state_key(host) + ":slots"
    first = Limiter(client, lease=0.4, patience=5.0)
    first.acquire(host, interval=0.0, concurrency=1)
    client.zremrangebyscore(slots, "-inf", "+inf")  # as the script does when the lease has ended
    second = Limiter(client, lease=30.0, patience=5.0).acquire(host, interval=0.0, concurrency=1)
    time.sleep(0.3)  # three renewals of the first
    assert client.zrange(slots, 0, -1) == [second.token.encode()]


def test_who_slept_hears_of_a_pause(client: redis.Redis) -> None:
    host, other = uuid4().hex, Limiter(client, lease=LEASE, patience=60.0)

    def sleep(seconds: float) -> None:
        other.pause(host, 50.0, "retry_after")
        time.sleep(seconds)

    limiter = Limiter(client, lease=LEASE, patience=5.0, sleep=sleep)
    other.release(other.acquire(host, interval=1.0, concurrency=1), sent=None)
    with pytest.raises(MustWait) as caught:
        limiter.acquire(host, interval=1.0, concurrency=1)
    assert caught.value.reason == "retry_after"
    assert client.zcard(state_key(host) + ":slots") == 0


def test_a_dead_worker_s_slot_is_free_when_its_lease_ends(client: redis.Redis, client_url: str) -> None:
    host = uuid4().hex
    spawn = multiprocessing.get_context("spawn")
    dead = spawn.Process(target=take_a_slot_and_die, args=(client_url, host, 0.3))
    dead.start()
    dead.join()
    with pytest.raises(MustWait) as caught:
        Limiter(client, lease=LEASE, patience=0.0).acquire(host, interval=0.0, concurrency=1)
    assert caught.value.reason == "busy"
    assert 0 < caught.value.seconds <= 0.3
    Limiter(client, lease=LEASE, patience=60.0).acquire(host, interval=0.0, concurrency=1)


def test_waiting_is_bounded_and_says_why(client: redis.Redis) -> None:
    host, limiter = uuid4().hex, Limiter(client, lease=60.0, patience=0.1)
    # eight turns of a slow site are always waited for; the ninth is not
    naps: list[float] = []
    patient = Limiter(client, lease=600.0, patience=0.1, sleep=naps.append)
    for _ in range(9):
        patient.acquire(host, interval=10.0, concurrency=100)
    with pytest.raises(MustWait) as caught:
        limiter.acquire(host, interval=10.0, concurrency=100)
    assert caught.value.reason == "rate"
    assert caught.value.seconds == pytest.approx(90, abs=5)
    # a refused request has reserved nothing
    with pytest.raises(MustWait) as again:
        limiter.acquire(host, interval=10.0, concurrency=100)
    assert again.value.seconds <= caught.value.seconds


def test_a_pause_holds_for_all_workers_and_only_grows(client: redis.Redis) -> None:
    host, limiter = uuid4().hex, Limiter(client, lease=60.0, patience=0.1)
    limiter.pause(host, 50.0, "retry_after")
    limiter.pause(host, 5.0, "retry_after")
    with pytest.raises(MustWait) as caught:
        Limiter(client, lease=60.0, patience=0.1).acquire(host, interval=0.0, concurrency=1)
    assert caught.value.reason == "retry_after"
    assert caught.value.seconds == pytest.approx(50, abs=5)


def test_after_a_pause_the_host_is_asked_again(client: redis.Redis) -> None:
    host, limiter = uuid4().hex, Limiter(client, lease=60.0, patience=60.0)
    with ledger_of(client, host, 0.0) as ledger:
        seconds, micros = client.time()
        limiter.pause(host, 0.2, "retry_after")
        limiter.acquire(host, interval=0.0, concurrency=1)
    assert ledger.starts[0] >= seconds + micros / 1e6 + 0.2


def test_a_lost_script_cache_is_refilled(client: redis.Redis) -> None:
    limiter = Limiter(client, lease=60.0, patience=0.1)
    grant = limiter.acquire(uuid4().hex, interval=0.0, concurrency=1)
    client.script_flush()
    limiter.release(grant, sent=None)
