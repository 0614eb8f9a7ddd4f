"""A user installs the chart with no values, looks around, and upgrades."""

import json
from datetime import UTC, datetime, timedelta

import pymysql
import pytest
import yaml
from installation import CHART, CommandFailed, until

pytestmark = pytest.mark.cluster

GIB = 1 << 30
KEPT_VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: growing}
spec:
  capacity: {storage: 3Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: expandable
  hostPath: {path: /mnt/growing}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-newscrawl-worker-growing-0}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: expandable
  volumeName: growing
  resources: {requests: {storage: 3Gi}}
"""


def test_ready_means_that_the_admin_can_work(installed):
    assert "connect_to_local_mysql" in installed.dags


def test_the_idle_installation_stays_below_one_and_a_half_gib(installed):
    assert sum(installed.memory.values()) < 1.5 * GIB, installed.memory


def test_helm_test_checks_every_component(installation, installed):
    assert "Phase:          Succeeded" in installation.helm("test", installation.release, "--timeout", "5m")


def test_users_are_made_and_deleted_as_airflow_documents(installation, installed):
    def airflow_users(*words: str) -> list[str]:
        installation.kubectl("exec", "deploy/newscrawl-api-server", "--", "airflow", "users", *words)
        return [row["email"] for row in installation.rows("SELECT email FROM ab_user", url_key="metadata-url")]

    person = ("--firstname", "A", "--lastname", "B", "--role", "Viewer", "--email", "reader@example.org")
    assert "reader@example.org" in airflow_users("create", "--username", "reader", *person, "--use-random-password")
    assert "reader@example.org" not in airflow_users("delete", "--username", "reader")


def test_each_mysql_user_may_do_only_its_own(installation, upgraded):
    installation.rows("CREATE TABLE of_airflow (a INT)", url_key="metadata-url", database="articles")
    with pytest.raises(pymysql.err.OperationalError, match="denied"):
        installation.rows("DROP TABLE of_airflow", url_key="metadata-url", database="articles")
    installation.rows("DROP TABLE of_airflow", url_key="articles-url")
    for user, foreign in (
        ("metadata-url", "results"),
        ("results-url", "airflow"),
        ("results-url", "articles"),
        ("articles-url", "airflow"),
        ("articles-url", "results"),
    ):
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            installation.rows("SHOW TABLES", url_key=user, database=foreign)


def test_an_upgrade_keeps_passwords_and_data(installation, upgraded):
    assert upgraded.before == upgraded.after
    assert installation.rows("SELECT text FROM marker") == [{"text": upgraded.marker}]


def test_the_ui_opens_in_the_zone_of_the_values(installation, upgraded):
    with installation.airflow() as airflow:
        assert "Asia/Seoul" in airflow.session.get(airflow.base, headers={"Accept": "text/html"}, timeout=30).text


def test_connections_variables_and_pools_follow_the_values(installation, upgraded):
    with installation.airflow() as airflow:
        connections = {one["connection_id"]: one for one in airflow.call("GET", "connections")["connections"]}
        variables = {one["key"]: one["value"] for one in airflow.call("GET", "variables")["variables"]}
        pools = {one["name"]: one["slots"] for one in airflow.call("GET", "pools")["pools"]}
    assert connections["mysql_test"]["host"] == "newscrawl-mysql"
    assert variables["demo_sites"] == "hanbit,gangmun,dure,harbor"
    assert pools["hanbit"] == 2 * 2 * 8


def test_the_sample_dag_fills_its_table_and_can_run_twice(installation, upgraded):
    with installation.airflow() as airflow:
        for _ in range(2):
            run = airflow.trigger("connect_to_local_mysql")
            assert airflow.ended("connect_to_local_mysql", run, seconds=180) == "success"
    assert installation.rows("SELECT COUNT(*) AS rows_ FROM employees") == [{"rows_": 23}]


def test_a_broken_profile_breaks_only_its_own_site(installation, upgraded):
    broken = "site: broken\nname: Broken\ntimezone: Asia/Seoul\nhosts: [broken.example]\ncrawl:\n  batchsize: 3\n"
    patch = {"data": {"broken.yaml": broken}}
    installation.kubectl("patch", "configmap", "newscrawl-sites", "--type=merge", "-p", json.dumps(patch))
    # the kubelet looks at the volumes of a changed pod at once, else within two minutes
    dag_processor = "app.kubernetes.io/component=dag-processor"
    installation.kubectl("annotate", "pod", "-l", dag_processor, "tests/looked-at=now", "--overwrite")
    with installation.airflow() as airflow:
        errors = until("the import error is shown", airflow.import_errors, seconds=180)
        assert len(errors) == 1
        for part in ("broken.yaml", "crawl.batchsize", ":6"):
            assert part in errors[0]["stack_trace"]
        assert {"crawl_hanbit", "crawl_gangmun", "crawl_dure", "crawl_harbor"} <= set(airflow.dags())


def bootstrap_job(installation, *values: str) -> dict:
    """The Job that an upgrade with these values beside the present ones would make or keep."""
    dry = ("upgrade", installation.release, str(CHART), "--reuse-values", "--dry-run=server", "-o", "json", *values)
    objects = yaml.safe_load_all(json.loads(installation.helm(*dry))["manifest"])
    (job,) = (one for one in objects if one and one["kind"] == "Job")
    return job


def test_a_failed_upgrades_values_are_brought_about_by_the_next(installation, upgraded):
    """Helm leaves the Job of the failed one, and what it did was taken back by another."""
    changed = ("--set", "variables.again=yes")
    wanted = bootstrap_job(installation, *changed)

    def left_by_helm(name: str, digest: str) -> dict:
        pod = {"restartPolicy": "Never", "containers": [{"name": "bootstrap", "image": "none"}]}
        owner = {"name": installation.release, "namespace": installation.namespace}
        notes = {f"meta.helm.sh/release-{key}": value for key, value in owner.items()}
        metadata = {"name": name, "annotations": notes | {"newscrawl-airflow/bootstrap": digest}}
        job = wanted | {"metadata": wanted["metadata"] | metadata}
        job["spec"] = {"suspend": True, "template": {"spec": pod}}
        installation.kubectl("create", "-f", "-", stdin=json.dumps(job))
        return installation.get("job", name)["metadata"]

    name = wanted["metadata"]["name"]
    left = left_by_helm(name, wanted["metadata"]["annotations"]["newscrawl-airflow/bootstrap"])
    try:
        assert bootstrap_job(installation, *changed)["metadata"]["name"] == name
        # creation times have whole seconds
        begun = datetime.fromisoformat(left["creationTimestamp"])
        until("a second has passed", lambda: datetime.now(UTC) > begun + timedelta(seconds=1), seconds=5)
        left_by_helm("newscrawl-bootstrap-undone", "undone")
        assert bootstrap_job(installation, *changed)["metadata"]["name"] != name
    finally:
        installation.kubectl("delete", "job", name, "newscrawl-bootstrap-undone", "--ignore-not-found")


def test_an_upgrade_grows_volumes_where_their_class_allows_it(installation, upgraded):
    """The volume is one that an earlier worker of the queue left."""

    def claim() -> dict:
        return installation.get("pvc", "data-newscrawl-worker-growing-0")

    installation.kubectl("delete", "persistentvolume", "growing", "--ignore-not-found")
    installation.kubectl("apply", "-f", "-", stdin=KEPT_VOLUME)
    until("the kept volume is bound", lambda: claim()["status"]["phase"] == "Bound", seconds=30)
    installation.install("--reuse-values", "--set", "workers.queues.growing.persistence.size=4Gi", command="upgrade")
    (template,) = installation.get("statefulset", "newscrawl-worker-growing")["spec"]["volumeClaimTemplates"]
    assert claim()["spec"]["resources"]["requests"]["storage"] == "4Gi"
    assert template["spec"]["resources"]["requests"]["storage"] == "4Gi"
    with pytest.raises(CommandFailed, match="newscrawl-resize"):
        installation.kubectl("get", "job", "newscrawl-resize")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("persistence.enabled=false", "workers.queues.hanbit.persistence.enabled: .*--cascade=orphan"),
        ("persistence.storageClass=fast", "workers.queues.hanbit.persistence.storageClass: .*--cascade=orphan"),
        ("persistence.size=1Gi", "workers.queues.hanbit.persistence.size: .*2Gi"),
    ],
)
def test_what_a_set_of_workers_can_never_change_is_refused_by_name(installation, upgraded, change, message):
    with pytest.raises(CommandFailed, match=message):
        installation.install("--reuse-values", "--set", f"workers.queues.hanbit.{change}", command="upgrade")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("--set", "workers.queue.x.concurrency=2"), "queue"),
        (("--set", "config.operators.default_queue=nobody"), "default_queue"),
        (("--set", "workers.defaults.concurrency=many"), "concurrency"),
    ],
)
def test_wrong_values_are_refused_by_name(installation, installed, values, message):
    with pytest.raises(CommandFailed, match=message):
        installation.install(*values, command="upgrade")
