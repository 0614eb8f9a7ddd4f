"""The loss test's parts: an installation whose DAG notes each try, and what may happen to its workers meanwhile.

Disturbances are drawn with a seed, so that a run can be repeated as far as a cluster repeats itself.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import demo
import redis
from installation import ENDED, ROOT, CommandFailed, Installation, until

FILES = ROOT / "k8s-tests"
VALUES = FILES / "values-loss.yaml"
QUEUES = ("left", "right")
TABLE = """
CREATE TABLE IF NOT EXISTS loss (
    run VARCHAR(190) NOT NULL, number INT NOT NULL, try INT NOT NULL, ended INT NOT NULL DEFAULT 0,
    begun DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (run, number, try)
)
"""
# the worker's main process, which the worker's own state file names; whatever it runs dies with its container
KILL = "import json, os; os.kill(json.load(open('/tmp/newscrawl-worker.json'))['pid'], 9)"
MOST_WORKERS = 3
NOT_DONE = "not done"


@dataclass(frozen=True)
class Outcome:
    """What became of the tasks of a run: its state, each try of each number, and what Redis still held at the end."""

    state: str
    tries: dict[int, list[tuple[int, int]]]
    instances: list[dict[str, Any]]
    left_in_redis: dict[str, int]
    disturbances: list[str]

    @property
    def retried(self) -> list[int]:
        """Numbers of the tasks that needed more than one try."""
        return [number for number, tries in self.tries.items() if len(tries) > 1]

    def of(self, queue: str) -> Outcome:
        """The part of one queue; the tasks are dealt to the queues in turn."""
        share = QUEUES.index(queue)
        return replace(
            self,
            tries={number: tries for number, tries in self.tries.items() if number % len(QUEUES) == share},
            instances=[one for one in self.instances if one["task_id"].endswith(f"_{queue}")],
            left_in_redis={key: count for key, count in self.left_in_redis.items() if key.endswith(queue)},
        )


def values(tags: Mapping[str, str]) -> list[str]:
    """helm's options for an installation with the queues and the DAG of the test alone."""
    return ["-f", str(VALUES), *demo.image_values(tags)]


def provide(installation: Installation) -> None:
    """What a release with these values mounts and writes to: the DAG, as a ConfigMap, and its table."""
    manifest = installation.kubectl(
        "create", "configmap", "loss", f"--from-file=loss.py={FILES / 'loss_dag.py'}", "--dry-run=client", "-o", "yaml"
    )
    installation.kubectl("apply", "-f", "-", stdin=manifest)
    with installation.mysql() as connection, connection.cursor() as cursor:
        cursor.execute(TABLE)


def prepare(installation: Installation, tags: Mapping[str, str], *more: str) -> None:
    """Upgrade the release to the test's queues."""
    provide(installation)
    installation.install(*values(tags), *more, command="upgrade")


def start(installation: Installation, seconds: Sequence[float]) -> str:
    """Start a run with a task for each of the durations, on the queues in turn; its id."""
    numbered = [[number, length] for number, length in enumerate(seconds)]
    with installation.airflow() as airflow:
        until("the DAG is known", lambda: "loss" in airflow.dags(), seconds=180, every=2)
        return airflow.trigger("loss", {"plan": json.dumps(numbered)})


def state(installation: Installation, run: str) -> str:
    """The state of a run; empty while the API cannot be asked."""
    with contextlib.suppress(CommandFailed, OSError), installation.airflow() as airflow:
        return airflow.state("loss", run)
    return ""


def in_redis(installation: Installation) -> dict[str, int]:
    """Queued and in-flight tasks of the queues, as the broker has them."""
    password = installation.secret(f"{installation.release}-redis", "password")
    with (
        installation.forward(f"svc/{installation.release}-redis", 6379) as port,
        redis.Redis(port=port, password=password) as broker,
    ):
        lengths = {name: broker.llen(name) for name in QUEUES}
        return lengths | {f"unacked:{name}": broker.hlen(f"unacked:{name}") for name in QUEUES}


def worker_pods(installation: Installation, queues: Sequence[str] = QUEUES) -> list[str]:
    """The names of the queues' pods that are not ending."""
    pods = installation.get("pods", "-l", "app.kubernetes.io/component=worker")["items"]
    named = [pod for pod in pods if any(f"-worker-{name}-" in pod["metadata"]["name"] for name in queues)]
    return [pod["metadata"]["name"] for pod in named if "deletionTimestamp" not in pod["metadata"]]


@dataclass(frozen=True)
class Disturber:
    """What an operator, an upgrade or a bad day does to the workers, one thing at a time; each says what it did."""

    installation: Installation
    chance: random.Random
    queues: tuple[str, ...] = QUEUES

    def gently(self) -> str:
        """Scale a set by hand, or delete a pod: what must cost no task a try."""
        if self.chance.random() < 0.5:
            name, count = self.chance.choice(self.queues), self.chance.randint(0, MOST_WORKERS)
            workers = f"statefulset/{self.installation.release}-worker-{name}"
            return self._do(f"scale {name} to {count}", "scale", workers, f"--replicas={count}")
        if pods := worker_pods(self.installation, self.queues):
            pod = self.chance.choice(pods)
            return self._do(f"delete {pod}", "delete", "pod", pod, "--wait=false", "--ignore-not-found")
        return "nothing, as there is no worker"

    def kill(self) -> str:
        """SIGKILL for the main process of a worker that is ready."""
        pods = worker_pods(self.installation, self.queues)
        for pod in self.chance.sample(pods, len(pods)):
            done = self._do(f"kill -9 in {pod}", "exec", pod, "--", "python", "-c", KILL)
            if NOT_DONE not in done:
                return done
        return "nothing, as no worker is ready"

    def restart_redis(self) -> str:
        """Delete Redis' pod, which comes back with its data."""
        return self._do("restart redis", "delete", "pod", f"{self.installation.release}-redis-0")

    def _do(self, what: str, *command: str) -> str:
        try:
            self.installation.kubectl(*command)
        except CommandFailed as error:
            # a pod that has just ended, or has no state file yet
            return f"{what}: {NOT_DONE} ({str(error).splitlines()[-1]})"
        return what


def disturbed_run(
    installation: Installation,
    seconds: Sequence[float],
    steps: Sequence[Callable[[], str]],
    *,
    pause: float,
    bound: float,
) -> Outcome:
    """A run of tasks while `steps` happen, `pause` seconds apart on average, as long as it runs and no longer.

    Raises TimeoutError when the run or the queues have not come to their end `bound` seconds after the last step.
    """
    run = start(installation, seconds)
    until("tasks run", lambda: any(in_redis(installation).values()), seconds=120)
    done: list[str] = []
    for step in steps:
        if state(installation, run) in ENDED:
            break
        done.append(step())
        print(f"    {done[-1]}", flush=True)
        time.sleep(pause)
    print(f"    {len(done)} disturbances; waiting for the end", flush=True)
    until("the run has ended", lambda: state(installation, run) in ENDED, seconds=bound, every=5)
    with contextlib.suppress(TimeoutError):
        until("nothing is left in Redis", lambda: not any(in_redis(installation).values()), seconds=90, every=2)
    tries: dict[int, list[tuple[int, int]]] = {}
    for row in installation.rows("SELECT number, try, ended FROM loss WHERE run = %s ORDER BY number, try", run):
        tries.setdefault(row["number"], []).append((row["try"], row["ended"]))
    with installation.airflow() as airflow:
        instances = airflow.tasks("loss", run)
    return Outcome(state(installation, run), tries, instances, in_redis(installation), done)
