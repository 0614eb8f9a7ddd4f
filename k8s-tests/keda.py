"""The real KEDA operator on the kind cluster, built from its Go module: to test the KEDA engine and to compare with it.

The same on every machine, also where no image can be pulled. The first build takes about six minutes on two cores.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from cluster import cache, images, tools, versions
from cluster.steps import StepFailed, run, step, succeeds
from installation import until

VERSION = "v2.21.0"
MODULE = "github.com/kedacore/keda/v2"
# KEDA's own replace and exclude, which do not reach those who require it
GO_MOD = f"""module keda-for-tests

go 1.26

require {MODULE} {VERSION}

replace github.com/nexus-rpc/nexus-proto-annotations v0.1.0 => github.com/nexus-rpc/nexus-proto-annotations v0.1.1-0.20260629224316-835bd8d49cb4

exclude github.com/go-chi/chi/v5 v5.2.3
"""  # noqa: E501
TOOLS_GO = f"""//go:build tools

package tools

import (
	_ "{MODULE}/cmd/adapter"
	_ "{MODULE}/cmd/operator"
)
"""
# name in KEDA's manifests -> (package of its program, path that the manifests start)
PROGRAMS = {"keda": ("cmd/operator", "keda"), "keda-metrics-apiserver": ("cmd/adapter", "keda-adapter")}
# a number, as runAsNonRoot asks for one
DOCKERFILE = f"""FROM {versions.BASE_IMAGE}
COPY {{program}} /{{program}}
USER 1000:1000
ENTRYPOINT ["/{{program}}"]
"""
METRICS_API = "v1beta1.external.metrics.k8s.io"
READY_SECONDS = 240


def install(environment: Mapping[str, str]) -> None:
    """Install KEDA, or keep it, and return when it answers questions for metrics. Raises StepFailed."""
    if succeeds("kubectl", "-n", "keda", "get", "deployment", "keda-operator", environment=environment):
        _await_metrics(environment)
        return
    folder = _built()
    loaded = {name: _image(name, folder / program, environment) for name, (_, program) in PROGRAMS.items()}
    with step(f"install KEDA {VERSION}"):
        manifests = run("kubectl", "kustomize", _module(folder) / "config" / "minimal", environment=environment)
        text = yaml.safe_dump_all(_adapted(item, loaded) for item in yaml.safe_load_all(manifests) if item)
        run("kubectl", "apply", "--server-side", "-f", "-", environment=environment, stdin=text)
        for name in ("keda-operator", "keda-metrics-apiserver"):
            wait = ("rollout", "status", f"deployment/{name}", f"--timeout={READY_SECONDS}s")
            run("kubectl", "-n", "keda", *wait, environment=environment)
        _await_metrics(environment)


def remove(environment: Mapping[str, str]) -> None:
    """Remove KEDA with its APIService: left alone, that keeps namespaces from ending."""
    with step("remove KEDA"):
        for kinds in ("scaledobjects.keda.sh", "triggerauthentications.keda.sh"):
            with contextlib.suppress(StepFailed):
                run("kubectl", "delete", kinds, "--all", "--all-namespaces", "--timeout=60s", environment=environment)
        run("kubectl", "delete", "apiservice", METRICS_API, "--ignore-not-found", environment=environment)
        run("kubectl", "delete", "namespace", "keda", "--ignore-not-found", "--timeout=120s", environment=environment)
        found = run("kubectl", "get", "crd", "-o", "name", environment=environment).split()
        if crds := [name for name in found if name.endswith(".keda.sh")]:
            run("kubectl", "delete", *crds, "--timeout=60s", environment=environment)


@contextlib.contextmanager
def installed(environment: Mapping[str, str]) -> Iterator[None]:
    """KEDA on the cluster for the time of the block."""
    install(environment)
    try:
        yield
    finally:
        remove(environment)


def _built() -> Path:
    """The folder of KEDA's programs, in a Go module of their own."""

    def build(target: Path) -> None:
        source = target / "source"
        source.mkdir()
        (source / "go.mod").write_text(GO_MOD)
        (source / "tools.go").write_text(TOOLS_GO)
        environment = tools.go_environment()
        run(tools.go(), "mod", "tidy", folder=source, environment=environment)
        for package, program in PROGRAMS.values():
            words = ("build", "-ldflags", "-s -w", "-o", target / program, f"{MODULE}/{package}")
            run(tools.go(), *words, folder=source, environment=environment)

    return cache.built("keda", cache.digest(VERSION, GO_MOD, TOOLS_GO), build)


def _module(folder: Path) -> Path:
    words = ("list", "-m", "-f", "{{.Dir}}", MODULE)
    return Path(run(tools.go(), *words, folder=folder / "source", environment=tools.go_environment()).strip())


def _image(name: str, program: Path, environment: Mapping[str, str]) -> str:
    """The image of one program, in the node."""
    image = f"newscrawl-airflow/{name}:{VERSION}-{cache.digest(GO_MOD, TOOLS_GO, DOCKERFILE)}"
    images.provide(environment, image, program.parent, DOCKERFILE.format(program=program.name))
    return image


def _adapted(item: dict[str, Any], loaded: Mapping[str, str]) -> dict[str, Any]:
    """A manifest with our images, and without the webhooks, which are not installed."""
    if item["kind"] == "Deployment":
        for container in item["spec"]["template"]["spec"]["containers"]:
            name = container["image"].rsplit("/", 1)[-1].split(":")[0]
            container["image"] = loaded[name]
            container["imagePullPolicy"] = "IfNotPresent"
            if name == "keda":
                container["args"].append("--enable-webhook-patching=false")
    return item


def _await_metrics(environment: Mapping[str, str]) -> None:
    """Available is not yet 'metrics work': wait until the operator itself says that it has no such ScaledObject."""
    available = ("kubectl", "wait", "--for=condition=Available", f"apiservice/{METRICS_API}", "--timeout=120s")
    run(*available, environment=environment)
    path = (
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/none?labelSelector=scaledobject.keda.sh/name%3Dnone"
    )

    def answers() -> bool:
        try:
            json.loads(run("kubectl", "get", "--raw", path, environment=environment))
        except StepFailed as error:
            return "not found" in str(error).lower()
        return True

    until("KEDA's operator answers for metrics", answers, seconds=READY_SECONDS, every=2)
