"""What every step of a crawl opens first: the site's profile, the database and a polite fetcher."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from newscrawl.fetch import Fetcher
from newscrawl.profiles import Profile, ProfileError, load_all
from newscrawl.settings import Settings
from newscrawl.store import Database, connect

# with pauses up to 5 s: about two minutes of an absent Redis, as long as MySQL is waited for
_REDIS_RETRIES = 28


class UnknownSite(Exception):
    """No profile has this name; the message says which there are and where they were looked for."""


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
        searched = ", ".join(map(str, settings.sites))
        known = ", ".join(sorted(profiles)) or "none"
        raise UnknownSite(f"no profile of the site {site!r} in {searched} (NEWSCRAWL_SITES); there are: {known}")
    if isinstance(found, ProfileError):
        raise found
    return found


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


def new_owner() -> str:
    """A name for this process' claims: unique, and tells a person where the worker was."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
