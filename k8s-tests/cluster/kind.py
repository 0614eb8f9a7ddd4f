"""The kind cluster: kept when it is sound, replaced when it is broken or made of another node image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster import cache, engine
from cluster.steps import StepFailed, run, say, step, succeeds

NAME = "newscrawl"
NODE = f"{NAME}-control-plane"
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
    """What was found: whether the node's container exists and runs, of which image, and whether Kubernetes is ready."""

    exists: bool
    running: bool = False
    image: str = ""
    ready: bool = False


def verdict(state: State, image: str | None) -> tuple[str, str]:
    """`create`, `keep` or `replace`, and why; `image` is the node image wanted, None for any."""
    if not state.exists:
        return "create", "there is none"
    if not state.running:
        return "replace", "its node does not run (the engine was stopped or killed)"
    if not state.ready:
        return "replace", "it does not get ready (half created, or broken)"
    if image is not None and state.image != image:
        return "replace", f"its node is {state.image}, wanted is {image}"
    return "keep", "it is ready"


def configuration(image: str | None, own_network: bool, user_namespace: bool) -> str:
    """kind's configuration of a cluster of one node; with `own_network` the node image brings its CNI."""
    lines = ["kind: Cluster", "apiVersion: kind.x-k8s.io/v1alpha4"]
    if own_network:
        lines.append("networking: {disableDefaultCNI: true}")
    if user_namespace:
        lines.append("featureGates: {KubeletInUserNamespace: true}")
    lines += ["nodes:", "  - role: control-plane"]
    if image:
        lines.append(f"    image: {image}")
    return "\n".join(lines) + "\n"


def kubeconfig() -> Path:
    """The cluster's own kubeconfig; the user's stays as it is."""
    return cache.folder() / "kubeconfig"


def up(environment: Mapping[str, str], image: str | None) -> None:
    """Bring the cluster up, with the node image given or kind's default."""
    state = _state(environment)
    action, why = verdict(state, image)
    say(f" - kind cluster {NAME}: {action}, as {why}")
    if action == "keep":
        return
    if action == "replace":
        down(environment)
    with step(f"create the kind cluster {NAME}"):
        settings = configuration(image, image is not None, engine.lacks_sys_resource())
        try:
            run(
                "kind", "create", "cluster", "--name", NAME, "--config", "-", "--wait", "180s",
                environment=environment, stdin=settings,
            )  # fmt: skip
        except StepFailed as error:
            logs = (
                run("docker", "logs", "--tail", "30", NODE, environment=environment)
                if _state(environment).exists
                else ""
            )
            raise StepFailed(f"{error}\nlast lines of the node:\n{logs}") from None
        run("kubectl", "apply", "-f", "-", environment=environment, stdin=EXPANDABLE_CLASS)
        for namespace, deployment in (("kube-system", "coredns"), ("local-path-storage", "local-path-provisioner")):
            wait = ("rollout", "status", f"deployment/{deployment}", "--timeout=180s")
            run("kubectl", "-n", namespace, *wait, environment=environment)


def down(environment: Mapping[str, str]) -> None:
    """Delete the cluster, if there is one."""
    with step(f"delete the kind cluster {NAME}"):
        run("kind", "delete", "cluster", "--name", NAME, environment=environment)


def _state(environment: Mapping[str, str]) -> State:
    try:
        found = json.loads(run("docker", "container", "inspect", NODE, environment=environment))[0]
    except StepFailed:
        return State(exists=False)
    running = found["State"]["Running"]
    ready = running and succeeds(
        "kubectl", "wait", "--for=condition=Ready", "node", "--all", "--timeout=20s", environment=environment
    )
    return State(exists=True, running=running, image=found["Config"]["Image"], ready=ready)
