"""The KEDA engine with the real operator: workers for a backlog and none without, and the way from engine to engine."""

import keda
import loss
import pytest
from installation import until

pytestmark = pytest.mark.keda

SCALED = "scaledobjects.keda.sh,triggerauthentications.keda.sh,horizontalpodautoscalers"


@pytest.fixture(scope="module")
def operator(environment):
    with keda.installed(environment):
        yield


@pytest.fixture(scope="module")
def ready(installation, installed, tags, operator):
    loss.prepare(installation, tags, "--set", "autoscaling.engine=keda")
    yield installation
    # with the operator that takes the finalizers off
    installation.install(*loss.values(tags), command="upgrade")


def objects(installation, kinds: str) -> list[str]:
    """The names of the namespace's objects of these kinds."""
    return installation.kubectl("get", kinds, "-o", "name", "--ignore-not-found").split()


def scaler_objects(installation) -> list[str]:
    """What the builtin engine has in the namespace, but for the Lease, which is no object of the chart's."""
    kinds = "deployments,services,configmaps,serviceaccounts,roles,rolebindings"
    return [name for name in objects(installation, kinds) if name.endswith("-queue-scaler")]


def replicas(installation) -> dict[str, int]:
    """The replicas that each queue's StatefulSet is set to."""
    sets = {name: installation.get("statefulset", f"{installation.release}-worker-{name}") for name in loss.QUEUES}
    return {name: found["spec"]["replicas"] for name, found in sets.items()}


def succeeded(installation, run: str) -> bool:
    return loss.state(installation, run) == "success"


def assert_each_once(installation, run: str, count: int) -> None:
    rows = installation.rows("SELECT number, try, ended FROM loss WHERE run = %s", run)
    assert sorted((row["number"], row["try"], row["ended"]) for row in rows) == [(n, 1, 1) for n in range(count)]


def test_a_queue_goes_from_none_to_n_and_back_with_running_tasks(ready):
    until("the queues hold no worker", lambda: not any(replicas(ready).values()), seconds=180, every=1)
    run = loss.start(ready, [40.0] * 24)
    until("every queue has its workers", lambda: replicas(ready) == {"left": 3, "right": 3}, seconds=180, every=1)
    until("nothing waits", lambda: not any(loss.in_redis(ready)[name] for name in loss.QUEUES), seconds=180)
    busy = loss.in_redis(ready)
    assert min(busy["unacked:left"], busy["unacked:right"]) > 0
    assert all(replicas(ready).values())
    until("the run has ended", lambda: succeeded(ready, run), seconds=300, every=2)
    assert_each_once(ready, run, 24)
    until("the queues hold no worker", lambda: not any(replicas(ready).values()), seconds=180, every=1)
    assert not any(loss.in_redis(ready).values())


def test_the_engine_changes_both_ways_under_running_tasks(ready, tags):
    run = loss.start(ready, [45.0] * 48)
    until("tasks run", lambda: loss.in_redis(ready)["unacked:left"], seconds=180)
    ready.install(*loss.values(tags), "--set", "autoscaling.engine=builtin", command="upgrade")
    until("nothing of KEDA is left", lambda: not objects(ready, SCALED), seconds=60)
    assert scaler_objects(ready)
    assert loss.state(ready, run) == "running"
    ready.install(*loss.values(tags), "--set", "autoscaling.engine=keda", command="upgrade")
    until("nothing of the scaler is left", lambda: not scaler_objects(ready), seconds=60)
    assert objects(ready, "scaledobjects.keda.sh")
    until("the run has ended", lambda: succeeded(ready, run), seconds=400, every=2)
    assert_each_once(ready, run, 48)
