"""What every step of a crawl opens first: the site's profile, the database and a polite fetcher."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

from newscrawl.fetch import Fetcher
from newscrawl.profiles import Profile, ProfileError, load_all, names
from newscrawl.settings import Settings
from newscrawl.store import Database, connect, runs

# with pauses up to 5 s: about two minutes of an absent Redis, as long as MySQL is waited for
_REDIS_RETRIES = 28
# before there is a crawl that could be lost, a Redis that is starting has so many seconds to answer
_REDIS_FIRST_ANSWER = 4.0


class UnknownSite(Exception):
    """No profile has this name; the message says which there are and where they were looked for."""


class RedisUnavailable(Exception):
    """Redis does not answer, or not to us; the message names it and its variable, never the password."""


@dataclass(frozen=True)
class Context:
    """One site's crawl in this process."""

    settings: Settings
    profile: Profile
    database: Database
    fetcher: Fetcher
    owner: str


def now() -> datetime:
    """The one place where a crawl reads the clock."""
    return datetime.now(UTC)


def find_profile(site: str, settings: Settings) -> Profile:
    """The site's profile; raises UnknownSite, or the ProfileError that its file has."""
    profiles = load_all(settings.sites)
    found = profiles.get(site)
    if found is None:
        raise _unknown(site, profiles, settings)
    if isinstance(found, ProfileError):
        raise found
    return found


def check_site(site: str, settings: Settings, database: Database) -> None:
    """Raises UnknownSite for a name that no profile has and under which nothing was ever crawled."""
    profiles = names(settings.sites)
    if site not in profiles and not database.run(lambda connection: runs.has_site(connection, site)):
        raise _unknown(site, profiles, settings)


def _unknown(site: str, profiles: Iterable[str], settings: Settings) -> UnknownSite:
    searched = ", ".join(map(str, settings.sites))
    known = sorted(profiles)
    close = get_close_matches(site, known, 1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    there = ", ".join(known) or "none"
    return UnknownSite(f"no profile of the site {site!r}{meant} in {searched} (NEWSCRAWL_SITES); there are: {there}")


def open_context(site: str, settings: Settings, database: Database) -> Context:
    """Everything needed to crawl `site`; nothing is connected to before it is used.

    Raises SettingsError, UnknownSite or ProfileError.
    """
    profile = find_profile(site, settings)
    fetcher = Fetcher(
        settings,
        open_redis(settings),
        user_agent=profile.politeness.user_agent or settings.user_agent,
        allow_private=profile.allow_private,
    )
    return Context(settings, profile, database, fetcher, new_owner())


def open_database(settings: Settings) -> Database:
    """The articles database of the settings."""
    return connect(settings.require_mysql(), patience=settings.mysql_patience)


def open_redis(settings: Settings) -> redis.Redis:
    """The workers' shared Redis, which may restart during a crawl: a command is tried again for about two minutes."""
    away = [redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError]
    return redis.Redis.from_url(
        settings.require_redis(),
        socket_connect_timeout=5,
        socket_timeout=10,
        retry=Retry(ExponentialBackoff(cap=5, base=0.25), _REDIS_RETRIES),
        retry_on_error=away,
    )


def check_redis(settings: Settings) -> None:
    """Raises RedisUnavailable within seconds when Redis cannot be used: nobody is to wait for a mistake to heal."""
    url = settings.require_redis()
    parts = urlsplit(url)
    name = parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
    client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2, retry=Retry(NoBackoff(), 0))
    end = time.monotonic() + _REDIS_FIRST_ANSWER
    while True:
        try:
            client.ping()
            return
        except (redis.AuthenticationError, redis.ResponseError) as error:
            raise RedisUnavailable(
                f"Redis {name} refuses us ({error}): check user, password and database of NEWSCRAWL_REDIS_URL "
                "(special characters must be %-encoded)"
            ) from error
        except redis.RedisError as error:
            if time.monotonic() > end:
                raise RedisUnavailable(
                    f"Redis {name} does not answer ({error}): check that it runs and that this machine reaches it, "
                    "or name another in NEWSCRAWL_REDIS_URL; nothing is fetched without it"
                ) from error
            time.sleep(0.5)
        finally:
            client.close()


def new_owner() -> str:
    """A name for this process' claims: unique, and tells a person where the worker was."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
