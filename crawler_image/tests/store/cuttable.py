"""A TCP connection that a test can cut: what a client sees of a server that crashed and came back."""

import contextlib
import socket
import socketserver
import threading
from types import TracebackType


class Proxy:
    """Forwards a port of the loopback to a real server; `cut` drops every connection and refuses new ones."""

    def __init__(self, host: str, port: int):
        self._target = (host, port)
        self._open: set[socket.socket] = set()
        self._up = True
        owner = self

        class Forward(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                owner._forward(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Forward)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        self._server.shutdown()
        self._server.server_close()

    def cut(self) -> None:
        """The server dies."""
        self._up = False
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """The server is back."""
        self._up = True

    def _forward(self, client: socket.socket) -> None:
        if not self._up:
            return
        with socket.create_connection(self._target) as server:
            self._open |= {client, server}
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()
            self._open -= {client, server}


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
