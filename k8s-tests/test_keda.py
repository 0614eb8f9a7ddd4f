"""The KEDA engine with the real operator: workers for a backlog and none without, and the way from engine to engine."""

from math import ceil

import keda
import loss
import pytest
import yaml
from cluster import versions
from installation import CHART, ROOT, CommandFailed, until

pytestmark = pytest.mark.keda

SCALED = "scaledobjects.keda.sh,triggerauthentications.keda.sh,horizontalpodautoscalers"
# below it one running task must keep its worker, too
ACTIVATION = ("--set", "workers.queues.left.autoscaling.activationListLength=2")
# every set of values that the repository has
FOLDERS = (ROOT / "charts" / "tests" / "values", CHART, ROOT / "k8s-tests")
VALUES = [file for folder in FOLDERS for file in folder.glob("*.yaml") if file.stem not in ("Chart", "values")]


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
    """What the builtin engine has in the namespace."""
    kinds = "deployments,services,configmaps,serviceaccounts,roles,rolebindings,leases"
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


def dry_run(installation, items: list[dict]) -> str:
    """What the API server says to objects that it checks strictly and does not make. Raises CommandFailed."""
    apply = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    return installation.kubectl(*apply, stdin=yaml.safe_dump_all(items))


@pytest.mark.parametrize("values", sorted(VALUES), ids=lambda file: file.stem)
def test_the_custom_resources_of_all_values_are_as_keda_defines_them(ready, values):
    # the one value that KEDA cannot serve, and the chart refuses
    no_time_target = ("--set-json", "workers.queues.harbor.autoscaling.targetSeconds=null")
    chosen = ("-f", str(values), "--set", "autoscaling.engine=keda", *(no_time_target * (values.stem == "everything")))
    rendered = ready.helm("template", ready.release, str(CHART), "--kube-version", versions.KUBERNETES, *chosen)
    items = [item for item in yaml.safe_load_all(rendered) if item and item["apiVersion"].startswith("keda.sh/")]
    assert {item["kind"] for item in items} == {"ScaledObject", "TriggerAuthentication"}
    assert dry_run(ready, items).count("(server dry run)") == len(items)
    misspelt = next(item for item in items if item["kind"] == "ScaledObject")
    misspelt["spec"]["advanced"]["scalingModifiers"]["formulas"] = "queued"
    with pytest.raises(CommandFailed, match="unknown field"):
        dry_run(ready, [misspelt])


def test_a_queue_goes_from_none_to_n_and_back_with_running_tasks(ready, tags):
    """Nothing waits for longer than the cooldown while tasks run: 12 a queue at first, one at the end."""
    ready.install(*loss.values(tags), "--set", "autoscaling.engine=keda", *ACTIVATION, command="upgrade")
    until("the queues hold no worker", lambda: not any(replicas(ready).values()), seconds=180, every=1)
    # dealt to the queues in turn
    run = loss.start(ready, [150.0] * 2 + [90.0] * 22)
    until("every queue has its workers", lambda: replicas(ready) == {"left": 3, "right": 3}, seconds=180, every=1)
    looks = []
    with loss.broker(ready) as broker, ready.airflow() as airflow:
        until("nothing waits", lambda: not any(loss.lengths(broker)[name] for name in loss.QUEUES), seconds=180)

        def ended() -> bool:
            # a task that ends between the two looks needs no worker in the second
            running, have = loss.lengths(broker), replicas(ready)
            looks.append((running, have))
            for name in loss.QUEUES:
                needed = min(ceil(running[f"unacked:{name}"] / 4), loss.MOST_WORKERS)
                assert have[name] >= needed, looks[-3:]
            return airflow.state("loss", run) == "success"

        until("the run has ended", ended, seconds=400, every=1)
    for name in loss.QUEUES:
        # one task alone, and for longer than the cooldown: the workers were there for what runs, not for what waits
        assert sum(running[f"unacked:{name}"] in (1, 2) for running, _ in looks) > 10, looks
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
