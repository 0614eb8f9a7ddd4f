"""The URLs of external servers over TLS, as every part of the system opens them, on a real MySQL and a real Redis.

Their certificates name another host, as that of a Cloud SQL instance does: by default they are refused.
"""

from __future__ import annotations

import asyncio
import json
import re
import runpy
import socket
import socketserver
import ssl
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import kombu
import pymysql
import pytest
import redis
from newscrawl.store import database
from newscrawl_airflow import metadata_database
from queue_scaler.backlog import Backlog
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def redis_over_tls(redis_url, tmp_path_factory):
    """(port, authority, password) of the tests' Redis behind TLS."""
    make = runpy.run_path(str(ROOT / "crawler_image" / "tests" / "fetch" / "certificates.py"))["authority_and_server"]
    authority, context = make(tmp_path_factory.mktemp("redis"), "elsewhere.example")
    behind = urlsplit(redis_url)

    class Pass(socketserver.BaseRequestHandler):
        """Passes on what comes, in both directions, until one side ends."""

        def handle(self) -> None:
            try:
                outside = context.wrap_socket(self.request, server_side=True)
            except (ssl.SSLError, OSError):  # the client did not like the certificate
                return
            with outside, socket.create_connection((behind.hostname, behind.port)) as inside:
                threading.Thread(target=self.copy, args=(inside, outside), daemon=True).start()
                self.copy(outside, inside)

        @staticmethod
        def copy(source: socket.socket, target: socket.socket) -> None:
            try:
                while data := source.recv(65536):
                    target.sendall(data)
            except (ssl.SSLError, OSError):
                return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Pass) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], authority, behind.password
        server.shutdown()


@pytest.fixture(scope="module")
def mysql_over_tls(docker, mysql_server_url, mysql_url, tmp_path_factory):
    """(URL, authority) of the tests' MySQL, which made itself both at its start."""
    port = str(urlsplit(mysql_server_url).port)
    found = subprocess.run(
        ["docker", "ps", "-q", "--filter", f"publish={port}"], env=docker, capture_output=True, text=True, check=True
    )
    show = ["docker", "exec", found.stdout.strip(), "cat", "/var/lib/mysql/data/ca.pem"]
    authority = tmp_path_factory.mktemp("mysql") / "authority.pem"
    authority.write_bytes(subprocess.run(show, env=docker, capture_output=True, check=True).stdout)
    return mysql_url, authority


@pytest.fixture
def urls(render):
    """The chart's URLs for values, with the authority's file in place of where a pod has it."""

    def make(values, authority):
        arguments = [part for key, value in values.items() for part in ("--set-json", f"{key}={json.dumps(value)}")]
        made = render("external", *arguments).secret("newscrawl-urls")
        return {key: re.sub(r"/etc/newscrawl-airflow/\w+-tls/ca.crt", str(authority), url) for key, url in made.items()}

    return make


def mysql_values(url, **tls):
    parts = urlsplit(url)
    account = {"database": parts.path.strip("/"), "user": parts.username, "password": parts.password}
    return {
        "externalMysql": {"host": parts.hostname, "port": parts.port, "tls": {"enabled": True, "caSecret": "ca", **tls}}
        | dict.fromkeys(("metadata", "results", "articles"), account)
    }


def redis_values(port, password, **tls):
    values = {"host": "127.0.0.1", "port": port, "password": password}
    return {"externalRedis": values | {"tls": {"enabled": True, "caSecret": "ca", **tls}}}


async def read_as_api_server(url):
    # as Airflow derives it, and with what the chart's airflow.cfg names
    engine = create_async_engine(
        url.replace("pymysql", "aiomysql"), connect_args=metadata_database.async_connect_args(url)
    )
    try:
        async with engine.connect():
            pass
    finally:
        await engine.dispose()


MYSQL_CLIENTS = {
    "Airflow and Celery's results": ("metadata-url", lambda url: create_engine(url).connect().close()),
    "Airflow's asynchronous routes": ("metadata-url", lambda url: asyncio.run(read_as_api_server(url))),
    "probes": ("metadata-url", lambda url: metadata_database.connect(url).close()),
    "the crawler": ("articles-url", lambda url: database.connect(url).engine.connect().close()),
}


@pytest.mark.parametrize("client", MYSQL_CLIENTS)
def test_mysql_with_another_name_is_let_in_where_the_values_say_so(urls, mysql_over_tls, client):
    url, authority = mysql_over_tls
    key, connect = MYSQL_CLIENTS[client]
    connect(urls(mysql_values(url, verifyHostname=False), authority)[key])
    # the asynchronous driver says the number alone
    with pytest.raises((OperationalError, pymysql.err.OperationalError), match=r"[Hh]ostname|IP address|\(2003,"):
        connect(urls(mysql_values(url), authority)[key])


async def read_as_scaler(url):
    backlog = Backlog(url)
    try:
        await backlog.redis.ping()
    finally:
        await backlog.redis.aclose()


def publish_as_celery(url):
    with kombu.Connection(url) as connection:
        connection.default_channel.client.ping()


REDIS_CLIENTS = {
    "Celery": ("broker-url", publish_as_celery),
    "the scaler": ("broker-url", lambda url: asyncio.run(read_as_scaler(url))),
    "the crawler": ("crawler-redis-url", lambda url: redis.Redis.from_url(url).ping()),
}


@pytest.mark.parametrize("client", REDIS_CLIENTS)
def test_redis_with_another_name_is_let_in_where_the_values_say_so(urls, redis_over_tls, client):
    port, authority, password = redis_over_tls
    key, connect = REDIS_CLIENTS[client]
    connect(urls(redis_values(port, password, verifyHostname=False), authority)[key])
    with pytest.raises((redis.RedisError, kombu.exceptions.OperationalError), match=r"[Hh]ostname|IP address"):
        connect(urls(redis_values(port, password), authority)[key])
