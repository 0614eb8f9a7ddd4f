"""No task is lost, whatever happens to the workers: gently treated none needs a second try, killed ones get it."""

import json
import random

import loss
import pytest
from installation import until
from loss import Disturber, disturbed_run

SEED = 4
# seconds after the last disturbance
SMALL_BOUND = 240
BOUND = 600


@pytest.fixture(scope="module")
def ready(installation, installed, tags):
    loss.prepare(installation, tags)
    return installation


def lengths(count: int, longest: float) -> list[float]:
    """Seconds of `count` tasks, the same in every session."""
    chance = random.Random(SEED)
    return [round(chance.uniform(1, longest), 1) for _ in range(count)]


def assert_each_once(outcome, count: int) -> None:
    """Every task succeeded on its first try, exactly once, and nothing is left."""
    assert outcome.state == "success", outcome.disturbances
    assert len(outcome.tries) == count
    assert all(tries == [(1, 1)] for tries in outcome.tries.values()), (outcome.tries, outcome.disturbances)
    assert {instance["try_number"] for instance in outcome.instances} == {1}
    assert not any(outcome.left_in_redis.values()), outcome.left_in_redis


def assert_all_done(outcome, count: int) -> None:
    """Every task succeeded, its last try exactly once and no try twice, and nothing is left."""
    assert outcome.state == "success", outcome.disturbances
    assert len(outcome.tries) == count
    assert all(tries[-1][1] == 1 and all(ended <= 1 for _, ended in tries) for tries in outcome.tries.values())
    assert {instance["state"] for instance in outcome.instances} == {"success"}
    assert not any(outcome.left_in_redis.values()), outcome.left_in_redis


@pytest.fixture(scope="module")
def disturbed(installation, upgraded):
    """40 tasks: on the left, workers come and go; on the right, one that runs tasks is killed."""
    gentle, rough = (Disturber(installation, random.Random(SEED), (queue,)) for queue in loss.QUEUES)

    def kill_a_busy_one() -> str:
        until("a worker on the right is busy", lambda: loss.in_redis(installation)["unacked:right"], seconds=90)
        return rough.kill()

    steps = [gentle.gently, kill_a_busy_one, *[gentle.gently] * 4]
    return disturbed_run(installation, lengths(40, 8), steps, pause=5, bound=SMALL_BOUND)


@pytest.mark.cluster
def test_workers_that_come_and_go_lose_no_task_and_no_try(disturbed):
    assert_each_once(disturbed.of("left"), 20)


@pytest.mark.cluster
def test_a_killed_workers_tasks_are_tried_again(disturbed):
    assert any(done.startswith("kill -9") for done in disturbed.disturbances), disturbed.disturbances
    outcome = disturbed.of("right")
    assert_all_done(outcome, 20)
    # one worker's tasks, not those of the whole queue
    assert len(outcome.retried) <= 4


@pytest.mark.loss
@pytest.mark.parametrize("engine", ["builtin", "keda"])
def test_300_tasks_while_replicas_go_up_and_down(ready, tags, request, engine):
    if engine == "keda":
        request.getfixturevalue("keda_operator")
    chosen = ("--set", f"autoscaling.engine={engine}")
    ready.install(*loss.values(tags), *chosen, command="upgrade")

    def roll() -> str:
        rolled = ("--set-string", "podAnnotations.rolled=yes")
        ready.install(*loss.values(tags), *chosen, *rolled, command="upgrade", wait="10m")
        return "rolling upgrade"

    disturber = Disturber(ready, random.Random(SEED))
    steps = [*[disturber.gently] * 12, roll, *[disturber.gently] * 12]
    assert_each_once(disturbed_run(ready, lengths(300, 30), steps, pause=8, bound=BOUND), 300)


@pytest.mark.loss
def test_300_tasks_as_keda_is_used_today(ready, tags, keda_operator):
    """KEDA on the list's length alone and Kubernetes' grace of 30 s: how many tasks lose a try, for comparison."""
    plain = ("--set", "autoscaling.engine=keda", "--set", "workers.defaults.terminationGracePeriodSeconds=30")
    ready.install(*loss.values(tags), *plain, command="upgrade")
    for name in loss.QUEUES:
        found = ready.get("scaledobjects.keda.sh", f"{ready.release}-worker-{name}")
        only = [{**trigger, "name": None} for trigger in found["spec"]["triggers"] if trigger["name"] == "queued"]
        patch = {"spec": {"triggers": only, "advanced": {"scalingModifiers": None}}}
        ready.kubectl(
            "patch", "scaledobjects.keda.sh", found["metadata"]["name"], "--type=merge", "-p", json.dumps(patch)
        )
    disturber = Disturber(ready, random.Random(SEED))
    outcome = disturbed_run(ready, lengths(300, 30), [disturber.gently] * 24, pause=8, bound=2 * BOUND)
    print(f"KEDA on LLEN alone: {len(outcome.retried)} of 300 tasks lost a try")
    assert sorted(outcome.tries) == list(range(300))


@pytest.mark.loss
def test_300_tasks_with_killed_workers_and_a_redis_restart(ready, tags):
    ready.install(*loss.values(tags), command="upgrade")
    disturber = Disturber(ready, random.Random(SEED))
    rough = [disturber.kill, disturber.gently, disturber.gently]
    steps = [*rough * 3, disturber.restart_redis, *rough * 3]
    outcome = disturbed_run(ready, lengths(300, 30), steps, pause=8, bound=BOUND)
    assert_all_done(outcome, 300)
    print(f"{len(outcome.retried)} of 300 tasks were tried again")


@pytest.fixture(scope="module")
def keda_operator(environment):
    import keda

    with keda.installed(environment):
        yield
