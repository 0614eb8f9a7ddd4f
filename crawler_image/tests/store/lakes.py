"""A lake as its readers see it, and a load that is killed at a chosen step."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

from deadly_steps import Steps, die_at
from newscrawl.lake.filesystem import Lake
from newscrawl.store import Database, lake_files
from pyarrow import dataset

STEPS: Steps = (
    (lake_files, ("begin", "hold", "finish")),
    (Lake, ("aside_size", "publish", "remove", "clear_aside")),
    (Database, ("run",)),
)


def read(lake: Lake) -> list[dict[str, Any]]:
    """Every row of the lake's articles, with site and date of their folders, as pyarrow and Spark find them."""
    if not lake.files.find(f"{lake.root}/articles"):
        return []
    found = dataset.dataset(f"{lake.root}/articles", format="parquet", partitioning="hive", filesystem=lake.files)
    return found.to_table().to_pylist()


def aside(lake: Lake) -> list[str]:
    """The files that are aside."""
    return lake.files.find(f"{lake.root}/_aside")


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Runs `work` in a process of its own that kills itself as it begins or ends its `step`-th step; whether it did."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(step, work))
    process.start()
    process.join(300)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _run(step: int, work: Callable[[], object]) -> None:
    die_at(step, STEPS)
    work()
    os._exit(0)
