"""A full volume, said so that it can be fixed, and noticed before a site is asked for pages that cannot be kept."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFull(Exception):
    """The volume cannot take another response; the message names the path, its size and the way out."""


@contextmanager
def told_when_full(path: Path) -> Iterator[None]:
    """Turns the system's "no space left" under `path` into DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(_message(path)) from error


def _message(path: Path) -> str:
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    usage = shutil.disk_usage(there)
    return (
        f"{path}: no space left ({usage.used / 2**20:.0f} of {usage.total / 2**20:.0f} MiB used): grow the volume "
        "(chart key workers.queues.<queue>.persistence.size) or ship and delete old WARC files; no URL is lost, the "
        "same batch goes on where it stopped"
    )
