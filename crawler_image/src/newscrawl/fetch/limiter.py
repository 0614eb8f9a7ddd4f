"""Lets all workers together ask a host no faster than one polite visitor would.

The state of a host is in Redis and every decision is one Lua script on the server's clock, so that no interleaving of
workers and no wrong clock can break the limit. A grant is a place in time (a reservation) and a slot with a short
lease, which a thread renews as long as its process lives: the slot of a worker that dies frees itself soon, however
long its request may take. Without Redis nothing is granted.
"""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
from redis.commands.core import Script

log = logging.getLogger(__name__)

_PREFIX = "newscrawl:host:"
# A worker that wakes later than this part of the interval would come close to the one after it: it takes a new turn.
# Intervals shorter than _SHORT seconds are below what a busy machine can keep; their average is kept all the same.
_LATE, _SHORT, _TURNS = 0.1, 0.05, 5
_LONGEST_WAIT = 600.0  # seconds that a worker sleeps for a slow site's sake
_LONGEST_HELD = _LONGEST_WAIT + 300.0  # seconds after which a slot that nobody gave back is renewed no more
_STATE_SECONDS = 86400  # idle hosts are forgotten after a day, and no pause is longer

# KEYS: state hash, slots sorted set (token -> end of lease). ARGV: token, interval, concurrency, lease, patience (µs).
# Numbers go through %.0f, because Lua writes large ones with an exponent and loses digits.
_ACQUIRE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, concurrency = tonumber(ARGV[2]), tonumber(ARGV[3])
local lease, patience = tonumber(ARGV[4]), tonumber(ARGV[5])
local state = redis.call('HMGET', KEYS[1], 'next', 'pause', 'why', 'failures', 'suspect', 'last')
redis.call('ZREM', KEYS[2], ARGV[1])
local pause = state[2] and tonumber(state[2]) or 0
if pause > now then return {state[3] or 'paused', pause - now, 0} end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
if state[5] then concurrency = 1 end
if redis.call('ZCARD', KEYS[2]) >= concurrency then
    local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
    return {'busy', math.max(0, tonumber(first[2]) - now), 0}
end
-- who wants a longer interval than the one before (a Crawl-delay, after robots.txt told it) keeps it from that one, too
local start = math.max(now, state[1] and tonumber(state[1]) or 0, state[6] and state[6] + interval or 0)
if start - now > patience then return {'rate', start - now, 0} end
redis.call('HSET', KEYS[1], 'next', string.format('%.0f', start + interval), 'last', string.format('%.0f', start))
redis.call('EXPIRE', KEYS[1], math.max(tonumber(ARGV[6]), math.ceil((start - now + interval) / 1000000)))
redis.call('ZADD', KEYS[2], string.format('%.0f', now + lease), ARGV[1])
redis.call('PEXPIRE', KEYS[2], math.ceil(lease / 1000))
return {'granted', start - now, state[4] and tonumber(state[4]) or 0}
"""

# KEYS: slots. ARGV: lease, tokens. A slot whose lease ended, and that is taken away, is not taken back.
_RENEW = """
local time = redis.call('TIME')
local until_ = string.format('%.0f', time[1] * 1000000 + time[2] + tonumber(ARGV[1]))
for number = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', until_, ARGV[number]) end
redis.call('PEXPIRE', KEYS[1], math.ceil(tonumber(ARGV[1]) / 1000))
"""

# whether the host is paused now
_PAUSED = """
local time = redis.call('TIME')
local pause = redis.call('HGET', KEYS[1], 'pause')
return pause and tonumber(pause) > time[1] * 1000000 + time[2] and 1 or 0
"""

# ARGV: token, µs since the request left (-1: never), interval. A request that left late moves the next one.
_RELEASE = """
redis.call('ZREM', KEYS[2], ARGV[1])
local ago = tonumber(ARGV[2])
if ago < 0 then return end
local time = redis.call('TIME')
local sent = time[1] * 1000000 + time[2] - ago
local planned = redis.call('HMGET', KEYS[1], 'next', 'last')
for number, name in ipairs({'next', 'last'}) do
    local free = sent + (name == 'next' and tonumber(ARGV[3]) or 0)
    if not planned[number] or free > tonumber(planned[number]) then
        redis.call('HSET', KEYS[1], name, string.format('%.0f', free))
        redis.call('EXPIRE', KEYS[1], ARGV[4])
    end
end
"""

# ARGV: µs, why
_PAUSE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local old = tonumber(redis.call('HGET', KEYS[1], 'pause') or '0')
local new = now + tonumber(ARGV[1])
if new > old then
    redis.call('HSET', KEYS[1], 'pause', string.format('%.0f', new), 'why', ARGV[2])
    redis.call('EXPIRE', KEYS[1], ARGV[3])
end
"""


@dataclass(frozen=True)
class Grant:
    """The right to send one request to `host` now; `failures` are the host's failures in a row before it."""

    host: str
    token: str
    interval: float
    failures: int


class MustWait(Exception):
    """No request may be sent within the caller's patience.

    `reason` is `rate` (others have reserved the time until then), `busy` (all slots taken) or the reason of a pause;
    `seconds` is how long it will take at least.
    """

    def __init__(self, reason: str, seconds: float):
        super().__init__(f"{reason}: {seconds:.1f} s")
        self.reason = reason
        self.seconds = seconds


def state_key(host: str) -> str:
    """The Redis key of what all workers know of a host (the braces keep its keys together in a Redis cluster)."""
    return f"{_PREFIX}{{{host}}}"


class Limiter:
    """Grants requests, at most one per `interval` and `concurrency` at once for each host, over all workers.

    `lease` is how many seconds the slot of a dead process is kept; `patience` how many seconds acquire may wait.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        lease: float,
        patience: float,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._lease = lease
        self._patience = patience
        self._sleep = sleep
        self._acquire = client.register_script(_ACQUIRE)
        self._release = client.register_script(_RELEASE)
        self._pause = client.register_script(_PAUSE)
        self._paused = client.register_script(_PAUSED)
        self._held = _Held(client.register_script(_RENEW), lease)

    def acquire(self, host: str, *, interval: float, concurrency: int) -> Grant:
        """Returns when the request may be sent; `interval` is in seconds.

        Raises MustWait when that would take longer than the patience, and redis.RedisError when Redis does not answer.
        """
        token = secrets.token_hex(8)
        keys = [state_key(host), state_key(host) + ":slots"]
        # of a slow site, as many turns as others may have before us
        patience = max(self._patience, min(8 * interval, _LONGEST_WAIT))
        give_up = time.monotonic() + patience
        nap, turns = 0.01, 0
        while True:
            asked = time.monotonic()
            left = max(0.0, give_up - time.monotonic())
            arguments = [token, _micro(interval), concurrency, _micro(self._lease), _micro(left), _STATE_SECONDS]
            verdict, micros, failures = self._acquire(keys=keys, args=arguments)
            reason, seconds = _text(verdict), micros / 1e6
            if reason != "granted":
                self._held.drop(token)
            else:
                self._held.add(token, keys[1])
                if seconds > 0:
                    self._sleep(seconds)
                    # who slept may have missed that the host asked for silence
                    if self._paused(keys=keys[:1]):
                        continue
                turns += 1
                late = time.monotonic() - (asked + seconds)
                if late > _LATE * interval >= _LATE * _SHORT and turns < _TURNS:
                    continue
                return Grant(host, token, interval, failures)
            if reason == "busy":
                # a slot is usually freed long before its lease ends; the random part keeps waiting workers apart
                nap = min(2 * nap, 0.25)
                seconds_to_nap = min(nap * random.uniform(0.5, 1.0), seconds + 0.001)
            else:
                seconds_to_nap = seconds + 0.001
            if seconds_to_nap > left:
                raise MustWait(reason, seconds)
            self._sleep(seconds_to_nap)

    def release(self, grant: Grant, *, sent: float | None) -> None:
        """Gives the slot back; `sent` is the monotonic time at which the request left, None when it never did."""
        ago = -1 if sent is None else _micro(max(0.0, time.monotonic() - sent))
        self._held.drop(grant.token)
        keys = [state_key(grant.host), state_key(grant.host) + ":slots"]
        self._release(keys=keys, args=[grant.token, ago, _micro(grant.interval), _STATE_SECONDS])

    def pause(self, host: str, seconds: float, reason: str) -> None:
        """Nobody asks `host` for so many seconds (a day at most); a longer pause stays."""
        bounded = min(seconds, _STATE_SECONDS)
        self._pause(keys=[state_key(host)], args=[_micro(bounded), reason, _STATE_SECONDS + 60])


class _Held:
    """The slots that this process holds, whose leases a thread renews four times in their length.

    The thread ends when there is nothing to renew, so that none is left behind by a fetcher that is no longer used.
    """

    def __init__(self, renew: Script, lease: float):
        self._renew = renew
        self._lease = lease
        self._slots: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, token: str, slots: str) -> None:
        """From now on the slot is renewed."""
        with self._lock:
            self._slots[token] = slots, time.monotonic() + _LONGEST_HELD
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="slots", daemon=True)
                self._thread.start()

    def drop(self, token: str) -> None:
        """From now on it is not."""
        with self._lock:
            self._slots.pop(token, None)

    def _work(self) -> None:
        while True:
            time.sleep(self._lease / 4)
            with self._lock:
                self._slots = {token: held for token, held in self._slots.items() if held[1] > time.monotonic()}
                if not self._slots:
                    self._thread = None
                    return
                tokens: dict[str, list[str]] = {}
                for token, (slots, _) in self._slots.items():
                    tokens.setdefault(slots, []).append(token)
            for slots, held in tokens.items():
                try:
                    self._renew(keys=[slots], args=[_micro(self._lease), *held])
                except redis.RedisError as error:
                    log.warning("%s: slots were not renewed (%s)", slots, type(error).__name__)
                except Exception:
                    # the next renewal may succeed: without this thread all slots would lapse
                    log.exception("%s: slots were not renewed", slots)


def _micro(seconds: float) -> int:
    return round(seconds * 1e6)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
