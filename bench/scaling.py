"""What scaling costs and how fast it is: `make bench-scaling`.

Prints a table and writes build/bench/scaling.json. Without --cluster: the cost of a poll, and what Redis' announcements
cost Redis. With it: how fast replicas change on the kind cluster, beside KEDA in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import cluster
import first_task
import redis
import scaling_cluster
from cluster import engine, images, services

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "build" / "bench" / "scaling.json"
SIZES = (10, 100, 1000)
ROUNDS = 8
FIRST_TASKS = 5
PUSHES = 20_000


def poll_costs(url: str) -> dict[str, dict[str, float]]:
    """The cost of a poll for each number of queues, each in a process that holds the scaler alone."""
    costs = {}
    for count in SIZES:
        command = [sys.executable, Path(__file__).with_name("poll_cost.py"), str(count)]
        done = subprocess.run(command, env={**os.environ, "REDIS_URL": url}, capture_output=True, text=True, check=True)
        costs[str(count)] = json.loads(done.stdout)
    return costs


def event_cost(url: str) -> dict[str, float]:
    """Redis' CPU microseconds for a push and a pop: without events, with events and with 1,000 idle queues listened to.

    The kinds take turns within one run, so that what else the machine does meets all of them; medians of the rounds.
    """
    spent: dict[str, list[float]] = {"off": [], "on": [], "listened": []}
    with redis.Redis.from_url(url) as server:
        server.flushall()
        listener = server.pubsub()
        listener.subscribe(*(f"__keyspace@0__:idle{number}" for number in range(1000)))
        for _ in range(ROUNDS):
            for kind, flags, queue in (("off", "", "busy"), ("on", "Kl", "busy"), ("listened", "Kl", "idle1")):
                server.config_set("notify-keyspace-events", flags)
                before = _redis_cpu(server)
                for _ in range(PUSHES // 500):
                    with server.pipeline(transaction=False) as pipe:
                        for _ in range(500):
                            pipe.lpush(queue, "task")
                            pipe.rpop(queue)
                        pipe.execute()
                spent[kind].append(1e6 * (_redis_cpu(server) - before) / PUSHES)
        listener.close()
    medians = {kind: sorted(values)[len(values) // 2] for kind, values in spent.items()}
    ratios = {f"ratio_{kind}": medians[kind] / medians["off"] for kind in ("on", "listened")}
    return {f"us_{kind}": value for kind, value in medians.items()} | ratios


def _redis_cpu(server: redis.Redis) -> float:
    used = server.info("cpu")
    return used["used_cpu_user"] + used["used_cpu_sys"]


def table(result: dict[str, Any]) -> str:
    """The measured numbers, a line each."""
    lines = []
    for count, cost in result.get("poll", {}).items():
        lines.append(
            f"poll of {count:>5} queues      {cost['cpu_ms']:7.1f} ms CPU  {cost['round_trips']:.2f} round trips"
            f"  {cost['rss_mib']:.0f} MiB resident"
        )
    if events := result.get("events"):
        lines.append(
            f"a push and a pop cost Redis {events['us_off']:.2f} us; {events['ratio_on']:.2f} times that with events "
            f"nobody hears, {events['ratio_listened']:.2f} times where the scaler listens"
        )
    for name, measured in result.get("cluster", {}).items():
        numbers = "  ".join(f"{key} {value:.3g}" for key, value in measured.items() if isinstance(value, int | float))
        lines.append(f"{name:<28} {numbers}")
    if first := result.get("first task"):
        lines.append(f"first message to running task: {first['whole']:.1f} s")
        lines += [f"    {step:<24} {first[step]:6.2f} s" for step in first_task.STEPS[1:]]
    return "\n".join(lines)


def main() -> None:
    """Measure what the flags say."""
    flags = argparse.ArgumentParser(prog="bench/scaling.py", description=__doc__)
    flags.add_argument("--cluster", action="store_true", help="also measure on the kind cluster (about 30 minutes)")
    flags.add_argument("--trials", type=int, default=200, help="first messages a mode (default: 200)")
    flags.add_argument("--seed", type=int, default=1, help="of the random phases (default: 1)")
    flags.add_argument("--skip-keda", action="store_true", help="leave KEDA out (its first build takes six minutes)")
    chosen = flags.parse_args()
    result: dict[str, Any] = {}
    docker = engine.environment()
    images.ensure_service_images(docker, images.registry_reachable(docker)[0])
    with services.redis_server(docker) as url:
        print("==> cost of a poll", flush=True)
        result["poll"] = poll_costs(url)
        print("==> cost of Redis' announcements", flush=True)
        result["events"] = event_cost(url)
    if chosen.cluster:
        environment, tags = cluster.up_with_images()
        chance = random.Random(chosen.seed)
        result["cluster"] = scaling_cluster.measure(
            environment, tags, chance, chosen.trials, with_keda=not chosen.skip_keda
        )
        result["first task"] = first_task.measure(environment, tags, FIRST_TASKS)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(table(result))
    print(f"written to {RESULT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
