"""The kind cluster: kept when it is sound, replaced when it is broken or made of another node image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tenacity

from cluster import cache, engine
from cluster.steps import StepFailed, run, say, step, succeeds

NAME = "newscrawl"
NODE = f"{NAME}-control-plane"
CREATE_SECONDS = 240  # two busy cores; half a minute on a machine of its own
RESTART_SECONDS = 90
EXPANDABLE_CLASS = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: expandable}
provisioner: rancher.io/local-path
volumeBindingMode: WaitForFirstConsumer
allowVolumeExpansion: true
"""


@dataclass(frozen=True)
class State:
    """What was found: whether the node's container exists and runs, of which image, and whether all of it works."""

    exists: bool
    running: bool = False
    image: str = ""
    sound: bool = False


def verdict(state: State, image: str | None) -> tuple[str, str]:
    """`create`, `keep` or `replace`, and why; `image` is the node image wanted, None for any."""
    if not state.exists:
        return "create", "there is none"
    if not state.running:
        return "replace", "its node does not start again"
    if not state.sound:
        return "replace", "it does not get ready (half created, or broken)"
    if image is not None and state.image != image:
        return "replace", f"its node is {state.image}, wanted is {image}"
    return "keep", "it is ready"


# systemd on cgroup v1 freezes a container's processes whenever its limits are set, and gives up soon on a busy machine:
# "unable to freeze", and the container does not start. The keys are those of containerd 1.7, which is Debian's.
WITHOUT_SYSTEMD = """kubeadmConfigPatches:
  - |
    kind: KubeletConfiguration
    cgroupDriver: cgroupfs
containerdConfigPatches:
  - |
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def configuration(image: str | None, own_node: bool, user_namespace: bool, cgroup_v1: bool) -> str:
    """kind's configuration of a cluster of one node; `own_node`: it is ours, which brings its CNI."""
    lines = ["kind: Cluster", "apiVersion: kind.x-k8s.io/v1alpha4"]
    if own_node:
        lines.append("networking: {disableDefaultCNI: true}")
    if user_namespace:
        lines.append("featureGates: {KubeletInUserNamespace: true}")
    lines += ["nodes:", "  - role: control-plane"]
    if image:
        lines.append(f"    image: {image}")
    return "\n".join(lines) + "\n" + (WITHOUT_SYSTEMD if own_node and cgroup_v1 else "")


def kubeconfig() -> Path:
    """The cluster's own kubeconfig; the user's stays as it is."""
    return cache.folder() / "kubeconfig"


def up(environment: Mapping[str, str], image: str | None) -> None:
    """Bring the cluster up, with the node image given or kind's default; a new one is not ready yet."""
    with cache.locked(f"cluster-{NAME}"):
        state = _state(environment)
        action, why = verdict(state, image)
        say(f" - kind cluster {NAME}: {action}, as {why}")
        if action == "replace":
            down(environment)
        if action != "keep":
            with step(f"create the kind cluster {NAME}"):
                _create(environment, image)
        run("kubectl", "apply", "-f", "-", environment=environment, stdin=EXPANDABLE_CLASS)


def await_ready(environment: Mapping[str, str]) -> None:
    """Return when the node, name service and storage are ready. Raises StepFailed when they do not get so."""
    with step("wait for name service and storage"):
        ready = _sound(environment, CREATE_SECONDS)
    if not ready:
        raise StepFailed(f"the cluster is not ready {CREATE_SECONDS} s after its creation; see `kubectl get pods -A`")


def down(environment: Mapping[str, str]) -> None:
    """Delete the cluster, if there is one; needs no other tool than docker, so that what is half made goes too."""
    with step(f"delete the kind cluster {NAME}"):
        if _inspect(environment):
            run("docker", "rm", "-f", "-v", NODE, environment=environment)
        # kind's lock stays when kind is killed, and would stop the next one
        for file in (kubeconfig(), kubeconfig().with_suffix(".lock")):
            file.unlink(missing_ok=True)


def _create(environment: Mapping[str, str], image: str | None) -> None:
    cgroup_v1 = run("docker", "info", "--format", "{{.CgroupVersion}}", environment=environment).strip() == "1"
    settings = configuration(image, image is not None, engine.lacks_sys_resource(), cgroup_v1)
    words = ("kind", "create", "cluster", "--name", NAME, "--config", "-", "--retain")
    try:
        run(*words, environment=environment, stdin=settings)
    except StepFailed as error:
        logs = run("docker", "logs", "--tail", "30", NODE, environment=environment) if _inspect(environment) else "none"
        raise StepFailed(f"{error}\nlast lines of the node {NODE} (kept until the next run):\n{logs}") from None


def _state(environment: Mapping[str, str]) -> State:
    found = _inspect(environment)
    if found is None:
        return State(exists=False)
    with step(f"look at the kind cluster {NAME}, and wait for it where it starts again"):
        running = found["State"]["Running"] or succeeds("docker", "start", NODE, environment=environment)
        sound = running and _has_kubeconfig(environment) and _sound(environment, RESTART_SECONDS)
    return State(exists=True, running=running, image=found["Config"]["Image"], sound=sound)


def _inspect(environment: Mapping[str, str]) -> dict[str, Any] | None:
    try:
        return json.loads(run("docker", "container", "inspect", NODE, environment=environment))[0]
    except StepFailed:
        return None


def _has_kubeconfig(environment: Mapping[str, str]) -> bool:
    """Whether there is a kubeconfig of this cluster; it is fetched from the node where it is lost."""
    return succeeds("kubectl", "config", "get-contexts", f"kind-{NAME}", environment=environment) or succeeds(
        "kind", "export", "kubeconfig", "--name", NAME, environment=environment
    )


def _sound(environment: Mapping[str, str], seconds: float) -> bool:
    """Whether the node is Ready and name service and storage run within `seconds`."""
    checks = (
        ("wait", "--for=condition=Ready", "node", "--all", "--timeout=10s"),
        ("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=10s"),
        ("-n", "local-path-storage", "rollout", "status", "deployment/local-path-provisioner", "--timeout=10s"),
    )
    return tenacity.Retrying(
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_fixed(1),
        retry=tenacity.retry_if_result(lambda sound: not sound),
        retry_error_callback=lambda _: False,
    )(lambda: all(succeeds("kubectl", *check, environment=environment) for check in checks))
