"""What comes again and is refused is counted; a message that comes first, or whose task runs, is not."""

from __future__ import annotations

import json

import httpx
import pytest
from airflow.sdk.api.client import ServerResponseError
from celery.states import FAILURE, IGNORED, SUCCESS
from celery_worker import QUEUE, until
from newscrawl_airflow.dropped_messages import refused
from queue_scaler.orphans import returned


def answer(code: int) -> ServerResponseError:
    request = httpx.Request("PATCH", "http://api/task-instances/1/run")
    return ServerResponseError("refused", request=request, response=httpx.Response(code, request=request))


@pytest.mark.parametrize(
    ("state", "outcome", "expected"),
    [
        (IGNORED, None, True),
        *((FAILURE, answer(code), True) for code in (404, 409, 410)),
        (FAILURE, answer(500), False),
        (FAILURE, OSError("away"), False),
        (SUCCESS, None, False),
    ],
)
def test_what_counts_as_refused(state, outcome, expected):
    assert refused(state, outcome) == expected


@pytest.mark.slow
def test_a_refused_message_is_counted_where_it_came_again(begin, broker, publish):
    for name in ("refused", "refused", "fine"):
        publish(name)
    # as the scaler puts back: the last two come again
    for message in broker.lrange(QUEUE, 0, 1):
        broker.lrem(QUEUE, 1, message)
        broker.lpush(QUEUE, returned(json.dumps([json.loads(message), "", QUEUE])))
    worker = begin("worker")
    until(lambda: worker.done() == ["fine"] and not broker.hlen(f"unacked:{QUEUE}"))
    until(lambda: broker.hget(f"work:{QUEUE}", "ended") == "3")
    assert broker.hget(f"work:{QUEUE}", "dropped") == "1"
