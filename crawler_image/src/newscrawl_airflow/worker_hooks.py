"""What this project's workers do in their main process: say how they are and what they hold, and drain and leave.

All of it happens in the worker's own event loop, so that no message can slip in between and that a worker whose loop
hangs is restarted; only what it holds is renewed from beside as well, and a worker that is to end is ended from there.
Saying how it is and draining need no Redis. Importing the module connects the handlers; they fire in a worker's main
process only.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from celery.bootsteps import StartStopStep
from celery.signals import worker_init, worker_shutting_down

from newscrawl_airflow import process_table, worker_state

if TYPE_CHECKING:
    from newscrawl_airflow import held_messages

INTERVAL = 1.0
# the scaler takes a task that was not renewed for nine times this for one whose worker is gone
REPORT_INTERVAL = 5.0
# after SIGTERM: longer than a restart of MySQL, for which the results of tasks that have ended wait, and than the last
# copying of WARC files
LEAVE_SECONDS = 90.0

log = logging.getLogger(__name__)

_renewing: held_messages.Renewing | None = None


@worker_init.connect
def _on_init(sender: Any, **_: Any) -> None:
    """A restarted container finds the files of its predecessor."""
    from newscrawl_airflow import held_messages

    worker_state.reset()
    held_messages.install(sender.concurrency)
    global _renewing
    _renewing = held_messages.Renewing(sender.app, REPORT_INTERVAL)
    sender.app.steps["consumer"].add(Telling)


@dataclass
class Work:
    """What this process has not told Redis yet: how long the tasks ran that ended, in seconds.

    What still runs does not count: its seconds without its end would make all tasks look longer.
    """

    until: float
    seconds: float = 0.0
    ended: int = 0  # of all that ended, those that were told
    running: dict[str, float] = field(default_factory=dict)  # by task, the seconds seen so far

    def see(self, running: Collection[str], now: float) -> None:
        """Take the ids of what runs at `now`, in seconds of time.monotonic(); what ran before has ended.

        Each is taken to have run since the last look. A task that came and went in between is not seen: right in the
        mean.
        """
        for task in self.running.keys() - running:
            self.seconds += self.running.pop(task)
        for task in running:
            self.running[task] = self.running.get(task, 0.0) + now - self.until
        self.until = now


_work = Work(time.monotonic())


class Telling(StartStopStep):
    """Tells again and again, from before the first message on.

    A step of the consumer, as each reconnection forgets the timers and starts the steps anew; the signal worker_ready
    comes once only.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        """Called when the worker begins to consume, and again after each reconnection."""
        _mark_busy(consumer.pool._pool)
        if not _renewing.is_alive():
            # after the pool's first processes were forked
            _renewing.start()
        _tick(consumer)
        # at once: the time until now is lost for the scaler, which knows no reason for a silence
        _report(consumer)
        consumer.timer.call_repeatedly(INTERVAL, _tick, (consumer,))
        consumer.timer.call_repeatedly(REPORT_INTERVAL, _report, (consumer,))


def _mark_busy(pool: Any) -> None:
    """Celery forgets at a reconnection which of its processes run a task, and would queue the next one behind it."""
    for job in pool._cache.values():
        if job._accepted and job._write_to:
            pool._busy_workers.add(job._write_to.inqW_fd)


def _tick(consumer: Any) -> None:
    from celery.worker import state

    from newscrawl_airflow import held_messages

    if worker_state.DRAIN_FILE.exists():
        for queue in list(consumer.task_consumer.queues):
            consumer.cancel_task_queue(queue.name)
    queues = [queue.name for queue in consumer.task_consumer.queues]
    worker_state.write(os.getpid(), queues, len(state.reserved_requests | state.active_requests))
    _renewing.tags = frozenset(held_messages.held())
    _look()


def _look() -> None:
    from celery.worker import state

    _work.see({request.id for request in state.active_requests}, time.monotonic())


def _report(consumer: Any) -> None:
    """Say in Redis which tasks this worker still holds, and how many ended in how many seconds.

    The score of a task in kombu's index is when its worker was last known to have it. Renewed, a task may run for
    longer than the visibility timeout, and a task that nobody renews has lost its worker.
    """
    from celery.worker import state

    from newscrawl_airflow import held_messages

    held = held_messages.held()
    _look()
    ended = state.all_total_count[0] - len(state.active_requests)
    if not held and ended == _work.ended:
        return
    channel = consumer.task_consumer.channel
    key = f"work:{os.environ['NEWSCRAWL_QUEUE']}"
    with channel.conn_or_acquire() as client, client.pipeline() as pipe:
        held_messages.renew(channel, pipe, held)
        pipe.hincrby(key, "ended", ended - _work.ended)
        pipe.hincrbyfloat(key, "seconds", _work.seconds)
        pipe.execute()
    _work.ended, _work.seconds = ended, 0.0


@worker_shutting_down.connect
def _on_sigterm(**_: Any) -> None:
    threading.Thread(target=_leave, name="leave", daemon=True).start()


def _leave() -> None:
    """End the worker when no task has run for LEAVE_SECONDS.

    A pool process tries to store the result of its task for ever, and Celery waits for it: where MySQL went with the
    release, until the kubelet kills the pod. The task has ended and Airflow was told; its message goes to another
    worker, which is refused.
    """
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < LEAVE_SECONDS:
        time.sleep(1)
        if process_table.task_processes(os.getpid()):
            idle_since = time.monotonic()
    log.warning("No task runs, and some result cannot be stored: the worker ends without it")
    for pid in process_table.pool_processes(os.getpid()):
        # one may end by itself just now
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os._exit(1)
