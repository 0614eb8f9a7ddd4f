"""What is built once is kept in the user's cache folder under a key of its versions and recipe.

A second run and a run from another clone find it there. A folder appears under its name only when it is whole, so an
interrupted build is never taken for a finished one, and a lock keeps two runs from building the same thing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from cluster.steps import step


def folder() -> Path:
    """The project's folder below XDG_CACHE_HOME (~/.cache by default)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "newscrawl-airflow"


def digest(*parts: str | Path) -> str:
    """Twelve hex digits of texts, files and folders (each file of a folder with its relative name)."""
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            sha.update(part.encode() + b"\0")
            continue
        files = sorted(path for path in part.rglob("*") if path.is_file()) if part.is_dir() else [part]
        for file in files:
            sha.update(str(file.relative_to(part.parent)).encode() + b"\0" + file.read_bytes())
    return sha.hexdigest()[:12]


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock of this name among all processes of this user."""
    path = folder() / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def built(name: str, key: str, build: Callable[[Path], None]) -> Path:
    """The folder `name-key`; when it does not exist, `build` fills an empty one that then takes its name."""
    target = folder() / f"{name}-{key}"
    if target.exists():
        return target
    with locked(name):
        if not target.exists():
            aside = target.with_name(f"{target.name}.part")
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            with step(f"build {name} {key}"):
                build(aside)
            aside.rename(target)
    return target
