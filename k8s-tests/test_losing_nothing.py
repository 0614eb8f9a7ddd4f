"""No task is lost, whatever happens to the workers: gently treated none needs a second try, killed ones get it."""

import json
import random
import time
from collections import Counter

import loss
import pytest
from installation import until
from loss import NOT_DONE, PUT_BACK, Disturber, disturbed_run

SEED = 4
# seconds after the last disturbance
SMALL_BOUND = 240
BOUND = 300
# what a killed worker ran is tried again after Airflow's heartbeat timeout, and stock KEDA looks every 30 s
ROUGH_BOUND = 600
# the chart's visibility timeout, and workers look every 100 s
VISIBILITY_BOUND = 300 + 100 + 30
# The runs of 300 tasks: 300 x 15.5 s on 24 slots are 200 s; five to eight minutes each with what happens to the
# workers, in all forty minutes. What hangs ends by then:
WHOLE_SECONDS = 45 * 60


@pytest.fixture(scope="module")
def ready(installation, installed, tags):
    loss.prepare(installation, tags)
    return installation


@pytest.fixture(scope="module")
def bound():
    """Gives the seconds that a run may still take, of those that it asks for."""
    started = time.monotonic()
    return lambda seconds: max(30.0, min(seconds, started + WHOLE_SECONDS - time.monotonic()))


def lengths(count: int, longest: float) -> list[float]:
    """Seconds of `count` tasks, the same in every session."""
    chance = random.Random(SEED)
    return [round(chance.uniform(1, longest), 1) for _ in range(count)]


def times(outcome, what: str) -> int:
    """How often a disturbance came about."""
    return sum(done.startswith(what) and NOT_DONE not in done for done in outcome.disturbances)


def assert_each_once(outcome, count: int) -> None:
    """Every task succeeded on its first try, exactly once, and nothing is left."""
    assert outcome.state == "success", outcome.disturbances
    assert len(outcome.tries) == count
    odd = {number: tries for number, tries in outcome.tries.items() if tries != [(1, 1)]}
    assert not odd, f"tries (number, ended) of the tasks that were not done once: {odd}; {outcome.disturbances}"
    assert {instance["try_number"] for instance in outcome.instances} == {1}
    assert not any(outcome.left_in_redis.values()), outcome.left_in_redis


def assert_all_done(outcome, count: int) -> None:
    """Every task succeeded, its last try exactly once and no try twice, and nothing is left."""
    assert outcome.state == "success", outcome.disturbances
    assert len(outcome.tries) == count
    odd = {number: tries for number, tries in outcome.tries.items() if [ended for _, ended in tries].count(1) != 1}
    assert not odd, f"tries (number, ended) of the tasks that were not done once: {odd}; {outcome.disturbances}"
    assert {instance["state"] for instance in outcome.instances} == {"success"}
    assert not any(outcome.left_in_redis.values()), outcome.left_in_redis


@pytest.fixture(scope="module")
def disturbed(installation, upgraded):
    """40 tasks: on the left, workers come and go; on the right, one that runs tasks is killed."""
    gentle, rough = (Disturber(installation, random.Random(SEED), (queue,)) for queue in loss.QUEUES)
    steps = [gentle.gently, rough.kill, *[gentle.gently] * 4, rough.await_put_back]
    return disturbed_run(installation, lengths(40, 8), steps, pause=5, bound=SMALL_BOUND)


@pytest.mark.cluster
def test_workers_that_come_and_go_lose_no_task_and_no_try(disturbed):
    assert_each_once(disturbed.of("left"), 20)


@pytest.mark.cluster
def test_a_killed_workers_tasks_are_tried_again(disturbed):
    assert times(disturbed, "kill -9") == 1, disturbed.disturbances
    assert times(disturbed, PUT_BACK) == 1, disturbed.disturbances
    outcome = disturbed.of("right")
    assert_all_done(outcome, 20)
    # one worker's tasks, not those of the whole queue
    assert len(outcome.retried) <= 4


@pytest.mark.loss
def test_300_tasks_with_killed_workers_and_a_redis_restart(ready, tags, bound):
    ready.install(*loss.values(tags), command="upgrade")
    disturber = Disturber(ready, random.Random(SEED))
    kill, gently = disturber.kill, disturber.gently
    steps = [kill, disturber.await_put_back, gently, kill, gently, disturber.restart_redis, *[kill, gently, gently] * 4]
    outcome = disturbed_run(ready, lengths(300, 30), steps, pause=6, bound=bound(ROUGH_BOUND))
    loss.keep("builtin, workers killed", outcome, may_lose="tries")
    assert times(outcome, "kill -9") >= 3, outcome.disturbances
    assert times(outcome, "restart redis") == 1, outcome.disturbances
    assert times(outcome, PUT_BACK) == 1, outcome.disturbances
    assert_all_done(outcome, 300)


@pytest.mark.loss
def test_300_tasks_with_killed_workers_and_a_redis_restart_under_keda(ready, tags, bound, keda_operator):
    """There the workers put back what a killed one held, after Celery's visibility timeout."""
    ready.install(*loss.values(tags), "--set", "autoscaling.engine=keda", command="upgrade")
    disturber = Disturber(ready, random.Random(SEED), scaler=False)
    kill, gently = disturber.kill, disturber.gently
    steps = [*[kill, gently, gently] * 2, disturber.restart_redis, *[kill, gently, gently] * 3]
    within, leftovers = bound(ROUGH_BOUND), bound(VISIBILITY_BOUND)
    outcome = disturbed_run(ready, lengths(300, 30), steps, pause=6, bound=within, leftovers=leftovers)
    loss.keep("keda, workers killed", outcome, may_lose="tries")
    assert times(outcome, "kill -9") >= 3, outcome.disturbances
    assert times(outcome, "restart redis") == 1, outcome.disturbances
    assert_all_done(outcome, 300)


@pytest.mark.loss
@pytest.mark.parametrize("engine", ["builtin", "keda"])
def test_300_tasks_while_replicas_go_up_and_down(ready, tags, bound, request, engine):
    if engine == "keda":
        request.getfixturevalue("keda_operator")
    chosen = ("--set", f"autoscaling.engine={engine}")
    ready.install(*loss.values(tags), *chosen, command="upgrade")

    def roll() -> str:
        print("    a rolling upgrade, which takes a minute or two", flush=True)
        rolled = ("--set-string", f"podAnnotations.rolled={engine}")
        ready.install(*loss.values(tags), *chosen, *rolled, command="upgrade", wait="10m")
        return "rolling upgrade"

    disturber = Disturber(ready, random.Random(SEED))
    steps = [*[disturber.gently] * 8, roll, *[disturber.gently] * 16]
    outcome = disturbed_run(ready, lengths(300, 30), steps, pause=5, bound=bound(BOUND))
    loss.keep(engine, outcome, may_lose="nothing")
    assert times(outcome, "rolling upgrade") == 1, outcome.disturbances
    assert times(outcome, "scale ") + times(outcome, "delete ") >= 14, outcome.disturbances
    assert_each_once(outcome, 300)


@pytest.fixture(scope="module")
def stock_keda(ready, tags, keda_operator):
    """KEDA as it is used today: its defaults on the list's length alone, Kubernetes' grace of 30 s, and no drain."""
    settings = ["autoscaling.engine=keda", "autoscaling.pollingInterval=30"]
    for name in loss.QUEUES:
        queue = f"workers.queues.{name}"
        settings.append(f"{queue}.terminationGracePeriodSeconds=30")
        settings.append(f"{queue}.autoscaling.cooldownPeriod=300")
        settings.append(f"{queue}.autoscaling.behavior.scaleDown.stabilizationWindowSeconds=300")
    chosen = [part for setting in settings for part in ("--set", setting)]
    ready.install(*loss.values(tags), *chosen, command="upgrade")
    for name in loss.QUEUES:
        workers = f"{ready.release}-worker-{name}"
        triggers = ready.get("scaledobjects.keda.sh", workers)["spec"]["triggers"]
        only = [{**trigger, "name": None} for trigger in triggers if trigger["name"] == "queued"]
        patch(ready, "scaledobjects.keda.sh", workers, triggers=only, advanced={"scalingModifiers": None})
        # each has but one container
        no_drain = [{"op": "remove", "path": "/spec/template/spec/containers/0/lifecycle"}]
        ready.kubectl("patch", "statefulset", workers, "--type=json", "-p", json.dumps(no_drain))
        ready.kubectl("rollout", "status", f"statefulset/{workers}", "--timeout=180s")
    return ready


def patch(ready, kind: str, name: str, **spec: object) -> None:
    """Change fields of an object's spec."""
    ready.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps({"spec": spec}))


def busy_pods(ready) -> list[dict]:
    """The pods of the queues that run, those that are to end included."""
    pods = ready.get("pods", "-l", "app.kubernetes.io/component=worker")["items"]
    return [pod for pod in pods if any(f"-worker-{name}-" in pod["metadata"]["name"] for name in loss.QUEUES)]


@pytest.mark.loss
def test_300_tasks_as_keda_is_used_today(stock_keda, bound):
    """For comparison. No task is longer than the grace, within which Celery ends them when all goes well."""
    steps = [Disturber(stock_keda, random.Random(SEED)).gently] * 24
    outcome = disturbed_run(stock_keda, lengths(300, 30), steps, pause=5, bound=bound(ROUGH_BOUND))
    loss.keep("KEDA on the list's length alone", outcome, may_lose="any")
    assert times(outcome, "scale ") + times(outcome, "delete ") >= 14, outcome.disturbances


@pytest.mark.loss
def test_tasks_longer_than_the_grace_as_keda_is_used_today(stock_keda, bound):
    """For comparison: nobody disturbs these workers but KEDA, which takes an empty list for no work."""
    # as quick as the other engines are in these tests
    quick = {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}}}}
    for name in loss.QUEUES:
        workers = f"{stock_keda.release}-worker-{name}"
        patch(stock_keda, "scaledobjects.keda.sh", workers, pollingInterval=1, cooldownPeriod=15, advanced=quick)
    started = time.monotonic()
    run = loss.start(stock_keda, [60.0] * 48)

    def all_begun() -> bool:
        (begun,) = stock_keda.rows("SELECT COUNT(DISTINCT number) AS tasks FROM loss WHERE run = %s", run)
        print(f"    {time.monotonic() - started:.0f} s: {begun['tasks']} of 48 tasks have begun", flush=True)
        return begun["tasks"] == 48

    until("all tasks have begun", all_begun, seconds=bound(300), every=5)
    pods = busy_pods(stock_keda)
    graces = Counter(pod["spec"]["terminationGracePeriodSeconds"] for pod in pods)
    assert set(graces) == {30}, graces
    assert not any("lifecycle" in container for pod in pods for container in pod["spec"]["containers"])
    until("KEDA has taken the workers away", lambda: not busy_pods(stock_keda), seconds=bound(240), every=2)
    outcome = loss.outcome(stock_keda, run, 48, time.monotonic() - started, [])
    loss.give_up(stock_keda, run)
    loss.keep("KEDA on the list's length alone, 60 s, undisturbed", outcome, may_lose="any")
    assert outcome.unfinished, "the comparison did not happen: KEDA waited until every task had ended"


@pytest.fixture(scope="module")
def keda_operator(environment):
    import keda

    with keda.installed(environment):
        yield
