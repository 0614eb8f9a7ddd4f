"""Airflow's Celery executor for schedulers that die between a task's row in MySQL and its message in Redis.

A scheduler writes that a task is queued, and sends the message afterwards. One that dies in between, or while it tries
again as Redis did not answer, leaves a queued task that no worker will ever hear of; its successor adopts the task and
waits for a day. This executor adopts no queued task without a message: the scheduler then queues it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import redis
from airflow.providers.celery.executors.celery_executor import CeleryExecutor
from airflow.utils.state import TaskInstanceState

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance

# messages of one LRANGE: a long queue is read in parts, so that Redis answers others in between
CHUNK = 1000


class NewscrawlExecutor(CeleryExecutor):
    """CeleryExecutor that tells tasks whose message is lost from those that wait."""

    def try_adopt_task_instances(self, tis: Sequence[TaskInstance]) -> Sequence[TaskInstance]:
        """Adopt what a worker has or will get; the rest is returned, and the scheduler queues it again.

        Where Redis does not answer nothing is known, and every queued task is returned: of two messages of one task
        the API server lets one start.
        """
        queued = [ti for ti in tis if ti.state == TaskInstanceState.QUEUED and ti.external_executor_id]
        try:
            with redis.Redis.from_url(self.celery_app.conf.broker_url, socket_timeout=10) as broker:
                known = set(message_ids(broker, {ti.queue for ti in queued}))
        except redis.RedisError as error:
            self.log.warning("Redis does not answer (%s): %d queued tasks are queued again", error, len(queued))
            known = set()
        lost = [ti for ti in queued if ti.external_executor_id not in known]
        if lost:
            self.log.warning("No message in Redis: %s are queued again", ", ".join(str(ti.key) for ti in lost))
        rest = [ti for ti in tis if ti not in lost]
        return [*lost, *(super().try_adopt_task_instances(rest) if rest else ())]


def message_ids(broker: redis.Redis, queues: Iterable[str]) -> Iterator[str]:
    """The Celery ids of the queues' messages, those that workers hold included. Raises redis.RedisError.

    First the lists, then what is held: a message goes from here to there, so that one that moves meanwhile is met
    once at least (a worker's put-back, the other way, is a worker's end or a visibility timeout).
    """
    queues = list(queues)
    for queue in queues:
        # from the end that workers take from, as new messages come at the other
        for end in range(-1, -1 - broker.llen(queue), -CHUNK):
            for message in broker.lrange(queue, end - CHUNK + 1, end):
                yield json.loads(message)["headers"]["id"]
    for queue in queues:
        for _, held in broker.hscan_iter(f"unacked:{queue}", count=CHUNK):
            yield json.loads(held)[0]["headers"]["id"]
