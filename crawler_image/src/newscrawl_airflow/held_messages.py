"""What a worker holds in kombu's books in Redis: the messages of its running tasks, whatever becomes of the connection.

kombu puts everything unacknowledged back on the queue when a connection ends. For a running task that is wrong: the
worker still has it, and without its entry in the hash the queue would count as idle and lose its workers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from celery import Celery
from celery.worker import state
from kombu.exceptions import OperationalError
from kombu.transport import redis
from kombu.utils.json import dumps
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class Holding(redis.QoS):
    """kombu's books of one channel; at its end only what does not run is put back."""

    slots: float = float("inf")  # tasks that run at once

    def restore_unacked(self, client: Any = None) -> None:
        """Put back what no task has begun with; a running task keeps its entry, and its end acknowledges it."""
        for message in _running():
            self._delivered.pop(message.delivery_tag, None)
        super().restore_unacked(client)

    def can_consume(self) -> bool:
        """Whether a slot is free. What runs since before a reconnection has one, but kombu and Celery forget it."""
        if not super().can_consume():
            return False
        earlier = sum(message.delivery_tag not in self._delivered for message in _running())
        return not self.prefetch_count or len(self._delivered) - len(self._dirty) + earlier < self.slots


def install(slots: int) -> None:
    """Use these books for the channels that are made from now on; `slots` is how many tasks run at once."""
    Holding.slots = slots
    redis.Channel.QoS = Holding


def _running() -> Iterable[Any]:
    return [request.message for request in state.active_requests]


def held() -> dict[str, Any]:
    """The messages of all tasks that the worker has, by tag."""
    requests = state.reserved_requests | state.active_requests
    return {request.message.delivery_tag: request.message for request in requests}


def renew(channel: Any, pipe: Any, messages: Mapping[str, Any]) -> None:
    """Write into `pipe` that the worker still has these messages, anew where Redis lost them or another took them.

    An acknowledged task cannot come back: its request has left the worker's books before.
    """
    for tag, message in messages.items():
        place = message.delivery_info
        entry = dumps([message._raw, place["exchange"], place["routing_key"]])
        pipe.hsetnx(channel.unacked_key, tag, entry)
        pipe.zadd(channel.unacked_index_key, {tag: time.time()})


class Renewing(threading.Thread):
    """Renews what the worker's event loop said it holds, while that is blocked: a slow MySQL, a long log.

    What a blocked loop holds cannot be acknowledged, so it is still held. A loop that hangs for good is the liveness
    probe's affair. Nothing is written anew from here, as what was just acknowledged must not come back.
    """

    def __init__(self, app: Celery, interval: float) -> None:
        """`interval`: seconds between two renewals."""
        super().__init__(name="renewing", daemon=True)
        self._app = app
        self._interval = interval
        self.tags: frozenset[str] = frozenset()

    def run(self) -> None:
        """Renew until the process ends, on a connection of its own."""
        while True:
            time.sleep(self._interval)
            try:
                with self._app.connection_for_read() as connection, connection.channel() as channel:
                    self._renew(channel)
            except (OperationalError, RedisError, OSError) as error:
                log.info("Redis cannot be told what is held, for now: %s", error)

    def _renew(self, channel: redis.Channel) -> None:
        while True:
            if tags := self.tags:
                with channel.conn_or_acquire() as client:
                    client.zadd(channel.unacked_index_key, dict.fromkeys(tags, time.time()), xx=True)
            time.sleep(self._interval)
