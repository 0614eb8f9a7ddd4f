"""What the bring-up asks of docker, kind and kubectl: programs in their place write down how they are called."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable

import pytest
from cluster import cache, images, kind, versions
from cluster.steps import StepFailed

PACKAGES = ("crawler_image", "queue_scaler", "k8s-tests/newssite")

# the calls that succeed (with * at the end all that begin so), and what is printed then
Answers = dict[str, str]


@pytest.fixture
def stubs(tmp_path, monkeypatch):
    """Puts programs in front of PATH that know these answers; gives the calls made so far."""
    log = tmp_path / "calls"
    log.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def install(answers: Answers) -> Callable[[], list[str]]:
        quoted = {shlex.quote(call.removesuffix("*")) + "*" * call.endswith("*"): answers[call] for call in answers}
        cases = [f"{call}) printf %s {shlex.quote(text)};;" for call, text in quoted.items()]
        lines = ["#!/bin/sh", 'call="${0##*/} $*"', f'echo "$call" >> {log}', 'case "$call" in', *cases]
        for name in ("docker", "kind", "kubectl", "debootstrap"):
            (tmp_path / name).write_text("\n".join([*lines, "*) echo no answer >&2; exit 1", "esac"]))
            (tmp_path / name).chmod(0o755)
        return lambda: log.read_text().splitlines()

    return install


def inspected(labels: dict[str, str] | None) -> str:
    return json.dumps([{"Config": {"Labels": labels}, "RepoDigests": ["x@sha256:0"]}])


def recipe_label(image: str) -> str:
    folder = images.ROOT / "k8s-tests" / "cluster" / "service_images"
    return cache.digest((folder / images.SERVICE_IMAGES[image]).read_text())


@pytest.mark.parametrize("labels", [None, {"maintainer": "me"}])
def test_an_image_of_the_users_own_is_never_built_over(stubs, labels):
    calls = stubs({"docker image inspect *": inspected(labels)})
    images.ensure_service_images(os.environ, registry=False)
    assert calls() == [f"docker image inspect {image}" for image in images.SERVICE_IMAGES]


def test_only_what_is_missing_or_of_an_older_recipe_is_built(stubs):
    present = {
        f"docker image inspect {versions.MYSQL_IMAGE}": inspected({images.RECIPE_LABEL: "older"}),
        f"docker image inspect {versions.BASE_IMAGE}": "",
        "docker build *": "",
    }
    calls = stubs(present)
    images.ensure_service_images(os.environ, registry=False)
    assert [call.split()[4] for call in calls() if "build" in call] == [versions.MYSQL_IMAGE, versions.REDIS_IMAGE]
    labels = {image: {images.RECIPE_LABEL: recipe_label(image)} for image in images.SERVICE_IMAGES}
    before = len(calls())
    stubs({f"docker image inspect {image}": inspected(label) for image, label in labels.items()})
    images.ensure_service_images(os.environ, registry=False)
    assert calls()[before:] == [f"docker image inspect {image}" for image in images.SERVICE_IMAGES]


def test_with_a_registry_only_what_is_missing_is_pulled(stubs):
    calls = stubs({f"docker image inspect {versions.MYSQL_IMAGE}": inspected(None)})
    with pytest.raises(StepFailed, match=f"pull -q {versions.REDIS_IMAGE}"):
        images.ensure_service_images(os.environ, registry=True)
    assert [call for call in calls() if "pull" in call] == [f"docker pull -q {versions.REDIS_IMAGE}"]


IN_NODE = f"docker exec {kind.NODE} ctr -n k8s.io images"


def test_only_images_that_the_node_lacks_are_loaded(stubs):
    import_call = f"docker exec -i {kind.NODE} ctr -n k8s.io images import --snapshotter overlayfs -"
    calls = stubs(
        {
            f"{IN_NODE} ls -q": "docker.io/library/redis:8.0\ndocker.io/newscrawl-airflow/crawler:dev-1\n",
            f"docker exec {kind.NODE} containerd config dump": '    snapshotter = "overlayfs"\n',
            "docker save mysql:9.7": "",
            import_call: "",
        }
    )
    images.load_missing(os.environ, ["newscrawl-airflow/crawler:dev-1", "redis:8.0", "mysql:9.7"])
    assert sorted(call for call in calls() if "save" in call or "import" in call) == [
        import_call,
        "docker save mysql:9.7",
    ]


def test_a_node_that_has_all_images_is_only_asked(stubs):
    calls = stubs({f"{IN_NODE} ls -q": "docker.io/library/redis:8.0\ndocker.io/library/mysql:9.7\n"})
    images.load_missing(os.environ, ["mysql:9.7", "redis:8.0"])
    assert calls() == [f"{IN_NODE} ls -q"]


def test_an_image_that_cannot_be_read_is_not_loaded_in_silence(stubs):
    stubs({f"{IN_NODE} ls -q": "", "docker exec *": 'snapshotter = "overlayfs"\n'})
    with pytest.raises(StepFailed, match=r"docker save mysql:9\.7"):
        images.load_missing(os.environ, ["mysql:9.7"])


INSPECT = f"docker container inspect {kind.NODE}"
START = f"docker start {kind.NODE}"
REMOVE = [INSPECT, f"docker rm -f -v {kind.NODE}"]
CREATE = ["docker info --format {{.CgroupVersion}}", f"kind create cluster --name {kind.NAME} --config - --retain"]
KUBECONFIG = f"kubectl config get-contexts kind-{kind.NAME}"
EXPORT = f"kind export kubeconfig --name {kind.NAME}"
READY = [
    "kubectl wait --for=condition=Ready node --all --timeout=10s",
    "kubectl -n kube-system rollout status deployment/coredns --timeout=10s",
    "kubectl -n local-path-storage rollout status deployment/local-path-provisioner --timeout=10s",
]
APPLY = "kubectl apply -f -"
REPLACE = [*REMOVE, *CREATE, APPLY]


def node(running: bool = True, image: str = "node:a") -> Answers:
    return {INSPECT: json.dumps([{"State": {"Running": running}, "Config": {"Image": image}}])}


def working(*calls: str) -> Answers:
    return dict.fromkeys(calls, "")


# what answers, and what is called
CLUSTERS = {
    "none": ({}, [INSPECT, *CREATE, APPLY]),
    "sound": (node() | working(KUBECONFIG, *READY), [INSPECT, KUBECONFIG, *READY, APPLY]),
    "stopped": (
        node(running=False) | working(START, KUBECONFIG, *READY),
        [INSPECT, START, KUBECONFIG, *READY, APPLY],
    ),
    "stopped for good": (node(running=False), [INSPECT, START, *REPLACE]),
    "not ready": (node() | working(KUBECONFIG), [INSPECT, KUBECONFIG, READY[0], *REPLACE]),
    "without name service": (
        node() | working(KUBECONFIG, READY[0]),
        [INSPECT, KUBECONFIG, *READY[:2], *REPLACE],
    ),
    "of another image": (
        node(image="node:b") | working(KUBECONFIG, *READY),
        [INSPECT, KUBECONFIG, *READY, *REPLACE],
    ),
    "without its kubeconfig": (
        node() | working(EXPORT, *READY),
        [INSPECT, KUBECONFIG, EXPORT, *READY, APPLY],
    ),
    "half created": (node(), [INSPECT, KUBECONFIG, EXPORT, *REPLACE]),
}


@pytest.mark.parametrize("found", CLUSTERS)
def test_cluster_is_kept_or_replaced(stubs, found, monkeypatch):
    monkeypatch.setattr(kind, "RESTART_SECONDS", 0)  # each question is asked once
    answers, expected = CLUSTERS[found]
    calls = stubs(answers | working(REMOVE[1], *CREATE, APPLY))
    kind.up(os.environ, "node:a")
    assert calls() == expected


def test_a_creation_that_fails_shows_what_the_node_said(stubs):
    node_of_the_failure = node(running=False) | {f"docker logs --tail 30 {kind.NODE}": "kubelet: no space left"}
    stubs(working(CREATE[0], REMOVE[1]) | node_of_the_failure)
    with pytest.raises(
        StepFailed, match=r"kind create cluster(.|\n)*kept until the next run\):\nkubelet: no space left"
    ):
        kind.up(os.environ, "node:a")


@pytest.fixture
def make_venv(tmp_path, monkeypatch):
    """Runs `make venv` with a Python of this version, with uv or without: (exit code, standard output, uv's calls)."""
    (tmp_path / "Makefile").write_text((images.ROOT / "Makefile").read_text())
    for path in ("requirements-dev.txt", *(f"{name}/pyproject.toml" for name in PACKAGES), ".venv/x", "programs/x"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("MAKEFLAGS", "PYTHON"):
        monkeypatch.delenv(name, raising=False)

    def run(version: str, uv: bool) -> tuple[int, str, list[str]]:
        asked = f'[ "$1" = -c ] && exec {sys.executable} -c "import sys; sys.version_info = {version}; $2"\nexit 7'
        programs = {"python3": asked} | ({"uv": f"echo $* >> {tmp_path / 'calls'}"} if uv else {})
        for name, text in programs.items():
            (tmp_path / "programs" / name).write_text(f"#!/bin/sh\n{text}\n")
            (tmp_path / "programs" / name).chmod(0o755)
        done = subprocess.run(["make", "venv"], cwd=tmp_path, capture_output=True, text=True, check=False)
        calls = tmp_path / "calls"
        return done.returncode, done.stdout, calls.read_text().splitlines() if calls.exists() else []

    return run


@pytest.mark.parametrize("uv", [True, False])
@pytest.mark.parametrize("version", ["(2, 7, 18)", "(3, 10, 14)", "(3, 14, 0)"])
def test_another_python_is_refused_before_anything_is_made(make_venv, version, uv):
    code, said, calls = make_venv(version, uv)
    assert code
    assert "error: python3 is not Python 3.11 to 3.13" in said
    assert calls == []


@pytest.mark.parametrize("version", ["(3, 11, 0)", "(3, 13, 9)"])
def test_a_python_that_fits_gets_its_environment(make_venv, version):
    code, _, calls = make_venv(version, True)
    assert code == 0
    assert [call.split()[0] for call in calls] == ["venv", "pip", "pip"]
