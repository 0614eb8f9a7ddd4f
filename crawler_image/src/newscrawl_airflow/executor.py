"""Airflow's Celery executor for tasks whose message is lost: a scheduler, a worker or Redis died at the wrong moment.

A scheduler writes that a task is queued, and sends the message afterwards. One that dies in between, or while it tries
again as Redis did not answer, leaves a queued task that no worker will ever hear of; its successor adopts the task and
waits for a day. This executor adopts no queued task without a message: the scheduler then queues it anew.

A message is also lost with a worker that is killed between its taking from the list and its entry in the hash, or with
a Redis that comes back without its last second. What this executor has sent or adopted, what Airflow holds for queued
and what is nowhere in Redis at two looks is sent again, as the same try: should it run after all, the API server lets
one start. A callback is sent again once only: nobody knows whether it runs.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import redis
from airflow.providers.celery.executors.celery_executor import CeleryExecutor
from airflow.providers.celery.executors.celery_executor_utils import ExceptionWithTraceback
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

if TYPE_CHECKING:
    from airflow.executors.workloads import ExecuteTask
    from airflow.models.taskinstance import TaskInstance
    from airflow.providers.celery.executors.celery_executor import WorkloadInCelery

log = logging.getLogger(__name__)

# messages of one LRANGE: a long queue is read in parts, so that Redis answers others in between
CHUNK = 1000
LOOK_SECONDS = 60.0


class NewscrawlExecutor(CeleryExecutor):
    """CeleryExecutor that tells tasks whose message is lost from those that wait."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # when and what, by key; what is adopted has no workload, which went with the scheduler that sent it
        self._sent: dict[Any, tuple[float, WorkloadInCelery]] = {}
        self._missed: set[Any] = set()
        self._looked = time.monotonic()

    def _send_workloads(self, workload_tuples_to_send: Sequence[WorkloadInCelery]) -> None:
        super()._send_workloads(workload_tuples_to_send)
        now = time.monotonic()
        self._sent |= {sent[0]: (now, sent) for sent in workload_tuples_to_send if sent[0] in self.workloads}

    def sync(self) -> None:
        """Learn what has ended; once a minute, send again what was lost."""
        super().sync()
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self.send_lost_again(now)

    def send_lost_again(self, now: float) -> None:
        """Send again what is missing at this look and was at the last; `now` in seconds of time.monotonic()."""
        self._sent = {key: sent for key, sent in self._sent.items() if key in self.workloads}
        old = {key: sent for key, (at, sent) in self._sent.items() if now - at >= LOOK_SECONDS}
        try:
            known = self._messages(queue for _, _, queue, _ in old.values()) if old else set()
        except redis.RedisError as error:
            self.log.warning("Redis does not answer (%s): lost messages are looked for later", error)
            self._missed = set()
            return
        missed = {key for key in old if self.workloads[key].task_id not in known}
        lost = self._not_begun([old[key] for key in missed & self._missed])
        self._missed = missed
        if lost:
            self.log.warning("No message in Redis: %s are sent again", ", ".join(str(sent[0]) for sent in lost))
            # not as _send_workloads does, which fails a task that cannot be sent: here the next look tries again
            for key, _, result in self._send_workloads_to_celery(lost):
                if isinstance(result, ExceptionWithTraceback):
                    self.log.warning("%s could not be sent again: %s", key, result.exception)
                elif _is_callback(key):
                    # its end comes under the new message's id, as a callback has none of its own
                    result.backend = self.celery_app.backend
                    self.workloads[key] = result
                    del self._sent[key]

    def _not_begun(self, lost: Sequence[WorkloadInCelery]) -> Sequence[WorkloadInCelery]:
        """Without the tasks that a worker has begun with: Airflow tries those again when their heartbeat ends.

        An adopted task's workload is made anew.
        """
        from airflow.models.taskinstance import TaskInstance

        ids = {sent[0]: self.workloads[sent[0]].task_id for sent in lost if not _is_callback(sent[0])}
        found = select(TaskInstance).where(
            TaskInstance.external_executor_id.in_(ids.values()), TaskInstance.state == TaskInstanceState.QUEUED
        )
        with create_session() as session:
            queued = {ti.external_executor_id: ti for ti in session.scalars(found)} if ids else {}
            return [
                (key, workload or self._workload(queued[ids[key]]), queue, team)
                for key, workload, queue, team in lost
                if _is_callback(key) or ids[key] in queued
            ]

    def _workload(self, task: TaskInstance) -> ExecuteTask:
        """What the scheduler that queued the task made of it; it needs the task's session."""
        from airflow.executors.workloads import ExecuteTask

        return ExecuteTask.make(task, generator=self.jwt_generator, sentry_integration=self.sentry_integration)

    def _messages(self, queues: Iterable[str]) -> set[str]:
        """The Celery ids of all messages of the queues. Raises redis.RedisError."""
        with redis.Redis.from_url(self.celery_app.conf.broker_url, socket_timeout=10) as broker:
            return set(message_ids(broker, set(queues)))

    def try_adopt_task_instances(self, tis: Sequence[TaskInstance]) -> Sequence[TaskInstance]:
        """Adopt what a worker has or will get; the rest is returned, and the scheduler queues it again.

        Where Redis does not answer nothing is known, and every queued task is returned: of two messages of one task
        the API server lets one start.
        """
        queued = [ti for ti in tis if ti.state == TaskInstanceState.QUEUED and ti.external_executor_id]
        try:
            known = self._messages(ti.queue for ti in queued)
        except redis.RedisError as error:
            self.log.warning("Redis does not answer (%s): %d queued tasks are queued again", error, len(queued))
            known = set()
        lost = [ti for ti in queued if ti.external_executor_id not in known]
        if lost:
            self.log.warning("No message in Redis: %s are queued again", ", ".join(str(ti.key) for ti in lost))
        rest = [ti for ti in tis if ti not in lost]
        others = super().try_adopt_task_instances(rest) if rest else ()
        now = time.monotonic()
        adopted = [ti for ti in queued if ti.key in self.workloads]
        self._sent |= {ti.key: (now, (ti.key, None, ti.queue, self.team_name)) for ti in adopted}
        return [*lost, *others]


def _is_callback(key: object) -> bool:
    from airflow.models.callback import CallbackKey

    return isinstance(key, CallbackKey)


def message_ids(broker: redis.Redis, queues: Iterable[str]) -> Iterator[str]:
    """The Celery ids of the queues' messages, those that workers hold included. Raises redis.RedisError.

    First the lists, then what is held: a message goes from here to there, so that one that moves meanwhile is met
    once at least (a worker's put-back, the other way, is a worker's end or a visibility timeout).
    """
    queues = list(queues)
    for queue in queues:
        # from the end that new messages come to: one that is taken from the other moves none that is still to be read
        begin = 0
        while chunk := broker.lrange(queue, begin, begin + CHUNK - 1):
            for message in chunk:
                yield from _id(queue, message)
            begin += CHUNK
    for queue in queues:
        for _, held in broker.hscan_iter(f"unacked:{queue}", count=CHUNK):
            yield from _id(queue, held, 0)


def _id(queue: str, text: bytes, *path: int) -> Iterator[str]:
    try:
        message = json.loads(text)
        for part in path:
            message = message[part]
        yield message["headers"]["id"]
    except (ValueError, TypeError, LookupError):
        log.warning("queue=%s has what is no message of Celery's, passed over: %.100r", queue, text)
