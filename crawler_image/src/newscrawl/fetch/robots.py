"""What a site allows, asked once for all workers.

protego reads the rules; what RFC 9309 leaves to the crawler is decided here: a missing file (4xx) allows everything, a
server that fails or does not answer allows nothing for now, unless it told us its rules within the last day.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import redis
from protego import Protego

from newscrawl.fetch.transport import Answer
from newscrawl.model import FetchError
from newscrawl.urls import BadUrl, resolve

log = logging.getLogger(__name__)

_FRESH = 3600.0  # seconds that rules are used without asking again
_KEPT = 86400.0  # RFC 9309: not longer than a day
_FAILING = 60.0  # seconds before a server that failed is asked again
_MAX_BYTES = 512 * 1024  # RFC 9309 wants 500 KiB; what follows is ignored
_REDIRECTS = 5  # RFC 9309
_LOCAL = 30.0  # seconds that a process trusts its parsed copy
_LOCAL_SITES = 512
# seconds between two requests; who asks for more means "go away", and would hold workers for hours (as a mistake does)
LONGEST_DELAY = 300.0
_OF_THE_HOST = frozenset({"tls", "dns"})  # failures with a name of their own, whatever was asked for


@dataclass(frozen=True)
class Rules:
    """A site's rules for us; `crawl_delay` in seconds, None when it names none; `problem` says why all is closed.

    `kind` is that of the FetchError for the problem.
    """

    parsed: Protego | None
    crawl_delay: float | None = None
    problem: str | None = None
    kind: str = ""


class _Lock:
    """A lock that is forgotten when nobody waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()


class Robots:
    """The rules of every site, by scheme and authority, for the product token of `user_agent`.

    `ask(url, max_bytes)` makes one polite request, and raises FetchError; the kinds in `not_asked` are passed on,
    because they say nothing about the site.
    """

    def __init__(
        self,
        client: redis.Redis,
        user_agent: str,
        not_asked: frozenset[str],
        *,
        clock: Callable[[], float] = time.time,
    ):
        self._client = client
        # the product token; a name that poses as a browser has it in its comment, where protego finds it
        product = user_agent.partition("/")[0].strip()
        self._agent = user_agent if product.lower() == "mozilla" else product
        self._not_asked = not_asked
        self._clock = clock
        self._parsed: dict[str, tuple[float, Rules]] = {}
        self._lock = threading.Lock()
        self._origin_locks: WeakValueDictionary[str, _Lock] = WeakValueDictionary()

    def check(self, url: str, ask: Callable[[str, int], Answer]) -> float | None:
        """The site's Crawl-delay in seconds or None, when it allows us to fetch `url`.

        Raises FetchError: `robots` when it does not, `robots_unreachable`, `tls`, `dns` or `private_address` when it
        could not be asked.
        """
        parts = urlsplit(url)
        rules = self._rules(f"{parts.scheme}://{parts.netloc}", ask)
        if rules.problem is not None:
            raise FetchError(url, rules.kind, rules.problem, retry_after=_FAILING)
        if rules.parsed is not None and not rules.parsed.can_fetch(url, self._agent):
            raise FetchError(url, "robots", f"robots.txt does not allow {self._agent!r} this URL", permanent=True)
        return rules.crawl_delay

    def _rules(self, origin: str, ask: Callable[[str, int], Answer]) -> Rules:
        until, rules = self._parsed.get(origin, (0.0, None))
        if rules is not None and self._clock() < until:
            return rules
        with self._lock:
            lock = self._origin_locks.setdefault(origin, _Lock())
        with lock:  # threads of a worker do not ask for the same file at once
            until, rules = self._parsed.get(origin, (0.0, None))
            if rules is not None and self._clock() < until:
                return rules
            key = f"newscrawl:robots:{origin}"
            record = _load(self._client.get(key))
            if record is None or self._clock() >= record["fresh_until"]:
                record = self._renew(origin, record, ask)
                self._client.set(key, json.dumps(record), ex=round(_KEPT))
            rules = self._parse(record)
            with self._lock:
                if len(self._parsed) >= _LOCAL_SITES:
                    self._parsed.pop(next(iter(self._parsed)))
                self._parsed[origin] = (min(self._clock() + _LOCAL, record["fresh_until"]), rules)
            return rules

    def _renew(self, origin: str, old: dict | None, ask: Callable[[str, int], Answer]) -> dict:
        try:
            text = _fetch(origin + "/robots.txt", ask)
        except FetchError as error:
            # what may not be connected to by one site's profile, may be by another's: nothing to share
            if error.kind in self._not_asked or error.kind == "private_address":
                raise
            now = self._clock()
            if old is not None and old["problem"] is None and now - old["fetched"] < _KEPT:
                return old | {"fresh_until": now + _FAILING}
            problem = f"{origin}/robots.txt: {error.kind}: {error.message}"
            kind = error.kind if error.kind in _OF_THE_HOST else "robots_unreachable"
            return {"text": "", "problem": problem, "kind": kind, "fetched": now, "fresh_until": now + _FAILING}
        now = self._clock()
        return {"text": text, "problem": None, "fetched": now, "fresh_until": now + _FRESH}

    def _parse(self, record: dict) -> Rules:
        if record["problem"] is not None:
            return Rules(None, problem=record["problem"], kind=record.get("kind", "robots_unreachable"))
        if not record["text"]:
            return Rules(None)
        parsed = Protego.parse(record["text"])
        delay = parsed.crawl_delay(self._agent)
        if delay is not None and delay > LONGEST_DELAY:
            log.warning("robots.txt asks for a Crawl-delay of %g s; %g s are kept", delay, LONGEST_DELAY)
            delay = LONGEST_DELAY
        return Rules(parsed, delay)


def _fetch(url: str, ask: Callable[[str, int], Answer]) -> str:
    """The text of a robots.txt, empty when there is none; raises FetchError when it could not be learned."""
    for _ in range(_REDIRECTS + 1):
        answer = ask(url, _MAX_BYTES)
        if answer.status < 300:
            return answer.body.decode("utf-8-sig", errors="replace")
        location = answer.headers.get("location")
        if answer.status < 400 and location:
            try:
                url = resolve(location, url)
            except BadUrl:
                return ""
        elif answer.status == 429 or answer.status >= 500:
            raise FetchError(url, f"http_{answer.status}", "the server did not answer for its robots.txt")
        else:
            return ""
    return ""


def _load(stored: bytes | str | None) -> dict | None:
    return None if stored is None else json.loads(stored)
