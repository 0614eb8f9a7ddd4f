"""A fetcher against real servers on this machine, with the real Redis that the root conftest starts."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from newscrawl.fetch import Fetcher, Limits

# tests are imported by path (importlib mode); what they share is imported by name
sys.path.insert(0, str(Path(__file__).parent))

from local_site import LocalSite

AGENT = "newscrawl-tests/1.0 (+https://example.org/bot)"


@pytest.fixture
def client_url(redis_url: str) -> str:
    """An empty Redis database; tests that run side by side have one each."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    url = f"{redis_url.rpartition('/')[0]}/{8 + int(worker) % 8}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def client(client_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(client_url, socket_timeout=None) as one:  # MONITOR may be silent for long
        yield one


@pytest.fixture
def site() -> Iterator[LocalSite]:
    with LocalSite() as server:
        yield server


@pytest.fixture
def new_fetcher(client: redis.Redis) -> Callable[..., Fetcher]:
    """Makes fetchers that are quick to give up; words are the Fetcher's own."""

    def make(**told: object) -> Fetcher:
        words = {"client": client, "user_agent": AGENT, "allow_private": True, "patience": 5.0}
        return Fetcher(None, **({"limits": Limits(2.0, 2.0, 5.0)} | words | told))

    return make
