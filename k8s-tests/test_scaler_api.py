"""The queue scaler and its resize against a real API server, with no more rights than the chart gives them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid

import pytest
import redis
import yaml
from cluster import versions
from installation import CHART, throughout, until

pytestmark = pytest.mark.cluster

ROLE = """
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {name}}}
rules: {rules}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {name}}}
subjects: [{{kind: ServiceAccount, name: {name}, namespace: {namespace}}}]
"""
LEASE = """
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: queue-scaler}
spec: {leaseDurationSeconds: 15}
"""
RESIZE_RULES = """[
  {apiGroups: [apps], resources: [statefulsets], resourceNames: [worker-a, worker-absent], verbs: [get, delete]},
  {apiGroups: [""], resources: [persistentvolumeclaims], verbs: [list, patch]}]"""
WORKERS = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}}}
spec:
  replicas: 0
  serviceName: workers
  podManagementPolicy: Parallel
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - {{name: sleep, image: "debian:trixie-slim", imagePullPolicy: IfNotPresent, command: [sleep, infinity]}}
  volumeClaimTemplates: {templates}
"""


class Namespace:
    """A namespace of its own, through kubectl as its administrator."""

    def __init__(self, environment):
        self.environment = os.environ | environment
        self.name = f"scaler-{uuid.uuid4().hex[:8]}"

    def kubectl(self, *arguments, stdin=None):
        return self._run("kubectl", "-n", self.name, *arguments, stdin=stdin)

    def _run(self, *command, stdin=None):
        ran = subprocess.run(command, env=self.environment, input=stdin, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def apply(self, text, **fields):
        self.kubectl("apply", "-f", "-", stdin=text.format(namespace=self.name, **fields))

    def scaler_rules(self):
        """The rules of the chart's Role for the scaler of the queues a and b, with the names that the tests use."""
        queues = 'workers.queues={"default": {}, "a": {}, "b": {}}'
        template = ("helm", "template", "newscrawl", str(CHART), "--kube-version", versions.KUBERNETES)
        rendered = yaml.safe_load_all(self._run(*template, "--set-json", queues))
        name = "newscrawl-queue-scaler"
        role = next(item for item in rendered if item and item["kind"] == "Role" and item["metadata"]["name"] == name)
        rules = json.dumps(role["rules"])
        return rules.replace("newscrawl-worker-", "worker-").replace(name, "queue-scaler")

    def replicas(self, name):
        return int(self.kubectl("get", "statefulset", name, "-o", "jsonpath={.spec.replicas}"))

    def kubeconfig(self, account, folder):
        """A kubeconfig with the rights of a service account."""
        view = yaml.safe_load(self.kubectl("config", "view", "--minify", "--raw", "--flatten"))
        view["users"][0]["user"] = {"token": self.kubectl("create", "token", account).strip()}
        file = folder / f"{account}.kubeconfig"
        file.write_text(yaml.safe_dump(view))
        return file


@pytest.fixture
def namespace(environment):
    space = Namespace(environment)
    space.kubectl("create", "namespace", space.name)
    yield space
    space.kubectl("delete", "namespace", space.name, "--wait=false")


@pytest.fixture
def broker(redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        yield client


@contextlib.contextmanager
def scaler(namespace, redis_url, folder, name="scaler-0", **queues):
    """A running scaler; gives its process and the file of its log."""
    config = folder / f"{name}.yaml"
    config.write_text(yaml.safe_dump({"pollingInterval": 1, "queues": queues}))
    environment = os.environ | {
        "KUBECONFIG": str(namespace.kubeconfig("scaler", folder)),
        "REDIS_URL": redis_url,
        "POD_NAMESPACE": namespace.name,
        "POD_NAME": name,
    }
    log = folder / f"{name}.log"
    command = [sys.executable, "-m", "queue_scaler", "--config", str(config), "--port", "0"]
    with log.open("w") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:
        try:
            yield process, log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    assert process.returncode in (0, -signal.SIGKILL), log.read_text()


@pytest.fixture
def workers(namespace):
    namespace.apply(ROLE, name="scaler", rules=namespace.scaler_rules())
    namespace.kubectl("apply", "-f", "-", stdin=LEASE)
    for name in ("worker-a", "worker-b", "worker-forbidden"):
        namespace.apply(WORKERS, name=name, templates="[]")


def queue(stateful_set, **fields):
    return {"statefulSet": stateful_set, "maxReplicaCount": 3, "concurrency": 2, "cooldownPeriod": 2, **fields}


def test_workers_follow_their_queue_from_zero_and_back(namespace, workers, broker, redis_url, tmp_path):
    queues = {"a": queue("worker-a"), "b": queue("worker-b"), "c": queue("worker-forbidden")}
    with scaler(namespace, redis_url, tmp_path, **queues) as (_, log):
        broker.lpush("a", *range(5))
        broker.lpush("c", "task")
        until("three workers for five tasks", lambda: namespace.replicas("worker-a") == 3, seconds=60)
        broker.hset("unacked:a", "tag", "a running task")
        broker.delete("a")
        # for longer than the cooldown of 2 s
        throughout("a running task keeps a worker", lambda: namespace.replicas("worker-a") > 0, seconds=8)
        broker.lpush("b", "task")
        until("a worker for the other queue", lambda: namespace.replicas("worker-b") == 1, seconds=60)
        until(
            "the denied one is told", lambda: "cannot scale StatefulSet worker-forbidden" in log.read_text(), seconds=60
        )
        broker.delete("unacked:a", "b")
        until("zero again", lambda: namespace.replicas("worker-a") + namespace.replicas("worker-b") == 0, seconds=60)
        assert namespace.replicas("worker-forbidden") == 0
    assert "(code 403): the role of this service account lacks it" in log.read_text()


def test_an_annotation_pauses_and_somebody_elses_change_is_seen(namespace, workers, broker, redis_url, tmp_path):
    with scaler(namespace, redis_url, tmp_path, a=queue("worker-a", minReplicaCount=1)):
        until("the minimum", lambda: namespace.replicas("worker-a") == 1, seconds=60)
        namespace.kubectl("annotate", "statefulset", "worker-a", "autoscaling.keda.sh/paused-replicas=2")
        until("the annotation's replicas", lambda: namespace.replicas("worker-a") == 2, seconds=60)
        namespace.kubectl("annotate", "statefulset", "worker-a", "autoscaling.keda.sh/paused-replicas-")
        namespace.kubectl("scale", "statefulset", "worker-a", "--replicas=0")
        until("the minimum again", lambda: namespace.replicas("worker-a") == 1, seconds=60)


def test_of_two_scalers_one_acts_and_the_other_takes_over(namespace, workers, broker, redis_url, tmp_path):
    """Soon when the leader stops, and when it dies once the lease has run out."""
    with contextlib.ExitStack() as stack:

        def start(name):
            return stack.enter_context(scaler(namespace, redis_url, tmp_path, name, a=queue("worker-a")))

        first, log = start("first")
        until("the first one leads", lambda: "first holds lease" in log.read_text(), seconds=60)
        second, log = start("second")
        until("the second one sees", lambda: "are known" in log.read_text(), seconds=60)
        broker.lpush("a", "task")
        until("one worker", lambda: namespace.replicas("worker-a") == 1, seconds=60)
        assert "wanted=1" not in log.read_text()
        first.send_signal(signal.SIGTERM)
        # a lease that is not handed back lasts for 15 s
        until("the second one leads", lambda: "second holds lease" in log.read_text(), seconds=8)
        broker.lpush("a", *["task"] * 2)
        until("two workers", lambda: namespace.replicas("worker-a") == 2, seconds=60)
        _, log = start("third")
        until("the third one sees", lambda: "are known" in log.read_text(), seconds=60)
        second.kill()
        until("the third one leads", lambda: "third holds lease" in log.read_text(), seconds=25)
        broker.lpush("a", *["task"] * 2)
        until("three workers", lambda: namespace.replicas("worker-a") == 3, seconds=60)


def test_a_removed_lease_is_made_anew(namespace, workers, broker, redis_url, tmp_path):
    """With the rights that the chart gives; after a minute, so that Helm's own comes first."""
    namespace.kubectl("delete", "lease", "queue-scaler")
    with scaler(namespace, redis_url, tmp_path, a=queue("worker-a")) as (_, log):
        broker.lpush("a", "task")
        until("the lease is missed", lambda: "nothing is scaled until then" in log.read_text(), seconds=60)
        until("a worker", lambda: namespace.replicas("worker-a") == 1, seconds=90)
    assert "scaler-0 holds lease queue-scaler" in log.read_text()


def test_a_queue_without_workers_is_an_event(namespace, workers, broker, redis_url, tmp_path):
    broker.lpush("mistyped", '{"headers": {"task": "execute_workload"}}')
    message = ("get", "events", "--field-selector=reason=UnservedQueue", "-o", "jsonpath={.items[*].message}")
    with scaler(namespace, redis_url, tmp_path, a=queue("worker-a")):
        until("the event", lambda: "workers.queues.mistyped: {}" in namespace.kubectl(*message), seconds=60)


GROWING = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: {namespace}}}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: Immediate
allowVolumeExpansion: {allowed}
---
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {namespace}}}
spec:
  capacity: {{storage: 1Gi}}
  accessModes: [ReadWriteOnce]
  storageClassName: {namespace}
  hostPath: {{path: /tmp/{namespace}}}
"""


@pytest.fixture
def resize(namespace, tmp_path):
    """Gives a function that makes a worker with a claim of 1Gi, and one that runs the resize to a given size."""

    def install(*, allowed):
        namespace.apply(ROLE, name="resize", rules=RESIZE_RULES)
        namespace.apply(GROWING, allowed=allowed)
        namespace.apply(WORKERS, name="worker-a", templates=claim_templates(namespace, "1Gi"))
        namespace.kubectl("scale", "statefulset", "worker-a", "--replicas=1")
        claim = ("get", "pvc", "data-worker-a-0", "--ignore-not-found", "-o", "jsonpath={.status.phase}")
        until("a bound claim", lambda: namespace.kubectl(*claim) == "Bound", seconds=60)
        until("a pod", lambda: pod_uid(namespace), seconds=60)

    def run(size):
        config = tmp_path / "resize.yaml"
        wanted = {"worker-a": {"data": size}, "worker-absent": {"data": size}}
        config.write_text(yaml.safe_dump({"namespace": namespace.name, "statefulSets": wanted}))
        environment = os.environ | {"KUBECONFIG": str(namespace.kubeconfig("resize", tmp_path))}
        command = [sys.executable, "-m", "queue_scaler.resize", "--config", str(config)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    yield install, run
    for kind in ("storageclass", "pv"):
        namespace.kubectl("delete", kind, namespace.name, "--wait=false", "--ignore-not-found")


def claim_templates(namespace, size):
    resources = {"requests": {"storage": size}}
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": namespace.name, "resources": resources}
    return yaml.safe_dump([{"metadata": {"name": "data"}, "spec": spec}], default_flow_style=True)


def pod_uid(namespace):
    return namespace.kubectl("get", "pod", "worker-a-0", "--ignore-not-found", "-o", "jsonpath={.metadata.uid}")


def test_volumes_grow_while_their_pods_run_on(namespace, resize):
    install, run = resize
    install(allowed="true")
    pod = pod_uid(namespace)
    ran = run("2Gi")
    assert ran.returncode == 0, ran.stderr
    assert "claim data-worker-a-0: 1Gi -> 2Gi" in ran.stdout
    size = namespace.kubectl("get", "pvc", "data-worker-a-0", "-o", "jsonpath={.spec.resources.requests.storage}")
    assert size == "2Gi"
    assert namespace.kubectl("get", "statefulset", "worker-a", "--ignore-not-found") == ""
    assert pod_uid(namespace) == pod
    # as Helm does next: made anew, it adopts the pod
    namespace.apply(
        WORKERS.replace("replicas: 0", "replicas: 1"), name="worker-a", templates=claim_templates(namespace, "2Gi")
    )
    owner = ("get", "pod", "worker-a-0", "-o", "jsonpath={.metadata.ownerReferences[0].name}")
    until("the pod's adoption", lambda: namespace.kubectl(*owner) == "worker-a", seconds=60)
    assert pod_uid(namespace) == pod
    again = run("2Gi")
    assert (again.returncode, again.stdout) == (0, "2 StatefulSets looked at, 0 to resize\n")


def test_a_resize_that_cannot_be_done_changes_nothing(namespace, resize):
    install, run = resize
    install(allowed="false")
    grown, shrunk = run("2Gi"), run("512Mi")
    assert (grown.returncode, shrunk.returncode) == (1, 1)
    # the API server's own words, and what to do
    assert "must support resize" in grown.stderr
    assert "set allowVolumeExpansion: true in its StorageClass" in grown.stderr
    assert "volume data is 1Gi and cannot shrink to 512Mi" in shrunk.stderr
    size = namespace.kubectl("get", "pvc", "data-worker-a-0", "-o", "jsonpath={.spec.resources.requests.storage}")
    assert (size, namespace.replicas("worker-a")) == ("1Gi", 1)
