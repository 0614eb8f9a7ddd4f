"""What the scaler shows of itself: Prometheus metrics, and health that means something.

Alive: the loop turns. Ready: Redis and the API server have both answered lately, so that a decision would be one of
knowledge, and some scaler can hold the lease.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app

READY_SECONDS = 20.0
# a namespace in which nothing changes is listed anew each minute
API_SECONDS = 80.0
ALIVE_SECONDS = 60.0


@dataclass
class Status:
    """When each party was last heard of, in seconds of time.monotonic()."""

    polling_interval: float = 1.0
    started: float = field(default_factory=time.monotonic)
    seen: dict[str, float] = field(default_factory=dict)
    no_leader: str = ""  # why nobody can lead, in words

    def saw(self, party: str) -> None:
        """Note that `party` (redis, api, loop) answered now."""
        self.seen[party] = time.monotonic()

    def lost(self, party: str) -> None:
        """Note that `party` failed to answer now."""
        self.seen.pop(party, None)

    def missing(self, now: float) -> list[str]:
        """In words, which of Redis and the API server have not answered lately and why nobody leads; empty: ready."""
        limits = {"redis": READY_SECONDS + 2 * self.polling_interval, "api": API_SECONDS}
        silent = {party: now - self.seen.get(party, float("-inf")) for party in limits}
        late = [
            f"{party} has not answered for {seconds:.0f} s" if seconds < float("inf") else f"{party} does not answer"
            for party, seconds in silent.items()
            if seconds > limits[party]
        ]
        return [*late, f"lease: {self.no_leader}"] if self.no_leader else late

    def lead(self, problem: str) -> None:
        """Note why nobody can lead; "" where somebody can."""
        self.no_leader = problem

    def alive(self, now: float) -> bool:
        """Whether the loop has turned lately."""
        return now - self.seen.get("loop", self.started) < ALIVE_SECONDS + 2 * self.polling_interval


class Metrics:
    """The Prometheus metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def gauge(name: str, text: str, labels: Iterable[str] = ("queue",)) -> Gauge:
            return Gauge(f"queue_scaler_{name}", text, labels, registry=self.registry)

        self.queued = gauge("queued", "Tasks waiting in the queue's list")
        self.in_flight = gauge("in_flight", "Tasks held by workers")
        self.orphans = gauge("orphans", "Tasks in flight whose worker is gone and that could not be put back")
        self.task_seconds = gauge("task_seconds", "Running mean of a task's duration, where targetSeconds asks for it")
        self.unserved = gauge("unserved", "Tasks waiting in a list that no worker set serves")
        self.replicas = gauge("replicas", "Replicas of the worker StatefulSet")
        self.ready = gauge("ready_replicas", "Ready replicas of the worker StatefulSet")
        self.wanted = gauge("wanted_replicas", "Replicas decided at the last poll")
        self.held = gauge(
            "held", "1 while Redis, the queue's keys or its StatefulSet are unknown and nothing is lowered"
        )
        self.paused = gauge("paused", "1 while an annotation holds the queue's replicas")
        self.leader = gauge("leader", "1 while this process holds the lease", ())
        self.config_valid = gauge(
            "config_valid", "0 while a bad configuration is refused and the last good one used", ()
        )
        self.scalings = Counter(
            "queue_scaler_scalings", "Changes of replicas made", ("queue", "direction"), registry=self.registry
        )
        self.put_back = Counter(
            "queue_scaler_orphans_put_back",
            "Tasks put back on their queue because their worker is gone",
            ("queue",),
            registry=self.registry,
        )
        self.dropped = Counter(
            "queue_scaler_orphans_dropped",
            "Messages that came again and that Airflow refused to start",
            ("queue",),
            registry=self.registry,
        )
        self.failures = Counter(
            "queue_scaler_failures", "Readings and changes that failed", ("party",), registry=self.registry
        )
        self.poll_seconds = Histogram(
            "queue_scaler_poll_seconds", "Time of one poll over all queues", registry=self.registry,
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
        )  # fmt: skip

    def forget(self, queue: str) -> None:
        """Drop the series of a queue that is no longer configured."""
        backlog = (self.queued, self.in_flight, self.orphans, self.task_seconds)
        for metric in (*backlog, self.replicas, self.ready, self.wanted, self.held, self.paused):
            # one that was never set is no error
            metric.remove(queue)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Probes and scrapes are not worth a line each."""


def serve(status: Status, metrics: Metrics, port: int) -> int:
    """Serve /metrics, /healthz and /readyz from a thread of their own; returns the port (0 asks for a free one)."""
    metrics_app = make_wsgi_app(metrics.registry)

    def application(environ: dict, start_response: Callable) -> Iterable[bytes]:
        now = time.monotonic()
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics_app(environ, start_response)
            case "/healthz":
                problems = [] if status.alive(now) else ["the loop has not turned lately"]
            case "/readyz":
                problems = status.missing(now)
            case path:
                start_response("404 Not Found", [("Content-Type", "text/plain")])
                return [f"{path}: there are /metrics, /healthz and /readyz\n".encode()]
        start_response("503 Service Unavailable" if problems else "200 OK", [("Content-Type", "text/plain")])
        return [("; ".join(problems) or "ok").encode() + b"\n"]

    server = make_server("", port, application, server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="status", daemon=True).start()
    return server.server_port
