"""One HTTP exchange that always ends: in time, in size, at an allowed address.

A socket time-out alone does not help against a server that sends a byte now and then, nor a Content-Length against a
compressed bomb. Here every read, of headers too, is given what is left of one deadline, and bytes are counted after
decompression, while they come. Politeness is not this module's concern.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import io
import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from newscrawl.fetch.address import AddressError, open_connection
from newscrawl.fetch.decoding import Decoder, DecodingError
from newscrawl.model import FetchError

_CHUNK = 65536
# a failed answer's body is read up to here, so that its connection can be used again
_ERROR_BODY = 65536
_POOLED_CONNECTIONS = 32
_NUMBER = re.compile(r"[0-9]{1,18}")  # isdigit() says yes to "\u00b2", too


@dataclass(frozen=True)
class Limits:
    """Bounds of one exchange (seconds, bytes after decompression) and of the redirects that one URL may take."""

    connect: float = 10.0
    read: float = 20.0
    deadline: float = 60.0
    max_bytes: int = 10 * 1024 * 1024
    redirects: int = 8


@dataclass(frozen=True)
class Answer:
    """What a server answered; header names are lower case, `elapsed` is in seconds."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float


class _Exchange(threading.local):
    """What the connection needs to know of the exchange that this thread is in."""

    deadline: float = 0.0
    limits: Limits = Limits()
    sent: float | None = None
    connected: bool = False


_exchange = _Exchange()


class Transport:
    """Sends requests on pooled connections; all threads of a process share one."""

    def __init__(self, user_agent: str, limits: Limits, *, ca_bundle: Path | None = None):
        self._limits = limits
        self._verify: str | bool = str(ca_bundle) if ca_bundle else True
        # a connection to a private address must never serve a URL that may not go there: two pools
        self._sessions = {allow: _session(user_agent, allow) for allow in (False, True)}

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        allow_private: bool,
        max_bytes: int | None = None,
        cut: bool = False,
    ) -> Answer:
        """The answer to one GET, whatever its status; a redirect is not followed.

        A body beyond `max_bytes` is an error, or with `cut` just cut there.

        Raises FetchError with the kinds of AddressError and `timeout`, `deadline`, `connection`, `tls`, `truncated`,
        `too_large`, `bad_encoding`, `bad_response`, `bad_url`. After it, `sent` tells
        whether the request had left.
        """
        while True:
            started = time.monotonic()
            _exchange.deadline, _exchange.limits = started + self._limits.deadline, self._limits
            _exchange.sent, _exchange.connected = None, False
            try:
                return self._get(url, headers, allow_private, max_bytes or self._limits.max_bytes, cut, started)
            except FetchError as error:
                # the server had closed a kept connection just before we used it, which says nothing about the server;
                # each turn drops one kept connection, so that the last turn has a new one
                if error.kind != "connection" or _exchange.connected:
                    raise

    @property
    def sent(self) -> float | None:
        """When this thread's last request had left (monotonic), None when it was never sent."""
        return _exchange.sent

    def _get(
        self, url: str, headers: Mapping[str, str], private: bool, max_bytes: int, cut: bool, started: float
    ) -> Answer:
        try:
            with self._sessions[private].get(
                url,
                headers=dict(headers),
                timeout=(self._limits.connect, self._limits.read),
                allow_redirects=False,
                stream=True,
                verify=self._verify,
            ) as response:
                return self._answer(url, response, max_bytes, cut, started)
        except AddressError as error:
            raise FetchError(url, error.kind, str(error), permanent=error.permanent) from error
        except DecodingError as error:
            raise FetchError(url, error.kind, str(error), permanent=error.kind == "too_large") from error
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            http.client.HTTPException,
            ValueError,
        ) as error:
            raise _explained(url, error, self._limits) from error

    def _answer(self, url: str, response: requests.Response, max_bytes: int, cut: bool, started: float) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        good = response.status_code < 300
        body = b""
        if good:
            declared = headers.get("content-length", "")
            if not cut and _NUMBER.fullmatch(declared) and int(declared) > max_bytes:
                raise DecodingError("too_large", f"Content-Length is {declared}, the limit {max_bytes} bytes")
            body = _read(response, Decoder(headers.get("content-encoding", ""), max_bytes, cut=cut))
        else:
            _drain(response)
        return Answer(url, response.status_code, headers, body, time.monotonic() - started)


def _read(response: requests.Response, decoder: Decoder) -> bytes:
    while chunk := response.raw.read1(_CHUNK, decode_content=False):
        decoder.feed(chunk)
        if decoder.full:
            break
    return decoder.finish()


def _drain(response: requests.Response) -> None:
    size = 0
    while size < _ERROR_BODY and (chunk := response.raw.read1(_CHUNK, decode_content=False)):
        size += len(chunk)


def _explained(url: str, error: Exception, limits: Limits) -> FetchError:
    """The FetchError for what requests, urllib3 or http.client raised."""
    text = _innermost(error)
    if time.monotonic() >= _exchange.deadline:
        return FetchError(url, "deadline", f"not finished after {limits.deadline:g} s")
    match error:
        case requests.exceptions.SSLError() | urllib3.exceptions.SSLError():
            return FetchError(url, "tls", text)
        case requests.Timeout() | urllib3.exceptions.TimeoutError() | TimeoutError():
            return FetchError(url, "timeout", f"no byte for {limits.read:g} s")
        case (
            requests.exceptions.InvalidURL()
            | requests.exceptions.InvalidSchema()
            | requests.exceptions.MissingSchema()
            | requests.exceptions.InvalidHeader()
            | urllib3.exceptions.LocationValueError()
        ):
            return FetchError(url, "bad_url", text, permanent=True)
        case urllib3.exceptions.ProtocolError() | http.client.IncompleteRead():
            return FetchError(url, "truncated", text)
    cause = _causes(error)[-1]
    if isinstance(cause, http.client.RemoteDisconnected):
        return FetchError(url, "connection", text)
    if isinstance(cause, (http.client.HTTPException, ValueError)):
        return FetchError(url, "bad_response", text)
    return FetchError(url, "connection", text)


def _causes(error: BaseException) -> list[BaseException]:
    found = [error]
    while (cause := found[-1].__cause__ or found[-1].__context__) is not None and cause not in found:
        found.append(cause)
    return found


def _innermost(error: BaseException) -> str:
    cause = _causes(error)[-1]
    return f"{type(cause).__name__}: {cause}"[:300]


def _session(user_agent: str, allow_private: bool) -> requests.Session:
    session = requests.Session()
    # neither proxies nor passwords of the environment: a proxy would connect where we did not check
    session.trust_env = False
    session.cookies.set_policy(_NoCookies())
    session.headers.clear()
    session.headers.update(
        {
            "User-Agent": user_agent,
            "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Encoding": "gzip, deflate",
            "Connection": "keep-alive",
        }
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(allow_private))
    return session


class _NoCookies(http.cookiejar.DefaultCookiePolicy):
    """A crawler is a new visitor on every page: what it fetches must not depend on the order of fetching."""

    def set_ok(self, cookie: Any, request: Any) -> bool:
        """No cookie is taken."""
        return False


class _Adapter(HTTPAdapter):
    """Makes requests open its connections through open_connection and read them by the deadline."""

    def __init__(self, allow_private: bool):
        self._allow_private = allow_private
        super().__init__(pool_connections=_POOLED_CONNECTIONS, pool_maxsize=_POOLED_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """As requests does, with our connection classes."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        bases = {
            "http": (urllib3.HTTPConnectionPool, HTTPConnection),
            "https": (urllib3.HTTPSConnectionPool, HTTPSConnection),
        }
        self.poolmanager.pool_classes_by_scheme = {
            scheme: type(
                "CheckedPool",
                (pool,),
                {"ConnectionCls": type("CheckedConnection", (_Checked, plain), {"private": self._allow_private})},
            )
            for scheme, (pool, plain) in bases.items()
        }


class _Checked:
    """What our connections do otherwise than urllib3's."""

    private: bool
    host: str
    port: int
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        _exchange.connected = True
        return open_connection(
            self._dns_host,
            self.port,
            timeout=_exchange.limits.connect,
            deadline=_exchange.deadline,
            allow_private=self.private,
        )

    def getresponse(self) -> Any:
        """Called when the request has been written: from here on reads are bounded by the deadline."""
        _exchange.sent = time.monotonic()
        return super().getresponse()  # type: ignore[misc]

    @staticmethod
    def response_class(sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        """The standard library's response over a reader that knows the deadline."""
        response = http.client.HTTPResponse(sock, *args, **kwargs)
        raw = response.fp.detach()
        response.fp = io.BufferedReader(_PatientReader(raw, sock, _exchange.limits.read, _exchange.deadline), _CHUNK)
        return response


class _PatientReader(io.RawIOBase):
    """A socket's bytes, each read given the read time-out or what is left of the deadline, if that is less."""

    def __init__(self, raw: Any, sock: socket.socket, timeout: float, deadline: float):
        self._raw = raw
        self._sock = sock
        self._timeout = timeout
        self._deadline = deadline

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Raises TimeoutError when time is up."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        self._sock.settimeout(min(self._timeout, left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Closes the socket's file as http.client expects."""
        self._raw.close()
        super().close()
