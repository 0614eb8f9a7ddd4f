"""What waits and what runs in every queue, as one atomic look at Redis in one round trip.

Read apart, the two numbers of a queue miss a task that moves from the list to the in-flight hash in between, and a
busy queue looks empty. A script reads all of them at one moment.
"""

from collections.abc import Awaitable, Mapping
from itertools import islice
from math import inf
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from queue_scaler.config import ConfigError, Queue
from queue_scaler.decide import Reading
from queue_scaler.pace import Work

TIMEOUT_SECONDS = 2.0
_TYPES = {"l": "list", "h": "hash", "w": "hash"}

# the length of each list (l) and hash (h), where a key of another type gives its type's name, and what workers have
# counted (w); ARGV[1] has a letter for each key
_SCRIPT = """
local found = {}
for i, key in ipairs(KEYS) do
  local kind = string.sub(ARGV[1], i, i)
  if kind == 'w' then
    found[i] = redis.pcall('HMGET', key, 'ended', 'seconds')
  else
    found[i] = redis.pcall(kind == 'l' and 'LLEN' or 'HLEN', key)
  end
  if type(found[i]) == 'table' and found[i].err then found[i] = redis.call('TYPE', key).ok end
end
return found
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
            settings = {
                "decode_responses": True,
                # another program's list or key need not be text
                "encoding_errors": "replace",
                "socket_timeout": TIMEOUT_SECONDS,
                "socket_connect_timeout": TIMEOUT_SECONDS,
            }
            # the next poll is the retry; once at once covers a connection that Redis closed meanwhile
            self.redis = Redis.from_url(url, **settings, retry=Retry(NoBackoff(), 1))
            # Never connects anew by itself: nobody else could use the connection at that moment. Its users set the time
            # for each command: with this one, what is sent may find the connection gone (AttributeError).
            own = settings | {"socket_timeout": None, "retry": Retry(NoBackoff(), 0, supported_errors=())}
            self.subscriber = Redis.from_url(url, **own)
        except ValueError:
            # the error itself may quote a part of the password
            raise ConfigError("REDIS_URL is not like redis://:password@host:6379/0 (percent-encoded)") from None
        self._lengths = self.redis.register_script(_SCRIPT)

    async def read(self, queues: Mapping[str, Queue]) -> dict[str, Reading | str]:
        """The reading of each queue, or the words for what is wrong with its keys. Raises RedisUnavailable."""
        keys = [
            entry
            for name, queue in queues.items()
            for entry in (("l", name), ("h", in_flight_key(name, queue)), ("w", work_key(name)))
            if entry[0] != "w" or queue.target_seconds
        ]
        if not keys:
            return {}
        kinds = "".join(kind for kind, _ in keys)
        found = await self.call(self._lengths(keys=[key for _, key in keys], args=[kinds]))
        answers = zip(keys, found, strict=True)
        return {
            name: _reading(list(islice(answers, 3 if queue.target_seconds else 2))) for name, queue in queues.items()
        }

    async def call(self, command: Awaitable[Any]) -> Any:
        """The answer to a command. Raises RedisUnavailable."""
        try:
            return await command
        except (AuthenticationError, NoPermissionError) as error:
            raise RedisUnavailable(f"Redis at {self.address} refuses: {error}; check REDIS_URL") from error
        except ResponseError as error:
            raise RedisUnavailable(f"Redis at {self.address} refuses: {error}") from error
        except (RedisError, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise RedisUnavailable(f"Redis at {self.address} does not answer: {reason}") from error

    async def close(self) -> None:
        """Give the connections back."""
        await self.redis.aclose()
        await self.subscriber.aclose()


def in_flight_key(name: str, queue: Queue) -> str:
    """The hash in which the queue's workers keep the tasks they have taken."""
    return queue.in_flight_key or f"unacked:{name}"


def index_key(name: str) -> str:
    """The sorted set in which the queue's workers renew the tasks that they hold."""
    return f"unacked_index:{name}"


def work_key(name: str) -> str:
    """The hash in which the queue's workers count the tasks that ended and the seconds that these ran."""
    return f"work:{name}"


def _reading(answers: list[tuple[tuple[str, str], Any]]) -> Reading | str:
    for (kind, key), answer in answers:
        if isinstance(answer, str):
            return (
                f"key {key} in Redis is a {answer}, not a {_TYPES[kind]}: another program uses the name of this queue"
            )
    (_, queued), (_, in_flight), *counted = answers
    if not counted:
        return Reading(queued, in_flight)
    (((_, key), (ended, seconds)),) = counted
    try:
        work = Work(int(ended or 0), float(seconds or 0))
    except ValueError:
        work = None
    if work is None or work.ended < 0 or not 0 <= work.seconds < inf:
        return f"key {key} in Redis has no counts in ended and seconds: delete it, the workers make it anew"
    return Reading(queued, in_flight, work)
