"""One Helm release on the cluster as its user meets it: helm, kubectl, the Airflow API, the rows in MySQL.

The demo and the cluster tests share these edges, so that both see exactly what a user would see and neither reaches
into the code that it judges.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import pymysql
import requests
import tenacity
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "charts" / "newscrawl-airflow"

# the states in which a DAG run stays
ENDED = ("success", "failed")

T = TypeVar("T")


class CommandFailed(Exception):
    """A helm or kubectl command that failed or did not end; the message holds the command and what it printed."""


def until(what: str, probe: Callable[[], T], *, seconds: float, every: float = 0.5) -> T:
    """Call `probe` every `every` seconds until its answer is true, and return that answer.

    A probe that cannot connect or whose command fails counts as 'not yet'. Raises TimeoutError with `what` and the
    last answer after `seconds`.
    """
    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_fixed(every),
        retry=tenacity.retry_if_result(lambda answer: not answer)
        | tenacity.retry_if_exception_type((requests.RequestException, pymysql.err.OperationalError, CommandFailed)),
    )
    try:
        return attempts(probe)
    except tenacity.RetryError as error:
        last = error.last_attempt
        answer = last.exception() if last.failed else last.result()
        raise TimeoutError(f"{what}: not within {seconds:g} s; last answer: {answer!r}") from None


def throughout(what: str, probe: Callable[[], object], *, seconds: float, every: float = 0.5) -> None:
    """Call `probe` every `every` seconds for `seconds`; fails with `what` where its answer is not true."""
    ended = time.monotonic() + seconds
    while (left := ended - time.monotonic()) > 0:
        answer = probe()
        assert answer, f"{what}: no longer so {seconds - left:.1f} s after it was; answer: {answer!r}"
        time.sleep(min(every, left))


@dataclass(frozen=True)
class QueueReading:
    """What the scaler says of one queue at one moment; counts of tasks and of pods."""

    queued: int
    in_flight: int
    replicas: int

    @property
    def backlog(self) -> int:
        """Tasks that are not done: queued plus in flight."""
        return self.queued + self.in_flight


def _readings(metrics: str) -> dict[str, QueueReading]:
    """The queues that the scaler's metrics tell of in full."""
    readings: dict[str, dict[str, int]] = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            field_name = sample.name.removeprefix("queue_scaler_")
            if field_name in QueueReading.__dataclass_fields__ and "queue" in sample.labels:
                readings.setdefault(sample.labels["queue"], {})[field_name] = int(sample.value)
    return {queue: QueueReading(**reading) for queue, reading in readings.items() if len(reading) == 3}


@dataclass(frozen=True)
class Installation:
    """A release in a namespace; `environment` holds KUBECONFIG and PATH of the cluster's tools."""

    environment: Mapping[str, str]
    namespace: str = "newscrawl"
    release: str = "newscrawl"

    # --- commands

    def run(self, *command: str, stdin: str | None = None, seconds: float = 300) -> str:
        """Run a command in the cluster's environment and return its standard output. Raises CommandFailed."""
        environment = dict(self.environment)
        try:
            done = subprocess.run(
                command, env=environment, input=stdin, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"{' '.join(command)}: no end after {seconds:g} s") from None
        if done.returncode:
            raise CommandFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def kubectl(self, *arguments: str, stdin: str | None = None, seconds: float = 300) -> str:
        """kubectl in the release's namespace."""
        return self.run("kubectl", "-n", self.namespace, *arguments, stdin=stdin, seconds=seconds)

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get ... -o json`, parsed."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def helm(self, *arguments: str, seconds: float = 600) -> str:
        """helm in the release's namespace."""
        return self.run("helm", "-n", self.namespace, *arguments, seconds=seconds)

    def install(self, *values: str, command: str = "install", wait: str = "5m") -> str:
        """`helm install` (or `upgrade`) of this checkout's chart, back when ready; `values` are helm's options."""
        ready = ("--wait", "--timeout", wait)
        return self.helm(command, self.release, str(CHART), "--create-namespace", *ready, *values)

    def uninstall(self) -> None:
        """Remove the release, if there is one, and wait for its pods to end. Volumes and kept Secrets stay."""
        self.helm("uninstall", self.release, "--ignore-not-found", "--wait")
        # pods of hooks outlive the release, as Helm documents
        selector = f"app.kubernetes.io/instance={self.release},app.kubernetes.io/component notin (test,resize)"
        until("pods of the release are gone", lambda: not self.get("pods", "-l", selector)["items"], seconds=180)

    def remove(self, *, wait: bool = True) -> None:
        """Remove the release with its namespace, its volumes and its Secrets; with `wait` until all is gone."""
        self.helm("uninstall", self.release, "--ignore-not-found")
        # a namespace waits for half of its pods' longest grace, of ten minutes here, though they have ended long before
        self.kubectl("delete", "pods", "--all", "--grace-period=0", "--force")
        gone = ("--ignore-not-found", f"--wait={str(wait).lower()}")
        self.run("kubectl", "delete", "namespace", self.namespace, *gone, seconds=300)

    # --- what it holds

    def secret(self, name: str, key: str) -> str:
        """One decoded value of a Secret of the release."""
        return base64.b64decode(self.get("secret", name)["data"][key]).decode()

    @contextlib.contextmanager
    def forward(self, target: str, port: int) -> Iterator[int]:
        """Forward a free local port to `target` (such as `svc/newscrawl-mysql`) and yield its number."""
        process = subprocess.Popen(
            ["kubectl", "-n", self.namespace, "port-forward", "--address", "127.0.0.1", target, f":{port}"],
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            line = process.stdout.readline()
            match = re.search(r"127\.0\.0\.1:(\d+)", line)
            if not match:
                raise CommandFailed(f"port-forward {target} {port}: {line}{process.stderr.read()}")
            yield int(match[1])
        finally:
            process.terminate()
            process.communicate()

    @contextlib.contextmanager
    def mysql(self, url_key: str = "articles-url", database: str | None = None) -> Iterator[pymysql.Connection]:
        """A connection to the release's MySQL as the user of `url_key` of its Secret of URLs."""
        url = urlsplit(self.secret(f"{self.release}-urls", url_key))
        with (
            self.forward(f"svc/{self.release}-mysql", 3306) as port,
            contextlib.closing(
                pymysql.connect(
                    host="127.0.0.1",
                    port=port,
                    user=unquote(url.username or ""),
                    password=unquote(url.password or ""),
                    database=database or url.path.lstrip("/").split("?")[0],
                    charset="utf8mb4",
                    autocommit=True,
                    cursorclass=pymysql.cursors.DictCursor,
                )
            ) as connection,
        ):
            yield connection

    def rows(
        self, sql: str, *parameters: object, url_key: str = "articles-url", database: str | None = None
    ) -> list[dict[str, Any]]:
        """The rows of one statement as dictionaries."""
        with self.mysql(url_key, database) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())

    @contextlib.contextmanager
    def airflow(self) -> Iterator[AirflowApi]:
        """The Airflow API with the admin's token; without MySQL it knows no user, and is asked again for a minute."""
        password = self.secret(f"{self.release}-airflow", "admin-password")
        with self.forward(f"svc/{self.release}-api-server", 8080) as port:
            base = f"http://127.0.0.1:{port}"
            yield until("the admin is let in", lambda: AirflowApi.login(base, "admin", password), seconds=60, every=2)

    def queues(self) -> dict[str, QueueReading]:
        """What the scaler's metrics say of each queue now."""
        return _readings(self._scaler_metrics())

    def put_back(self) -> int:
        """How many tasks of all queues the scaler has put back, as their worker was gone."""
        families = text_string_to_metric_families(self._scaler_metrics())
        samples = (sample for family in families for sample in family.samples)
        return sum(int(one.value) for one in samples if one.name == "queue_scaler_orphans_put_back_total")

    def _scaler_metrics(self) -> str:
        path = f"/api/v1/namespaces/{self.namespace}/services/{self.release}-queue-scaler:metrics/proxy/metrics"
        return self.run("kubectl", "get", "--raw", path)

    @contextlib.contextmanager
    def watched_queues(self) -> Iterator[Callable[[], dict[str, QueueReading]]]:
        """A function that does the same without a process for each reading; it raises requests.RequestException."""
        with self.forward(f"svc/{self.release}-queue-scaler", 8080) as port, requests.Session() as session:
            yield lambda: _readings(session.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text)

    def memory(self) -> dict[str, int]:
        """Working set in bytes of each pod of the namespace, from the kubelet."""
        sizes = {}
        for node in json.loads(self.run("kubectl", "get", "nodes", "-o", "json"))["items"]:
            path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
            for pod in json.loads(self.run("kubectl", "get", "--raw", path))["pods"]:
                if pod["podRef"]["namespace"] == self.namespace and "memory" in pod:
                    sizes[pod["podRef"]["name"]] = pod["memory"].get("workingSetBytes", 0)
        return sizes

    def diagnosis(self) -> str:
        """What is needed to understand a failure: pods, events and the last lines of each container's log."""
        parts = [
            self._said("get", "pods,statefulsets,jobs,pvc", "-o", "wide"),
            self._said("get", "events", "--sort-by=.lastTimestamp"),
        ]
        for pod in json.loads(self._said("get", "pods", "-o", "json") or '{"items": []}')["items"]:
            name = pod["metadata"]["name"]
            parts.append(f"--- {name}\n" + self._said("logs", name, "--all-containers", "--prefix", "--tail=25"))
        return "\n\n".join(parts)

    def _said(self, *arguments: str) -> str:
        try:
            return self.kubectl(*arguments)
        except CommandFailed as error:
            return "" if "-o" in arguments and "json" in arguments else str(error)


@dataclass(frozen=True)
class AirflowApi:
    """Airflow's public REST API, in the few calls that we need. HTTP errors raise requests.HTTPError."""

    base: str
    session: requests.Session = field(repr=False)

    @classmethod
    def login(cls, base: str, username: str, password: str) -> AirflowApi:
        """Get a token with the user's password, as the API's documentation says."""
        session = requests.Session()
        answer = session.post(f"{base}/auth/token", json={"username": username, "password": password}, timeout=30)
        answer.raise_for_status()
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return cls(base, session)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """One call below /api/v2, its JSON answer parsed."""
        answer = self.session.request(method, f"{self.base}/api/v2/{path}", timeout=30, **options)
        if answer.status_code >= 400:
            raise requests.HTTPError(f"{method} {path}: {answer.status_code} {answer.text[:500]}", response=answer)
        return answer.json() if answer.content else None

    def dags(self) -> list[str]:
        """The ids of all DAGs that the DAG processor has seen."""
        answer = self.call("GET", "dags", params={"limit": 1000, "exclude_stale": "true"})
        return [dag["dag_id"] for dag in answer["dags"]]

    def import_errors(self) -> list[dict[str, Any]]:
        """The import errors that the UI shows."""
        return self.call("GET", "importErrors", params={"limit": 100})["import_errors"]

    def unpause(self, dag: str) -> None:
        """Let the scheduler run a DAG."""
        self.call("PATCH", f"dags/{dag}", json={"is_paused": False})

    def fail(self, dag: str, run: str) -> None:
        """End a run and its tasks as failed, as a user does who waits no longer."""
        self.call("PATCH", f"dags/{dag}/dagRuns/{run}", json={"state": "failed"})

    def trigger(self, dag: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run now and return its id; the DAG is unpaused first."""
        self.unpause(dag)
        body = {"logical_date": None, "conf": dict(conf or {})}
        return self.call("POST", f"dags/{dag}/dagRuns", json=body)["dag_run_id"]

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """The runs of a DAG."""
        return self.call("GET", f"dags/{dag}/dagRuns", params={"limit": 100})["dag_runs"]

    def state(self, dag: str, run: str) -> str:
        """The state of a run: queued, running, success or failed."""
        return self.call("GET", f"dags/{dag}/dagRuns/{run}")["state"]

    def ended(self, dag: str, run: str, *, seconds: float) -> str:
        """Wait until a run has ended and return its state, success or failed. Raises TimeoutError."""
        until(f"run {run} of {dag} has ended", lambda: self.state(dag, run) in ENDED, seconds=seconds, every=2)
        return self.state(dag, run)

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """The task instances of a run, each mapped one on its own."""
        return self.call("GET", f"dags/{dag}/dagRuns/{run}/taskInstances", params={"limit": 1000})["task_instances"]

    def log(self, task: Mapping[str, Any]) -> str:
        """The text of a task's last try, as the UI shows it."""
        instance = f"dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
        answer = self.call("GET", f"{instance}/logs/{task['try_number']}", params={"map_index": task["map_index"]})
        return "\n".join(_log_line(line) for line in answer["content"])


def _log_line(line: Any) -> str:
    """One line of a log as the UI shows it: what happened, and the exceptions that it tells of."""
    if not isinstance(line, dict):
        return str(line)
    told = [f"{one['exc_type']}: {one['exc_value']}" for one in line.get("error_detail") or ()]
    return "\n".join([str(line.get("event", line)), *told])
