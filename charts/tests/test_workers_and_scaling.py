"""Each queue's worker set, and how the two engines scale it."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from queue_scaler.config import parse
from queue_scaler.status import Metrics


def test_a_queue_becomes_a_worker_set_that_serves_it_alone(render, environment):
    rendered = render("everything")
    worker = rendered.one("StatefulSet", "press-worker-harbor")
    assert worker["spec"]["replicas"] == 1
    assert worker["spec"]["podManagementPolicy"] == "Parallel"
    assert worker["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Delete"}
    claim = worker["spec"]["volumeClaimTemplates"][0]["spec"]
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("fast", "20Gi")
    container = worker["spec"]["template"]["spec"]["containers"][0]
    assert " ".join(container["command"]).startswith(
        "dumb-init -- airflow celery worker --queues harbor --concurrency 3 --skip-serve-logs"
    )
    told = environment(container)
    assert told["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__UNACKED_KEY"] == "unacked:harbor"
    assert told["DUMB_INIT_SETSID"] == "0"
    makes_dags = rendered.one("Deployment", "press-dag-processor")["spec"]["template"]["spec"]["containers"][0]
    assert environment(makes_dags)["NEWSCRAWL_QUEUES"] == "Harbor_English,fixed,harbor,quick"


def test_names_that_kubernetes_refuses_are_mapped_without_collisions(render):
    twins = '{"Harbor_English":{},"Harbor.English":{},"harbor-english":{},"%s":{}}' % ("x" * 60)
    rendered = render("default", "--set-json", f'workers={{"queues":{twins}}}')
    sets = [item for item in rendered.of("StatefulSet") if "-worker-" in item["metadata"]["name"]]
    names = {item["metadata"]["name"] for item in sets}
    assert len(names) == 5
    assert "newscrawl-worker-harbor-english" in names
    assert all(len(name) <= 52 for name in names)


def test_a_queue_may_have_a_number_for_its_name(render):
    rendered = render("default", "--set-json", 'workers.queues={"default":{},"2024":{}}')
    template = rendered.one("StatefulSet", "newscrawl-worker-2024")["spec"]["template"]
    assert template["metadata"]["labels"]["newscrawl-airflow/queue"] == "2024"
    assert "2024" in rendered.scaler_config()["queues"]


def test_the_drain_ends_before_the_grace_does(render):
    pod = render("everything").one("StatefulSet", "press-worker-harbor-english-374f3f")["spec"]["template"]["spec"]
    drain = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert drain == ["python", "-m", "newscrawl_airflow.drain", "--grace", "105"]
    assert pod["terminationGracePeriodSeconds"] == 120


def test_the_scaler_knows_every_scaled_queue_and_may_patch_these_only(render):
    rendered = render("everything")
    queues = rendered.scaler_config("press")["queues"]
    assert set(queues) == {"Harbor_English", "harbor", "quick"}
    assert queues["harbor"] == {
        "statefulSet": "press-worker-harbor",
        "minReplicaCount": 1,
        "maxReplicaCount": 5,
        "listLength": 7,
        "targetSeconds": 90,
        "concurrency": 3,
        "activationListLength": 0,
        "cooldownPeriod": 60,
        "inFlightKey": "unacked:harbor",
        "fallback": {"failureThreshold": 4, "replicas": 2},
        "behavior": {"scaleUp": {}, "scaleDown": {}},
    }
    assert rendered.scaler_config("press")["alsoServed"] == ["fixed"]
    assert "fallback" not in queues["quick"]
    assert queues["quick"]["listLength"] == 3
    patched = [rule for rule in rendered.one("Role", "press-queue-scaler")["rules"] if "patch" in rule["verbs"]]
    assert [rule["resources"] for rule in patched] == [["statefulsets/scale"]]
    assert set(patched[0]["resourceNames"]) == {queue["statefulSet"] for queue in queues.values()}


def test_a_queue_without_workers_is_not_one_that_is_served(render):
    queues = ("fixed", "none")
    given = [("--set", f"workers.queues.{name}.autoscaling.enabled=false") for name in queues]
    rendered = render("default", *sum(given, ()), "--set", "workers.queues.none.replicas=0")
    assert rendered.scaler_config()["alsoServed"] == ["fixed"]


def test_the_scaler_accepts_its_configuration(render, values):
    rendered = render(values)
    found = [item for item in rendered.of("ConfigMap") if item["metadata"]["name"].endswith("-queue-scaler")]
    sets = {item["metadata"]["name"] for item in rendered.of("StatefulSet")}
    assert bool(found) == (values != "keda")
    for item in found:
        config = parse(item["data"]["config.yaml"])
        assert {queue.stateful_set for queue in config.queues.values()} <= sets


def test_no_engine_means_fixed_replicas(render):
    rendered = render("default", "--set", "autoscaling.engine=none", "--set", "workers.defaults.replicas=3")
    assert rendered.one("StatefulSet", "newscrawl-worker-default")["spec"]["replicas"] == 3
    assert not [item for item in rendered.objects if "queue-scaler" in item["metadata"]["name"]]


def test_keda_counts_what_waits_and_what_runs(render):
    rendered = render("keda")
    scaled = rendered.one("ScaledObject", "newscrawl-worker-hanbit")["spec"]
    assert scaled["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": "newscrawl-worker-hanbit",
    }
    modifiers = {"formula": "queued + inflight", "target": "4", "activationTarget": "0"}
    assert scaled["advanced"]["scalingModifiers"] == modifiers
    triggers = {trigger["name"]: trigger["metadata"] for trigger in scaled["triggers"]}
    assert triggers["queued"]["listName"] == "hanbit"
    assert triggers["inflight"]["listName"] == "unacked:hanbit"
    assert triggers["queued"]["address"] == "newscrawl-redis.news.svc:6379"
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"], scaled["cooldownPeriod"]) == (0, 8, 60)
    assert scaled["fallback"] == {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"}
    login = rendered.one("TriggerAuthentication", "newscrawl-redis")["spec"]["secretTargetRef"]
    assert login == [{"parameter": "password", "name": "newscrawl-redis", "key": "password"}]


def test_keda_checks_the_authority_of_a_redis_that_asks_for_no_password(render):
    def redis(*more):
        rendered = render("external", "--set", "autoscaling.engine=keda", "--set", "externalRedis.password=", *more)
        (login,) = rendered.of("TriggerAuthentication")
        (trigger, _) = rendered.one("ScaledObject", "newscrawl-worker-default")["spec"]["triggers"]
        assert trigger["authenticationRef"] == {"name": login["metadata"]["name"]}
        return login["spec"]["secretTargetRef"], trigger["metadata"]

    secrets, trigger = redis()
    assert secrets == [{"parameter": "ca", "name": "redis-ca", "key": "ca.crt"}]
    assert (trigger["enableTLS"], trigger.get("unsafeSsl")) == ("true", None)
    assert redis("--set", "externalRedis.tls.verifyHostname=false")[1]["unsafeSsl"] == "true"


@pytest.mark.parametrize(
    ("least", "formula"),
    [(0, "inflight > 0 || queued > 5 ? queued + inflight : 0"), (1, "queued + inflight")],
)
def test_with_keda_the_activation_is_of_what_waits_and_ends_nothing_that_runs(render, least, formula):
    """As with the builtin engine: KEDA's own activationTarget is of the formula, and would count what runs."""
    of = "workers.queues.hanbit.autoscaling"
    rendered = render("keda", "--set", f"{of}.activationListLength=5", "--set", f"{of}.minReplicaCount={least}")
    modifiers = rendered.one("ScaledObject", "newscrawl-worker-hanbit")["spec"]["advanced"]["scalingModifiers"]
    assert modifiers == {"formula": formula, "target": "4", "activationTarget": "0"}


def test_the_scaler_holds_a_lease_of_the_release_and_may_make_it_anew(render):
    rendered = render("everything")
    lease = rendered.one("Lease", "press-queue-scaler")
    assert "spec" not in lease
    assert rendered.scaler_config("press")["leaseName"] == lease["metadata"]["name"]
    rules = [rule for rule in rendered.one("Role", "press-queue-scaler")["rules"] if "leases" in rule["resources"]]
    allowed = [(rule["verbs"], rule.get("resourceNames")) for rule in rules]
    assert allowed == [(["get", "update"], ["press-queue-scaler"]), (["create"], None)]


@pytest.mark.parametrize("engine", ["builtin", "keda", "none"])
def test_the_redis_of_the_chart_announces_pushes_to_the_scaler(render, engine):
    conf = render("default", "--set", f"autoscaling.engine={engine}").one("ConfigMap", "newscrawl-redis")["data"]
    settings = dict(line.split(maxsplit=1) for line in conf["redis.conf"].splitlines() if line)
    # K for the channel of a key, l for the commands of lists
    assert set(settings["notify-keyspace-events"]) == {"K", "l"}


def test_the_engines_leave_no_object_of_each_other(render):
    assert not [item for item in render("keda").objects if "queue-scaler" in item["metadata"]["name"]]
    assert not [item for item in render().objects if item["apiVersion"].startswith("keda.sh/")]


def test_an_upgrade_can_grow_every_volume(render):
    rendered = render("everything", "--is-upgrade")
    config = yaml.safe_load(rendered.one("ConfigMap", "press-resize")["data"]["resize.yaml"])
    assert config["namespace"] == "news"
    assert config["statefulSets"]["press-worker-harbor"] == {"data": "20Gi"}
    assert "press-worker-fixed" not in config["statefulSets"]
    assert {"press-mysql", "press-redis"} <= set(config["statefulSets"])
    assert not [item for item in render("everything").objects if item["metadata"]["name"].endswith("-resize")]


def test_an_upgrade_needs_no_rights_beyond_its_namespace(render, values):
    assert not [item for item in render(values, "--is-upgrade").objects if item["kind"].startswith("Cluster")]


def test_busy_workers_are_not_evicted_unless_on_spot(render):
    def evictable(queue):
        template = render("gke").one("StatefulSet", f"newscrawl-worker-{queue}")["spec"]["template"]
        return template["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"]

    assert (evictable("default"), evictable("spot")) == ("false", "true")


def test_gke_is_what_its_controllers_take(render):
    rendered = render("gke")
    ingress = rendered.one("Ingress", "newscrawl-api-server")
    assert ingress["metadata"]["annotations"]["kubernetes.io/ingress.class"] == "gce"
    assert "ingressClassName" not in ingress["spec"]
    # a volume stays in the zone of a Spot node that is gone
    assert "volumeClaimTemplates" not in rendered.one("StatefulSet", "newscrawl-worker-spot")["spec"]


def test_workers_to_which_files_are_copied_do_not_come_and_go(render):
    queues = render("dev").scaler_config()["queues"].values()
    assert [(queue["minReplicaCount"], queue["maxReplicaCount"]) for queue in queues] == [(1, 1)]


def test_the_dashboard_shows_metrics_that_exist(render):
    dashboard = render("everything").one("ConfigMap", "press-dashboard")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    panels = json.loads(dashboard["data"]["newscrawl-queues.json"])["panels"]
    shown = {name for panel in panels for name in re.findall(r"queue_scaler_\w+", json.dumps(panel["targets"]))}
    families = list(Metrics().registry.collect())
    suffixes = {"gauge": [""], "counter": ["_total"], "histogram": ["_bucket"]}
    there = {family.name + suffix for family in families for suffix in suffixes[family.type]}
    assert shown == there
    assert not [item for item in render().objects if item["metadata"]["name"].endswith("-dashboard")]


def test_the_dashboard_counts_a_queue_once_however_many_scalers_tell_of_it(render):
    panels = json.loads(render("everything").one("ConfigMap", "press-dashboard")["data"]["newscrawl-queues.json"])
    expressions = [target["expr"] for panel in panels["panels"] for target in panel["targets"]]
    gauges = [family.name for family in Metrics().registry.collect() if family.type == "gauge"]
    of_a_queue = set(gauges) - {"queue_scaler_leader", "queue_scaler_config_valid"}
    for name in of_a_queue:
        (shown,) = [text for text in expressions if re.search(rf"\b{name}{{", text)]
        assert f"max by (queue) ({name}{{" in shown


def test_on_spot_the_drain_fits_into_the_notice(render):
    pod = render("spot").one("StatefulSet", "newscrawl-worker-default")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] <= 30
    drain = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert float(drain[-1]) == 15
