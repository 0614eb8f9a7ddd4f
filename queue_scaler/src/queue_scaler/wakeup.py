"""Wakes the loop when the first task arrives in an idle queue, so that it does not wait for the next poll.

Redis announces changed keys where `notify-keyspace-events` has `Kl` (or `KA`). Only idle queues are listened to: a
busy one is looked at by the poll anyway, and its announcements would cost Redis and the scaler for nothing. The poll
stays the truth; where Redis announces nothing, nothing is lost but time.
"""

import asyncio
import logging
from collections.abc import Callable

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from queue_scaler.backlog import TIMEOUT_SECONDS, Backlog

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.0
LISTEN_SECONDS = 30.0


class Wakeup:
    """Subscriptions to the idle queues; `run` calls `wake` for each push, and whenever it begins to listen."""

    def __init__(self, backlog: Backlog, wake: Callable[[], None]) -> None:
        self._prefix = f"__keyspace@{backlog.database}__:"
        self._redis = backlog.subscriber
        self._wake = wake
        self._idle: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self._trouble = ""

    def listen_to(self, idle: frozenset[str]) -> None:
        """Say which queues are idle now; the subscriptions follow."""
        if idle != self._idle:
            self._idle = idle
            self._changed.set()

    async def run(self) -> None:
        """Listen until cancelled, connecting anew when the connection breaks."""
        while True:
            try:
                await self._listen()
            except* (RedisError, OSError) as errors:
                reason = str(errors.exceptions[0]) or f"no answer within {TIMEOUT_SECONDS:g} s"
                self._say(f"none for now, each poll finds what came: {reason}")
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        async with self._redis.pubsub() as pubsub:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                # a subscription of its own keeps the connection in use while no queue is idle
                await pubsub.subscribe(self._prefix)
            # the connection is closed when nobody uses it any more
            async with asyncio.TaskGroup() as users:
                users.create_task(self._receive(pubsub))
                users.create_task(self._subscribe(pubsub))

    async def _receive(self, pubsub: PubSub) -> None:
        asked = False
        while True:
            message = await pubsub.get_message(timeout=LISTEN_SECONDS)
            # a subscription, too: what was pushed before it was announced to nobody
            if message and (message["type"] == "subscribe" or message["data"] in ("lpush", "rpush")):
                self._wake()
            elif message is None and asked:
                # a connection whose other end has gone without a word
                raise ConnectionError(f"silent for {2 * LISTEN_SECONDS:.0f} s")
            elif message is None:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await pubsub.ping()
            asked = message is None

    async def _subscribe(self, pubsub: PubSub) -> None:
        subscribed: frozenset[str] = frozenset()
        while True:
            self._changed.clear()
            added, gone, subscribed = self._idle - subscribed, subscribed - self._idle, self._idle
            async with asyncio.timeout(TIMEOUT_SECONDS):
                if added:
                    await pubsub.subscribe(*(self._prefix + name for name in added))
                if gone:
                    await pubsub.unsubscribe(*(self._prefix + name for name in gone))
            self._say("")
            await self._changed.wait()

    def _say(self, trouble: str) -> None:
        """Log at the first of several failures, and when they have ended."""
        if bool(trouble) != bool(self._trouble):
            log.info("events of Redis: %s", trouble or "listening")
        self._trouble = trouble
