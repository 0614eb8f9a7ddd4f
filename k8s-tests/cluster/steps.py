"""Steps that say what they do and how long it took, and commands whose output is there when they fail.

Bringing up a cluster takes minutes on a new machine: without a line for each step nobody knows whether it hangs.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

TICK_SECONDS = 20
LINES_OF_A_FAILURE = 30


class StepFailed(Exception):
    """A command of a step failed, or something is missing; the message says what to do or shows the last output."""


def say(text: str) -> None:
    """One line for the person who waits."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Say that `name` starts, every 20 s that it still runs, and how many seconds it took."""
    started = time.monotonic()
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(TICK_SECONDS):
            say(f"   ... {name}: {time.monotonic() - started:.0f} s")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    say(f" - {name}")
    try:
        yield
    finally:
        ended.set()
        ticker.join()
    say(f"   {name}: {time.monotonic() - started:.1f} s")


def run(
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    seconds: float = 1800,
    stdin: str | None = None,
) -> str:
    """Run a command and return its standard output. Raises StepFailed with the command's last lines."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            env=dict(environment if environment is not None else os.environ),
            cwd=folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        raise StepFailed(f"{words[0]}: no such command") from None
    except subprocess.TimeoutExpired:
        raise StepFailed(f"{shlex.join(words)}: no end after {seconds:g} s") from None
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-LINES_OF_A_FAILURE:])
        raise StepFailed(f"{shlex.join(words)} ended with {done.returncode}:\n{tail}")
    return done.stdout


def succeeds(*command: str | Path, environment: Mapping[str, str] | None = None, seconds: float = 30) -> bool:
    """Whether a command ends well within `seconds`."""
    try:
        run(*command, environment=environment, seconds=seconds)
    except StepFailed:
        return False
    return True
