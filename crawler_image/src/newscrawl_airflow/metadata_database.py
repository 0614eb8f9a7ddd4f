"""A plain connection to Airflow's metadata database, without Airflow: for what must start fast and hold no lock.

`airflow db check-migrations` in a waiting init container holds a transaction open, and on MySQL the migration then
waits for its metadata lock for ever. In autocommit there is no such transaction.
"""

from __future__ import annotations

import os
import ssl
from urllib.parse import parse_qsl, unquote, urlsplit

import pymysql

URL_VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
# one row: the state that the chart's values last brought this database to; shaped as Alembic's version tables
BOOTSTRAP_TABLE = "newscrawl_bootstrap"


def connect(url: str, timeout: float = 5) -> pymysql.Connection:
    """Connect in autocommit; `url` as in SQLAlchemy with the `ssl_...` query keys, `timeout` in seconds per step.

    Raises pymysql.err.OperationalError when the server does not answer or refuses the user.
    """
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname or "localhost",
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.lstrip("/")),
        ssl=_tls(url),
        connect_timeout=timeout,
        read_timeout=timeout,
        autocommit=True,
    )


def async_connect_args(url: str) -> dict[str, ssl.SSLContext]:
    """What Airflow's asynchronous engine must be given beside the URL: its driver takes a TLS context alone, while
    SQLAlchemy makes a dictionary of the URL's `ssl_...` keys. Empty without such keys; OSError for a missing file.
    """
    tls = _tls(url)
    # the very context that the synchronous driver uses
    return {"ssl": pymysql.connect(ssl=tls, defer_connect=True).ctx} if tls else {}


def _tls(url: str) -> dict[str, str | bool] | None:
    told = {key.removeprefix("ssl_"): text for key, text in parse_qsl(urlsplit(url).query) if key.startswith("ssl_")}
    return {key: text == "true" if key == "check_hostname" else text for key, text in told.items()} or None


# named by the chart's database.sql_alchemy_connect_args_async
ASYNC_CONNECT_ARGS = async_connect_args(os.environ.get(URL_VARIABLE, ""))


def mark_bootstrapped(connection: pymysql.Connection, state: str) -> None:
    """Say in the database that a bootstrap Job has done all that it does; `state` is the chart's digest of that."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {BOOTSTRAP_TABLE} (version_num VARCHAR(63) NOT NULL)")
        connection.begin()
        cursor.execute(f"DELETE FROM {BOOTSTRAP_TABLE}")
        cursor.execute(f"INSERT INTO {BOOTSTRAP_TABLE} VALUES (%s)", (state,))
        connection.commit()
