"""Whatever a server does, a fetch ends in bounded time and memory, with a recorded reason."""

import contextlib
import gzip
import socket
import struct
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import redis
from certificates import authority_and_server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from local_site import LocalSite
from newscrawl.fetch import Fetcher, Limits
from newscrawl.fetch.limiter import state_key
from newscrawl.model import FetchError
from site_profile import profile

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
MakeFetcher = Callable[..., Fetcher]


def failure(fetcher: Fetcher, url: str, **told: object) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetcher.get(url, site=profile("127.0.0.1", "localhost"), now=NOW, **told)
    return caught.value


def drip(head: bytes, byte: bytes, closing: threading.Event) -> Callable[[socket.socket], None]:
    def send(connection: socket.socket) -> None:
        connection.sendall(head)
        while not closing.wait(0.02):
            connection.sendall(byte)

    return send


@pytest.mark.parametrize(
    "head",
    [HEAD + b"Content-Length: 100000\r\n\r\n", HEAD + b"\r\n", HEAD + b"X-Slow: ", b""],
    ids=["body", "body without length", "header", "status line"],
)
def test_a_slow_drip_ends_at_the_deadline(new_fetcher: MakeFetcher, site: LocalSite, head: bytes) -> None:
    url = site.raw("/drip", drip(head, b"a", site.closing))
    error = failure(new_fetcher(limits=Limits(2.0, 5.0, 0.5)), url)
    assert (error.kind, error.permanent) == ("deadline", False)


def test_silence_ends_at_the_read_timeout(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    url = site.raw("/silent", lambda connection: site.closing.wait() and None)
    assert failure(new_fetcher(limits=Limits(2.0, 0.2, 30.0)), url).kind == "timeout"


def test_a_body_without_end_is_cut_off_at_the_limit(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    def send(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"\r\n")
        while not site.closing.is_set():
            connection.sendall(b"x" * 65536)

    error = failure(new_fetcher(limits=Limits(2.0, 2.0, 20.0, max_bytes=1_000_000)), site.raw("/endless", send))
    assert (error.kind, error.permanent) == ("too_large", True)


def test_a_page_of_20_mb_is_refused_by_its_length_alone(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    def send(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 20971520\r\n\r\n")
        site.closing.wait()

    assert failure(new_fetcher(), site.raw("/large", send)).kind == "too_large"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_does_not_unfold(new_fetcher: MakeFetcher, site: LocalSite, encoding: str) -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
    packed = b"".join(bomb.compress(b"\0" * 1_000_000) for _ in range(300)) + bomb.flush()
    fetcher = new_fetcher(limits=Limits(2.0, 2.0, 30.0, max_bytes=2_000_000))
    url = site.page("/bomb", packed, Content_Encoding=encoding)
    tracemalloc.start()
    try:
        assert failure(fetcher, url).kind == "too_large"
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "raw deflate", "members"])
def test_compressed_pages_are_read(new_fetcher: MakeFetcher, site: LocalSite, encoding: str) -> None:
    text = b"<html>" + b"news " * 50_000
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = {
        "deflate": zlib.compress(text),
        "raw deflate": raw.compress(text) + raw.flush(),
        "members": gzip.compress(text[:1000]) + gzip.compress(text[1000:]),
    }.get(encoding, gzip.compress(text))
    name = {"raw deflate": "deflate", "members": "gzip"}.get(encoding, encoding)
    url = site.page("/packed", packed, Content_Encoding=name)
    assert new_fetcher().get(url, site=profile(), now=NOW).body == text


def test_a_body_that_ends_early_is_no_page(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    short = site.raw("/short", lambda c: c.sendall(HEAD + b"Content-Length: 1000\r\n\r\nonly this"))
    chunks = site.raw("/chunks", lambda c: c.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
    half = gzip.compress(b"news " * 1000)[:-12]
    packed = site.page("/packed", half, Content_Encoding="gzip")
    for url in (short, chunks, packed):
        error = failure(new_fetcher(), url)
        assert (url, error.kind, error.permanent) == (url, "truncated", False)


def test_chunked_pages_are_read(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    url = site.raw(
        "/",
        lambda c: c.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n"),
    )
    assert new_fetcher().get(url, site=profile(), now=NOW).body == b"hello, world"


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        (b"", {"connection"}),
        (b"SSH-2.0-OpenSSH_9.2\r\n", {"bad_response"}),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Header: 1\r\n" * 5000 + b"\r\n", {"bad_response"}),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n", {"bad_response"}),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nnot a size", {"truncated"}),
    ],
    ids=["nothing", "another protocol", "headers without end", "a header without end", "chunk without size"],
)
def test_broken_answers_have_a_reason(
    new_fetcher: MakeFetcher, site: LocalSite, answer: bytes, kinds: set[str]
) -> None:
    assert failure(new_fetcher(), site.raw("/broken", lambda connection: connection.sendall(answer))).kind in kinds


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    status=st.sampled_from([200, 206, 301, 304, 404, 429, 503]),
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "Content-Length", "Content-Type", "Content-Encoding", "Location", "ETag", "X"]),
        st.one_of(
            st.sampled_from([b"\xb2", b"-1", b"1e9", b"9" * 400, b"Mon, 23 Nov 99999999999999999999 03:01:30 GMT"]),
            st.binary(max_size=20).map(lambda value: value.replace(b"\n", b"").replace(b"\r", b"")),
        ),
        max_size=3,
    ),
)
def test_whatever_headers_say_there_is_an_answer_or_a_reason(
    new_fetcher: MakeFetcher, site: LocalSite, client: redis.Redis, status: int, headers: dict[str, bytes]
) -> None:
    client.flushdb()
    lines = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers.items())
    head = b"HTTP/1.1 %d Some\r\n%sConnection: close\r\n\r\n" % (status, lines)
    url = site.raw("/any", lambda connection: connection.sendall(head + b"<p>text</p>"))
    with contextlib.suppress(FetchError):
        new_fetcher(limits=Limits(1.0, 1.0, 2.0)).get(url, site=profile(), etag='"1"', now=NOW)
    assert client.zcard(state_key(f"127.0.0.1:{site.port}") + ":slots") == 0


def test_a_reset_connection_has_a_reason(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    def send(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    assert failure(new_fetcher(), site.raw("/reset", send)).kind == "connection"


def test_an_encoding_that_was_not_asked_for_is_refused(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    assert failure(new_fetcher(), site.page("/br", b"xx", Content_Encoding="br")).kind == "bad_encoding"
    assert failure(new_fetcher(), site.page("/no", b"plain", Content_Encoding="gzip")).kind == "bad_encoding"
    assert "br" not in site.seen_headers[-1]["accept-encoding"]


def test_injected_headers_do_no_harm(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    fetcher = new_fetcher()
    url = site.page("/page", ETag='"v1"')
    fetcher.get(url, site=profile(), now=NOW, etag='"v1"\r\nX-Injected: 1', last_modified="\u2028")
    assert not {"x-injected", "if-none-match", "if-modified-since"} & set(site.seen_headers[-1])
    # a URL cannot carry a second header or request either
    failure(fetcher, url + "\r\nX-Injected: 1\r\n\r\nGET /secret HTTP/1.1\r\n")
    assert "x-injected" not in site.seen_headers[-1]
    assert site.count("/secret") == 0


def test_an_unknown_certificate_is_refused(new_fetcher: MakeFetcher, tmp_path: Path) -> None:
    _, context = authority_and_server(tmp_path, "localhost")
    with LocalSite("localhost", lambda sock: context.wrap_socket(sock, server_side=True)) as server:
        server.page("/page", b"over TLS")
        url = server.url("/page", "https")
        error = failure(new_fetcher(), url)
        assert (error.kind, server.asked) == ("tls", [])
        assert "certificate" in error.message


def test_a_known_certificate_is_checked_for_the_name_and_not_for_the_address(
    new_fetcher: MakeFetcher, tmp_path: Path
) -> None:
    authority, context = authority_and_server(tmp_path, "localhost")
    with LocalSite("localhost", lambda sock: context.wrap_socket(sock, server_side=True)) as server:
        server.page("/page", b"over TLS")
        fetcher = new_fetcher(ca_bundle=authority)
        site = profile("localhost", "127.0.0.1")
        assert fetcher.get(server.url("/page", "https"), site=site, now=NOW).body == b"over TLS"
        assert "certificate" in failure(fetcher, f"https://127.0.0.1:{server.port}/page").message


def test_a_kept_connection_that_was_closed_is_replaced(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    def route(request: BaseHTTPRequestHandler) -> None:
        # promises keep-alive, then hangs up when the client has its answer
        request.wfile.write(HEAD + b"Content-Length: 2\r\n\r\nok")
        request.close_connection = True

    site.routes["/page"] = route
    fetcher = new_fetcher()
    for _ in range(3):
        assert fetcher.get(site.url("/page"), site=profile(), now=NOW).body == b"ok"
    assert site.count("/page") == 3


def test_cookies_are_not_kept(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    fetcher, url = new_fetcher(), site.page("/page", Set_Cookie="id=1; Path=/")
    for _ in range(2):
        fetcher.get(url, site=profile(), now=NOW)
    assert "cookie" not in site.seen_headers[-1]


def test_other_pages_are_unharmed(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    fetcher = new_fetcher(limits=Limits(2.0, 5.0, 0.5))
    good, bad = site.page("/good", b"good"), site.raw("/drip", drip(HEAD + b"\r\n", b"x", site.closing))
    fetcher.get(good, site=profile(), now=NOW)
    worker = threading.Thread(target=lambda: failure(fetcher, bad))
    worker.start()
    while "/drip" not in site.asked:
        time.sleep(0.001)
    assert fetcher.get(good, site=profile(), now=NOW).body == b"good"
    assert worker.is_alive()
    worker.join()
