"""A small news site on the loopback, which a test can change, break and hold while it is crawled."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

_START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
SECTION = '<meta property="article:section" content="Port">'


class SmallSite:
    """`count` articles, an Atom feed of them, no robots.txt.

    `requests` counts paths. `statuses[n]` are the answers that article n gives before it is well; `broken` articles
    have no text, and `without_section` none has a section; `redirects` lead from one article to another; `on_article`
    is called with each article's number before the answer.
    """

    def __init__(self, count: int, *, words: int = 60):
        self.bodies = {n: _text(n, words) for n in range(count)}
        self.published = {n: _START + timedelta(minutes=n) for n in range(count)}
        self.modified = dict(self.published)
        self.statuses: dict[int, list[int]] = {}
        self.broken: set[int] = set()
        self.without_section = False
        self.redirects: dict[int, int] = {}
        self.requests: Counter[str] = Counter()
        self.on_article: Callable[[int], None] = lambda number: None
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.requests[self.path] += 1
                status, kind, body = site._answer(self.path)
                self.send_response(status)
                if status == 301:
                    self.send_header("Location", kind)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *about: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> SmallSite:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def publish(self, number: int, body: str, published: datetime) -> None:
        """The editors publish an article, and the feed lists it."""
        self.published[number] = self.modified[number] = published
        self.bodies[number] = body

    def change(self, number: int, body: str) -> None:
        """The editors change an article, and the feed says so."""
        self.bodies[number] = body
        self.modified[number] = datetime.now(UTC) + timedelta(minutes=1)

    def article(self, number: int) -> str:
        """The article's URL."""
        return f"{self.url}/news/{number}"

    def asked(self) -> dict[int, int]:
        """How often each article was asked for."""
        return {n: count for n in self.bodies if (count := self.requests[f"/news/{n}"])}

    def profile(self, directory: Path, name: str = "small", *, batch_size: int = 100) -> Path:
        """Writes the site's profile, named `name`, without any limit of speed."""
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / f"{name}.yaml"
        file.write_text(
            f"""\
site: {name}
name: Small Site
language: en
timezone: Asia/Seoul
hosts: ["127.0.0.1"]
allow_private: true
crawl: {{batch_size: {batch_size}}}
politeness: {{requests_per_second: 1000, concurrency: 4}}
discover: {{feeds: ["{self.url}/feed"]}}
urls: {{article: ["/news/[0-9]+"]}}
versions:
  - since: 2020-01-01
    title: ["css: h1"]
    body: ["css: article p"]
    published: ["meta: article:published_time"]
"""
        )
        return file

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path == "/feed":
            return 200, "application/atom+xml", self._feed().encode()
        number = int(path.removeprefix("/news/")) if path.startswith("/news/") else -1
        if number not in self.bodies:
            return 404, "text/html", b"<h1>Not Found</h1>"
        self.on_article(number)
        if self.statuses.get(number):
            return self.statuses[number].pop(0), "text/html", b"<h1>Error</h1>"
        if number in self.redirects:
            return 301, self.article(self.redirects[number]), b""
        if number in self.broken:
            return 200, "text/html", b"<html><body><p>Please enable JavaScript.</p></body></html>"
        return 200, "text/html", self._page(number).encode()

    def _page(self, number: int) -> str:
        paragraphs = "".join(f"<p>{one}</p>" for one in self.bodies[number].split("\n\n"))
        published = self.published[number].isoformat()
        return (
            f'<!doctype html><html lang="en"><head><title>Story {number}</title>'
            f'<meta property="og:type" content="article">'
            f'<meta property="article:published_time" content="{published}">'
            f"{'' if self.without_section else SECTION}"
            f'<link rel="canonical" href="{self.article(number)}"></head>'
            f"<body><article><h1>Story {number}</h1>{paragraphs}</article></body></html>"
        )

    def _feed(self) -> str:
        entries = "".join(
            f'<entry><id>{self.article(n)}</id><title>Story {n}</title><link href="{self.article(n)}"/>'
            f"<published>{self.published[n].isoformat()}</published>"
            f"<updated>{self.modified[n].isoformat()}</updated></entry>"
            for n in self.bodies
        )
        return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Small</title>{entries}</feed>'


def _text(seed: int, words: int) -> str:
    """Three paragraphs of words that no other article has, and that do not compress."""
    chosen = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    told = ["".join(chosen.choices(letters, k=chosen.randint(3, 9))) for _ in range(words)]
    third = max(words // 3, 1)
    return "\n\n".join(" ".join(told[at : at + third]) + "." for at in range(0, words, third))
