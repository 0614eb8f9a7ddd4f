"""What a worker says of itself in a file each second, so that probes and the drain need not ask it through Redis.

An `inspect` over Redis costs half a second of CPU and tells nothing when Redis is down, which is just when a worker
must neither be restarted nor be taken for idle. The file's age tells whether the worker's event loop turns.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

STATE_FILE = Path(os.environ.get("NEWSCRAWL_WORKER_STATE", "/tmp/newscrawl-worker.json"))
# whoever wants the worker to stop consuming creates this file; it stays while the worker lives, so that probes know
DRAIN_FILE = STATE_FILE.with_suffix(".drain")


@dataclass(frozen=True)
class WorkerState:
    """What the worker wrote `written` seconds after 1970: its main process, its queues and how many tasks it holds."""

    pid: int
    queues: frozenset[str]
    tasks: int
    written: float


def reset() -> None:
    """Forget what an earlier worker in this place said, and that it was to drain."""
    STATE_FILE.unlink(missing_ok=True)
    DRAIN_FILE.unlink(missing_ok=True)


def write(pid: int, queues: list[str], tasks: int) -> None:
    """Replace the state file; readers never see half of it."""
    new = STATE_FILE.with_suffix(".new")
    new.write_text(json.dumps({"pid": pid, "queues": sorted(queues), "tasks": tasks}))
    new.replace(STATE_FILE)


def read() -> WorkerState | None:
    """The last state, None when the worker has not been ready yet."""
    try:
        with STATE_FILE.open() as file:
            said = json.load(file)
            written = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None
    return WorkerState(said["pid"], frozenset(said["queues"]), said["tasks"], written)
