"""The processes of a worker as Linux knows them: what runs is seen without Redis, and without asking the worker."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def pool_processes(worker: int) -> frozenset[int]:
    """The ids of the processes that the worker with the main process `worker` runs its tasks by."""
    return frozenset(pid for pid, parent in _parents().items() if parent == worker)


def task_processes(worker: int) -> int:
    """How many tasks run in the worker whose main process is `worker`.

    Each pool process of the worker forks a process for the Airflow task that it supervises, so tasks are the main
    process's grandchildren.
    """
    parents = _parents()
    return sum(1 for parent in parents.values() if parents.get(parent) == worker)


def _parents() -> dict[int, int]:
    parents: dict[int, int] = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # pid (name) state parent ...; the name may hold anything, so count from its closing bracket
        state, parent = stat[stat.rindex(")") + 2 :].split()[:2]
        if state != "Z":
            parents[int(entry.name)] = int(parent)
    return parents
