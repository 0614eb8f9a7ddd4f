"""What must hold for every object and every pod, whatever the values."""

from __future__ import annotations

import base64
import functools
import json

import kubernetes_validate.utils
import pytest

KUBERNETES = "1.34"
# custom resources: Kubernetes itself has no schema of them
FOREIGN = ("keda.sh/", "monitoring.coreos.com/")
# run to an end: nobody asks them how they are
SHORT = ("Job/", "CronJob/", "Pod/")


def containers(pod):
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


@pytest.fixture(scope="module", autouse=True)
def schemas_are_read_once():
    """The library reads its megabytes of schemas anew for each object."""
    read = kubernetes_validate.utils.schema_contents
    kubernetes_validate.utils.schema_contents = functools.cache(read)
    yield
    kubernetes_validate.utils.schema_contents = read


def test_objects_are_valid(render, values):
    for item in render(values, "--is-upgrade").objects:
        if not item["apiVersion"].startswith(FOREIGN):
            kubernetes_validate.validate(item, KUBERNETES, strict=True)


def test_objects_have_the_standard_labels_and_belong_to_the_namespace(render, values):
    for item in render(values).objects:
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "newscrawl-airflow", item
        assert labels["app.kubernetes.io/instance"] == "newscrawl"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert {"app.kubernetes.io/component", "app.kubernetes.io/version", "helm.sh/chart"} <= set(labels)
        assert len(item["metadata"]["name"]) <= 63


def test_no_two_objects_share_a_name(render, values):
    names = [(item["kind"], item["metadata"]["name"]) for item in render(values, "--is-upgrade").objects]
    assert len(names) == len(set(names))


def test_an_upgrade_replaces_a_pod_that_cannot_start(render, values):
    """An ordered StatefulSet waits for it for ever ("forced rollback" in Kubernetes' documentation)."""
    for item in render(values).of("StatefulSet"):
        assert item["spec"]["podManagementPolicy"] == "Parallel", item["metadata"]["name"]


def test_pods_run_restricted(render, values):
    for name, pod in render(values, "--is-upgrade").pods():
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, (name, container["name"])
            assert own["capabilities"] == {"drop": ["ALL"]}
            # only `skaffold dev` writes into Airflow's containers
            synced = values == "dev" and "newscrawl-airflow/crawler" in container["image"]
            assert own["readOnlyRootFilesystem"] is not synced


def test_containers_say_what_they_need(render, values):
    for name, pod in render(values, "--is-upgrade").pods():
        for container in containers(pod):
            resources = container["resources"]
            assert {"cpu", "memory"} <= set(resources["requests"]), (name, container["name"])
            assert "memory" in resources["limits"]


def test_servers_have_probes(render, values):
    for name, pod in render(values).pods():
        if name.startswith(SHORT):
            continue
        for container in pod["spec"]["containers"]:
            assert {"startupProbe", "livenessProbe"} <= set(container), (name, container["name"])


def test_only_the_scaler_and_the_resize_job_talk_to_kubernetes(render, values):
    for name, pod in render(values, "--is-upgrade").pods():
        talks = name.startswith(("Deployment/", "Job/")) and name.endswith(("-queue-scaler", "-resize"))
        assert (pod["spec"].get("automountServiceAccountToken") is False) != talks, name


def test_volumes_and_their_mounts_agree(render, values):
    for name, pod in render(values, "--is-upgrade").pods():
        volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
        if name.startswith("StatefulSet/"):
            kind, own = name.split("/")
            claims = render(values, "--is-upgrade").one(kind, own)["spec"].get("volumeClaimTemplates", [])
            volumes |= {claim["metadata"]["name"] for claim in claims}
        mounted = {mount["name"] for container in containers(pod) for mount in container.get("volumeMounts", [])}
        assert mounted == volumes, name


def test_selectors_match_their_pods(render, values):
    for item in render(values).objects:
        if item["kind"] in {"Deployment", "StatefulSet"}:
            selector, labels = item["spec"]["selector"]["matchLabels"], item["spec"]["template"]["metadata"]["labels"]
            assert selector.items() <= labels.items(), item["metadata"]["name"]
    for service in render(values).of("Service"):
        matching = [name for name, pod in render(values).pods()
                    if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()]  # fmt: skip
        assert matching, f"service {service['metadata']['name']} selects nothing"


def test_what_pods_refer_to_exists(render, values):
    rendered = render(values)
    for kind, field in (("ConfigMap", "configMap"), ("Secret", "secret")):
        own = {item["metadata"]["name"] for item in rendered.of(kind)}
        for name, pod in rendered.pods():
            for volume in pod["spec"].get("volumes", []):
                if field in volume:
                    wanted = volume[field].get("name") or volume[field].get("secretName")
                    assert wanted in own or not wanted.startswith(("newscrawl-", "press-")), (name, wanted)


def secret_values(rendered):
    for secret in rendered.of("Secret"):
        for key, value in secret.get("data", {}).items():
            if not key.endswith(".json"):
                yield base64.b64decode(value).decode()


def test_no_secret_outside_secrets(render, values):
    rendered = render(values, "--is-upgrade")
    open_text = json.dumps([item for item in rendered.objects if item["kind"] != "Secret"])
    for secret in [*secret_values(rendered), "kept-out-of-configmaps", "a/b@c d", "p#w"]:
        # the external test values have passwords of one letter
        assert len(secret) < 3 or secret not in open_text


@pytest.mark.parametrize("upgrade", [(), ("--is-upgrade",)])
def test_nothing_is_a_hook_but_tests_and_the_resize(render, values, upgrade):
    for item in render(values, *upgrade).objects:
        hook = item["metadata"].get("annotations", {}).get("helm.sh/hook")
        assert hook in {None, "test"} or (hook == "pre-upgrade" and item["metadata"]["name"].endswith("-resize"))


def test_every_pod_can_have_the_users_of_its_cluster(render, values):
    """As OpenShift wants it: no user and no group of ours."""
    none = json.dumps(dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup")))
    keys = ("", "mysql.", "redis.", "queueScaler.", "hdfs.")
    given = [part for key in keys for part in ("--set-json", f"{key}podSecurityContext={none}")]
    for name, pod in render(values, "--is-upgrade", *given).pods():
        security = pod["spec"]["securityContext"]
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(security), name
        assert security["runAsNonRoot"] is True


def test_labels_that_the_values_repeat_stay_those_of_the_chart(render):
    for name, pod in render("everything").pods():
        labels = pod["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "newscrawl-airflow", name
        assert name.startswith("Pod/") or labels["cost"] == "crawl"


def test_more_containers_are_in_all_airflow_pods_but_none_keeps_one_from_ending(render):
    for name, pod in render("everything", "--is-upgrade").pods():
        airflow = any("newscrawl-airflow/crawler" in container["image"] for container in containers(pod))
        found = {container["name"] for container in containers(pod)} & {"sql-proxy", "beside"}
        wanted = {"sql-proxy"} if name.startswith(SHORT) else {"sql-proxy", "beside"}
        assert found == (wanted if airflow else set()), name


def test_replicas_go_to_different_nodes_unless_the_values_say_otherwise(render):
    rendered = render("everything")
    for part in ("api-server", "scheduler", "queue-scaler"):
        (rule,) = rendered.one("Deployment", f"press-{part}")["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert rule["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == part
        assert rule["whenUnsatisfiable"] == "ScheduleAnyway"
    alone = render().one("Deployment", "newscrawl-scheduler")["spec"]["template"]["spec"]
    assert "topologySpreadConstraints" not in alone
    own = '[{"maxSkew":2,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule"}]'
    rendered = render("everything", "--set-json", f"scheduler.topologySpreadConstraints={own}")
    (rule,) = rendered.one("Deployment", "press-scheduler")["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert rule["topologyKey"] == "zone"


def test_a_pod_without_a_claim_has_a_bound_on_its_nodes_disk(render):
    off = [part for key in ("mysql", "redis", "hdfs.nameNode", "hdfs.dataNode", "workers.defaults")
           for part in ("--set", f"{key}.persistence.enabled=false")]  # fmt: skip
    sizes = {
        name: volume["emptyDir"].get("sizeLimit")
        for name, pod in render("default", "--set", "hdfs.enabled=true", *off).pods()
        for volume in pod["spec"]["volumes"]
        if volume["name"] == "data"
    }
    assert {name.removeprefix("StatefulSet/newscrawl-"): size for name, size in sizes.items()} == {
        "mysql": "8Gi", "redis": "1Gi", "namenode": "2Gi", "datanode": "20Gi", "worker-default": "2Gi"}  # fmt: skip


def test_with_policies_each_port_of_the_release_has_its_visitors(render):
    """Each pod that stays is selected by one policy; who is not named there is not let in."""
    rendered = render("everything")
    policies = [one for one in rendered.objects if one["kind"] == "NetworkPolicy"]
    visitors = {}
    for item in rendered.objects:
        if item["kind"] not in ("Deployment", "StatefulSet"):
            continue
        labels, spec = item["spec"]["template"]["metadata"]["labels"], item["spec"]["template"]["spec"]
        found = [one["spec"] for one in policies if one["spec"]["podSelector"]["matchLabels"].items() <= labels.items()]
        assert len(found) == 1, item["metadata"]["name"]
        named = {port["name"] for one in spec["containers"] for port in one.get("ports", ())}
        opened = {port["port"] for rule in found[0]["ingress"] for port in rule["ports"]}
        assert opened <= named
        visitors[labels["app.kubernetes.io/component"]] = [one for rule in found[0]["ingress"] for one in rule["from"]]
    assert {name for name, let_in in visitors.items() if not let_in} == {
        "scheduler", "dag-processor", "triggerer", "worker",
    }  # fmt: skip
    others = {name: let_in[1:] for name, let_in in visitors.items() if let_in[1:]}
    assert list(others) == ["api-server", "queue-scaler"]
    assert others["queue-scaler"] == [{"namespaceSelector": {"matchLabels": {"monitoring": "true"}}}]
