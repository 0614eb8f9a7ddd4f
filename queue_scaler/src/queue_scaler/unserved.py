"""Queues that tasks are sent to and no worker set serves: their tasks would wait for ever, unseen."""

import json
from collections.abc import Container

from redis.asyncio import Redis

from queue_scaler.backlog import Backlog

LOOK_SECONDS = 30.0
_KEYS_A_STEP = 1000


def is_task(message: str | None) -> bool:
    """Whether an element of a list is a task of Celery's; its workers' own messages and other programs' are not."""
    try:
        return "task" in json.loads(message or "")["headers"]
    except (ValueError, TypeError, KeyError):
        return False


def advice(name: str, length: int) -> str:
    """What is wrong with the queue `name`, and which key to set."""
    return (
        f"{length} tasks wait in queue {name}, which no workers serve: set workers.queues.{name}: {{}} in the values, "
        "or correct the queue that these tasks name"
    )


async def unserved(backlog: Backlog, served: Container[str]) -> dict[str, int]:
    """The length of each list of tasks that is none of the `served` queues. Raises RedisUnavailable."""
    return await backlog.call(_find(backlog.redis, served))


async def _find(redis: Redis, served: Container[str]) -> dict[str, int]:
    found = {}
    async for name in redis.scan_iter(count=_KEYS_A_STEP, _type="list"):
        if name not in served and is_task(await redis.lindex(name, -1)):
            found[name] = await redis.llen(name)
    return found
