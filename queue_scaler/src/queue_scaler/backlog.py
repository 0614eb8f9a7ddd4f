"""What waits and what runs in every queue, as one atomic look at Redis in one round trip.

Read apart, the two numbers of a queue miss a task that moves from the list to the in-flight hash in between, and a
busy queue looks empty. A script reads all of them at one moment.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from queue_scaler.config import ConfigError, Queue
from queue_scaler.decide import Reading

TIMEOUT_SECONDS = 2.0

# a flat array list, hash, list, hash ...; a key of another type gives its type's name instead of a length
_SCRIPT = """
local lengths = {}
for i, key in ipairs(KEYS) do
  local length = redis.pcall(i % 2 == 1 and 'LLEN' or 'HLEN', key)
  if type(length) == 'table' then length = redis.call('TYPE', key).ok end
  lengths[i] = length
end
return lengths
"""


class RedisUnavailable(Exception):
    """Redis did not answer or refused; the message says where and what to do, never the password."""


class Backlog:
    """The broker, seen as backlogs."""

    def __init__(self, url: str) -> None:
        """`url` is Celery's broker URL (redis:// or rediss://). Raises ConfigError where it is none."""
        try:
            parts = urlsplit(url)
            self.address = f"{parts.hostname}:{parts.port or 6379}"
            self.database = int(parts.path.strip("/") or 0)
            self.redis = Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                # the next poll is the retry; once at once covers a connection that Redis closed meanwhile
                retry=Retry(NoBackoff(), 1),
            )
        except ValueError:
            # the error itself may quote a part of the password
            raise ConfigError("REDIS_URL is not like redis://:password@host:6379/0 (percent-encoded)") from None
        self._lengths = self.redis.register_script(_SCRIPT)

    async def read(self, queues: Mapping[str, Queue]) -> dict[str, Reading | str]:
        """The reading of each queue, or the words for what is wrong with its keys. Raises RedisUnavailable."""
        keys = [key for name, queue in queues.items() for key in (name, in_flight_key(name, queue))]
        if not keys:
            return {}
        try:
            lengths = await self._lengths(keys=keys)
        except (AuthenticationError, ResponseError) as error:
            raise RedisUnavailable(f"Redis at {self.address} refuses: {error}; check REDIS_URL") from error
        except (RedisError, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise RedisUnavailable(f"Redis at {self.address} does not answer: {reason}") from error
        return {
            name: _reading(keys[2 * index : 2 * index + 2], lengths[2 * index : 2 * index + 2])
            for index, name in enumerate(queues)
        }

    async def close(self) -> None:
        """Give the connections back."""
        await self.redis.aclose()


def in_flight_key(name: str, queue: Queue) -> str:
    """The hash in which the queue's workers keep the tasks they have taken."""
    return queue.in_flight_key or f"unacked:{name}"


def _reading(keys: list[str], lengths: list[int | str]) -> Reading | str:
    for key, length, kind in zip(keys, lengths, ("list", "hash"), strict=True):
        if isinstance(length, str):
            return f"key {key} in Redis is a {length}, not a {kind}: another program uses the name of this queue"
    return Reading(*lengths)
