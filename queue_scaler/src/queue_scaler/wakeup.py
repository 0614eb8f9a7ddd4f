"""Wakes the loop when the first task arrives in an idle queue, so that it does not wait for the next poll.

Redis announces changed keys where `notify-keyspace-events` has `Kl` (or `KA`). Only idle queues are listened to: a
busy one is looked at by the poll anyway, and its announcements would cost Redis and the scaler for nothing. The poll
stays the truth; where Redis announces nothing, nothing is lost but time.
"""

import asyncio
import logging
from collections.abc import Callable

from redis.exceptions import RedisError

from queue_scaler.backlog import Backlog

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
        self._subscribed: frozenset[str] = frozenset()
        self._pubsub = None
        self._trouble = ""

    async def listen_to(self, idle: frozenset[str]) -> None:
        """Say which queues are idle now; changes the subscriptions by the difference."""
        self._idle = idle
        if self._pubsub is not None and idle != self._subscribed:
            try:
                await self._subscribe()
            except (RedisError, OSError):
                self._pubsub = None

    async def run(self) -> None:
        """Listen until cancelled, connecting anew when the connection breaks."""
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    self._subscribed = frozenset()
                    # a subscription of its own keeps the connection in use while no queue is idle
                    await pubsub.subscribe(self._prefix)
                    self._pubsub = pubsub
                    try:
                        await self._subscribe()
                        self._say("")
                        await self._receive(pubsub)
                    finally:
                        self._pubsub = None
            except (RedisError, OSError) as error:
                self._say(f"none for now, each poll finds what came: {error}")
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _receive(self, pubsub) -> None:
        asked = False
        while self._pubsub is pubsub:
            message = await pubsub.get_message(timeout=LISTEN_SECONDS)
            # a subscription, too: what was pushed before it was announced to nobody
            if message and (message["type"] == "subscribe" or message["data"] in ("lpush", "rpush")):
                self._wake()
            elif message is None and asked:
                # a connection whose other end has gone without a word
                raise ConnectionError(f"silent for {2 * LISTEN_SECONDS:.0f} s")
            elif message is None:
                await pubsub.ping()
            asked = message is None

    def _say(self, trouble: str) -> None:
        """Log at the first of several failures, and when they have ended."""
        if bool(trouble) != bool(self._trouble):
            log.info("events of Redis: %s", trouble or "listening")
        self._trouble = trouble

    async def _subscribe(self) -> None:
        added, gone = self._idle - self._subscribed, self._subscribed - self._idle
        self._subscribed = self._idle
        if added:
            await self._pubsub.subscribe(*(self._prefix + name for name in added))
        if gone:
            await self._pubsub.unsubscribe(*(self._prefix + name for name in gone))
