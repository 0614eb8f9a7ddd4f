import socket
import sys
from pathlib import Path

import pytest
import redis

# the folder's helpers by name (tests themselves are imported by path)
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def unused_port():
    """A port of the loopback address on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def broker(redis_url):
    """The session's Redis, empty, which announces pushes as the chart's does."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        before = client.config_get("notify-keyspace-events")
        client.config_set("notify-keyspace-events", "Kl")
        yield client
        client.config_set("notify-keyspace-events", before["notify-keyspace-events"])
