"""From the first message in an empty queue to its running Airflow task, and where each second goes.

Watches on the cluster, the worker's log and Airflow's own times are put on one line of time: all are of one machine's
clock.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import statistics
import threading
import time
from datetime import datetime
from typing import Any

import loss
import redis
from installation import Installation, until
from lightkube import Client, KubeConfig
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Pod

NAMESPACE = "bench-first-task"
QUEUE = "default"
WORKER = "newscrawl-worker-default"
# in their order; each takes the time since the one before
STEPS = (
    "message in Redis",
    "replicas set",
    "pod created",
    "scheduled",
    "sandbox and network",
    "container runs",
    "Celery ready",
    "task received",
    "task runs",
)
LOG_LINES = {
    "Celery ready": re.compile(r"celery@\S+ ready"),
    "task received": re.compile(r"Task \S+ received"),
}


class Line(threading.Thread):
    """When each step was first seen, in seconds since 1970; `forget` before each trial."""

    def __init__(self, client: Client, broker: redis.Redis) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._broker = broker
        self.seen: dict[str, float] = {}

    def forget(self) -> None:
        """Begin a new trial."""
        self.seen = {}

    def run(self) -> None:
        """Watch until the process ends."""
        for watch in (self._sets, self._pods):
            threading.Thread(target=self._forever, args=(watch,), daemon=True).start()
        while True:
            if "message in Redis" not in self.seen and self._broker.llen(QUEUE):
                self._note("message in Redis")
            time.sleep(0.005)

    def _forever(self, watch: Any) -> None:
        while True:
            with contextlib.suppress(Exception):
                watch()

    def _note(self, step: str) -> None:
        self.seen.setdefault(step, time.time())

    def _sets(self) -> None:
        for _, item in self._client.watch(StatefulSet, fields={"metadata.name": WORKER}):
            if item.spec.replicas:
                self._note("replicas set")

    def _pods(self) -> None:
        for kind, pod in self._client.watch(Pod):
            if not pod.metadata.name.startswith(WORKER) or kind == "DELETED" or pod.metadata.deletionTimestamp:
                continue
            self._note("pod created")
            conditions = {entry.type for entry in pod.status.conditions or () if entry.status == "True"}
            if "PodScheduled" in conditions:
                self._note("scheduled")
            if "PodReadyToStartContainers" in conditions:
                self._note("sandbox and network")
            if any(entry.state.running for entry in pod.status.containerStatuses or ()):
                self._note("container runs")


def measure(environment: dict[str, str], tags: dict[str, str], trials: int) -> dict[str, Any]:
    """Median seconds of each step over the trials, and of the whole; installs the chart and removes it again."""
    installation = Installation(environment, namespace=NAMESPACE)
    installation.remove()
    with contextlib.ExitStack() as stack:
        stack.callback(installation.remove)
        print("==> install the chart", flush=True)
        installation.install()
        loss.prepare(installation, tags)
        config = KubeConfig.from_file(environment["KUBECONFIG"])
        client = stack.enter_context(Client(config=config, namespace=NAMESPACE))
        port = stack.enter_context(installation.forward("svc/newscrawl-redis", 6379))
        password = installation.secret("newscrawl-redis", "password")
        line = Line(client, stack.enter_context(redis.Redis(port=port, password=password)))
        line.start()
        found = [_trial(installation, line) for _ in range(trials)]
    result: dict[str, Any] = {"trials": found}
    for before, step in itertools.pairwise(STEPS):
        result[step] = statistics.median(trial[step] - trial[before] for trial in found)
    result["whole"] = statistics.median(trial[STEPS[-1]] - trial[STEPS[0]] for trial in found)
    return result


def _trial(installation: Installation, line: Line) -> dict[str, float]:
    def gone() -> bool:
        pods = installation.get("pods", "-l", "app.kubernetes.io/component=worker")["items"]
        return not pods

    until("no worker is left", gone, seconds=240, every=1)
    line.forget()
    run = loss.start(installation, [])
    until("the run has ended", lambda: loss.state(installation, run) in ("success", "skipped"), seconds=180, every=1)
    seen = dict(line.seen)
    with installation.airflow() as airflow:
        begun = [task["start_date"] for task in airflow.tasks("loss", run) if task["task_id"].startswith("plan_")]
    seen["task runs"] = min(datetime.fromisoformat(moment).timestamp() for moment in begun)
    for text in installation.kubectl("logs", f"{WORKER}-0", "--timestamps").splitlines():
        moment, _, said = text.partition(" ")
        for step, pattern in LOG_LINES.items():
            if step not in seen and pattern.search(said):
                seen[step] = datetime.fromisoformat(moment).timestamp()
    print(f"    {seen['task runs'] - seen['message in Redis']:.1f} s", flush=True)
    return seen
