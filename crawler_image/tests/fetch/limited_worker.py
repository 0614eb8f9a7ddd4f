"""What a worker process of a limiter test does, in a module that a new process can import."""

import os

import redis
from newscrawl.fetch.limiter import Limiter


def take_turns(url: str, host: str, count: int) -> None:
    """Takes and gives back `count` turns at `host`."""
    with redis.Redis.from_url(url) as client:
        limiter = Limiter(client, lease=5.0, patience=60.0)
        for _ in range(count):
            limiter.release(limiter.acquire(host, interval=0.01, concurrency=2), sent=None)


def take_a_slot_and_die(url: str, host: str, lease: float) -> None:
    """Leaves a slot behind."""
    with redis.Redis.from_url(url) as client:
        Limiter(client, lease=lease, patience=0.0).acquire(host, interval=0.0, concurrency=1)
        os._exit(0)
