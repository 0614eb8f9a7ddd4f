"""The loss test's parts: an installation whose DAG notes each try, and what may happen to its workers meanwhile.

Disturbances are drawn with a seed, so that a run can be repeated as far as a cluster repeats itself.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
# what `make bench-scaling` shows beside its own numbers
RESULT = ROOT / "build" / "bench" / "loss.json"
# the worker's main process, which the worker's own state file names; whatever it runs dies with its container
KILL = """
import json, os
state = json.load(open("/tmp/newscrawl-worker.json"))
if state["tasks"]:
    print("kills", state["tasks"], flush=True)
    os.kill(state["pid"], 9)
"""
MOST_WORKERS = 3
NOT_DONE = "not done"
PUT_BACK = "put back"
# from a worker's end to its tasks' return to the queue
RECOGNISED_SECONDS = 60


@dataclass(frozen=True)
class Outcome:
    """What became of the planned tasks of a run: its state, the seconds it took, each try of each number with whether
    it came to its end, and what Redis still held."""

    planned: tuple[int, ...]
    state: str
    seconds: float
    tries: dict[int, list[tuple[int, int]]]
    instances: list[dict[str, Any]]
    left_in_redis: dict[str, int]
    disturbances: list[str]

    @property
    def retried(self) -> list[int]:
        """Numbers of the tasks that needed more than one try."""
        return [number for number, tries in self.tries.items() if len(tries) > 1]

    @property
    def unfinished(self) -> list[int]:
        """Numbers of the tasks none of whose tries came to its end."""
        return [number for number in self.planned if not any(ended for _, ended in self.tries.get(number, ()))]

    def times(self, what: str) -> int:
        """How often a disturbance came about."""
        return sum(done.startswith(what) and NOT_DONE not in done for done in self.disturbances)

    def of(self, queue: str) -> Outcome:
        """The part of one queue; the tasks are dealt to the queues in turn."""
        share = QUEUES.index(queue)
        return replace(
            self,
            planned=self.planned[share :: len(QUEUES)],
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


@contextlib.contextmanager
def broker(installation: Installation) -> Iterator[redis.Redis]:
    """The release's Redis."""
    password = installation.secret(f"{installation.release}-redis", "password")
    with (
        installation.forward(f"svc/{installation.release}-redis", 6379) as port,
        redis.Redis(port=port, password=password) as server,
    ):
        yield server


def lengths(server: redis.Redis) -> dict[str, int]:
    """Queued and in-flight tasks of the queues, as the broker has them."""
    queued = {name: server.llen(name) for name in QUEUES}
    return queued | {f"unacked:{name}": server.hlen(f"unacked:{name}") for name in QUEUES}


def in_redis(installation: Installation) -> dict[str, int]:
    """The same, through a connection of its own."""
    with broker(installation) as server:
        return lengths(server)


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
    scaler: bool = True  # whether the builtin one runs, which counts what it puts back
    # of each worker killed: when (time.monotonic()), and how many tasks the scaler had put back before
    kills: list[tuple[float, int]] = field(default_factory=list)

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
        """SIGKILL for the main process of a worker that runs tasks."""
        try:
            return until("a worker runs tasks", self._kill_one, seconds=90, every=1)
        except TimeoutError as error:
            return f"kill -9: {NOT_DONE} ({error})"

    def _kill_one(self) -> str:
        pods = worker_pods(self.installation, self.queues)
        for pod in self.chance.sample(pods, len(pods)):
            before = self.installation.put_back() if self.scaler else 0
            try:
                said = self.installation.kubectl("exec", pod, "--", "python", "-c", KILL)
            except CommandFailed as error:
                # the container may end sooner than the command; one that is not ready has no state file
                said = str(error)
            if killed := re.search(r"^kills (\d+)$", said, re.MULTILINE):
                self.kills.append((time.monotonic(), before))
                return f"kill -9 in {pod} with {killed[1]} tasks"
        return ""

    def await_put_back(self) -> str:
        """Wait until the scaler's metric tells that tasks of the worker killed last are put back."""
        if not self.kills:
            return f"{PUT_BACK}: {NOT_DONE} (no worker was killed)"
        killed, before = self.kills[-1]

        def more() -> int:
            return max(0, self.installation.put_back() - before)

        left = killed + RECOGNISED_SECONDS - time.monotonic()
        try:
            tasks = until("tasks are put back", more, seconds=max(1.0, left), every=1)
        except TimeoutError:
            return f"{PUT_BACK}: {NOT_DONE} within {RECOGNISED_SECONDS} s of the kill"
        return f"{PUT_BACK}: {tasks} tasks, {time.monotonic() - killed:.0f} s after the kill"

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
    leftovers: float = 90,
) -> Outcome:
    """A run of tasks while `steps` happen, `pause` seconds apart on average, as long as it runs and no longer.

    What has not come to its end `bound` seconds after the last step is in the outcome as it is then, and is given up.
    What is left in Redis may stay for `leftovers` seconds after the end.
    """
    started = time.monotonic()
    run = start(installation, seconds)
    until("tasks run", lambda: any(in_redis(installation).values()), seconds=120)
    done: list[str] = []
    for step in steps:
        if state(installation, run) in ENDED:
            break
        done.append(step())
        print(f"    {time.monotonic() - started:.0f} s: {done[-1]}", flush=True)
        time.sleep(pause)
    print(f"    {len(done)} disturbances; waiting for the end, for {bound:.0f} s at most", flush=True)

    def ended() -> bool:
        now = state(installation, run)
        print(f"    {time.monotonic() - started:.0f} s: {now or 'unknown'}, {in_redis(installation)}", flush=True)
        return now in ENDED

    with contextlib.suppress(TimeoutError):
        until("the run has ended", ended, seconds=bound, every=10)
        until("nothing is left in Redis", lambda: not any(in_redis(installation).values()), seconds=leftovers, every=2)
    found = outcome(installation, run, len(seconds), time.monotonic() - started, done)
    if found.state not in ENDED:
        give_up(installation, run)
    return found


def durations(count: int, longest: float, seed: int) -> list[float]:
    """Seconds of `count` tasks, from one second up, the same in every session."""
    chance = random.Random(seed)
    return [round(chance.uniform(1, longest), 1) for _ in range(count)]


def assert_each_once(outcome: Outcome) -> None:
    """Every task succeeded on its first try, exactly once, and nothing is left."""
    assert_all_done(outcome)
    odd = {number: tries for number, tries in outcome.tries.items() if tries != [(1, 1)]}
    assert not odd, f"tries (number, ended) of the tasks that were not done once: {odd}; {outcome.disturbances}"
    tried = {instance["try_number"] for instance in outcome.instances}
    assert tried == {1}, f"numbers of tries in Airflow: {tried}"


def assert_all_done(outcome: Outcome) -> None:
    """Every task succeeded, its last try exactly once and no try twice, and nothing is left."""
    assert outcome.state == "success", f"the run is {outcome.state}: {outcome.disturbances}"
    begun = set(outcome.tries)
    assert begun == set(outcome.planned), f"tasks that never began: {set(outcome.planned) - begun}"
    odd = {number: tries for number, tries in outcome.tries.items() if [ended for _, ended in tries].count(1) != 1}
    assert not odd, f"tries (number, ended) of the tasks that did not end once: {odd}; {outcome.disturbances}"
    states = {instance["state"] for instance in outcome.instances}
    assert states == {"success"}, f"states of the tasks in Airflow: {states}"
    assert not any(outcome.left_in_redis.values()), f"left in Redis: {outcome.left_in_redis}"


def give_up(installation: Installation, run: str) -> None:
    """End a run, so that the next one has the workers for itself."""
    with installation.airflow() as airflow:
        airflow.fail("loss", run)


def outcome(installation: Installation, run: str, planned: int, seconds: float, disturbances: list[str]) -> Outcome:
    """What became of a run of so many tasks by now."""
    tries: dict[int, list[tuple[int, int]]] = {}
    for row in installation.rows("SELECT number, try, ended FROM loss WHERE run = %s ORDER BY number, try", run):
        tries.setdefault(row["number"], []).append((row["try"], row["ended"]))
    with installation.airflow() as airflow:
        instances = airflow.tasks("loss", run)
    now = state(installation, run)
    return Outcome(tuple(range(planned)), now, seconds, tries, instances, in_redis(installation), disturbances)


def keep(name: str, outcome: Outcome, *, may_lose: str) -> None:
    """Write the numbers of an outcome for the bench; `may_lose` is what its tasks may lose: nothing, tries or any."""
    found = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    lost = sum(not ended for tries in outcome.tries.values() for _, ended in tries)
    found[name] = {
        "tasks": len(outcome.planned),
        "tries lost": lost,
        "retried": len(outcome.retried),
        "unfinished": len(outcome.unfinished),
        "state": outcome.state,
        "seconds": round(outcome.seconds),
        "disturbances": sum(NOT_DONE not in done for done in outcome.disturbances),
        "may lose": may_lose,
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    print(f"    {name}: {found[name]}", flush=True)
