"""A real HTTP server whose answers a test writes as functions of the request, and that notes what it was asked."""

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Route = Callable[[BaseHTTPRequestHandler], None]


class LocalSite:
    """`routes` by path; what is not there is a 404. `asked` are the paths in the order of their requests."""

    def __init__(self, host: str = "127.0.0.1", wrap: Callable[[socket.socket], socket.socket] | None = None):
        self.routes: dict[str, Route] = {}
        self.asked: list[str] = []
        self.seen_headers: list[dict[str, str]] = []
        self._server = _Server((host, 0), self._handler())
        if wrap is not None:
            self._server.socket = wrap(self._server.socket)
        self.host = host
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> "LocalSite":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def closing(self) -> threading.Event:
        """Set when the test is over: what answers for ever waits for this."""
        return self._server.closing

    def url(self, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://{self.host}:{self.port}{path}"

    def page(self, path: str, body: bytes = b"<html>a page</html>", status: int = 200, **headers: str) -> str:
        """Serves `body`; header names are written with underscores. Returns the URL."""
        self.routes[path] = lambda request: answer(request, status, body, headers)
        return self.url(path)

    def redirect(self, path: str, location: str, status: int = 301) -> str:
        return self.page(path, b"", status, Location=location)

    def raw(self, path: str, send: Callable[[socket.socket], None]) -> str:
        """Hands the connection to `send` and closes it afterwards. Returns the URL."""

        def route(request: BaseHTTPRequestHandler) -> None:
            request.close_connection = True
            try:
                send(request.connection)
            except OSError:
                return

        self.routes[path] = route
        return self.url(path)

    def count(self, path: str) -> int:
        return self.asked.count(path)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            # head and body are two packets: the second must not wait for the first's acknowledgement
            disable_nagle_algorithm = True
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.asked.append(self.path)
                site.seen_headers.append({name.lower(): value for name, value in self.headers.items()})
                route = site.routes.get(self.path) or site.routes.get(self.path.partition("?")[0])
                if route is None:
                    answer(self, 404, b"not here", {})
                else:
                    route(self)

            def log_message(self, *arguments: object) -> None:
                return

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: object):
        self.closing = threading.Event()
        super().__init__(*arguments)  # type: ignore[arg-type]

    def handle_error(self, *arguments: object) -> None:
        """A client that hangs up is what many tests want."""


def answer(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    request.send_response(status)
    names = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    for name, value in names.items():
        request.send_header(name, value)
    if "content-length" not in names and status != 304:
        request.send_header("content-length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
