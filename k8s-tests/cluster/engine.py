"""A Docker engine: the machine's own where one answers, else one that we start beside everything the machine has.

Ours has its own socket, data, state and configuration below the cache folder, so that nothing in /etc or /var/lib
changes; it outlives this process, as the cluster in it does.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import tenacity

from cluster import cache
from cluster.steps import StepFailed, run, say, step, succeeds

PACKAGES = ("docker.io", "debootstrap", "iptables")
WRAPPER = Path(__file__).parent / "runc_within_bounds.py"
CAPABILITIES = {
    "CAP_SYS_RESOURCE": 24
}  # bit in the bounding set, of those that an engine asks for and a sandbox may lack
START_SECONDS = 60


def missing_capabilities(status: str) -> list[str]:
    """Which capabilities the bounding set in a /proc/PID/status text lacks."""
    for line in status.splitlines():
        if line.startswith("CapBnd:"):
            bounds = int(line.split()[1], 16)
            return [name for name, bit in CAPABILITIES.items() if not bounds >> bit & 1]
    return []


def lacks_sys_resource() -> bool:
    """Whether this process may not raise resource limits, nor may any container it starts."""
    status = Path("/proc/self/status")
    return status.exists() and "CAP_SYS_RESOURCE" in missing_capabilities(status.read_text())


def client() -> str | None:
    """The docker client: the Debian engine's own before another that comes first on PATH."""
    return "/usr/bin/docker" if Path("/usr/bin/docker").exists() else shutil.which("docker")


def environment() -> dict[str, str]:
    """The environment in which `docker` reaches a running engine; starts one where none answers. Raises StepFailed."""
    own = {**os.environ, "DOCKER_HOST": f"unix://{_folder() / 'docker.sock'}"}
    for candidate in (dict(os.environ), own):
        if client() and succeeds(client(), "version", environment=candidate):
            return _client_first(candidate)
    with cache.locked("engine"):
        if not (client() and succeeds(client(), "version", environment=own)):
            _install()
            with step("start a docker engine of our own (none answers)"):
                _start(own)
    return _client_first(own)


def stop() -> None:
    """Stop the engine that we started, if it runs."""
    pid = _pid()
    if pid is None:
        return
    with step("stop our docker engine"):
        os.kill(pid, signal.SIGTERM)
        tenacity.Retrying(
            stop=tenacity.stop_after_delay(60),
            wait=tenacity.wait_fixed(0.2),
            retry=tenacity.retry_if_result(lambda gone: not gone),
        )(lambda: _pid() is None)


def _folder() -> Path:
    return cache.folder() / "engine"


def _pid() -> int | None:
    """The process id of our engine, or None when it does not run."""
    try:
        pid = int((_folder() / "docker.pid").read_text())
        return pid if "dockerd" in Path(f"/proc/{pid}/cmdline").read_text() else None
    except (OSError, ValueError):
        return None


def _client_first(environment: Mapping[str, str]) -> dict[str, str]:
    path = os.pathsep.join([str(Path(client() or "").parent), environment.get("PATH", os.defpath)])
    return {**environment, "PATH": path}


def _install() -> None:
    """Install the engine's packages where that is possible; one clear line where it is not."""
    if shutil.which("dockerd") and shutil.which("debootstrap"):
        return
    wanted = "start Docker (Docker Desktop, or `sudo systemctl start docker`) and run this again"
    if sys.platform != "linux" or not shutil.which("apt-get"):
        raise StepFailed(f"docker engine: none answers; {wanted}")
    if os.geteuid():
        raise StepFailed(f"docker engine: none answers; {wanted}, or `sudo apt-get install {' '.join(PACKAGES)}`")
    with step(f"install {', '.join(PACKAGES)}"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-q", environment=quiet)
        run("apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES, environment=quiet)


def configuration(folder: Path, missing: Iterable[str]) -> dict[str, object]:
    """dockerd's configuration: all its state below `folder`, and runc wrapped where a capability is missing."""
    settings: dict[str, object] = {
        "data-root": str(folder / "data"),
        "exec-root": str(folder / "run"),
        "pidfile": str(folder / "docker.pid"),
        "hosts": [f"unix://{folder / 'docker.sock'}"],
    }
    if list(missing):
        settings["runtimes"] = {"within-bounds": {"path": str(folder / WRAPPER.name)}}
        settings["default-runtime"] = "within-bounds"
    return settings


def _start(own: Mapping[str, str]) -> None:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    missing = missing_capabilities(Path("/proc/self/status").read_text())
    if missing:
        say(f"   the machine lacks {', '.join(missing)}: containers run without")
        shutil.copy(WRAPPER, folder / WRAPPER.name)
        (folder / WRAPPER.name).chmod(0o755)
    # left by an engine that was killed: a new one refuses to start beside them
    for stale in ("docker.pid", "docker.sock"):
        (folder / stale).unlink(missing_ok=True)
    (folder / "daemon.json").write_text(json.dumps(configuration(folder, missing), indent=2))
    log = folder / "dockerd.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["dockerd", "--config-file", str(folder / "daemon.json")],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    answers = tenacity.Retrying(
        stop=tenacity.stop_after_delay(START_SECONDS),
        wait=tenacity.wait_fixed(0.3),
        retry=tenacity.retry_if_result(lambda ready: not ready),
        retry_error_callback=lambda _: False,
    )
    if not answers(lambda: process.poll() is not None or succeeds(client() or "docker", "version", environment=own)):
        raise StepFailed(f"docker engine: no answer after {START_SECONDS} s; see {log}")
    if process.poll() is not None:
        tail = "\n".join(log.read_text().splitlines()[-10:])
        raise StepFailed(f"docker engine: dockerd ended with {process.returncode}:\n{tail}")
