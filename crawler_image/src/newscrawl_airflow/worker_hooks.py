"""What this project's workers do in their main process: say each second how they are, and stop consuming when asked to.

Both happen in the worker's own event loop, so that no message can slip in between, and need no Redis. Importing the
module connects the handlers; they fire in a worker's main process only.
"""

from __future__ import annotations

import os
from typing import Any

from celery.signals import worker_init, worker_ready

from newscrawl_airflow import worker_state

INTERVAL = 1.0


@worker_init.connect
def _on_init(**_: Any) -> None:
    """A restarted container finds the files of its predecessor."""
    worker_state.reset()


@worker_ready.connect
def _on_ready(sender: Any, **_: Any) -> None:
    """Called when the worker begins to consume, and again after each reconnection (which forgets its timers)."""
    _tick(sender)
    sender.timer.call_repeatedly(INTERVAL, _tick, (sender,))


def _tick(consumer: Any) -> None:
    from celery.worker import state

    if worker_state.DRAIN_FILE.exists():
        for queue in list(consumer.task_consumer.queues):
            consumer.cancel_task_queue(queue.name)
    queues = [queue.name for queue in consumer.task_consumer.queues]
    worker_state.write(os.getpid(), queues, len(state.reserved_requests | state.active_requests))
