import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml
from stand_in import NAMESPACE, api_server, kubeconfig

GOOD = "queues: {harbor: {statefulSet: a}}"


@pytest.fixture
def environment(tmp_path, unused_port):
    """Redis and API server where nothing listens."""
    return environ(tmp_path, f"https://127.0.0.1:{unused_port}", f"redis://:secret-77@127.0.0.1:{unused_port}/0")


def environ(folder, api, broker):
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig(api)))
    return os.environ | {"KUBECONFIG": str(file), "REDIS_URL": broker, "POD_NAMESPACE": NAMESPACE}


def command(config, *flags):
    return [sys.executable, "-m", "queue_scaler", "--config", str(config), *flags]


def test_what_cannot_be_used_is_said_in_one_line(tmp_path, environment):
    config = tmp_path / "config.yaml"
    config.write_text("queues: {harbor: {statefulSets: a}}")
    ran = subprocess.run(command(config), env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert f"error: {config}: queues.harbor: " in ran.stderr
    config.write_text(GOOD)
    del environment["REDIS_URL"]
    ran = subprocess.run(command(config), env=environment, capture_output=True, text=True)
    assert ran.stderr == "error: REDIS_URL is not set: give the URL of Celery's broker\n"
    environment["REDIS_URL"] = "redis://:pass/word@redis:6379/0"
    ran = subprocess.run(command(config), env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "REDIS_URL is not like redis://" in ran.stderr
    assert "pass/" not in ran.stderr


def test_once_without_api_server_fails_in_one_line(tmp_path, environment):
    config = tmp_path / "config.yaml"
    config.write_text(GOOD)
    ran = subprocess.run(command(config, "--once"), env=environment, capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: cannot list StatefulSets: ")
    assert ran.stderr.count("\n") == 1


class LoginPage(BaseHTTPRequestHandler):
    """What a proxy in between may answer."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>please log in</html>")

    def log_message(self, format, *args):
        pass


def test_what_is_no_api_server_fails_in_one_line(tmp_path, environment):
    config = tmp_path / "config.yaml"
    config.write_text(GOOD)
    with HTTPServer(("127.0.0.1", 0), LoginPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = environ(tmp_path, f"http://127.0.0.1:{server.server_port}", environment["REDIS_URL"])
        ran = subprocess.run(command(config, "--once"), env=environment, capture_output=True, text=True)
        server.shutdown()
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: cannot list StatefulSets: ")
    assert ran.stderr.count("\n") == 1


def test_blind_it_stays_alive_is_not_ready_and_stops_when_told(tmp_path, environment):
    config = tmp_path / "config.yaml"
    config.write_text(GOOD)
    with subprocess.Popen(
        command(config, "--port", "0"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as scaler:
        try:
            lines = []
            while sum(word in line for line in lines for word in ("redis: ", "api: ")) < 2:
                lines.append(scaler.stdout.readline())
                assert lines[-1], "".join(lines)
            port = next(line.split()[-1] for line in lines if "status on port" in line)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz")
            assert refused.value.read() == b"redis does not answer; api does not answer\n"
            assert urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").status == 200
        finally:
            scaler.send_signal(signal.SIGTERM)
        rest = scaler.stdout.read()
    said = "".join(lines) + rest
    assert scaler.returncode == 0
    assert "replicas are held" in said
    assert "secret-77" not in said
    assert "Traceback" not in said


@pytest.fixture
def server():
    """An API server with the worker sets a and b, of which b has two workers, and the chart's Lease."""
    with api_server() as server:
        server.add_set("a")
        server.add_set("b", replicas=2)
        server.add_lease("queue-scaler")
        yield server


@pytest.fixture
def config(tmp_path):
    """Two queues that are looked at each ten minutes."""
    file = tmp_path / "config.yaml"
    at_once = {"cooldownPeriod": 0, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
    queues = {"dure": {"statefulSet": "b", **at_once}, "harbor": {"statefulSet": "a"}}
    file.write_text(yaml.safe_dump({"pollingInterval": 600, "queues": queues}))
    return file


HARBOR = 'queue=harbor queued=3 in_flight=0 current=0 wanted=3 why="backlog needs 3"'
DURE = 'queue=dure queued=0 in_flight=0 current=2 wanted=1 why="backlog needs 1"'


@pytest.mark.parametrize(
    ("more", "changes", "replicas"), [((), ["PATCH a", "PATCH b"], (3, 1)), (("--dry-run",), [], (0, 2))]
)
def test_once_decides_once_never_to_zero_and_without_a_lease(
    tmp_path, server, broker, redis_url, config, more, changes, replicas
):
    broker.lpush("harbor", *"123")
    environment = environ(tmp_path, server.address, redis_url)
    ran = subprocess.run(command(config, "--once", *more), env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert [line for line in ran.stdout.splitlines() if line.startswith("queue=")] == [DURE, HARBOR]
    assert sorted(server.changes) == changes
    assert (server.replicas("a"), server.replicas("b")) == replicas


def test_once_fails_where_a_queue_cannot_be_decided(tmp_path, server, broker, redis_url, config):
    broker.set("dure", "text")
    environment = environ(tmp_path, server.address, redis_url)
    ran = subprocess.run(command(config, "--once"), env=environment, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "queue=dure queued=unknown" in ran.stdout


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@contextlib.contextmanager
def running(folder, server, redis_url, config, *flags, name="scaler"):
    """A scaler's process and what it says so far; in the end it has stopped well, if it was not killed."""
    environment = environ(folder, server.address, redis_url) | {"POD_NAME": name}
    log = folder / f"{name}.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            command(config, "--port", "0", *flags), env=environment, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield process, log.read_text
        finally:
            process.terminate()
    assert process.returncode in (0, -signal.SIGKILL), log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_dry_run_tells_what_it_would_do_beside_a_scaler_that_acts(tmp_path, server, broker, redis_url, config):
    broker.lpush("harbor", *"123")
    with running(tmp_path, server, redis_url, config, "--dry-run", name="dry") as (_, said):
        until(lambda: f"queue=harbor dry-run: {HARBOR}" in said())
        assert server.changes == []
        with running(tmp_path, server, redis_url, config) as (_, _):
            until(lambda: server.replicas("a") == 3)
        assert "lease" not in said()


def polls(said):
    """How often it has looked at Redis."""
    port = said().split("status on port ")[1].split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        text = response.read().decode()
    return next(line for line in text.splitlines() if line.startswith("queue_scaler_poll_seconds_count"))


def test_a_push_scales_long_before_the_next_poll(tmp_path, server, broker, redis_url, config):
    def quiet():
        before = polls(said)
        time.sleep(0.5)
        return polls(said) == before

    with running(tmp_path, server, redis_url, config) as (_, said):
        until(lambda: broker.pubsub_channels("__keyspace@0__:harbor"))
        until(quiet)
        broker.lpush("harbor", *"123")
        until(lambda: server.replicas("a") == 3, seconds=10)


@contextlib.contextmanager
def leader_and_follower(folder, server, redis_url, config):
    """The processes of two scalers, of which the first has the lease, and what the second says."""
    with running(folder, server, redis_url, config, name="first") as (first, _):
        until(lambda: server.holder("queue-scaler") == "first")
        with running(folder, server, redis_url, config, name="second") as (_, said):
            until(lambda: "are known" in said())
            yield first, said


def test_a_follower_takes_over_when_the_leader_stops(tmp_path, server, broker, redis_url, config):
    """Well before the lease would run out, as it is handed back."""
    with leader_and_follower(tmp_path, server, redis_url, config) as (first, said):
        first.terminate()
        until(lambda: server.holder("queue-scaler") == "second", seconds=8)
        broker.lpush("harbor", *"123")
        until(lambda: server.replicas("a") == 3)
        until(lambda: HARBOR in said())


@pytest.mark.slow
def test_a_follower_takes_over_when_the_leader_dies(tmp_path, server, broker, redis_url, config):
    with leader_and_follower(tmp_path, server, redis_url, config) as (first, said):
        first.kill()
        until(lambda: "leader: second holds lease" in said(), seconds=25)
        broker.lpush("harbor", *"123")
        until(lambda: server.replicas("a") == 3)
