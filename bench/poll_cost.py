"""What a poll costs the scaler: its real process beside a small API server, with as many queues as asked for.

The API server of this file lists and watches StatefulSets as the chart and Kubernetes make them and holds the lease;
Redis is a real one, behind a relay that counts the scaler's round trips. So all that the process does is in the
numbers: the loop, the watch, the lease, the looks for orphans and unserved queues. Every queue has a task that waits,
every second one also a task in flight, which this program renews as a worker does.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import os
import re
import selectors
import signal
import socket
import socketserver
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
import yaml
from cluster import tools, versions
from cluster.steps import run
from installation import CHART, until

NAMESPACE = "bench"
# the first ones register scripts and list the StatefulSets
WARM_POLLS = 5
RENEW_SECONDS = 5.0
TASK = '{"headers": {"task": "execute_workload"}}'
SCRIPT_CALL = re.compile(rb"\*\d+\r\n\$7\r\nEVALSHA\r\n\$40\r\n[0-9a-f]{40}\r\n\$\d+\r\n(\d+)\r\n")


@dataclass
class Poll:
    """One poll, from its reading to the next one: CPU seconds of the process at its begin, and what it asked for."""

    cpu: float
    round_trips: int = 1
    listed: bool = False


class Polls:
    """The polls of a scaler as its relay and its API server see them."""

    def __init__(self, queues: int) -> None:
        self._keys = 2 * queues
        self.pid = 0
        self.polls: list[Poll] = []

    def asked(self, words: bytes) -> None:
        """The scaler began a round trip to Redis with these words."""
        call = SCRIPT_CALL.match(words)
        # the reading alone names two keys of every queue
        if call and int(call[1]) == self._keys:
            self.polls.append(Poll(cpu_seconds(self.pid)))
        elif self.polls:
            self.polls[-1].round_trips += 1

    def listed(self) -> None:
        """The scaler asked for a part of the StatefulSets' list."""
        if self.polls:
            self.polls[-1].listed = True


def cpu_seconds(pid: int) -> float:
    """CPU seconds that the threads of a process have used."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def peak_mib(pid: int) -> float:
    """The most memory that a process had."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def chart_stateful_sets(count: int) -> list[dict[str, Any]]:
    """StatefulSets of the chart as the API server would list them, with a status and the fields of their managers."""
    folder = tools.helm_folder()
    command = (folder / "helm" if folder else "helm", "template", "newscrawl", CHART)
    version = ("--kube-version", versions.KUBERNETES)
    rendered = run(*command, *version, "--show-only", "templates/workers/statefulset.yaml")
    made = next(item for item in yaml.safe_load_all(rendered) if item["kind"] == "StatefulSet")
    made["spec"]["replicas"] = 1
    fields = {"apiVersion": "apps/v1", "fieldsType": "FieldsV1", "operation": "Update", "time": "2026-11-23T00:00:00Z"}
    made["metadata"] |= {
        "namespace": NAMESPACE,
        "generation": 1,
        "creationTimestamp": "2026-11-23T00:00:00Z",
        "managedFields": [{**fields, "manager": "helm", "fieldsV1": _fields({"spec": made["spec"]})}],
    }
    made["status"] = {"replicas": 1, "readyReplicas": 1, "currentReplicas": 1, "observedGeneration": 1}
    sets = []
    for number in range(count):
        item = copy.deepcopy(made)
        item["metadata"] |= {"name": f"set{number}", "uid": f"{number:036}", "resourceVersion": "1"}
        sets.append(item)
    return sets


def _fields(value: Any) -> dict[str, Any]:
    """Who manages which fields, in the API server's way: an object of objects that names each field."""
    if isinstance(value, dict):
        return {f"f:{key}": _fields(part) for key, part in value.items()}
    if isinstance(value, list):
        named = ((json.dumps({"name": part.get("name")}), part) for part in value if isinstance(part, dict))
        return {f"k:{name}": {".": {}, **_fields(part)} for name, part in named}
    return {}


class Api(ThreadingHTTPServer):
    """The part of an API server that a scaler with nothing to change uses; anything else is an error."""

    daemon_threads = True

    def __init__(self, sets: list[dict[str, Any]], polls: Polls) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.polls = polls
        # encoded once: this program's own work is not to meet the scaler's
        self.sets = [json.dumps(item) for item in sets]
        # as the chart makes it
        self.lease: dict[str, Any] = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "queue-scaler", "namespace": NAMESPACE, "resourceVersion": "1"},
            "spec": {},
        }
        self.broken = threading.Event()
        self.refused: list[str] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The scaler's end resets its connections; anything else is told as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Api(BaseHTTPRequestHandler):
    server: Api
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """The program's own progress is enough."""

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path.endswith("/statefulsets") and "watch" in query:
            self._watch()
        elif path.endswith("/statefulsets"):
            self._list(int(query.get("continue", ["0"])[0]), int(query["limit"][0]))
        elif "/leases/" in path:
            self._answer(200, json.dumps(self.server.lease))
        else:
            self._refuse()

    def do_PUT(self) -> None:
        lease = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        lease["metadata"]["resourceVersion"] = str(int(self.server.lease["metadata"]["resourceVersion"]) + 1)
        self.server.lease = lease
        self._answer(200, json.dumps(lease))

    def do_PATCH(self) -> None:
        self._refuse()

    do_POST = do_PATCH

    def _list(self, begin: int, limit: int) -> None:
        self.server.polls.listed()
        end = begin + limit
        metadata = {"resourceVersion": "1"} | ({"continue": str(end)} if end < len(self.server.sets) else {})
        items = ",".join(self.server.sets[begin:end])
        head = f'{{"kind":"StatefulSetList","apiVersion":"apps/v1","metadata":{json.dumps(metadata)},"items":['
        self._answer(200, f"{head}{items}]}}")

    def _watch(self) -> None:
        """Tell of no change until the watch is to break, as one does whose version is too old."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        self.server.broken.wait()
        self.server.broken.clear()
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410}
        line = json.dumps({"type": "ERROR", "object": status | {"message": "too old resource version"}}) + "\n"
        with contextlib.suppress(OSError):
            self.wfile.write(f"{len(line):x}\r\n{line}\r\n0\r\n\r\n".encode())

    def _refuse(self) -> None:
        """Nothing but the lease is to be changed."""
        self.server.refused.append(f"{self.command} {self.path}")
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "message": "not found"}
        self._answer(404, json.dumps(status))

    def _answer(self, code: int, text: str) -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Relay(socketserver.ThreadingTCPServer):
    """Passes everything to Redis and back, and tells of each round trip."""

    daemon_threads = True

    def __init__(self, host: str, port: int, polls: Polls) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.target = (host, port)
        self.polls = polls


class _Relay(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        # who ends first resets the other's connection
        with socket.create_connection(self.server.target) as target, contextlib.suppress(ConnectionError):
            self._relay(target)

    def _relay(self, target: socket.socket) -> None:
        asked = False
        with selectors.DefaultSelector() as selector:
            for side in (self.request, target):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(side, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    source = key.fileobj
                    if not (words := source.recv(1 << 20)):
                        return
                    if source is self.request and not asked:
                        self.server.polls.asked(words)
                    # a long request comes in parts and is one round trip
                    asked = source is self.request
                    (target if asked else self.request).sendall(words)


@contextlib.contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[int]:
    """The port of a server while it serves from a thread of its own."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def _renewed(server: redis.Redis, queues: list[str]) -> Iterator[None]:
    """The tasks in flight renewed for the time of the block, as by their workers."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(RENEW_SECONDS):
            with server.pipeline(transaction=False) as pipe:
                for name in queues:
                    pipe.zadd(f"unacked_index:{name}", {"tag": time.time()}, xx=True)
                pipe.execute()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def _scaler(folder: Path, api: int, relayed: str, queues: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The scaler's process, once a second at the queues; shows its log when the block fails."""
    entries = {
        name: {"statefulSet": f"set{number}", "concurrency": 2, "maxReplicaCount": 4}
        for number, name in enumerate(queues)
    }
    (folder / "config.yaml").write_text(yaml.safe_dump({"pollingInterval": 1, "queues": entries}))
    view = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": {"server": f"http://127.0.0.1:{api}"}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench", "namespace": NAMESPACE}}],
        "users": [{"name": "bench", "user": {"token": "none"}}],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(view))
    environment = os.environ | {"KUBECONFIG": str(folder / "kubeconfig"), "REDIS_URL": relayed, "POD_NAME": "bench"}
    command = [sys.executable, "-m", "queue_scaler", "--config", folder / "config.yaml", "--port", "0"]
    log = folder / "log"
    with log.open("w") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:
        try:
            yield process
        except BaseException:
            print(f"--- the scaler's last lines:\n{log.read_text()[-3000:]}", file=sys.stderr)
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def measure(url: str, count: int, polls_measured: int) -> dict[str, Any]:
    """The cost of a poll over `count` queues: CPU milliseconds (mean and max), Redis round trips (median, mean and
    max), CPU milliseconds of one list of all StatefulSets, and the process's peak of memory in MiB.

    Takes about ten seconds more than there are polls, which are a second apart. Raises RuntimeError when the scaler
    asked for something that it should not need.
    """
    queues = [f"queue{number}" for number in range(count)]
    running = queues[::2]
    parts = urlsplit(url)
    polls = Polls(count)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(redis.Redis.from_url(url))
        server.flushall()
        with server.pipeline() as pipe:
            for name in queues:
                pipe.lpush(name, TASK)
            for name in running:
                pipe.hset(f"unacked:{name}", "tag", TASK)
                pipe.zadd(f"unacked_index:{name}", {"tag": time.time()})
            pipe.execute()
        stack.enter_context(_renewed(server, running))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        api = Api(chart_stateful_sets(count), polls)
        port = stack.enter_context(_serving(api))
        # a watch that still waits ends with the block
        stack.callback(api.broken.set)
        relay = stack.enter_context(_serving(Relay(parts.hostname, parts.port, polls)))
        relayed = parts._replace(netloc=f":{parts.password}@127.0.0.1:{relay}").geturl()
        process = stack.enter_context(_scaler(folder, port, relayed, queues))
        polls.pid = process.pid

        def await_polls(what: str, seen: Callable[[], bool]) -> None:
            def probe() -> bool:
                if process.poll() is not None:
                    raise RuntimeError(f"the scaler ended with {process.returncode}")
                return seen()

            until(f"{what} over {count} queues", probe, seconds=3 * polls_measured + 60, every=0.2)

        await_polls("polls", lambda: len(polls.polls) > WARM_POLLS + polls_measured)
        before = len(polls.polls)
        api.broken.set()
        # what is listed last is still read during the poll after it
        await_polls("a list", lambda: any(poll.listed for poll in polls.polls[before:-2]))
        memory = peak_mib(process.pid)
        if api.refused:
            raise RuntimeError(f"the scaler asked for more than it should need: {', '.join(api.refused[:5])}")
    found = polls.polls[WARM_POLLS:]
    spent = [1000 * (after.cpu - poll.cpu) for poll, after in itertools.pairwise(found)]
    during = {number + after for number, poll in enumerate(found[:-2]) if poll.listed for after in (0, 1)}
    plain = [cpu for number, cpu in enumerate(spent) if number not in during]
    usual = statistics.median(plain)
    trips = [poll.round_trips for poll in found[:-1]]
    return {
        "polls": len(plain),
        "cpu_ms": statistics.mean(plain),
        "cpu_ms_max": max(plain),
        "cpu_ms_each": [round(cpu, 1) for cpu in spent],
        "list_cpu_ms": sum(spent[number] - usual for number in during),
        "round_trips": statistics.median(trips),
        "round_trips_mean": statistics.mean(trips),
        "round_trips_max": max(trips),
        "peak_mib": memory,
    }
