"""Keeps a worker's claims alive while it works, and lets them lapse when it dies.

A thread renews the lease three times in its length; it dies with its process, so that kill -9 needs no clean-up: the
lease runs out and the URLs are free.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from types import TracebackType

from newscrawl.store import frontier
from newscrawl.store.database import Database, StoreUnavailable

log = logging.getLogger(__name__)


class Lease:
    """The claims of `owner` on a batch's URLs, renewed from entering to leaving; what is left is then given back."""

    def __init__(self, database: Database, batch_id: int, owner: str, length: timedelta):
        self._database = database
        self._batch_id = batch_id
        self._owner = owner
        self._length = length
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease-{batch_id}", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if isinstance(error, StoreUnavailable):
            return  # waited for long enough; the lease runs out by itself
        self._thread.join(timeout=5)
        self._database.run(lambda connection: frontier.release(connection, self._batch_id, self._owner))

    def _renew(self) -> None:
        while not self._over.wait(self._length.total_seconds() / 3):
            try:
                self._database.run(
                    lambda connection: frontier.renew(
                        connection, self._batch_id, self._owner, now=datetime.now(UTC), lease=self._length
                    )
                )
            except StoreUnavailable as error:
                log.warning("batch %d: %s", self._batch_id, error)
