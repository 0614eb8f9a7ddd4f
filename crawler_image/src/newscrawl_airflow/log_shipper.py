"""Ships the logs that a worker still holds, while their tasks run and after a failed upload.

Airflow uploads a log once, when its task ends: until then the UI has nothing to show (the log server that Airflow
runs on each worker costs 80 MiB), and a try whose worker was killed, or that ended while MySQL was down, would keep
its log on a volume that nobody reads. A thread in the worker's main process stores what has grown every few seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from newscrawl_airflow.task_log import REMOTE_TASK_LOG, MysqlTaskLog

# seconds between two looks at the folder: what a reader of a running task's log waits
INTERVAL = 5.0
# a running task's log is sent whole each time it has grown; beyond this many bytes only its end is waited for
LIVE_LIMIT = 4 << 20
# seconds without a write after which a file that was left behind belongs to no running task
LEFT_BEHIND = 6 * 3600.0

log = logging.getLogger(__name__)


@dataclass
class LogShipper:
    """What has been shipped of which file; `ship` is one look at the folder."""

    task_log: MysqlTaskLog
    shipped: dict[Path, int] = field(default_factory=dict)

    def ship(self, now: float) -> int:
        """Store each file that has grown since the last look; `now` in seconds since 1970. The number stored.

        A file that nobody wrote to for hours is stored a last time and deleted. Errors are logged and tried again.
        """
        stored = 0
        present = {path: path.stat() for path in self.task_log.base_folder().glob("dag_id=*/**/attempt=*.log")}
        for path, stat in present.items():
            left_behind = now - stat.st_mtime > LEFT_BEHIND
            if self.shipped.get(path) != stat.st_size and (left_behind or stat.st_size <= LIVE_LIMIT):
                self.task_log.store(path)
                self.shipped[path] = stat.st_size
                stored += 1
            if left_behind:
                self.task_log.forget(path)
        self.shipped = {path: size for path, size in self.shipped.items() if path in present}
        return stored


def start() -> None:
    """Start the shipping thread unless it runs; it ends with the process."""
    if any(thread.name == "log-shipper" for thread in threading.enumerate()):
        return
    thread = threading.Thread(target=_run, args=(LogShipper(REMOTE_TASK_LOG),), name="log-shipper", daemon=True)
    thread.start()


def _run(shipper: LogShipper) -> None:
    failing = False
    while True:
        try:
            shipper.ship(time.time())
            failing = False
        except FileNotFoundError:
            # the task ended between the look and the read: its own upload has the log
            pass
        except Exception as error:  # noqa: BLE001 a log that cannot be stored now must not end the worker
            if not failing:
                log.warning("task logs cannot be stored now, they stay on this worker: %s", error)
            failing = True
        time.sleep(INTERVAL)
