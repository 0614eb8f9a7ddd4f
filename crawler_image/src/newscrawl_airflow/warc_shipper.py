"""Copies a worker's WARC files to the lake, from the worker itself: no other pod has its volume.

Each copy is a process of its own, because what it imports would stay in the worker: `newscrawl lake ship`, a few times
an hour for the files of days that ended, and once more when the worker stops, for all of them, so that a queue that was
scaled to zero leaves nothing on its volumes that is not in the lake. A copy that is killed is made by the next worker
of the volume.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

from newscrawl import settings

INTERVAL = 900.0
# seconds; what a stopping worker still has of its grace when it is drained
LAST = 60.0

log = logging.getLogger(__name__)


def start() -> None:
    """Start the copying thread unless it runs or there is no lake; it ends with the process."""
    if settings.load().lake_url is None or any(thread.name == "warc-shipper" for thread in threading.enumerate()):
        return
    threading.Thread(target=_run, name="warc-shipper", daemon=True).start()


def stop() -> None:
    """Copy all files that nobody writes to any more, within LAST seconds."""
    if settings.load().lake_url is not None:
        ship("--all", seconds=LAST)


def ship(*options: str, seconds: float | None = None) -> None:
    """Run `newscrawl lake ship`; a failure is logged, and the files wait for the next time."""
    command = [sys.executable, "-c", "from newscrawl.cli import main; main()", "lake", "ship", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        log.warning("WARC files were not all copied to the lake within %.0f s: the next worker goes on", seconds)
        return
    if done.returncode:
        log.warning("WARC files cannot be copied to the lake now, they stay on this worker: %s", done.stderr.strip())
    elif done.stdout:
        log.info("copied to the lake: %s", done.stdout.strip())


def _run() -> None:
    pause = threading.Event()
    while True:
        ship()
        pause.wait(INTERVAL)
