"""CPU milliseconds and Redis round trips of a poll over QUEUES queues, and the scaler's memory in MiB, as JSON.

A process of its own for `scaling.py`, with the scaler's whole program in memory and nothing else. Redis: REDIS_URL.
Every second queue has a task in flight, so that the looks for orphans and unserved queues, every few polls, count.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import queue_scaler.__main__  # noqa: F401
import redis
import yaml
from queue_scaler.backlog import Backlog
from queue_scaler.decide import Workers
from queue_scaler.loop import Loop
from queue_scaler.status import Metrics, Status

POLLS = 100
TASK = '{"headers": {"task": "execute_workload"}}'


class Sets:
    """StatefulSets that nobody changes, in the shape of kube.StatefulSets."""

    def __init__(self, count: int) -> None:
        self.workers = {f"set{number}": Workers(1) for number in range(count)}
        self.ready: dict[str, int] = {}


def poll_cost(url: str, count: int) -> dict[str, float]:
    """CPU milliseconds and Redis round trips of a poll over `count` queues with one task each, and memory in MiB."""
    entries = {f"queue{number}": {"statefulSet": f"set{number}", "concurrency": 2} for number in range(count)}
    with redis.Redis.from_url(url) as server, tempfile.TemporaryDirectory() as folder:
        server.flushall()
        with server.pipeline() as pipe:
            for number, name in enumerate(entries):
                pipe.lpush(name, TASK)
                if number % 2:
                    pipe.hset(f"unacked:{name}", "tag", TASK)
                    pipe.zadd(f"unacked_index:{name}", {"tag": time.time()})
            pipe.execute()
        file = Path(folder) / "config.yaml"
        file.write_text(yaml.safe_dump({"queues": entries}))

        async def run() -> dict[str, float]:
            backlog = Backlog(url)
            sets = Sets(count)
            loop = Loop(
                file,
                backlog,
                lambda changed: sets,
                status=Status(),
                metrics=Metrics(),
                leads=lambda now: True,
                warn=None,
            )
            # the first poll registers the script
            await loop.poll(0.0)
            server.config_resetstat()
            before = time.process_time()
            for second in range(1, POLLS + 1):
                # short of the time after which what nobody renews is put back
                await loop.poll(second * 0.25)
            cpu = time.process_time() - before
            # what scripts call is counted by its own name
            counted = server.info("commandstats")
            scripts = counted["cmdstat_evalsha"]["calls"]
            scans = counted.get("cmdstat_scan", {"calls": 0})["calls"]
            await backlog.close()
            return {"cpu_ms": 1000 * cpu / POLLS, "round_trips": (scripts + scans) / POLLS}

        cost = asyncio.run(run())
    return cost | {"rss_mib": peak_mib()}


def peak_mib() -> float:
    """The most memory that this program had; getrusage would begin with what the parent had before it started us."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(poll_cost(os.environ["REDIS_URL"], int(sys.argv[1]))))
