"""How fast replicas change on the kind cluster: the builtin scaler with and without Redis' events, and KEDA beside it.

Every engine has a queue and a StatefulSet of its own in one namespace with one Redis, whose pods no node takes: what is
measured is the engine and the API server. A change counts when a watch on the StatefulSets tells it here.
"""

from __future__ import annotations

import contextlib
import queue
import random
import statistics
import threading
import time
from typing import Any

import keda
import redis
from installation import Installation, until
from lightkube import Client, KubeConfig
from lightkube.resources.apps_v1 import StatefulSet

NAMESPACE = "bench-scaling"
TARGET = 4
WORKERS = 4
TRIAL_SECONDS = 60
KEDA_TRIALS = 30
STEP_TRIALS = 20
KEDA_STEP_TRIALS = 8
BASE = """
apiVersion: v1
kind: Namespace
metadata: {name: bench-scaling}
---
apiVersion: v1
kind: Pod
metadata: {name: redis, namespace: bench-scaling, labels: {app: redis}}
spec:
  containers:
    - name: redis
      image: redis:8.0
      imagePullPolicy: IfNotPresent
      command: [redis-server, --save, "", --notify-keyspace-events, Kl, --protected-mode, "no"]
      readinessProbe: {tcpSocket: {port: 6379}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: redis, namespace: bench-scaling}
spec: {selector: {app: redis}, ports: [{port: 6379}]}
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
SET = """
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
apiVersion: v1
kind: ConfigMap
metadata: {name: queue-scaler, namespace: bench-scaling}
data:
  config.yaml: |
    pollingInterval: 1
    queues:
      builtin: {statefulSet: builtin, maxReplicaCount: 4, listLength: 4, cooldownPeriod: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: queue-scaler, namespace: bench-scaling}
spec:
  serviceAccountName: queue-scaler
  containers:
    - name: queue-scaler
      image: newscrawl-airflow/queue-scaler:TAG
      imagePullPolicy: IfNotPresent
      args: [--config, /etc/queue-scaler/config.yaml]
      env:
        - {name: REDIS_URL, value: "redis://redis:6379/0"}
        - {name: POD_NAMESPACE, value: bench-scaling}
      readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
      volumeMounts: [{name: config, mountPath: /etc/queue-scaler}]
  volumes: [{name: config, configMap: {name: queue-scaler}}]
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
    - {type: redis, name: queued, metadata: {address: "redis.bench-scaling.svc:6379", listName: keda, listLength: "4"}}
    - type: redis
      name: inflight
      metadata: {address: "redis.bench-scaling.svc:6379", listName: "unacked:keda", listLength: "4"}
"""


class Watch(threading.Thread):
    """The replicas of the namespace's StatefulSets, with the moment (time.monotonic()) at which each became known."""

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self._client = client
        self.changes: queue.Queue[tuple[float, str, int]] = queue.Queue()
        self.replicas: dict[str, int] = {}

    def run(self) -> None:
        """Watch until the process ends; a watch that breaks begins anew."""
        while True:
            with contextlib.suppress(Exception):
                for _, item in self._client.watch(StatefulSet):
                    name, count = item.metadata.name, item.spec.replicas
                    if self.replicas.get(name) != count:
                        self.replicas[name] = count
                        self.changes.put((time.monotonic(), name, count))


class Bench:
    """One namespace with a Redis, the sets and the engines."""

    def __init__(self, server: redis.Redis, watch: Watch, chance: random.Random) -> None:
        self._server = server
        self._watch = watch
        self._chance = chance

    def trial(self, name: str, messages: int, replicas: int) -> float:
        """Seconds from the push of `messages` into the empty queue `name` to `replicas`, at a random phase."""
        self._server.delete(name)
        until(f"{name} has no replicas", lambda: not self._watch.replicas.get(name), seconds=TRIAL_SECONDS, every=0.02)
        # a whole poll later at least, so that the scaler knows it too, and at any moment of the next
        time.sleep(1.2 + self._chance.random())
        while not self._watch.changes.empty():
            self._watch.changes.get()
        started = time.monotonic()
        self._server.lpush(name, *["message"] * messages)
        while True:
            at, changed, count = self._watch.changes.get(timeout=TRIAL_SECONDS)
            if changed == name and count >= replicas:
                return at - started

    def trials(self, what: str, name: str, count: int, messages: int = 1, replicas: int = 1) -> dict[str, Any]:
        """`count` trials, told as they pass, and what they came to in seconds."""
        print(f"==> {what}: {count} trials", flush=True)
        seconds = []
        for number in range(1, count + 1):
            seconds.append(self.trial(name, messages, replicas))
            if number % 25 == 0:
                print(f"    {number}: median {statistics.median(seconds):.3f} s", flush=True)
        return summary(seconds)


def summary(seconds: list[float]) -> dict[str, Any]:
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


def measure(
    environment: dict[str, str], tags: dict[str, str], chance: random.Random, trials: int, *, with_keda: bool
) -> dict[str, Any]:
    """Seconds from messages to replicas for each engine; leaves nothing behind."""
    installation = Installation(environment, namespace=NAMESPACE)
    installation.run("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found")
    with contextlib.ExitStack() as stack:
        if with_keda:
            stack.enter_context(keda.installed(environment))
        stack.callback(installation.run, "kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found")
        scaler = SCALER.replace("TAG", tags["queue-scaler"])
        manifests = BASE + SET.format(name="builtin") + SET.format(name="keda") + scaler
        installation.run("kubectl", "apply", "-f", "-", stdin=manifests)
        installation.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
        if with_keda:
            installation.run("kubectl", "apply", "-f", "-", stdin=SCALED_OBJECT)
            installation.kubectl("wait", "--for=condition=Ready", "scaledobject/keda", "--timeout=120s")
        config = KubeConfig.from_file(environment["KUBECONFIG"])
        client = stack.enter_context(Client(config=config, namespace=NAMESPACE))
        watch = Watch(client)
        watch.start()
        port = stack.enter_context(installation.forward("pod/redis", 6379))
        server = stack.enter_context(redis.Redis(port=port))
        bench = Bench(server, watch, chance)
        many = TARGET * WORKERS
        result = {
            "first message, builtin, events": bench.trials("first message, events", "builtin", trials),
            "16 messages to 4, builtin": bench.trials("4 workers", "builtin", STEP_TRIALS, many, WORKERS),
        }
        server.config_set("notify-keyspace-events", "")
        result["first message, builtin, polls"] = bench.trials("first message, polls alone", "builtin", trials)
        if with_keda:
            result["first message, keda"] = bench.trials("first message, KEDA", "keda", KEDA_TRIALS)
            result["16 messages to 4, keda"] = bench.trials("4 workers, KEDA", "keda", KEDA_STEP_TRIALS, many, WORKERS)
        return result
