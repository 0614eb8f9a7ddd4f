"""The web server: the site is picked by the Host header, or by the port where a site has one of its own.

Paths that begin with `/_` are for tests and never part of a site: `/_truth`, `/_requests`, `/_control`, `/_health`.
They speak of the site of the Host, or of all sites under any other name; there, `?site=` picks one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from aiohttp import web

from newssite.page import Page
from newssite.sites import harbor
from newssite.state import SITES, BadControl, State

DOMAIN = "newssite"  # a site's host where the request does not say it: hanbit.newssite, as in the cluster


class Server:
    """The sites of one state, answering on one port or more."""

    def __init__(self, state: State):
        self.state = state
        self._by_port: dict[int, str] = {}

    @asynccontextmanager
    async def serve(self, host: str, port: int, *, site_ports: bool = False) -> AsyncIterator[dict[str, int]]:
        """Serve at `port` (0: a free one); yields {"": port} and, with `site_ports`, a free port of each site's own."""
        app = web.Application()
        app.add_routes([
            web.get("/_health", self._health),
            web.get("/_truth", self._truth),
            web.get("/_requests", self._requests),
            web.delete("/_requests", self._forget),
            web.post("/_control", self._control),
            web.get("/{path:.*}", self._page),
        ])  # fmt: skip
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            ports = {"": await _listen(runner, host, port)}
            if site_ports:
                ports |= {site: await _listen(runner, host, 0) for site in SITES}
                self._by_port = {number: site for site, number in ports.items() if site}
            yield ports
        finally:
            await runner.cleanup()

    # --- for visitors

    async def _page(self, request: web.Request) -> web.StreamResponse:
        site = self._site(request)
        if site is None:
            raise web.HTTPNotFound(text=f"no site has the host {request.host!r}; there are {', '.join(SITES)}\n")
        outage = self.state.outage(site)
        if outage and outage.status is None:
            self._remember(request, site, 0)
            return _hang_up(request)
        page = (
            Page(b"out of order", "text/plain", outage.status or 503)
            if outage
            else self.state.page(site, request.host, request.path, request.query_string)
        )
        fresh = page.status == 200 and request.headers.get("If-None-Match") == page.etag
        self._remember(request, site, 304 if fresh else page.status if page.cut is None else 0)
        if site == harbor.NAME and self.state.latency:
            await asyncio.sleep(self.state.latency)
        if fresh:
            return web.Response(status=304, headers={"ETag": page.etag})
        if page.cut is not None:
            return await _cut(request, page)
        headers = {"Content-Type": page.content_type, **page.headers}
        if page.status == 200:
            headers["ETag"] = page.etag
        return web.Response(body=page.body, status=page.status, headers=headers)

    def _site(self, request: web.Request) -> str | None:
        label = request.host.partition(".")[0]
        if label in SITES:
            return label
        address = request.get_extra_info("sockname")
        return self._by_port.get(address[1]) if address else None

    def _remember(self, request: web.Request, site: str, status: int) -> None:
        agent = request.headers.get("User-Agent", "")
        self.state.remember(request.host, site, request.path_qs, status, agent)

    # --- for tests

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _truth(self, request: web.Request) -> web.Response:
        lines = [line for site, authority in self._meant(request) for line in self.state.truth(site, authority)]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        return web.Response(text=text, content_type="application/x-ndjson")

    async def _requests(self, request: web.Request) -> web.Response:
        sites = {site for site, _ in self._meant(request)}
        return web.json_response([one for one in self.state.requests if one["site"] in sites])

    async def _forget(self, request: web.Request) -> web.Response:
        self.state.requests.clear()
        return web.json_response({"requests": 0})

    async def _control(self, request: web.Request) -> web.Response:
        try:
            self.state.control(await request.json())
        except (BadControl, ValueError, AttributeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({site: edition.count for site, edition in self.state.editions.items()})

    def _meant(self, request: web.Request) -> Iterator[tuple[str, str]]:
        """The sites that a request of a test is about, each with the authority of its URLs."""
        own = self._site(request)
        asked = request.query.get("site")
        for site in SITES:
            if site == own or (own is None and asked in (None, site)):
                yield site, request.host if own else f"{site}.{DOMAIN}"


async def _listen(runner: web.AppRunner, host: str, port: int) -> int:
    """Listen and return the port."""
    listener = web.TCPSite(runner, host, port)
    await listener.start()
    return listener._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]


def _hang_up(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()


async def _cut(request: web.Request, page: Page) -> web.StreamResponse:
    """The beginning of a page whose header promises all of it; then the connection breaks."""
    response = web.StreamResponse(headers={"Content-Type": page.content_type, "Content-Length": str(len(page.body))})
    await response.prepare(request)
    await response.write(page.body[: page.cut])
    if request.transport:
        request.transport.close()
    return response
