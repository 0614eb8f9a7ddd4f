"""What the bring-up asks of docker, kind and kubectl: programs in their place write down how they are called."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable

import pytest
from cluster import cache, images, versions
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
