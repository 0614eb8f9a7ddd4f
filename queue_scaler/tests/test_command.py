import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml

GOOD = "queues: {harbor: {statefulSet: a}}"


@pytest.fixture
def environment(tmp_path, unused_port):
    """Redis and API server where nothing listens."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(f"""
        clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:{unused_port}"}}}}]
        users: [{{name: u, user: {{token: t}}}}]
        contexts: [{{name: c, context: {{cluster: c, user: u, namespace: n}}}}]
        current-context: c
    """)
    return os.environ | {"KUBECONFIG": str(kubeconfig), "REDIS_URL": f"redis://:secret-77@127.0.0.1:{unused_port}/0"}


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
    config, kubeconfig = tmp_path / "config.yaml", tmp_path / "kubeconfig"
    config.write_text(GOOD)
    with HTTPServer(("127.0.0.1", 0), LoginPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        view = yaml.safe_load(kubeconfig.read_text())
        view["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{server.server_port}"
        kubeconfig.write_text(yaml.safe_dump(view))
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
