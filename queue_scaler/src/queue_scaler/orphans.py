"""Tasks in flight whose worker is gone: recognised, put back on their queue, and not counted as running.

A worker renews the tasks that it holds every five seconds, in kombu's index of unacknowledged messages, from its
event loop. What nobody renews has lost its worker: killed, evicted, or its node lost. Such a task goes back to the
head of its queue. Airflow decides what becomes of it there: a task that was not started runs; of one that runs or was
tried again meanwhile the worker drops the message, as the API server refuses to start it twice.
"""

import json
from collections.abc import Callable, Mapping

import msgspec

from queue_scaler.backlog import Backlog, RedisUnavailable, in_flight_key, index_key, work_key
from queue_scaler.config import Queue

# nine renewals missed, as seen from here: no clock of a worker is compared with ours. It is longer than a worker waits
# between two tries to reach Redis again (30 s), so that after an outage nobody living is taken for gone
GONE_SECONDS = 45.0
LOOK_SECONDS = 5.0

# for each hash, index and hash of counts: a list of the messages dropped so far, tag, score, tag, score ...; kombu
# writes both of the first or none, and of a key of another type the reading of the queue tells
_HELD = """
local held = {}
for i = 1, #KEYS, 3 do
  local dropped = redis.pcall('HGET', KEYS[i + 2], 'dropped')
  local entries = {type(dropped) == 'string' and tonumber(dropped) or 0}
  local tags = redis.pcall('HKEYS', KEYS[i])
  for _, tag in ipairs(tags.err and {} or tags) do
    local score = redis.pcall('ZSCORE', KEYS[i + 1], tag)
    if type(score) == 'string' then
      entries[#entries + 1] = tag
      entries[#entries + 1] = score
    end
  end
  held[#held + 1] = entries
end
return held
"""

# a renewal, an acknowledgement or another's put-back at the same moment wins; the push comes first, as it may fail
_PUT_BACK = """
if redis.call('ZSCORE', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[3] then return 0 end
redis.call('RPUSH', KEYS[3], ARGV[4])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
"""


class Claim(msgspec.Struct, frozen=True):
    """When a worker last renewed a task, as the index has it, and since when (our clock) it has not changed."""

    renewed: str
    since: float


Claims = Mapping[str, Claim]


def follow(claims: Claims, held: Mapping[str, str], now: float) -> dict[str, Claim]:
    """The claims after a look at `now`: `held` has the tag and renewal of each task in flight."""
    return {
        tag: claims[tag] if tag in claims and claims[tag].renewed == renewed else Claim(renewed, now)
        for tag, renewed in held.items()
    }


def orphans(claims: Claims, now: float) -> dict[str, Claim]:
    """The tasks that nobody has renewed for GONE_SECONDS."""
    return {tag: claim for tag, claim in claims.items() if now - claim.since >= GONE_SECONDS}


def returned(entry: str) -> str | None:
    """The message of an in-flight entry, marked as redelivered as kombu does; None where it is no Celery message."""
    try:
        message, _, _ = json.loads(entry)
        message["headers"]["redelivered"] = True
        message["properties"]["delivery_info"]["redelivered"] = True
    except (ValueError, TypeError, KeyError):
        return None
    return json.dumps(message)


class Recovery:
    """The orphans in Redis, and what was seen of each task in flight. All methods raise RedisUnavailable."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._claims: dict[str, dict[str, Claim]] = {}
        self.dropped: dict[str, int] = {}  # by queue, the messages that came again and were refused, at the last look
        self._held = backlog.redis.register_script(_HELD)
        self._put_back = backlog.redis.register_script(_PUT_BACK)

    def forget(self) -> None:
        """Begin anew: who renews is followed without a gap, or not at all."""
        self._claims = {}

    async def find(self, queues: Mapping[str, Queue], now: float) -> dict[str, Claims]:
        """The orphans of each queue that has some, after a look at `now`."""
        try:
            held = await self.held(queues)
        except RedisUnavailable:
            self.forget()
            raise
        self._claims = {name: follow(self._claims.get(name, {}), tags, now) for name, tags in held.items()}
        found = {name: orphans(claims, now) for name, claims in self._claims.items()}
        return {name: gone for name, gone in found.items() if gone}

    async def held(self, queues: Mapping[str, Queue]) -> dict[str, dict[str, str]]:
        """Tag and renewal of each task in flight, by queue, in one round trip; tells `dropped` as well."""
        keys = [
            key
            for name, queue in queues.items()
            for key in (in_flight_key(name, queue), index_key(name), work_key(name))
        ]
        found = await self._backlog.call(self._held(keys=keys)) if keys else []
        self.dropped = {name: entries[0] for name, entries in zip(queues, found, strict=True)}
        return {
            name: dict(zip(entries[1::2], entries[2::2], strict=True))
            for name, entries in zip(queues, found, strict=True)
        }

    async def put_back(
        self, name: str, queue: Queue, claims: Claims, may_act: Callable[[], bool] = lambda: True
    ) -> tuple[int, int]:
        """Put orphans back; how many were, and how many cannot be, since they are no message of Celery's.

        `may_act` is asked before each.
        """
        keys = [in_flight_key(name, queue), index_key(name), name]
        put = unreadable = 0
        for tag, claim in claims.items():
            if not may_act():
                break
            entry = await self._backlog.call(self._backlog.redis.hget(keys[0], tag))
            if entry is None:
                continue
            message = returned(entry)
            if message is None:
                unreadable += 1
                continue
            arguments = [tag, claim.renewed, entry, message]
            put += await self._backlog.call(self._put_back(keys=keys, args=arguments))
        return put, unreadable
