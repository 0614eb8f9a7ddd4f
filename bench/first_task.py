"""From the first message in an empty queue to its running Airflow task, and where each second goes.

Each moment is told by whoever made it, and all clocks are the node's: Redis tells of the message, of the scaler's look
and of the worker's taking the task (MONITOR), a watch of replicas and pods, containerd of sandbox and container, the
worker's log of its start, and MySQL of the task's own first statement.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import statistics
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import loss
import redis
from cluster import kind
from installation import Installation, until
from lightkube import Client, KubeConfig
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Pod

NAMESPACE = "bench-first-task"
QUEUE = "default"
WORKER = "newscrawl-worker-default"
POD = f"{WORKER}-0"
# workers that go soon make a trial take 25 s
SOON_GONE = ("--set", f"workers.queues.{QUEUE}.autoscaling.cooldownPeriod=8")
# in their order; each takes the time since the one before
STEPS = (
    "message in Redis",
    "poll",  # the scaler reads the queue
    "patch",  # the replicas are set
    "pod object",
    "schedule",
    "volume",  # the kubelet has mounted what the pod asks for, and wants its sandbox
    "sandbox and network",
    "container",  # it runs
    "imports",  # Celery prints its banner
    "Celery's hello",  # connected, its pool forked: it is ready
    "task taken",
    "task start",  # the task's own first action
)
SAID_BY_WORKER = {
    "imports": re.compile(r"celery@\S+ v\d"),
    "Celery's hello": re.compile(r"celery@\S+ ready"),
}
SANDBOX = re.compile(rf'RunPodSandbox for .*{POD}\W.*returns sandbox id \\?"(\w+)')


class Line:
    """When each step was first seen, in seconds since 1970; `forget` before each trial."""

    def __init__(self, client: Client, broker: redis.Redis) -> None:
        self._client = client
        self._broker = broker
        self.seen: dict[str, float] = {}

    def forget(self) -> None:
        """Begin a new trial."""
        self.seen = {}

    def start(self) -> None:
        """Watch until the process ends, each source in a thread of its own."""
        for watch in (self._sets, self._pods, self._commands):
            threading.Thread(target=self._forever, args=(watch,), daemon=True).start()

    def _forever(self, watch: Callable[[], None]) -> None:
        while True:
            with contextlib.suppress(Exception):
                watch()
            # one that cannot connect is not to take the CPU that is measured
            time.sleep(0.1)

    def _note(self, step: str, at: float | None = None) -> None:
        self.seen.setdefault(step, time.time() if at is None else at)

    def _commands(self) -> None:
        with self._broker.monitor() as monitor:
            for said in monitor.listen():
                command, words = said["command"].split(" ", 1)[0].upper(), said["command"].split()
                if command == "LPUSH" and words[1] == QUEUE:
                    self._note("message in Redis", said["time"])
                elif command == "EVALSHA" and QUEUE in words and "message in Redis" in self.seen:
                    self._note("poll", said["time"])
                elif command == "HSET" and words[1] == f"unacked:{QUEUE}":
                    self._note("task taken", said["time"])

    def _sets(self) -> None:
        for _, item in self._client.watch(StatefulSet, fields={"metadata.name": WORKER}):
            if item.spec.replicas:
                self._note("patch")

    def _pods(self) -> None:
        for told, pod in self._client.watch(Pod):
            if pod.metadata.name != POD or told == "DELETED" or pod.metadata.deletionTimestamp:
                continue
            self._note("pod object")
            conditions = {entry.type for entry in pod.status.conditions or () if entry.status == "True"}
            if "PodScheduled" in conditions:
                self._note("schedule")


def measure(environment: dict[str, str], tags: dict[str, str], trials: int) -> dict[str, Any]:
    """Median seconds of each step over the trials, and of the whole; installs the chart and removes it again.

    The first of all, which makes the worker's volume, is told apart. Takes two minutes, and 25 s a trial.
    """
    installation = Installation(environment, namespace=NAMESPACE)
    installation.remove()
    with contextlib.ExitStack() as stack:
        stack.callback(installation.remove)
        print("==> install the chart, for first tasks", flush=True)
        installation.install()
        loss.prepare(installation, tags, *SOON_GONE)
        config = KubeConfig.from_file(environment["KUBECONFIG"])
        client = stack.enter_context(Client(config=config, namespace=NAMESPACE))
        port = stack.enter_context(installation.forward("svc/newscrawl-redis", 6379))
        password = installation.secret("newscrawl-redis", "password")
        broker = stack.enter_context(redis.Redis(port=port, password=password, decode_responses=True))
        line = Line(client, broker)
        line.start()
        print(f"==> first message to its running task: 1 + {trials} trials", flush=True)
        anew, *found = [_trial(installation, line) for _ in range(1 + trials)]
    seconds = {
        step: statistics.median(trial[step] - trial[before] for trial in found)
        for before, step in itertools.pairwise(STEPS)
    }
    whole = [trial[STEPS[-1]] - trial[STEPS[0]] for trial in found]
    return {
        "whole": statistics.median(whole),
        "most": max(whole),
        "with a new volume": anew[STEPS[-1]] - anew[STEPS[0]],
        "seconds": seconds,
        "trials": found,
    }


def _trial(installation: Installation, line: Line) -> dict[str, float]:
    """The moments of the steps of one first task. Raises RuntimeError that names the steps that nobody told of."""

    def gone() -> bool:
        pods = installation.get("pods", "-l", "app.kubernetes.io/component=worker")["items"]
        return not pods

    until("no worker is left", gone, seconds=240, every=1)
    line.forget()
    begun = time.time()
    with installation.airflow() as airflow:
        until("the DAG is known", lambda: "first" in airflow.dags(), seconds=180, every=2)
        run = airflow.trigger("first")
        state = airflow.ended("first", run, seconds=180)
    if state != "success":
        raise RuntimeError(f"the first task ended as {state}:\n{installation.diagnosis()}")
    seen = {**line.seen, **_said_by_containerd(installation, begun), **_said_by_worker(installation)}
    rows = installation.rows("SELECT UNIX_TIMESTAMP(begun) AS begun FROM loss WHERE run = %s", run)
    if rows:
        seen["task start"] = float(rows[0]["begun"])
    if missing := [step for step in STEPS if step not in seen]:
        raise RuntimeError(f"nobody told of: {', '.join(missing)}; told of were {sorted(seen)}")
    parts = ", ".join(f"{step} {seen[step] - seen[before]:.2f}" for before, step in itertools.pairwise(STEPS))
    print(f"    {seen[STEPS[-1]] - seen[STEPS[0]]:.1f} s: {parts}", flush=True)
    return {step: seen[step] for step in STEPS}


def _said_by_worker(installation: Installation) -> dict[str, float]:
    seen: dict[str, float] = {}
    for text in installation.kubectl("logs", POD, "--timestamps").splitlines():
        moment, _, said = text.partition(" ")
        for step, pattern in SAID_BY_WORKER.items():
            if pattern.search(said):
                seen.setdefault(step, datetime.fromisoformat(moment).timestamp())
    return seen


def _said_by_containerd(installation: Installation, since: float) -> dict[str, float]:
    """The moments of the worker's sandbox and container, from the node's journal."""
    command = ("journalctl", "-u", "containerd", "-o", "cat", "--since", f"@{since:.0f}")
    return containerd_moments(installation.run("docker", "exec", kind.NODE, *command))


def containerd_moments(journal: str) -> dict[str, float]:
    """When containerd was asked for the worker's sandbox, had it, and ran the container, as its log has it."""
    seen: dict[str, float] = {}
    sandbox = container = None
    for line in journal.splitlines():
        if not (moment := re.match(r'time="([^"]+)"', line)) or ("RunPodSandbox for" in line and NAMESPACE not in line):
            continue
        at = datetime.fromisoformat(moment[1]).timestamp()
        if made := SANDBOX.search(line):
            sandbox = made[1]
            seen.setdefault("sandbox and network", at)
        elif "RunPodSandbox for" in line and re.search(rf"{POD}\W", line):
            seen.setdefault("volume", at)
        elif sandbox and "CreateContainer within sandbox" in line and sandbox in line:
            if made := re.search(r'returns container id \\?"(\w+)', line):
                container = made[1]
        elif container and "StartContainer for" in line and container in line and "returns successfully" in line:
            # the last one, should there be containers that prepare
            seen["container"] = at
    return seen
