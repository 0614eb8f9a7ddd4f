"""What the crawler is told by its environment, read once and checked in one place.

The chart sets these variables on every pod and a person sets them in a shell; a wrong one is named with what it should
be, before any work is done. URLs carry passwords: they are kept out of every representation and every message.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEFAULT_USER_AGENT = "newscrawl/0.1 (+https://example.org/newscrawl; set NEWSCRAWL_USER_AGENT)"

IDLE_LEASES = 3


class SettingsError(Exception):
    """A variable of the environment is missing or wrong; the message names it and says what to set."""


@dataclass(frozen=True)
class Settings:
    """The crawler's configuration.

    `sites` are the directories searched for profiles, the packaged one first; `queues` are the queues that the cluster
    serves, None when nobody said; `publishers` are the packaged profiles that become DAGs, None for all;
    `mysql_patience` is how many seconds a lost database is waited for before the task fails (and Airflow retries it);
    `lease` is how many seconds a claimed URL stays with a worker that gives no sign of life; `lake_options` are those
    of the lake's file system, with its credentials.
    """

    mysql_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    user_agent: str = DEFAULT_USER_AGENT
    data_dir: Path = Path("data")
    sites: tuple[Path, ...] = ()
    queues: frozenset[str] | None = None
    queue: str | None = None
    publishers: frozenset[str] | None = None
    mysql_patience: float = 150.0
    lease: float = 60.0
    lake_url: str | None = field(default=None, repr=False)
    lake_options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def packaged_sites(self) -> Path:
        """The directory of the profiles that the package ships."""
        return self.sites[0]

    @property
    def warc_dir(self) -> Path:
        """Where raw responses are archived."""
        return self.data_dir / "warc"

    def require_sites(self) -> None:
        """SettingsError when a directory of profiles is not there: a slip would look like a site without a profile."""
        for directory in self.sites:
            if not directory.is_dir():
                there = ", ".join(str(one) for one in self.sites if one.is_dir())
                raise SettingsError(
                    f"NEWSCRAWL_SITES: there is no folder {directory}: make it, or name the folders of your profiles, "
                    f"separated by {os.pathsep!r}; there are: {there}"
                )

    @property
    def idle(self) -> timedelta:
        """A run that was silent for so long has no worker: its URLs may be taken by another."""
        return timedelta(seconds=self.lease * IDLE_LEASES)

    def require_mysql(self) -> str:
        """The database's URL, or SettingsError."""
        if self.mysql_url is None:
            raise SettingsError(
                "NEWSCRAWL_MYSQL_URL is not set: set it to the articles database, mysql+pymysql://USER:PASSWORD@HOST:3306/articles"
            )
        return self.mysql_url

    def require_redis(self) -> str:
        """The limiter's URL, or SettingsError."""
        if self.redis_url is None:
            raise SettingsError(
                "NEWSCRAWL_REDIS_URL is not set: set it to the Redis that workers share for politeness, redis://:PASSWORD@HOST:6379/1"
            )
        return self.redis_url

    def require_lake(self) -> str:
        """The lake's URL, or SettingsError."""
        if self.lake_url is None:
            raise SettingsError(
                "NEWSCRAWL_LAKE_URL is not set: set it to a folder: webhdfs://HOST:9870/newscrawl, "
                "gs://BUCKET/newscrawl or file:///FOLDER"
            )
        return self.lake_url


def load(environ: Mapping[str, str] = os.environ, *, mysql_patience: float = 150.0) -> Settings:
    """The settings that `environ` holds; raises SettingsError. An empty variable counts as unset.

    `mysql_patience` is what counts where NEWSCRAWL_MYSQL_PATIENCE is unset.
    """
    told = {name: value for name, value in environ.items() if name.startswith("NEWSCRAWL_") and value.strip()}
    packaged = Path(str(files("newscrawl"))) / "sites"
    return Settings(
        mysql_url=_url(told, "NEWSCRAWL_MYSQL_URL", ("mysql+pymysql",)),
        redis_url=_url(told, "NEWSCRAWL_REDIS_URL", ("redis", "rediss", "unix")),
        user_agent=told.get("NEWSCRAWL_USER_AGENT", DEFAULT_USER_AGENT),
        data_dir=Path(told.get("NEWSCRAWL_DATA_DIR", "data")),
        sites=(packaged, *(Path(part) for part in told.get("NEWSCRAWL_SITES", "").split(os.pathsep) if part)),
        queues=_names(told.get("NEWSCRAWL_QUEUES")),
        queue=told.get("NEWSCRAWL_QUEUE"),
        publishers=_publishers(environ.get("NEWSCRAWL_PUBLISHERS", "*")),
        mysql_patience=_seconds(told, "NEWSCRAWL_MYSQL_PATIENCE", mysql_patience),
        lease=_seconds(told, "NEWSCRAWL_LEASE", 60.0),
        lake_url=_url(told, "NEWSCRAWL_LAKE_URL", ("hdfs", "webhdfs", "gs", "file")),
        lake_options=_object(told, "NEWSCRAWL_LAKE_OPTIONS"),
    )


def _url(told: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    value = told.get(name)
    if value is None:
        return None
    hint = "its value is not shown; special characters of a password must be %-encoded"
    try:
        parts = urlsplit(value)
        host, path, _ = parts.hostname, parts.path, parts.port
    except ValueError:
        raise SettingsError(f"{name}: is not a URL ({hint})") from None
    if parts.scheme not in schemes:
        raise SettingsError(f"{name}: must start with {' or '.join(s + '://' for s in schemes)} ({hint})")
    if not host and parts.scheme not in ("unix", "file"):
        raise SettingsError(f"{name}: names no host ({hint})")
    if parts.scheme.startswith("mysql") and not path.strip("/"):
        raise SettingsError(f"{name}: names no database after the host, such as /articles ({hint})")
    return value


def _object(told: Mapping[str, str], name: str) -> Mapping[str, Any]:
    try:
        value = json.loads(told.get(name, "{}"))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SettingsError(f'{name}: must be a JSON object such as {{"kerberos": true}}; its value is not shown')
    return value


def _names(value: str | None) -> frozenset[str] | None:
    return None if value is None else frozenset(part.strip() for part in value.split(",") if part.strip())


def _publishers(value: str) -> frozenset[str] | None:
    # an empty list is a choice here: none of them
    names = _names(value) or frozenset()
    return None if "*" in names else names


def _seconds(told: Mapping[str, str], name: str, default: float) -> float:
    value = told.get(name, str(default))
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 86400:
        raise SettingsError(f"{name}: {value!r} is not a number of seconds between 0 and 86400")
    return seconds
