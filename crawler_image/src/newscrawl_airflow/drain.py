"""The drain: the worker's preStop, which makes every way of stopping a worker lose nothing.

SIGTERM first is not safe: a message that the worker has taken from the list at that moment can be stuck or lost. So
the worker is told to stop consuming while it is still whole, and only when it holds no task does this command return;
the kubelet then sends SIGTERM. One look is not enough: a message is in nobody's count for a moment between Redis'
list and the worker's books, hence two empty looks more than a second apart.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from newscrawl_airflow import worker_state
from newscrawl_airflow.process_table import task_processes
from newscrawl_airflow.worker_state import WorkerState

INTERVAL = 0.5
# seconds that two empty states must be apart
APART = 1.0
# seconds without a sign of life (Redis down, worker hangs) and without a task's process: then nothing can be running
BLIND = 15.0
PROGRESS = 30.0
# what a hook prints goes nowhere; this is the worker's own output, which `kubectl logs` shows
CONTAINER_OUTPUT = Path(os.environ.get("NEWSCRAWL_CONTAINER_OUTPUT", "/proc/1/fd/1"))


@dataclass(frozen=True)
class Look:
    """One look at the worker `at` seconds after 1970: its last state and how many tasks' processes this machine has."""

    at: float
    state: WorkerState
    processes: int

    @property
    def empty(self) -> bool:
        """Whether the worker consumes nothing and has nothing."""
        return not self.state.queues and self.state.tasks == 0 and self.processes == 0


def is_drained(looks: Sequence[Look]) -> bool:
    """Whether the looks, oldest first, prove that the worker has nothing to lose.

    Either it said so twice, more than APART seconds apart, with nothing else in between, or it has said nothing for
    BLIND seconds in which no task's process was seen. Silence alone proves nothing.
    """
    last = looks[-1]
    empty_since = last.state.written
    blind_since = last.at
    blind = empty = True
    for look in reversed(looks):
        empty = empty and look.empty
        if empty:
            empty_since = look.state.written
        blind = blind and look.state.written == last.state.written and look.processes == 0
        if blind:
            blind_since = look.at
        if not (empty or blind):
            break
    return last.state.written - empty_since > APART or last.at - blind_since >= BLIND


def say(text: str) -> None:
    """Tell who called, and those who read the worker's log."""
    click.echo(text)
    # closed with the worker, or of another user: the drain goes on
    with contextlib.suppress(OSError):
        output = os.open(CONTAINER_OUTPUT, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
        try:
            os.write(output, f"drain: {text}\n".encode())
        finally:
            os.close(output)


@click.command()
@click.option("--grace", type=float, required=True, help="seconds after which running tasks are given up")
def main(grace: float) -> None:
    """Stop the worker of this container from consuming, and return when it has finished what it runs.

    Returns 0 when the worker has nothing left (or was not ready yet: then it has taken nothing), 1 when the grace ran
    out.
    """
    worker_state.DRAIN_FILE.touch()
    started = time.time()
    looks: list[Look] = []
    said = started
    while (now := time.time()) - started < grace:
        state = worker_state.read()
        if state is None:
            say("the worker was not ready yet: nothing to drain")
            return
        looks.append(Look(now, state, task_processes(state.pid)))
        if is_drained(looks):
            say(f"drained in {now - started:.1f} s")
            return
        if now - said >= PROGRESS:
            say(f"{now - started:.0f} s: {max(state.tasks, looks[-1].processes)} tasks still run")
            said = now
        time.sleep(INTERVAL)
    say(f"the grace of {grace:.0f} s is over and tasks still run: they end here and are tried again")
    sys.exit(1)


if __name__ == "__main__":
    main()
