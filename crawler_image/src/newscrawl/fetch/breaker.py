"""Leaves a host alone that is down, instead of asking it once for each of its thousand URLs.

After some failures in a row nobody asks the host for a while; then one request at a time is let through (the limiter
reads `suspect`), and either clears the host or doubles the rest. The state lives beside the limiter's, for all workers.
"""

from __future__ import annotations

import redis

from newscrawl.fetch.limiter import state_key

OPEN = "breaker_open"
_STATE_SECONDS = 86400

# ARGV: threshold, first rest, longest rest (µs), state's life (s). Requests that were under way when the breaker
# opened fail too: they do not count twice.
_FAILED = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = redis.call('HMGET', KEYS[1], 'pause', 'why')
if state[1] and tonumber(state[1]) > now and state[2] == ARGV[5] then return 0 end
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
redis.call('EXPIRE', KEYS[1], ARGV[4])
local beyond = failures - tonumber(ARGV[1])
if beyond < 0 then return 0 end
local rest = math.min(tonumber(ARGV[2]) * 2 ^ math.min(beyond, 30), tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], 'pause', string.format('%.0f', now + rest), 'why', ARGV[5], 'suspect', 1)
return rest
"""


class Breaker:
    """Counts a host's failures in a row and pauses it from `threshold` on.

    The pauses are `first_rest` seconds, doubled up to `longest_rest`.
    """

    def __init__(
        self, client: redis.Redis, *, threshold: int = 6, first_rest: float = 15.0, longest_rest: float = 900.0
    ):
        self._client = client
        self._arguments = [threshold, round(first_rest * 1e6), round(longest_rest * 1e6), _STATE_SECONDS, OPEN]
        self._failed = client.register_script(_FAILED)

    def failed(self, host: str) -> float:
        """Counts a failure of the host itself; returns for how many seconds it is left alone now, or 0."""
        return self._failed(keys=[state_key(host)], args=self._arguments) / 1e6

    def recovered(self, host: str) -> None:
        """Forgets the failures: the host answered."""
        self._client.hdel(state_key(host), "failures", "suspect")
