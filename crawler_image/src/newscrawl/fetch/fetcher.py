"""Fetches one URL as a polite visitor would: robots, breaker, limit, address and size are all looked after here.

The order is fixed: each hop of a redirect chain asks robots.txt, then waits for the host's turn (limiter and breaker in
one script of Redis), then makes one bounded exchange, then tells Redis how it went. Nothing is sent without Redis.
"""

from __future__ import annotations

import contextlib
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from newscrawl.fetch.breaker import OPEN, Breaker
from newscrawl.fetch.limiter import Grant, Limiter, MustWait
from newscrawl.fetch.robots import Robots
from newscrawl.fetch.transport import Answer, Limits, Transport
from newscrawl.model import FetchError, Response
from newscrawl.urls import BadUrl, authority, resolve

if TYPE_CHECKING:
    from newscrawl.profiles import Profile
    from newscrawl.settings import Settings

log = logging.getLogger(__name__)

# kinds that say nothing about the URL or its server, because no request was sent: they should cost the URL no attempt
NOT_ASKED = frozenset({"redis_unavailable", "rate_limited", "host_busy", "host_paused", OPEN})

_SLOW = "slow_redirects"
# not what was never asked for (a part, nothing), nor the 202 with which some walls put off a crawler
_PAGES = frozenset({200, 203})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# the host itself is in trouble, whatever the URL
_HOST_FAILURES = frozenset({"dns", "connect", "connect_timeout", "timeout", "deadline", "connection", "tls"})
_WORTH_RETRYING = _HOST_FAILURES | {"truncated", "bad_response", "bad_encoding"}
_KINDS_OF_WAITING = {"rate": "rate_limited", "busy": "host_busy", "retry_after": "host_paused"}
_PASSING_STATUSES = frozenset({408, 421, 425, 429})
# also what a crawler is told that is banned: every URL of the host, for a while
_BANNED_STATUSES = frozenset({401, 403, 406, 451})
_REST_AFTER_429 = 10.0  # seconds, when the server does not say how long
LONGEST_CALL = 180.0  # seconds for a page with its redirects and their robots.txt, waiting for turns not counted
_LONGEST_PAUSE = 3600.0  # seconds that a Retry-After can keep a host closed
SLOT_LEASE = 20.0  # seconds that a dead worker's slot is kept, which a living one renews every five
_LONGEST_RETRY_WAIT = 30.0
_VALIDATOR_LENGTH = 512


class Fetcher:
    """Fetches URLs for one worker process; its threads share it.

    Of `settings` only the lease is used. `allow_private` lets the hosts of a profile (and no other) be private
    addresses; `patience` is how many seconds a request may wait for its turn; `ca_bundle` replaces the usual
    certificate authorities. Nothing is connected to before the first use.
    """

    def __init__(
        self,
        settings: Settings | None,
        client: redis.Redis,
        *,
        user_agent: str,
        allow_private: bool = False,
        limits: Limits | None = None,
        patience: float = 120.0,
        ca_bundle: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._limits = limits or Limits()
        self._allow_private = allow_private
        self._sleep = sleep
        self._transport = Transport(user_agent, self._limits, ca_bundle=ca_bundle)
        lease = SLOT_LEASE if settings is None else min(SLOT_LEASE, settings.lease)
        self._limiter = Limiter(client, lease=lease, patience=patience, sleep=sleep)
        self._breaker = Breaker(client)
        self._robots = Robots(client, user_agent, NOT_ASKED | {_SLOW})

    def get(
        self,
        url: str,
        *,
        site: Profile,
        etag: str | None = None,
        last_modified: str | None = None,
        now: datetime,
        max_bytes: int | None = None,
        retries: int = 0,
    ) -> Response:
        """The 200, 203 or 304 answer to `url`, after its redirects.

        `now` is the time of the call (aware); `etag` and `last_modified` make the request conditional; `max_bytes`
        replaces the limit of the decoded body; `retries` more tries are made after failures that may pass (pages
        leave that to the frontier). Raises FetchError: kinds are those of Transport.get, `http_<status>`, `robots`,
        `robots_unreachable`, `redirect_loop`, `too_many_redirects`, `slow_redirects`, `bad_redirect` and those in
        NOT_ASKED.
        """
        began = time.monotonic()
        call = _Call(url, site, _conditions(etag, last_modified), max_bytes, now, began, _End(began))
        for attempt in range(retries + 1):
            try:
                answer, redirects = self._follow(call)
                break
            except FetchError as error:
                wait = max(error.retry_after or 0.0, 2.0**attempt * random.uniform(0.5, 1.0))
                if attempt == retries or not _may_pass(error) or wait > _LONGEST_RETRY_WAIT:
                    raise
                self._sleep(wait)
        return Response(
            url=answer.url,
            requested_url=url,
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            elapsed=answer.elapsed,
            fetched_at=call.time().astimezone(UTC),
            redirects=redirects,
        )

    def _follow(self, call: _Call) -> tuple[Answer, tuple[str, ...]]:
        hops: list[str] = []
        here = _first(call.url)
        call = replace(call, end=_End(time.monotonic() + LONGEST_CALL))
        while True:
            try:
                answer = self._allowed(here, call)
            except FetchError as error:
                # a link can lead there for ever; that the site itself has such an address is a name server's mistake
                error.permanent = error.permanent and (error.kind != "private_address" or bool(hops))
                raise
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                break
            hops.append(here)
            here = _target(call.url, here, location)
            if here in hops:
                raise FetchError(call.url, "redirect_loop", f"leads back to {here}", permanent=True)
            if len(hops) > self._limits.redirects:
                message = f"more than {self._limits.redirects}, the last to {here}"
                raise FetchError(call.url, "too_many_redirects", message, permanent=True)
        if answer.status in _PAGES or (answer.status == 304 and call.headers):
            return answer, tuple(hops)
        wait = retry_after(answer.headers.get("retry-after"), call.time())
        message = "the server's answer" + (f" for {here}" if hops else "")
        passing = answer.status in _PASSING_STATUSES | _BANNED_STATUSES
        permanent = 300 <= answer.status < 500 and not passing
        raise FetchError(call.url, f"http_{answer.status}", message, permanent=permanent, retry_after=wait)

    def _allowed(self, url: str, call: _Call) -> Answer:
        """One exchange that robots.txt allows, at the speed that the profile and robots.txt allow."""
        interval = 1.0 / call.site.politeness.requests_per_second

        def ask_robots(robots_url: str, size: int) -> Answer:
            return self._ask(robots_url, replace(call, headers={}, max_bytes=size), interval, cut=True)

        try:
            delay = self._robots.check(url, ask_robots)
        except redis.RedisError as error:
            raise _no_redis(url, error) from error
        return self._ask(url, call, max(interval, delay or 0.0))

    def _ask(self, url: str, call: _Call, interval: float, *, cut: bool = False) -> Answer:
        host = authority(url)
        hosts = call.site.hosts
        private = self._allow_private and (host in hosts or host.partition(":")[0] in hosts)
        asked = time.monotonic()
        if asked > call.end.at:
            message = f"its redirects and their robots.txt took more than {LONGEST_CALL:g} s, the last is {url}"
            raise FetchError(call.url, _SLOW, message)
        grant = self._turn(url, host, interval, call.site.politeness.concurrency)
        call.end.at += time.monotonic() - asked
        try:
            answer = self._transport.get(
                url, headers=call.headers, allow_private=private, max_bytes=call.max_bytes, cut=cut
            )
            pause = retry_after(answer.headers.get("retry-after"), call.time())
        except FetchError as error:
            self._report(grant, failed=error.kind in _HOST_FAILURES)
            raise
        except BaseException:
            self._report(grant, failed=False)
            raise
        if answer.status == 429 or (answer.status == 503 and pause is not None):
            self._report(grant, failed=pause is None, pause=_REST_AFTER_429 if pause is None else pause)
        else:
            # a robots.txt that nobody may read allows everything
            banned = answer.status in _BANNED_STATUSES and not cut
            self._report(grant, failed=banned or answer.status >= 500)
        return answer

    def _turn(self, url: str, host: str, interval: float, concurrency: int) -> Grant:
        try:
            return self._limiter.acquire(host, interval=interval, concurrency=concurrency)
        except MustWait as wait:
            kind = _KINDS_OF_WAITING.get(wait.reason, wait.reason)
            message = f"{host} may not be asked for {wait.seconds:.1f} s"
            raise FetchError(url, kind, message, retry_after=wait.seconds) from wait
        except redis.RedisError as error:
            raise _no_redis(url, error) from error

    def _report(self, grant: Grant, *, failed: bool, pause: float | None = None) -> None:
        """Tells Redis how it went. A Redis that is away now loses only that: the slot's lease ends by itself."""
        try:
            if pause is not None:
                self._limiter.pause(grant.host, min(pause, _LONGEST_PAUSE), "retry_after")
            if failed:
                self._breaker.failed(grant.host)
            elif grant.failures:
                self._breaker.recovered(grant.host)
            self._limiter.release(grant, sent=self._transport.sent)
        except redis.RedisError:
            log.warning("%s: Redis did not take the end of a request; its slot is free when its lease ends", grant.host)


@dataclass
class _End:
    """When a call's time is up (monotonic), which waiting for turns moves."""

    at: float


@dataclass(frozen=True)
class _Call:
    """What one call of get is about, and when it began; after `end` it makes no further request."""

    url: str
    site: Profile
    headers: Mapping[str, str]
    max_bytes: int | None
    now: datetime
    started: float
    end: _End

    def time(self) -> datetime:
        """The caller's time now."""
        return self.now + timedelta(seconds=time.monotonic() - self.started)


def retry_after(value: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header (seconds or an HTTP date) asks for, None when it says nothing usable."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        then = parsedate_to_datetime(value)
        then = then if then.tzinfo else then.replace(tzinfo=UTC)
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _conditions(etag: str | None, last_modified: str | None) -> dict[str, str]:
    """The headers of a conditional request; a validator that cannot be a header value is left out."""
    told = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    return {
        name: value
        for name, value in told.items()
        if value and len(value) <= _VALIDATOR_LENGTH and value.isascii() and value.isprintable()
    }


def _first(url: str) -> str:
    try:
        return resolve(url, url)
    except BadUrl as error:
        raise FetchError(url, "bad_url", str(error), permanent=True) from error


def _target(url: str, here: str, location: str) -> str:
    with contextlib.suppress(UnicodeError):
        # headers arrive as Latin-1, but addresses in them are written in UTF-8
        location = location.encode("latin-1").decode("utf-8")
    try:
        return resolve(location, here)
    except BadUrl as error:
        raise FetchError(url, "bad_redirect", f"{here} leads to no page: {error}", permanent=True) from error


def _may_pass(error: FetchError) -> bool:
    transient = error.kind in _WORTH_RETRYING or error.kind in ("http_429", "http_408") or error.kind[:6] == "http_5"
    return transient and not error.permanent


def _no_redis(url: str, error: redis.RedisError) -> FetchError:
    message = f"the workers' shared limits cannot be read ({type(error).__name__}); nothing is fetched without them"
    return FetchError(url, "redis_unavailable", message, retry_after=10.0)
