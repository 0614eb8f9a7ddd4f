"""A Docker engine: the machine's own where one answers, else one that we start beside everything the machine has.

Ours has its own socket, data, state and configuration below the cache folder, so that nothing in /etc or /var/lib
changes; it outlives this process, as the cluster in it does.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import tenacity

from cluster import cache, tools
from cluster.steps import StepFailed, run, say, step, succeeds

WRAPPER = Path(__file__).parent / "runc_within_bounds.py"
# bit in the bounding set, of those that an engine asks for and a sandbox may lack
CAPABILITIES = {"CAP_SYS_RESOURCE": 24}
ENGINE_PID_FILE = "docker.pid"
PID_FILES = (ENGINE_PID_FILE, "run/containerd/containerd.pid")
START_SECONDS = 90
STOP_SECONDS = 60


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


def running() -> dict[str, str] | None:
    """The environment in which `docker` reaches an engine that answers now, or None."""
    for candidate in (dict(os.environ), _own()):
        if _answers(candidate):
            return _client_first(candidate)
    return None


def was_killed() -> bool:
    """Whether an engine of ours ended without cleaning up: what it ran may still be there."""
    return (_folder() / ENGINE_PID_FILE).exists() and _pid() is None


def environment() -> dict[str, str]:
    """The environment in which `docker` reaches a running engine; starts one where none answers. Raises StepFailed."""
    found = running()
    if found is None:
        with cache.locked("engine"):
            found = running()  # another process may have started it meanwhile
            if found is None:
                _demand_means()
                found = running()  # installing it may have started the machine's own
            if found is None:
                with step("start a docker engine of our own (none answers)"):
                    _start()
                found = _client_first(_own())
    return found


def stop() -> None:
    """Stop the engine that we started, if it runs, and unmount what killed ones left. Raises StepFailed."""
    pid = _pid()
    if pid is not None:
        with step("stop our docker engine"):
            os.kill(pid, signal.SIGTERM)
            if not _within(STOP_SECONDS, lambda: _pid() is None):
                raise StepFailed(f"docker engine: process {pid} does not end; see {_folder() / 'dockerd.log'}")
    mounts = Path("/proc/self/mounts")
    for line in reversed(mounts.read_text().splitlines() if mounts.exists() else []):
        if line.split()[1].startswith(f"{_folder()}/"):
            run("umount", line.split()[1])


def _folder() -> Path:
    return cache.folder() / "engine"


def _pid(file: str = ENGINE_PID_FILE) -> int | None:
    """The process id of our engine, or None when it does not run (its number may be another process's by now)."""
    try:
        pid = int((_folder() / file).read_text())
        return pid if str(_folder()) in Path(f"/proc/{pid}/cmdline").read_text() else None
    except (OSError, ValueError):
        return None


def _kill(file: str) -> None:
    """Kill the process of a pid file of ours, if it runs, and wait until it is gone."""
    pid = _pid(file)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _within(STOP_SECONDS, lambda: _pid(file) is None)


def _own() -> dict[str, str]:
    return {**os.environ, "DOCKER_HOST": f"unix://{_folder() / 'docker.sock'}"}


def _answers(candidate: Mapping[str, str]) -> bool:
    command = client()
    return command is not None and succeeds(command, "version", environment=candidate)


def _refusal() -> str:
    """What the docker client says when it does not reach an engine, in one line."""
    try:
        run(client() or "docker", "version")
    except StepFailed as error:
        return str(error).splitlines()[-1]
    return "it answers now"


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true within `seconds`."""
    return tenacity.Retrying(
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_fixed(0.3),
        retry=tenacity.retry_if_result(lambda true: not true),
        retry_error_callback=lambda _: False,
    )(condition)


def _client_first(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with our choice of client as `docker`; nothing else of PATH changes."""
    chosen, path = client() or "docker", environment.get("PATH", os.defpath)
    if shutil.which("docker", path=path) == chosen:
        return dict(environment)
    link = cache.folder() / "client" / "docker"
    link.parent.mkdir(parents=True, exist_ok=True)
    aside = link.with_name(f"docker.{os.getpid()}")
    aside.symlink_to(chosen)
    aside.rename(link)
    return {**environment, "PATH": os.pathsep.join([str(link.parent), path])}


def _demand_means() -> None:
    """Install what our own engine needs where that is possible; one clear line where it is not."""
    if sys.platform != "linux" or os.geteuid():
        raise StepFailed(
            f"docker engine: none answers ({_refusal()}); start Docker (Docker Desktop, or "
            "`sudo systemctl start docker` with your user in the group docker) and run this again"
        )
    tools.install_package("dockerd", "docker.io")
    tools.install_package("iptables", "iptables")


def configuration(folder: Path, missing: Iterable[str]) -> dict[str, object]:
    """dockerd's configuration: all its state below `folder`, and runc wrapped where a capability is missing."""
    settings: dict[str, object] = {
        "data-root": str(folder / "data"),
        "exec-root": str(folder / "run"),
        "pidfile": str(folder / ENGINE_PID_FILE),
        "hosts": [f"unix://{folder / 'docker.sock'}"],
    }
    if list(missing):
        settings["runtimes"] = {"within-bounds": {"path": str(folder / WRAPPER.name)}}
        settings["default-runtime"] = "within-bounds"
    return settings


def _start() -> None:
    folder, own = _folder(), _own()
    folder.mkdir(parents=True, exist_ok=True)
    pid = _pid()
    if pid is not None:
        # two engines on one folder would destroy it: the one that runs is waited for, then ended
        if _within(START_SECONDS, lambda: _answers(own)):
            return
        say(f"   our engine (process {pid}) runs but does not answer: it is replaced")
    # a containerd that outlives its engine would be taken over by the next one, and may hang as well
    for file in PID_FILES:
        _kill(file)
    missing = missing_capabilities(Path("/proc/self/status").read_text())
    if missing:
        say(f"   the machine lacks {', '.join(missing)}: containers run without")
        shutil.copy(WRAPPER, folder / WRAPPER.name)
        (folder / WRAPPER.name).chmod(0o755)
    # left by an engine that was killed: a new one refuses to start beside them
    for stale in (*PID_FILES, "docker.sock"):
        (folder / stale).unlink(missing_ok=True)
    (folder / "daemon.json").write_text(json.dumps(configuration(folder, missing), indent=2))
    log = folder / "dockerd.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["dockerd", "--config-file", str(folder / "daemon.json")],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PATH": tools.with_system_folders()},
            start_new_session=True,
        )
    ended = _within(START_SECONDS, lambda: process.poll() is not None or _answers(own))
    if process.poll() is not None:
        tail = "\n".join(log.read_text().splitlines()[-10:])
        raise StepFailed(f"docker engine: dockerd ended with {process.returncode}:\n{tail}")
    if not ended:
        raise StepFailed(f"docker engine: no answer after {START_SECONDS} s; see {log}")
