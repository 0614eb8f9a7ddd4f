"""Fetches the URLs of one batch: claim, fetch, archive, extract, preprocess, store, until none is left.

Articles and the frontier's word for them are committed together, about once a second, so that kill -9 costs at most the
pages of that second, fetched again. Pages are parsed in the threads that fetch them: a polite crawl waits for its
site, and where it need not, a second process makes it faster, which a second thread would not.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import timedelta

from newscrawl import settings as environment
from newscrawl.archive import WarcWriter
from newscrawl.context import Context, now, open_context, open_database
from newscrawl.settings import Settings
from newscrawl.store import StoreUnavailable, frontier, runs, visits
from newscrawl.store.database import blames_the_row
from newscrawl.store.frontier import Claimed
from newscrawl.store.lease import Lease
from newscrawl.store.visits import Visit
from newscrawl.visit import visit

log = logging.getLogger(__name__)

STORED_TOGETHER = 50  # visits in one transaction, or what came within FLUSH_SECONDS
STORED_BYTES = 16 * 2**20  # of their pages
FLUSH_SECONDS = 1.0
# how long a batch may wait for URLs that have to rest: for one, and in all. What rests longer is the site's next run's:
# a page that fails again and again must not hold a worker
LONGEST_REST_SECONDS = 60.0
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class BatchResult:
    """What became of the URLs that one call visited, by outcome: small enough to pass between tasks."""

    run_id: int
    batch_id: int
    outcomes: dict[str, int]


def fetch_batch(run_id: int, batch_id: int, *, settings: Settings | None = None) -> BatchResult:
    """Visits every URL of the batch that has not been answered for, and returns the outcomes.

    Running it twice, at once or one after the other, visits nothing twice; URLs that a dead worker claimed are waited
    for until their lease ends. Raises SettingsError, UnknownRun, UnknownSite, ProfileError, StoreUnavailable,
    LimitsUnavailable and DiskFull; what was fetched before is stored.
    """
    settings = settings or environment.load()
    database = open_database(settings)
    site = database.run(lambda connection: runs.get(connection, run_id)).site
    worker = _Worker(open_context(site, settings, database), run_id, batch_id)
    with Lease(database, batch_id, worker.context.owner, timedelta(seconds=settings.lease)):
        worker.work()
    return BatchResult(run_id, batch_id, dict(worker.outcomes))


class _Worker:
    """One process' work on one batch: the loop, and the visits that are not stored yet."""

    def __init__(self, context: Context, run_id: int, batch_id: int):
        self.context = context
        self.run_id = run_id
        self.batch_id = batch_id
        self.outcomes: Counter[str] = Counter()
        self._threads = context.profile.politeness.concurrency
        self._waited = 0.0
        self._waiting: list[Visit] = []
        self._stored_at = time.monotonic()

    def work(self) -> None:
        """Until no URL of the batch is left to anyone."""
        running: set[Future[Visit]] = set()
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix=f"batch-{self.batch_id}")
        try:
            with WarcWriter(self.context.settings.warc_dir) as archive:
                self._loop(pool, archive, running)
        except StoreUnavailable:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        except BaseException:
            # what was fetched need not be fetched again
            pool.shutdown(cancel_futures=True)
            self._waiting += [one.result() for one in running if not one.cancelled() and one.exception() is None]
            self._store()
            raise
        pool.shutdown()

    def _loop(self, pool: ThreadPoolExecutor, archive: WarcWriter, running: set[Future[Visit]]) -> None:
        while True:
            if len(running) < self._threads:
                claimed = self._claim(2 * self._threads)
                running |= {pool.submit(visit, self.context, archive, self.run_id, one) for one in claimed}
            for future in wait(running, FLUSH_SECONDS, FIRST_COMPLETED).done:
                self._waiting.append(future.result())
                running.remove(future)
            if not running or self._store_is_due():
                self._store()
            if not running and not self._wait_for_others():
                return

    def _claim(self, count: int) -> list[Claimed]:
        claimed_at, lease = now(), timedelta(seconds=self.context.settings.lease)
        return self.context.database.run(
            lambda connection: frontier.claim(
                connection, self.batch_id, self.context.owner, count=count, now=claimed_at, lease=lease
            )
        )

    def _wait_for_others(self) -> bool:
        """Sleeps until a pause or another worker's lease ends; False when there is nothing worth waiting for."""
        free = self.context.database.run(lambda connection: frontier.next_free(connection, self.batch_id))
        if free is None:
            return False
        rest = max((free - now()).total_seconds(), 0.05)
        longest = max(LONGEST_REST_SECONDS, self.context.settings.lease)
        if rest > longest or self._waited + rest > PATIENCE_SECONDS:
            return False
        # no longer than a moment at once: another worker may answer for its URLs before its lease ends
        pause = min(rest, FLUSH_SECONDS)
        time.sleep(pause)
        self._waited += pause
        return True

    def _store_is_due(self) -> bool:
        waiting = len(self._waiting), sum(one.bytes or 0 for one in self._waiting)
        full = waiting[0] >= STORED_TOGETHER or waiting[1] >= STORED_BYTES
        return full or time.monotonic() - self._stored_at >= FLUSH_SECONDS

    def _store(self) -> None:
        results, self._waiting, self._stored_at = self._waiting, [], time.monotonic()
        if not results:
            return
        try:
            self._record(results)
        except Exception as error:
            if not blames_the_row(error):
                raise
            # one page must not cost the others of its transaction, now and in every later run
            for one in results:
                self._record_alone(one)

    def _record_alone(self, one: Visit) -> None:
        try:
            self._record([one])
        except Exception as error:
            if not blames_the_row(error):
                raise
            reason = f"{type(error).__name__}: {getattr(error, 'orig', error)}"[:500]
            log.warning("the page of URL %d cannot be stored: %s", one.url_id, reason)
            self._record([replace(one, article=None, outcome="refused", kind="unstorable", reason=reason)])

    def _record(self, results: Sequence[Visit]) -> None:
        site, owner, stored = self.context.profile.site, self.context.owner, now()
        counts = self.context.database.run(
            lambda connection: visits.record(connection, site, self.run_id, self.batch_id, owner, results, stored)
        )
        self.outcomes.update(counts)
