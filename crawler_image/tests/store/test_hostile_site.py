"""Whatever single pages and hubs of a site do, its other articles are stored, in bounded time, each with its reason."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from certificates import authority_and_server
from local_site import LocalSite
from newscrawl import batch
from newscrawl import settings as environment
from newscrawl.crawl import discover_site, fetch_batch, report
from newscrawl.fetch import Limits
from newscrawl.settings import Settings
from newscrawl.store import Database, articles
from newscrawl.store.articles import Search
from newscrawl.store.tables import urls
from sqlalchemy import select

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
TEXT = "기사의 첫 문단은 무엇이 있었는지 말한다. It is long enough to be read as one."
GOOD = 20


def page(more: str = "", text: str = TEXT) -> bytes:
    return (
        '<!doctype html><html lang="ko"><head><meta property="og:type" content="article">'
        f'<meta property="article:published_time" content="2026-11-23T10:00:00+09:00">{more}</head>'
        f"<body><article><h1>제목</h1><p>{text}</p></article></body></html>"
    ).encode()


class Hostile:
    """One server for each kind of page, so that no breaker of one hides another; `kinds` is what each is to end as."""

    def __init__(self, stack: ExitStack, folder: Path):
        self._stack = stack
        self.kinds: dict[str, str | None] = {}
        self.hosts: list[str] = []
        self._tls = authority_and_server(folder, "localhost")[1]
        self._add_pages()

    def server(self, **told: object) -> LocalSite:
        host = told.pop("host", f"127.0.0.{10 + len(self.hosts)}")
        self.hosts.append(str(host))
        return self._stack.enter_context(LocalSite(host, **told))

    def raw(self, kind: str | None, send: Callable[[socket.socket], None]) -> LocalSite:
        site = self.server()
        self.kinds[site.raw("/news/1", send)] = kind
        return site

    def page(self, kind: str | None, body: bytes, status: int = 200, **headers: str) -> LocalSite:
        site = self.server()
        self.kinds[site.page("/news/1", body, status, **headers)] = kind
        return site

    def _add_pages(self) -> None:
        closing = self.server().closing

        def drip(connection: socket.socket) -> None:
            connection.sendall(HEAD + b"\r\n")
            while not closing.wait(0.05):
                connection.sendall(b"<p>")

        def endless(connection: socket.socket) -> None:
            connection.sendall(HEAD + b"\r\n")
            while not closing.is_set():
                connection.sendall(b"<p>more and more" * 1000)

        def chunks(connection: socket.socket) -> None:
            connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(20):
                connection.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
            connection.sendall(b"0\r\n\r\n")

        def reset(connection: socket.socket) -> None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        def strange_headers(connection: socket.socket) -> None:
            strange = b"Retry-After: Mon, 23 Nov 99999999999999999999 03:01:30 GMT\r\nX: \xe9; y=\xe9\r\n\xe9: 1\r\n"
            connection.sendall(HEAD + strange + b"Connection: close\r\n\r\n" + page())

        bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
        self.raw("deadline", drip)
        self.raw("too_large", endless)
        self.raw("too_large", chunks)
        self.raw("timeout", lambda connection: closing.wait() and None)
        self.raw("connection", reset)
        self.raw("truncated", lambda connection: connection.sendall(HEAD + b"Content-Length: 9999\r\n\r\n<p>only this"))
        self.raw(None, strange_headers)
        self.page("too_large", bomb.compress(b"\0" * 100_000_000) + bomb.flush(), Content_Encoding="gzip")
        self.page("redirect_loop", b"", 302, Location="/news/1")
        self.page("private_address", b"", 302, Location="http://127.0.0.9/metadata")
        self.page("bad_redirect", b"", 302, Location="file:///etc/passwd")
        for status in (202, 204, 206, 304, 403, 404, 410, 429, 503):
            self.page(f"http_{status}", b"", status)
        self.page("robots", page()).page("/robots.txt", b"User-agent: *\nDisallow: /news")
        for status, kind in ((403, None), (404, None), (500, "robots_unreachable")):
            self.page(kind, page()).page("/robots.txt", b"", status)
        self.page("robots_unreachable", page()).raw("/robots.txt", lambda connection: closing.wait() and None)
        self.page(None, page()).page("/robots.txt", b"User-agent: *\nDisallow: /no\n" + b"# more\n" * 200_000)
        # pages that are articles all the same
        self.page(None, page().decode().encode("cp949"), Content_Type="text/html; charset=utf-8")
        self.page(None, page().replace(b"</article>", "<p>섞인</p></article>".encode("cp949")))
        story = {"@type": "NewsArticle", "keywords": ["\ud83d"], "image": "data:image/png;base64," + "x" * 70_000}
        self.page(None, page(f'<script type="application/ld+json">{json.dumps(story)}</script>'))
        self.page(None, page()[:-25])
        # no date: it is looked for in the scripts
        self.page(None, page(f"<script>{'x' * 4_000_000}</script>").replace(b"published_time", b"none"))
        # pages that are none
        self.page("not_an_article", b"<div>" * 200_000 + page())
        self.page("not_html", b"%PDF-1.7", Content_Type="application/pdf")
        self.page("not_an_article", b"\0\xff" * 100_000)
        tls = self.server(host="localhost", wrap=lambda sock: self._tls.wrap_socket(sock, server_side=True))
        self.kinds[tls.url("/news/1", "https")] = "tls"
        self.kinds["http://127.0.0.250:9/news/1"] = "robots_unreachable"
        self.hosts.append("127.0.0.250")


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    with ExitStack() as stack:
        yield Hostile(stack, tmp_path)


@pytest.fixture
def settings(
    database: Database,
    mysql_url: str,
    redis_url: str,
    hostile: Hostile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    redis.Redis.from_url(redis_url).flushdb()
    # a page that fails is the next run's
    monkeypatch.setattr(batch, "LONGEST_REST_SECONDS", 0.0)
    monkeypatch.setattr("newscrawl.fetch.fetcher.Limits", lambda: Limits(2.0, 2.0, 4.0))
    good = hostile.server()
    own = [good.page(f"/news/{number}", page(text=f"{number}. {TEXT}")) for number in range(GOOD)]
    hostile.kinds |= dict.fromkeys(own)
    items = "".join(f"<item><link>{url}</link></item>" for url in hostile.kinds)
    feed = good.page("/rss", f"<rss version='2.0'><channel><title>t</title>{items}</channel></rss>".encode())
    lines = ["<!ENTITY a0 'ha'>"] + [f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)]
    bomb = good.page("/bomb", f"<!DOCTYPE x [{''.join(lines)}]><rss><item><link>&a11;</link></item></rss>".encode())
    many = "".join(f"<url><loc>{good.url()}other/{number}</loc></url>" for number in range(1_000_000))
    million = good.page("/million.xml.gz", gzip.compress(f"<urlset>{many}</urlset>".encode(), 1))
    broken = good.page("/broken.xml", b"<urlset><url><loc>http://")
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "hostile.yaml").write_text(
        json.dumps(
            {
                "site": "hostile",
                "name": "Hostile",
                "language": "ko",
                "timezone": "Asia/Seoul",
                "hosts": hostile.hosts,
                "allow_private": True,
                "crawl": {"batch_size": 500},
                "politeness": {"requests_per_second": 1000, "concurrency": 8},
                "discover": {"feeds": [bomb, feed], "sitemaps": [million, broken]},
                "urls": {"article": ["/news/[0-9]+"]},
                "versions": [{"since": "2020-01-01", "title": ["css: h1"], "body": ["css: article p"]}],
            }
        )
    )
    return environment.load(
        {
            "NEWSCRAWL_MYSQL_URL": mysql_url,
            "NEWSCRAWL_REDIS_URL": redis_url,
            "NEWSCRAWL_DATA_DIR": str(tmp_path / "data"),
            "NEWSCRAWL_SITES": str(tmp_path / "sites"),
            "NEWSCRAWL_LEASE": "2",
        }
    )


def test_every_good_article_is_stored_and_every_other_page_has_its_reason(
    database: Database, settings: Settings, hostile: Hostile
) -> None:
    started = time.monotonic()
    found = discover_site("hostile", run_key="first", settings=settings)
    assert found.found == len(hostile.kinds)
    for number in found.batches:
        fetch_batch(found.run_id, number, settings=settings)
    told = report(found.run_id, settings=settings)
    took = time.monotonic() - started
    ended = dict(database.run(lambda connection: connection.execute(select(urls.c.url, urls.c.kind)).all()))
    assert ended == hostile.kinds
    good = [url for url, kind in hostile.kinds.items() if kind is None]
    stored = database.run(lambda connection: list(articles.search(connection, Search(), limit=None)))
    assert {one.canonical_url for one in stored} <= set(good)
    assert sum(told["counts"][outcome] for outcome in ("stored", "duplicate")) == len(good)
    assert [one.body for one in stored if TEXT not in one.body] == []
    assert told["ok"], told
    assert told["counts"]["unvisited"] == 0
    assert took < 60
