"""What scaling costs and how fast it is: `make bench-scaling`.

Prints a table, each line with its limit and whether it holds, and writes build/bench/scaling.json after each part.
Without --cluster: the cost of a poll, and what Redis' announcements cost Redis (two minutes). With it: how fast
replicas change on the kind cluster, beside KEDA in the same run, and where the seconds of a first task go (20 minutes
more, and six the first time that KEDA is built). What `make test-loss` counted is shown beside it. Ends with 1 when a
limit is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cluster
import first_task
import poll_cost
import redis
import scaling_cluster
from cluster import engine, images, services

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "build" / "bench" / "scaling.json"
# written by the loss tests
LOSS = ROOT / "build" / "bench" / "loss.json"
# number of queues -> polls to measure, a second apart; the longest has every kind of look among them
SIZES = {10: 10, 100: 10, 1000: 32}
ROUNDS = 8
FIRST_TASKS = 6
PUSHES = 20_000


def poll_costs(url: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The cost of a poll for each number of queues."""
    for count, polls in SIZES.items():
        cost = poll_cost.measure(url, count, polls)
        print(f"    {count} queues: {cost['cpu_ms']:.1f} ms CPU, {cost['peak_mib']:.0f} MiB", flush=True)
        yield str(count), cost


def event_cost(url: str) -> dict[str, float]:
    """Redis' CPU microseconds for a push and a pop: without events, with events and with 1,000 idle queues listened to.

    The kinds take turns within one run, so that what else the machine does meets all of them; medians of the rounds.
    """
    spent: dict[str, list[float]] = {"off": [], "on": [], "listened": []}
    with redis.Redis.from_url(url) as server, redis.Redis.from_url(url) as own:
        server.flushall()
        listener = own.pubsub()
        listener.subscribe(**{f"__keyspace@0__:idle{number}": lambda message: None for number in range(1000)})
        # a listener that does not read costs Redis less, as its socket takes no more
        reading = listener.run_in_thread(sleep_time=0.1, daemon=True)
        for number in range(ROUNDS):
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
            print(f"    round {number + 1} of {ROUNDS}", flush=True)
        reading.stop()
        reading.join()
    medians = {kind: sorted(values)[len(values) // 2] for kind, values in spent.items()}
    ratios = {f"ratio_{kind}": medians[kind] / medians["off"] for kind in ("on", "listened")}
    return {f"us_{kind}": value for kind, value in medians.items()} | ratios


def _redis_cpu(server: redis.Redis) -> float:
    used = server.info("cpu")
    return used["used_cpu_user"] + used["used_cpu_sys"]


@dataclass(frozen=True)
class Line:
    """One line of the table: what was measured and, where the number has a limit, whether it holds."""

    text: str
    holds: bool | None = None

    def __str__(self) -> str:
        return f"{ {None: '', True: 'ok', False: 'MISSED'}[self.holds]:<7} {self.text}"


def below(what: str, value: float, limit: float, unit: str) -> Line:
    """A line whose value must be less than the limit."""
    return Line(f"{what}: {value:.3g} {unit} (limit {limit:g} {unit})", value < limit)


def poll_lines(costs: dict[str, dict[str, Any]]) -> Iterator[Line]:
    """How a poll's cost grows with the number of queues, and what 1,000 may cost."""
    for count, cost in costs.items():
        yield Line(
            f"poll of {count:>4} queues: CPU {cost['cpu_ms']:.1f} ms, at most {cost['cpu_ms_max']:.1f} ms; "
            f"round trips {cost['round_trips']:g}, with the looks now and then {cost['round_trips_mean']:.2f}; "
            f"a list of all StatefulSets, once a minute, {cost['list_cpu_ms']:.0f} ms; {cost['peak_mib']:.0f} MiB"
        )
    most = costs[str(max(SIZES))]
    yield below(f"poll of {max(SIZES)} queues, CPU, mean", most["cpu_ms"], 100, "ms")
    yield below(f"poll of {max(SIZES)} queues, CPU, most", most["cpu_ms_max"], 100, "ms")
    yield Line(f"round trips to Redis a poll: {most['round_trips']:g} (limit 1)", most["round_trips"] == 1)
    yield below(f"memory with {max(SIZES)} queues, peak", most["peak_mib"], 90, "MiB")


def event_lines(events: dict[str, float]) -> Iterator[Line]:
    """What announcements cost Redis, which no limit is set for."""
    yield Line(
        f"a push and a pop cost Redis {events['us_off']:.2f} us; {events['ratio_on']:.2f} times that with events "
        f"nobody hears, {events['ratio_listened']:.2f} times where the scaler listens"
    )


def first_message_lines(engines: dict[str, dict[str, Any]]) -> Iterator[Line]:
    """How soon replicas follow the first message in an empty queue."""
    for engine_name, found in engines.items():
        numbers = "  ".join(f"{key} {found[key]:.3f}" for key in ("min", "p50", "p90", "p99", "max"))
        yield Line(f"first message to replicas, {engine_name}: {numbers} s ({found['trials']} trials)")
    for name, key, limit in (
        ("events", "p50", 0.15),
        ("events", "p99", 0.5),
        ("polls", "p50", 0.6),
        ("polls", "p99", 1.3),
    ):
        yield below(f"first message to replicas, {name}, {key}", engines[name][key], limit, "s")
    if "keda" in engines:
        for key in ("p50", "p99"):
            ratio = engines["events"][key] / engines["keda"][key]
            yield below(f"first message to replicas, events, {key} beside KEDA's", ratio, 1, "times")


def backlog_lines(kinds: dict[str, dict[str, dict[str, Any]]]) -> Iterator[Line]:
    """How soon a backlog for N workers has them, and in how many steps."""
    for kind, engines in kinds.items():
        for name, found in engines.items():
            yield Line(
                f"backlog for {scaling_cluster.WORKERS}, {kind}, {name}: {found['p50']:.2f} s, at most "
                f"{found['max']:.2f} s; first replicas {found['first counts']} ({found['trials']} trials)"
            )
    for name, found in kinds[scaling_cluster.ONE_PUSH].items():
        if name != "keda":
            counts = {int(count) for count in found["first counts"]}
            yield Line(f"N wanted in one step, {name}", counts == {scaling_cluster.WORKERS})


def first_task_lines(found: dict[str, Any]) -> Iterator[Line]:
    """Where the seconds of a first task go."""
    yield below("first message to its running task", found["whole"], 6, "s")
    for step in first_task.STEPS[1:]:
        yield Line(f"    {step:<24} {found['seconds'][step]:6.2f} s")
    yield Line(f"    with a volume that is made anew: {found['with a new volume']:.1f} s")


def loss_lines(runs: dict[str, dict[str, Any]]) -> Iterator[Line]:
    """What the loss tests counted; what KEDA loses as it is used today is for comparison."""
    for name, found in runs.items():
        kept = found["unfinished"] == 0 and (found["may lose"] == "tries" or not found["tries lost"])
        yield Line(
            f"loss test, {name}: of {found['tasks']} tasks {found['retried']} were tried again, {found['unfinished']} "
            f"did not end; {found['tries lost']} tries lost ({found['disturbances']} disturbances; {found['state']} "
            f"after {found['seconds']} s)",
            None if found["may lose"] == "any" else kept,
        )


# part of the result -> its lines
PARTS: dict[str, Callable[[Any], Iterator[Line]]] = {
    "poll": poll_lines,
    "events": event_lines,
    "first message": first_message_lines,
    "backlog": backlog_lines,
    "first task": first_task_lines,
    "loss": loss_lines,
}


def table(result: dict[str, Any]) -> list[Line]:
    """The measured numbers, a line each."""
    return [line for part, lines in PARTS.items() if part in result for line in lines(result[part])]


def keep(result: dict[str, Any]) -> None:
    """Write what there is."""
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


def main() -> int:
    """Measure what the flags say; 1 when a limit is missed."""
    flags = argparse.ArgumentParser(prog="bench/scaling.py", description=__doc__)
    flags.add_argument("--cluster", action="store_true", help="also measure on the kind cluster (about 20 minutes)")
    flags.add_argument("--trials", type=int, default=200, help="first messages a mode of the scaler (default: 200)")
    flags.add_argument("--seed", type=int, default=1, help="of the random phases (default: 1)")
    flags.add_argument("--skip-keda", action="store_true", help="leave KEDA out (its first build takes six minutes)")
    chosen = flags.parse_args()
    result: dict[str, Any] = {"poll": {}}
    docker = engine.environment()
    images.ensure_service_images(docker, images.registry_reachable(docker)[0])
    with services.redis_server(docker) as url:
        print("==> cost of a poll (80 s)", flush=True)
        for count, cost in poll_costs(url):
            result["poll"][count] = cost
            keep(result)
        print("==> cost of Redis' announcements (20 s)", flush=True)
        result["events"] = event_cost(url)
        keep(result)
    if chosen.cluster:
        environment, tags = cluster.up_with_images()
        chance = random.Random(chosen.seed)
        measured = scaling_cluster.measure(environment, tags, chance, chosen.trials, with_keda=not chosen.skip_keda)
        for part, found in measured:
            result[part] = found
            keep(result)
        result["first task"] = first_task.measure(environment, tags, FIRST_TASKS)
        keep(result)
    if LOSS.exists():
        result["loss"] = json.loads(LOSS.read_text())
        keep(result)
    lines = table(result)
    print(*lines, sep="\n")
    if "loss" not in result:
        print("lost tasks are not measured yet: make test-loss")
    judged = [line.holds for line in lines if line.holds is not None]
    print(f"written to {RESULT.relative_to(ROOT)}; {judged.count(False)} of {len(judged)} limits missed")
    return 0 if all(judged) else 1


if __name__ == "__main__":
    sys.exit(main())
