"""A stand-in for the API server: StatefulSets to list, watch and scale, and Leases with their conflicts."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAMESPACE = "n"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
SETS = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets"
REASONS = {403: "forbidden", 404: "not found", 409: "the object has been modified", 410: "too old"}


class ApiServer(ThreadingHTTPServer):
    """One namespace: worker StatefulSets and Leases by name, and each change made: "PATCH worker-a"."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.changed = threading.Condition()
        self.stopped = False
        self.version = 1
        self.sets: dict[str, dict[str, Any]] = {}
        self.leases: dict[str, dict[str, Any]] = {}
        self.forbidden: set[str] = set()  # methods
        self.changes: list[str] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed resets its connections."""

    @property
    def address(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add_set(self, name: str, replicas: int = 0) -> None:
        """Make a StatefulSet."""
        spec = {"replicas": replicas, "serviceName": name, "selector": {}, "template": {}}
        self._put(self.sets, name, {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {}, "spec": spec})

    def add_lease(self, name: str) -> None:
        """Make a Lease as the chart does."""
        self._put(self.leases, name, {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {}})

    def replicas(self, name: str) -> int:
        """The replicas that a StatefulSet is set to."""
        return self.sets[name]["spec"]["replicas"]

    def holder(self, name: str) -> str:
        """Who holds a Lease; empty where nobody does."""
        return self.leases.get(name, {}).get("spec", {}).get("holderIdentity", "")

    def _put(self, items: dict[str, dict[str, Any]], name: str, item: dict[str, Any]) -> dict[str, Any]:
        with self.changed:
            self.version += 1
            item["metadata"] |= {"name": name, "namespace": NAMESPACE, "resourceVersion": str(self.version)}
            items[name] = item
            self.changed.notify_all()
        return item


class _Handler(BaseHTTPRequestHandler):
    server: ApiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Tests read the scaler's log."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == SETS and "watch=" in query:
            self._watch()
        elif path == SETS:
            version = {"resourceVersion": str(self.server.version)}
            self._answer(200, {"kind": "StatefulSetList", "metadata": version, "items": [*self.server.sets.values()]})
        elif lease := self.server.leases.get(path.removeprefix(f"{LEASES}/")):
            self._answer(200, lease)
        else:
            self._refuse(404)

    def do_POST(self) -> None:
        lease = self._body()
        name = lease["metadata"]["name"]
        if "POST" in self.server.forbidden:
            self._refuse(403)
        elif self.path.partition("?")[0] != LEASES:
            self._refuse(404)
        elif name in self.server.leases:
            self._refuse(409)
        else:
            self.server.changes.append(f"POST {name}")
            self._answer(201, self.server._put(self.server.leases, name, lease))

    def do_PUT(self) -> None:
        new = self._body()
        name = new["metadata"]["name"]
        with self.server.changed:
            held = self.server.leases.get(name)
            stale = held and held["metadata"]["resourceVersion"] != new["metadata"]["resourceVersion"]
            if not held or stale:
                self._refuse(409 if held else 404)
                return
            self.server.changes.append(f"PUT {name}")
            self._answer(200, self.server._put(self.server.leases, name, new))

    def do_PATCH(self) -> None:
        name = self.path.partition("?")[0].removeprefix(f"{SETS}/").removesuffix("/scale")
        scaled = json.loads(json.dumps(self.server.sets[name]))
        scaled["spec"]["replicas"] = self._body()["spec"]["replicas"]
        self.server.changes.append(f"PATCH {name}")
        scaled = self.server._put(self.server.sets, name, scaled)
        scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": scaled["metadata"]}
        self._answer(200, scale | {"spec": {"replicas": scaled["spec"]["replicas"]}})

    def _watch(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        told = self.server.version
        while not self.server.stopped:
            with self.server.changed:
                new = [item for item in self.server.sets.values() if int(item["metadata"]["resourceVersion"]) > told]
                told = self.server.version
                if not new:
                    self.server.changed.wait(1)
            for item in new:
                line = json.dumps({"type": "MODIFIED", "object": item}).encode() + b"\n"
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")

    def _body(self) -> dict[str, Any]:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _refuse(self, code: int) -> None:
        status = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "message": REASONS[code]}
        self._answer(code, status)

    def _answer(self, code: int, item: dict[str, Any]) -> None:
        body = json.dumps(item).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def api_server() -> Iterator[ApiServer]:
    """A server that serves from threads of its own."""
    with ApiServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.stopped = True
        server.shutdown()


def kubeconfig(address: str) -> dict[str, Any]:
    """A kubeconfig for the server at this URL."""
    return {
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": NAMESPACE}}],
        "current-context": "c",
    }
