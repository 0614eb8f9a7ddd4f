"""Counts in Redis the messages that came again and that Airflow refused: their task runs, has ended or was tried again.

In the process that ran the task: the worker's main process is not told what became of such a message. Importing the
module connects the handler.
"""

from __future__ import annotations

import logging
import os
from http import HTTPStatus
from typing import Any

from celery.signals import task_postrun
from celery.states import FAILURE, IGNORED
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

# what the API server says of a task that is in another state, unknown by now, or of an earlier try
REFUSALS = (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND, HTTPStatus.GONE)


def refused(state: str, outcome: object) -> bool:
    """Whether Airflow let no task start; from Celery's state of the message and what it returned or raised."""
    if state != FAILURE:
        return state == IGNORED
    from airflow.sdk.api.client import ServerResponseError

    return isinstance(outcome, ServerResponseError) and outcome.response.status_code in REFUSALS


@task_postrun.connect
def _count(sender: Any, state: str, retval: object, **_: Any) -> None:
    if not (sender.request.delivery_info or {}).get("redelivered") or not refused(state, retval):
        return
    try:
        with sender.app.connection_for_write() as connection, connection.channel().conn_or_acquire() as client:
            client.hincrby(f"work:{os.environ['NEWSCRAWL_QUEUE']}", "dropped", 1)
    except (OperationalError, RedisError, OSError) as error:
        log.info("Redis cannot be told of a dropped message: %s", error)
