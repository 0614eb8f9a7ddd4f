"""Has a process kill itself at a chosen step of its work: between two statements of a transaction, after a COMMIT, in
the middle of a record."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pymysql
from newscrawl.crawl import fetch_batch
from newscrawl.settings import Settings

Steps = tuple[tuple[Any, tuple[str, ...]], ...]

# a page's record is written in two: the response, and the mark that says where it ends
OF_A_CRAWL: Steps = ((pymysql.connections.Connection, ("query", "commit")), (os, ("pwrite",)))


def die_at(step: int, steps: Steps) -> None:
    """From now on this process kills itself as it begins or ends the `step`-th call of the functions."""
    left = step

    def tick() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def ticking(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            tick()
            result = function(*arguments, **named)
            tick()
            return result

        return call

    for owner, names in steps:
        for name in names:
            setattr(owner, name, ticking(getattr(owner, name)))


def fetch_until(step: int, run_id: int, batch_id: int, settings: Settings) -> None:
    """A worker that dies at this step of its work on the batch."""
    die_at(step, OF_A_CRAWL)
    fetch_batch(run_id, batch_id, settings=settings)
