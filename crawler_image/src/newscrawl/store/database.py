"""A connection that outlives MySQL's restarts.

A crawl runs for hours, its database restarts in seconds: each transaction is a function that can be run again from its
start, after a deadlock at once, after a lost connection with growing pauses until the patience is used up. Then the
task fails, and the queue's own retry goes on where it was. A transaction whose COMMIT was lost may have happened, so
what it writes must be guarded by what it reads (the frontier's claims are).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DataError, DBAPIError, StatementError

log = logging.getLogger(__name__)
T = TypeVar("T")

DEADLOCK = frozenset({1205, 1213})  # lock wait timeout, deadlock
# too many connections, shutting down, killed, read-only in a failover, cannot connect, gone, lost, idle too long
AWAY = frozenset({1040, 1053, 1927, 1290, 2002, 2003, 2006, 2013, 2055, 4031})
# MySQL's JSON functions refuse a value; what else a row can be blamed for, pymysql calls a DataError
_BAD_JSON = frozenset({3140, 3141, 3143, 3144, 3158})
DEADLOCK_RETRIES = 10


class StoreUnavailable(Exception):
    """MySQL did not come back in time; the message names host and database, never the password."""


@dataclass(frozen=True)
class Database:
    """An engine with the patience to wait for it, in seconds."""

    engine: Engine
    patience: float
    name: str

    def run(self, work: Callable[[Connection], T]) -> T:
        """The result of `work` in one transaction that was committed; `work` may be called several times.

        Raises StoreUnavailable when MySQL stays away longer than the patience; every other database error as it is.
        """
        started = time.monotonic()
        deadlocks, pause, warned = 0, 0.25, False
        while True:
            try:
                with self.engine.begin() as connection:
                    return work(connection)
            except DBAPIError as error:
                code = error_code(error)
                waited = time.monotonic() - started
                if code in DEADLOCK and deadlocks < DEADLOCK_RETRIES:
                    deadlocks += 1
                    time.sleep(random.uniform(0, 0.02 * 2**deadlocks))
                elif code not in AWAY and not error.connection_invalidated:
                    raise
                elif waited + pause > self.patience:
                    raise StoreUnavailable(
                        f"MySQL {self.name} was away for {waited:.0f} s ({_words(error)}): check that it runs and that "
                        "this machine reaches it, then run the same again, nothing is lost "
                        "(NEWSCRAWL_MYSQL_PATIENCE is the number of seconds to wait)"
                    ) from error
                else:
                    limit = "" if warned else f", for {self.patience:g} s in all (NEWSCRAWL_MYSQL_PATIENCE)"
                    warned = True
                    log.warning(
                        "MySQL %s is away (%s); trying again in %.1f s%s", self.name, _words(error), pause, limit
                    )
                    time.sleep(pause)
                    pause = min(pause * 2, 5.0)


def connect(url: str, *, patience: float = 150.0) -> Database:
    """The database at `url` (mysql+pymysql://USER:PASSWORD@HOST:PORT/NAME), connected to when first used.

    READ COMMITTED, because no query here relies on gap locks and writers of different sites must not wait for each
    other; timeouts, because a paused server must not hang a worker for ever; UTC and strict mode whatever the server's
    defaults are, because a cut or shifted value is a lost one.
    """
    parsed = make_url(url)
    engine = create_engine(
        parsed,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": 10,
            "read_timeout": 60,
            "write_timeout": 60,
            "init_command": "SET time_zone = '+00:00', sql_mode = 'TRADITIONAL', innodb_lock_wait_timeout = 15",
        },
    )
    return Database(engine, patience, f"{parsed.host}:{parsed.port or 3306}/{parsed.database}")


def error_code(error: DBAPIError) -> int | None:
    """MySQL's number of the error, where it has one."""
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


def blames_the_row(error: Exception) -> bool:
    """Whether what was written is at fault, so that the same rows would fail again on any server."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError) or error_code(error) in _BAD_JSON
    return isinstance(error, ValueError | TypeError | OverflowError | StatementError)


def _words(error: DBAPIError) -> str:
    """The server's words alone: the full text of the error repeats the statement with all its parameters."""
    arguments = getattr(error.orig, "args", ())
    return str(arguments[1]) if len(arguments) > 1 else str(error.orig)
