"""How fast replicas change on the kind cluster: the builtin scaler with and without Redis' events, and KEDA beside it.

Every engine has a queue and a StatefulSet of its own in one namespace, whose pods no node takes: what is measured is
the engine and the API server. A change counts when a watch on the StatefulSets tells it here. The engines take turns,
so that what else the machine does meets all of them.
"""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keda
import redis
from installation import Installation, until
from lightkube import Client, KubeConfig
from lightkube.resources.apps_v1 import StatefulSet, StatefulSetScale
from lightkube.types import PatchType

NAMESPACE = "bench-scaling"
TARGET = 4
WORKERS = 4
# what has not come by then counts as this long, and an engine that misses three in a row does not work
TRIAL_SECONDS = 60
MISSES = 3
# an engine's trials take 0.8 s (events) to 1.5 s (polls, KEDA), a backlog's with KEDA about 10 s: 14 minutes in all
KEDA_TRIALS = 60
BACKLOG_TRIALS = 20
KEDA_BACKLOG_TRIALS = 8
ONE_PUSH, SINGLE_PUSHES = "one push", "single pushes"
# between a burst's messages: Airflow's executor sends each on its own
PUSH_GAP_SECONDS = 0.01
POLL_SECONDS = 1.0
# from zero replicas to the next trial at least: a whole poll, so that the engine knows it
SETTLE_SECONDS = 1.2 * POLL_SECONDS

BASE = """
apiVersion: v1
kind: Namespace
metadata: {name: bench-scaling}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: queue-scaler, namespace: bench-scaling}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: queue-scaler, namespace: bench-scaling}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{kind: ServiceAccount, name: queue-scaler, namespace: bench-scaling}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: leases, namespace: bench-scaling}
rules: [{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: leases, namespace: bench-scaling}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: leases}
subjects: [{kind: ServiceAccount, name: queue-scaler, namespace: bench-scaling}]
"""
# an engine's broker, and the StatefulSet that it scales
PARTS = """
---
apiVersion: v1
kind: Pod
metadata: {{name: redis-{name}, namespace: bench-scaling, labels: {{app: redis-{name}}}}}
spec:
  containers:
    - name: redis
      image: redis:8.0
      imagePullPolicy: IfNotPresent
      command: [redis-server, --save, "", --notify-keyspace-events, "{events}", --protected-mode, "no"]
      readinessProbe: {{tcpSocket: {{port: 6379}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: redis-{name}, namespace: bench-scaling}}
spec: {{selector: {{app: redis-{name}}}, ports: [{{port: 6379}}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}, namespace: bench-scaling}}
spec:
  replicas: 0
  serviceName: none
  podManagementPolicy: Parallel
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      nodeSelector: {{none: such}}
      terminationGracePeriodSeconds: 0
      containers: [{{name: none, image: "redis:8.0", imagePullPolicy: IfNotPresent}}]
"""
SCALER = """
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {{name: {name}, namespace: bench-scaling}}
spec: {{leaseDurationSeconds: 15}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: scaler-{name}, namespace: bench-scaling}}
data:
  config.yaml: |
    pollingInterval: 1
    leaseName: {name}
    queues:
      {name}: {{statefulSet: {name}, maxReplicaCount: 4, listLength: 4, cooldownPeriod: 5}}
---
apiVersion: v1
kind: Pod
metadata: {{name: scaler-{name}, namespace: bench-scaling}}
spec:
  serviceAccountName: queue-scaler
  containers:
    - name: queue-scaler
      image: newscrawl-airflow/queue-scaler:{tag}
      imagePullPolicy: IfNotPresent
      args: [--config, /etc/queue-scaler/config.yaml]
      env:
        - {{name: REDIS_URL, value: "redis://redis-{name}:6379/0"}}
        - {{name: POD_NAMESPACE, value: bench-scaling}}
      readinessProbe: {{httpGet: {{path: /readyz, port: 8080}}, periodSeconds: 1}}
      volumeMounts: [{{name: config, mountPath: /etc/queue-scaler}}]
  volumes: [{{name: config, configMap: {{name: scaler-{name}}}}}]
"""
SCALED_OBJECT = """
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: keda, namespace: bench-scaling}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: keda}
  pollingInterval: 1
  cooldownPeriod: 5
  minReplicaCount: 0
  maxReplicaCount: 4
  advanced: {scalingModifiers: {formula: queued + inflight, target: "4"}}
  triggers:
    - type: redis
      name: queued
      metadata: {address: "redis-keda.bench-scaling.svc:6379", listName: keda, listLength: "4"}
    - type: redis
      name: inflight
      metadata: {address: "redis-keda.bench-scaling.svc:6379", listName: "unacked:keda", listLength: "4"}
"""


class Watch(threading.Thread):
    """The replicas of the namespace's StatefulSets, with the moment (time.monotonic()) at which each became known."""

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._over = threading.Event()
        self.changes: queue.Queue[tuple[float, str, int]] = queue.Queue()
        self.replicas: dict[str, int] = {}

    def run(self) -> None:
        """Watch until `stop`; a watch that breaks begins anew."""
        while not self._over.is_set():
            with contextlib.suppress(Exception):
                for _, item in self._client.watch(StatefulSet):
                    name, count = item.metadata.name, item.spec.replicas
                    if self.replicas.get(name) != count:
                        self.replicas[name] = count
                        self.changes.put((time.monotonic(), name, count))

    def stop(self) -> None:
        """Begin no watch any more."""
        self._over.set()


@dataclass(frozen=True)
class Trial:
    """Seconds from the push to the first change of replicas and to all of them, and how many the first change gave."""

    first: float
    count: int
    whole: float


@dataclass
class Lane:
    """An engine with the queue and the StatefulSet of its name; since when (time.monotonic()) it has been at zero."""

    name: str
    server: redis.Redis
    zero_since: float = 0.0


class Bench:
    """The engines of one namespace, their brokers and a watch on their sets."""

    def __init__(self, client: Client, watch: Watch, chance: random.Random) -> None:
        self._client = client
        self._watch = watch
        self._chance = chance
        self._missed: Counter[str] = Counter()

    def to_zero(self, lane: Lane) -> None:
        """Take messages and replicas away, as waiting for each engine's cooldown would be most of the time."""
        lane.server.delete(lane.name)
        self._client.patch(StatefulSetScale, lane.name, {"spec": {"replicas": 0}}, patch_type=PatchType.MERGE)
        until(f"{lane.name} has no replicas", lambda: self._is_zero(lane), seconds=TRIAL_SECONDS, every=0.02)
        lane.zero_since = time.monotonic()

    def trial(self, lane: Lane, messages: int, replicas: int, gap: float = 0.0) -> Trial:
        """Push `messages` into the empty queue at a random phase of the poll, `gap` seconds apart or, without one, at
        once, and wait for `replicas`."""
        while True:
            phase = POLL_SECONDS * self._chance.random()
            time.sleep(max(0.0, lane.zero_since + SETTLE_SECONDS - time.monotonic()) + phase)
            if self._is_zero(lane):
                break
            # the engine decided just before the messages were taken away
            self.to_zero(lane)
        while not self._watch.changes.empty():
            self._watch.changes.get()
        started = time.monotonic()
        for number in range(messages if gap else 1):
            lane.server.lpush(lane.name, *["message"] * (1 if gap else messages))
            if gap and number + 1 < messages:
                time.sleep(gap)
        found = self._await(lane.name, replicas, started)
        self.to_zero(lane)
        return found

    def _is_zero(self, lane: Lane) -> bool:
        return self._watch.replicas.get(lane.name) == 0

    def _await(self, name: str, replicas: int, started: float) -> Trial:
        first: tuple[float, int] | None = None
        while True:
            try:
                left = started + TRIAL_SECONDS - time.monotonic()
                at, changed, count = self._watch.changes.get(timeout=max(0.0, left))
            except queue.Empty:
                print(f"    {name}: {self._watch.replicas.get(name)} replicas after {TRIAL_SECONDS} s", flush=True)
                self._missed[name] += 1
                if self._missed[name] == MISSES:
                    missing = f"{MISSES} trials in a row without {replicas} replicas"
                    raise TimeoutError(f"{name} does not scale: {missing}") from None
                return Trial(*(first or (TRIAL_SECONDS, 0)), TRIAL_SECONDS)
            if changed != name or not count:
                continue
            first = first or (at - started, count)
            if count >= replicas:
                self._missed[name] = 0
                return Trial(*first, at - started)


def percentiles(seconds: Sequence[float]) -> dict[str, Any]:
    """Percentiles of the seconds, and all of them."""
    ordered = sorted(seconds)

    def percentile(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return {
        "trials": len(ordered),
        "min": ordered[0],
        "p50": percentile(0.5),
        "p90": percentile(0.9),
        "p99": percentile(0.99),
        "max": ordered[-1],
        "seconds": [round(value, 4) for value in seconds],
    }


def in_turn(counts: dict[str, int]) -> Iterator[tuple[int, str]]:
    """Each name as often as its count says, evenly among the others, with the number of the turn."""
    turns = max(counts.values())
    for turn in range(turns):
        for name, count in counts.items():
            if (turn + 1) * count // turns > turn * count // turns:
                yield turn, name


def measure(
    environment: dict[str, str], tags: dict[str, str], chance: random.Random, trials: int, *, with_keda: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The parts `first message` and `backlog` by engine, as far as they are measured, again and again; leaves nothing
    behind."""
    installation = Installation(environment, namespace=NAMESPACE)
    installation.run("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found")
    with contextlib.ExitStack() as stack:
        if with_keda:
            stack.enter_context(keda.installed(environment))
        stack.callback(installation.run, "kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found")
        print("==> two scalers, their brokers and sets", flush=True)
        names = ("events", "polls", *(("keda",) if with_keda else ()))
        parts = "".join(PARTS.format(name=name, events="Kl" if name == "events" else "") for name in names)
        scalers = "".join(SCALER.format(name=name, tag=tags["queue-scaler"]) for name in names[:2])
        installation.run("kubectl", "apply", "-f", "-", stdin=BASE + parts + scalers)
        installation.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
        if with_keda:
            installation.run("kubectl", "apply", "-f", "-", stdin=SCALED_OBJECT)
            installation.kubectl("wait", "--for=condition=Ready", "scaledobject/keda", "--timeout=120s")
        config = KubeConfig.from_file(environment["KUBECONFIG"])
        client = stack.enter_context(Client(config=config, namespace=NAMESPACE))
        watch = Watch(client)
        stack.callback(watch.stop)
        watch.start()
        lanes = {}
        for name in names:
            port = stack.enter_context(installation.forward(f"pod/redis-{name}", 6379))
            lanes[name] = Lane(name, stack.enter_context(redis.Redis(port=port)))
        bench = Bench(client, watch, chance)
        for lane in lanes.values():
            bench.to_zero(lane)
        yield from _first_messages(bench, lanes, trials)
        yield from _backlogs(bench, lanes)


def _first_messages(bench: Bench, lanes: dict[str, Lane], trials: int) -> Iterator[tuple[str, dict[str, Any]]]:
    counts = {name: KEDA_TRIALS if name == "keda" else trials for name in lanes}
    print(f"==> first message to replicas: {counts}", flush=True)
    seconds: dict[str, list[float]] = {name: [] for name in lanes}

    def found() -> dict[str, Any]:
        return {name: percentiles(measured) for name, measured in seconds.items() if measured}

    said = 0
    for turn, name in in_turn(counts):
        if turn >= said + 20:
            said = turn
            medians = ", ".join(f"{lane} {part['p50']:.3f} s" for lane, part in found().items())
            print(f"    {turn} of {trials}: median {medians}", flush=True)
            yield "first message", found()
        seconds[name].append(bench.trial(lanes[name], 1, 1).first)
    yield "first message", found()


def _backlogs(bench: Bench, lanes: dict[str, Lane]) -> Iterator[tuple[str, dict[str, Any]]]:
    counts = {name: KEDA_BACKLOG_TRIALS if name == "keda" else BACKLOG_TRIALS for name in lanes}
    print(f"==> a backlog for {WORKERS} workers, in one push and in single ones: {counts}", flush=True)
    gaps = {ONE_PUSH: 0.0, SINGLE_PUSHES: PUSH_GAP_SECONDS}
    trials: dict[str, dict[str, list[Trial]]] = {kind: {name: [] for name in lanes} for kind in gaps}
    for turn, name in in_turn(counts):
        for kind, gap in gaps.items():
            trials[kind][name].append(bench.trial(lanes[name], TARGET * WORKERS, WORKERS, gap))
            last = trials[kind][name][-1]
            print(f"    {turn + 1}: {name}, {kind}: {last.count} at first, {WORKERS} in {last.whole:.2f} s", flush=True)
        yield "backlog", {kind: {lane: _steps(of) for lane, of in by.items() if of} for kind, by in trials.items()}


def _steps(trials: Sequence[Trial]) -> dict[str, Any]:
    """Percentiles of the seconds to all replicas, and how often the first change gave how many."""
    counts = Counter(str(trial.count) for trial in trials)
    return {**percentiles([trial.whole for trial in trials]), "first counts": dict(sorted(counts.items()))}
