"""A real Celery worker with the image's configuration, as a process, with tasks that fork as Airflow's do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

QUEUE = "news"


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return when the condition holds; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@dataclass
class Worker:
    """One worker process; its state file, its logs and what its tasks write are in `folder`."""

    process: subprocess.Popen[bytes]
    folder: Path
    environ: dict[str, str]

    def stop(self) -> int:
        """SIGTERM, as the kubelet sends it after the drain; the exit code."""
        self.process.terminate()
        return self.process.wait(60)

    def done(self) -> list[str]:
        """Names of the tasks that ended, one for each time that one ended."""
        path = self.folder / "done"
        return path.read_text().split() if path.exists() else []

    def connections(self) -> int:
        """How often it has connected to Redis to consume."""
        return (self.folder / "worker.log").read_text().count("Connected to redis")

    def said(self) -> str:
        """What it last wrote of itself."""
        return (self.folder / "worker.json").read_text()

    def running(self) -> bool:
        """Whether a task has begun and not ended."""
        return (self.folder / "begun").exists()


def environment(redis_url: str, folder: Path) -> dict[str, str]:
    """The environment that the chart gives a worker, as far as the tests' worker needs it."""
    return {
        **os.environ,
        "AIRFLOW__CELERY__BROKER_URL": redis_url,
        "NEWSCRAWL_WORKER_STATE": str(folder / "worker.json"),
        "NEWSCRAWL_QUEUE": QUEUE,
        "NEWSCRAWL_TEST_FOLDER": str(folder),
        "NEWSCRAWL_CONTAINER_OUTPUT": str(folder / "worker.log"),
        "PYTHONPATH": str(Path(__file__).parent),
    }


def start(redis_url: str, folder: Path) -> Worker:
    """Start a worker of two slots and return when it is ready to consume."""
    environ = environment(redis_url, folder)
    command = [sys.executable, "-m", "celery", "-A", "celery_worker_app", "worker", "-Q", QUEUE, "-c", "2"]
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--without-mingle", "--without-gossip", "-l", "INFO"], env=environ, stdout=log, stderr=log
        )
    worker = Worker(process, folder, environ)
    until(lambda: (folder / "worker.json").exists() or process.poll() is not None)
    assert process.poll() is None, (folder / "worker.log").read_text()
    return worker
