"""Renders the real chart with helm, once for each set of values."""

from __future__ import annotations

import base64
import configparser
import functools
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster import tools

# the folder's helpers by name (tests themselves are imported by path)
sys.path.insert(0, str(Path(__file__).parent))

CHARTS = Path(__file__).parents[1]
CHART = CHARTS / "newscrawl-airflow"
VALUES = Path(__file__).parent / "values"
KUBERNETES = "1.34"

VALUE_SETS = {
    "default": (),
    "everything": (VALUES / "everything.yaml",),
    "keda": (VALUES / "keda.yaml",),
    "external": (VALUES / "external.yaml",),
    "existing-secrets": (VALUES / "existing-secrets.yaml",),
    "lake": (VALUES / "lake.yaml",),
    "gke": (CHART / "values-gke.yaml",),
    "spot": (CHART / "values-spot.yaml",),
    "dev": (CHART / "values-dev.yaml",),
    "demo": (CHARTS.parent / "k8s-tests" / "values-demo.yaml",),
}

Object = dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """The objects of one rendering."""

    objects: tuple[Object, ...]

    def one(self, kind: str, name: str) -> Object:
        """The object of this kind and name; fails with what there is when there is not exactly one."""
        found = [item for item in self.objects if item["kind"] == kind and item["metadata"]["name"] == name]
        names = sorted(item["metadata"]["name"] for item in self.objects if item["kind"] == kind)
        assert len(found) == 1, f"{len(found)} {kind} named {name}; there are {names}"
        return found[0]

    def of(self, kind: str) -> list[Object]:
        """All objects of a kind."""
        return [item for item in self.objects if item["kind"] == kind]

    def secret(self, name: str) -> dict[str, str]:
        """The decoded values of a Secret."""
        return {key: base64.b64decode(value).decode() for key, value in self.one("Secret", name)["data"].items()}

    def airflow_cfg(self, prefix: str = "newscrawl") -> configparser.ConfigParser:
        """The rendered airflow.cfg, parsed."""
        parser = configparser.ConfigParser()
        parser.read_string(self.one("ConfigMap", f"{prefix}-airflow-cfg")["data"]["airflow.cfg"])
        return parser

    def scaler_config(self, prefix: str = "newscrawl") -> Object:
        """The builtin scaler's configuration."""
        return yaml.safe_load(self.one("ConfigMap", f"{prefix}-queue-scaler")["data"]["config.yaml"])

    def pods(self) -> Iterator[tuple[str, Object]]:
        """(what it belongs to, {metadata, spec}) of each pod that the release would start."""
        for item in self.objects:
            name = f"{item['kind']}/{item['metadata']['name']}"
            if item["kind"] == "Pod":
                yield name, item
            elif item["kind"] == "CronJob":
                yield name, item["spec"]["jobTemplate"]["spec"]["template"]
            elif item["kind"] in {"Deployment", "StatefulSet", "Job"}:
                yield name, item["spec"]["template"]


@pytest.fixture(scope="session")
def chart() -> Path:
    """The chart's folder."""
    return CHART


@pytest.fixture(scope="session")
def environment() -> Callable[[Object], dict[str, Any]]:
    """Gives the environment of a container: name -> value, or where the value comes from."""
    return lambda container: {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


@pytest.fixture(scope="session")
def helm_command() -> str:
    """The path of helm."""
    folder = tools.helm_folder()
    return str(folder / "helm") if folder else "helm"


@pytest.fixture(scope="session")
def helm(helm_command: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `helm template` of a chart as release newscrawl in namespace news; more arguments may follow."""

    def run(*arguments: str | Path, chart: Path = CHART) -> subprocess.CompletedProcess[str]:
        fixed = [helm_command, "template", "newscrawl", str(chart), "-n", "news", "--kube-version", KUBERNETES]
        return subprocess.run([*fixed, *map(str, arguments)], capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def render(helm: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Rendered]:
    """Renders a named set of values, with more arguments of helm; each rendering is made once."""

    @functools.cache
    def run(values: str = "default", *arguments: str, chart: Path = CHART) -> Rendered:
        files = [part for file in VALUE_SETS[values] for part in ("-f", file)]
        done = helm(*files, *arguments, chart=chart)
        assert done.returncode == 0, done.stderr
        return Rendered(tuple(item for item in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if item))

    return run


@pytest.fixture(scope="session")
def refusal(helm: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., str]:
    """What helm says to values that the chart refuses."""

    def run(*settings: str) -> str:
        done = helm(*[part for setting in settings for part in ("--set-json", setting)])
        assert done.returncode != 0, f"{settings} was accepted"
        return done.stderr

    return run


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `values` runs for every set of values."""
    if "values" in metafunc.fixturenames:
        metafunc.parametrize("values", VALUE_SETS)
