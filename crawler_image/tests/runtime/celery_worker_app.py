"""The Celery application of the tests' worker, and the tasks that it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from celery import Celery
from celery.backends.database.session import SessionManager
from celery.exceptions import Ignore
from celery.signals import worker_ready
from newscrawl_airflow import dropped_messages, worker_hooks

__all__ = ["app", "dropped_messages", "worker_hooks"]

FOLDER = Path(os.environ["NEWSCRAWL_TEST_FOLDER"])

QUEUE = os.environ["NEWSCRAWL_QUEUE"]

# what Airflow's configuration and the chart set for a worker
app = Celery("tests", broker=os.environ["AIRFLOW__CELERY__BROKER_URL"])
app.conf.task_acks_late = True
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_transport_options = {
    "visibility_timeout": int(os.environ.get("NEWSCRAWL_TEST_VISIBILITY", "86400")),
    "socket_timeout": 10,
    "unacked_key": f"unacked:{QUEUE}",
    "unacked_index_key": f"unacked_index:{QUEUE}",
    "unacked_mutex_key": f"unacked_mutex:{QUEUE}",
}


if backend := os.environ.get("NEWSCRAWL_TEST_BACKEND"):
    app.conf.result_backend = backend
    app.conf.result_backend_always_retry = True
    SessionManager.prepare_models = lambda self, engine: None
    worker_hooks.LEAVE_SECONDS = 2.0


@worker_ready.connect
def _block_when_told(**_: object) -> None:
    """SIGUSR2 blocks the main thread, and with it the event loop, until the file `unblock` exists."""

    def block(*_: object) -> None:
        (FOLDER / "blocked").touch()
        while not (FOLDER / "unblock").exists():
            time.sleep(0.05)

    signal.signal(signal.SIGUSR2, block)


@app.task(name="work")
def work(name: str, until_file: str = "") -> None:
    """Run in a process of its own, as an Airflow task does, until the file exists; then note that it ended.

    One of the name "refused" is refused as Airflow's is whose task runs elsewhere.
    """
    if name == "refused":
        raise Ignore
    (FOLDER / "begun").touch()
    if until_file:
        subprocess.run(["sh", "-c", f"while [ ! -e {until_file} ]; do sleep 0.05; done"], check=True)
    with (FOLDER / "done").open("a") as file:
        file.write(name + "\n")
