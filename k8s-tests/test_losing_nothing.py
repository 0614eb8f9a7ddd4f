"""Of hundreds of tasks none is lost, whatever happens to the workers: gently treated none needs a second try, killed
ones get it. The smaller run beside this is in test_outages.py."""

import json
import random
import time
from collections import Counter

import loss
import pytest
from installation import until
from loss import PUT_BACK, Disturber, assert_all_done, assert_each_once, disturbed_run, durations

SEED = 4
# seconds after the last disturbance
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


@pytest.mark.loss
def test_300_tasks_with_killed_workers_and_a_redis_restart(ready, tags, bound):
    ready.install(*loss.values(tags), command="upgrade")
    disturber = Disturber(ready, random.Random(SEED))
    kill, gently = disturber.kill, disturber.gently
    steps = [kill, disturber.await_put_back, gently, kill, gently, disturber.restart_redis, *[kill, gently, gently] * 4]
    outcome = disturbed_run(ready, durations(300, 30, SEED), steps, pause=6, bound=bound(ROUGH_BOUND))
    loss.keep("builtin, workers killed", outcome, may_lose="tries")
    assert outcome.times("kill -9") >= 3, outcome.disturbances
    assert outcome.times("restart redis") == 1, outcome.disturbances
    assert outcome.times(PUT_BACK) == 1, outcome.disturbances
    assert_all_done(outcome)


@pytest.mark.loss
def test_300_tasks_with_killed_workers_and_a_redis_restart_under_keda(ready, tags, bound, keda_operator):
    """There the workers put back what a killed one held, after Celery's visibility timeout."""
    ready.install(*loss.values(tags), "--set", "autoscaling.engine=keda", command="upgrade")
    disturber = Disturber(ready, random.Random(SEED), scaler=False)
    kill, gently = disturber.kill, disturber.gently
    steps = [*[kill, gently, gently] * 2, disturber.restart_redis, *[kill, gently, gently] * 3]
    within, leftovers = bound(ROUGH_BOUND), bound(VISIBILITY_BOUND)
    outcome = disturbed_run(ready, durations(300, 30, SEED), steps, pause=6, bound=within, leftovers=leftovers)
    loss.keep("keda, workers killed", outcome, may_lose="tries")
    assert outcome.times("kill -9") >= 3, outcome.disturbances
    assert outcome.times("restart redis") == 1, outcome.disturbances
    assert_all_done(outcome)


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
    outcome = disturbed_run(ready, durations(300, 30, SEED), steps, pause=5, bound=bound(BOUND))
    loss.keep(engine, outcome, may_lose="nothing")
    assert outcome.times("rolling upgrade") == 1, outcome.disturbances
    assert outcome.times("scale ") + outcome.times("delete ") >= 14, outcome.disturbances
    assert_each_once(outcome)


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
    outcome = disturbed_run(stock_keda, durations(300, 30, SEED), steps, pause=5, bound=bound(ROUGH_BOUND))
    loss.keep("KEDA on the list's length alone", outcome, may_lose="any")
    assert outcome.times("scale ") + outcome.times("delete ") >= 14, outcome.disturbances


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
