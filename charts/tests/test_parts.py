"""What single parts of the chart promise: workers, scaling, Airflow's settings, databases, bootstrap."""

from __future__ import annotations

import base64
import configparser
import importlib.util
import json
import runpy
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml


def airflow_cfg(rendered, prefix="newscrawl"):
    parser = configparser.ConfigParser()
    parser.read_string(rendered.one("ConfigMap", f"{prefix}-airflow-cfg")["data"]["airflow.cfg"])
    return parser


def environment(container):
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def secret(rendered, name):
    data = rendered.one("Secret", name)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def scaler_config(rendered, prefix="newscrawl"):
    return yaml.safe_load(rendered.one("ConfigMap", f"{prefix}-queue-scaler")["data"]["config.yaml"])


def test_a_queue_becomes_a_worker_set_that_serves_it_alone(render):
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
    assert told["NEWSCRAWL_QUEUES"] == "Harbor_English,fixed,harbor,quick"


def test_names_that_kubernetes_refuses_are_mapped_without_collisions(render):
    twins = '{"Harbor_English":{},"Harbor.English":{},"harbor-english":{},"%s":{}}' % ("x" * 60)
    rendered = render("default", "--set-json", f'workers={{"queues":{twins}}}')
    sets = [item for item in rendered.of("StatefulSet") if "-worker-" in item["metadata"]["name"]]
    names = {item["metadata"]["name"] for item in sets}
    assert len(names) == 5
    assert "newscrawl-worker-harbor-english" in names
    assert all(len(name) <= 52 for name in names)


def test_the_drain_ends_before_the_grace_does(render):
    pod = render("everything").one("StatefulSet", "press-worker-harbor-english-374f3f")["spec"]["template"]["spec"]
    drain = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert drain == ["python", "-m", "newscrawl_airflow.drain", "--grace", "105"]
    assert pod["terminationGracePeriodSeconds"] == 120


def test_the_scaler_knows_every_scaled_queue_and_may_patch_these_only(render):
    rendered = render("everything")
    queues = scaler_config(rendered, "press")["queues"]
    assert set(queues) == {"Harbor_English", "harbor", "quick"}
    assert queues["harbor"] == {
        "statefulSet": "press-worker-harbor",
        "minReplicaCount": 1,
        "maxReplicaCount": 5,
        "listLength": 7,
        "concurrency": 3,
        "activationListLength": 0,
        "cooldownPeriod": 60,
        "inFlightKey": "unacked:harbor",
        "fallback": {"failureThreshold": 4, "replicas": 2},
        "behavior": {"scaleUp": {}, "scaleDown": {}},
    }
    assert "fallback" not in queues["quick"]
    assert queues["quick"]["listLength"] == 3
    patched = [rule for rule in rendered.one("Role", "press-queue-scaler")["rules"] if "patch" in rule["verbs"]]
    assert [rule["resources"] for rule in patched] == [["statefulsets/scale"]]
    assert set(patched[0]["resourceNames"]) == {queue["statefulSet"] for queue in queues.values()}


def test_the_scaler_accepts_its_configuration(render, values):
    from queue_scaler.config import parse

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
    assert scaled["advanced"]["scalingModifiers"]["formula"] == "queued + inflight"
    assert scaled["advanced"]["scalingModifiers"]["target"] == "4"
    triggers = {trigger["name"]: trigger["metadata"] for trigger in scaled["triggers"]}
    assert triggers["queued"]["listName"] == "hanbit"
    assert triggers["inflight"]["listName"] == "unacked:hanbit"
    assert triggers["queued"]["address"] == "newscrawl-redis.news.svc:6379"
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"], scaled["cooldownPeriod"]) == (0, 8, 60)
    assert scaled["fallback"] == {"failureThreshold": 3, "replicas": 2}
    login = rendered.one("TriggerAuthentication", "newscrawl-redis")["spec"]["secretTargetRef"]
    assert login == [{"parameter": "password", "name": "newscrawl-redis", "key": "password"}]


def test_the_engines_leave_no_object_of_each_other(render):
    assert not [item for item in render("keda").objects if "queue-scaler" in item["metadata"]["name"]]
    assert not [item for item in render().objects if item["apiVersion"].startswith("keda.sh/")]


def test_limits_of_airflow_follow_from_the_queues(render):
    rendered = render("everything")
    pools = json.loads(secret(rendered, "press-bootstrap")["pools.json"])
    # workers * concurrency * backlogPerSlot; the user's own pool wins over the queue's
    wanted = {"quick": 36, "default_pool": 36, "Harbor_English": 12, "harbor": 3, "fixed": 24, "slow": 4}
    assert {name: pool["slots"] for name, pool in pools.items()} == wanted
    cfg = airflow_cfg(rendered, "press")
    assert cfg.getint("core", "parallelism") == cfg.getint("core", "max_active_tasks_per_dag") == sum(wanted.values())
    assert cfg.getint("scheduler", "task_queued_timeout") == 86400


def test_config_wins_over_what_the_chart_derives(render):
    cfg = airflow_cfg(render("everything"), "press")
    assert cfg["core"]["default_timezone"] == "Asia/Seoul"
    assert cfg["core"]["dags_are_paused_at_creation"] == "False"
    assert cfg["core"]["load_examples"] == "False"
    assert cfg["core"]["execution_api_server_url"] == "http://press-api-server:8988/execution/"
    assert cfg["api"]["port"] == "8988"
    assert cfg["dag_processor"]["refresh_interval"] == "15"
    assert "base_url" not in airflow_cfg(render())["api"]
    bundles = json.loads(cfg["dag_processor"]["dag_bundle_config_list"])
    assert [bundle["name"] for bundle in bundles] == ["dags-folder", "sites"]


def test_every_setting_is_one_that_airflow_knows(render):
    # read from its files: importing Airflow takes seconds
    airflow = Path(importlib.util.find_spec("airflow").submodule_search_locations[0])
    known = yaml.safe_load((airflow / "config_templates" / "config.yml").read_text())
    for provider in ("celery", "fab"):
        info = runpy.run_path(str(airflow / "providers" / provider / "get_provider_info.py"))["get_provider_info"]()
        for section, described in info["config"].items():
            known.setdefault(section, {"options": {}})["options"].update(described["options"])
    cfg = airflow_cfg(render())
    settings = {f"{section}.{key}" for section in cfg.sections() for key in cfg[section]}
    assert not settings - {f"{section}.{key}" for section, described in known.items() for key in described["options"]}


def test_web_port_reaches_service_and_container(render):
    rendered = render("everything")
    assert rendered.one("Service", "press-api-server")["spec"]["ports"][0]["port"] == 8988
    container = rendered.one("Deployment", "press-api-server")["spec"]["template"]["spec"]["containers"][0]
    assert container["ports"] == [{"name": "http", "containerPort": 8988}]
    assert environment(container)["NEWSCRAWL_UI_TIMEZONE"] == "Asia/Seoul"


def test_connections_and_variables_keep_secrets_out_of_their_files(render):
    rendered = render("everything")
    files = secret(rendered, "press-bootstrap")
    connections, variables = json.loads(files["connections.json"]), json.loads(files["variables.json"])
    job = next(item for item in rendered.of("Job") if "-bootstrap-" in item["metadata"]["name"])
    told = environment(job["spec"]["template"]["spec"]["containers"][0])
    password = connections["mysql_test"].pop("passwordEnv")
    assert connections["mysql_test"] == {
        "conn_type": "mysql",
        "host": "press-mysql",
        "port": 3306,
        "schema": "articles",
        "login": "airflow",
    }
    assert told[password] == {"secretKeyRef": {"name": "press-mysql", "key": "airflow-password"}}
    assert told[connections["lake"]["uriEnv"]] == {"secretKeyRef": {"name": "lake", "key": "uri"}}
    assert variables["limits"] == {"value": {"per_site": 10}}
    assert told[variables["token"]["valueEnv"]] == {"secretKeyRef": {"name": "tokens", "key": "api"}}


@pytest.mark.parametrize(
    "setting", ["image.tag=0.2.0", "config.core.parallelism=7", "variables.a=b", "admin.email=a@b", "pools.a.slots=1"]
)
def test_a_changed_installation_gets_a_new_bootstrap_job(render, setting):
    # the same passwords in both, as an upgrade finds them
    def job(*arguments):
        rendered = render("existing-secrets", *arguments)
        return next(item["metadata"]["name"] for item in rendered.of("Job"))

    assert job() == job("--set", "logs.retentionDays=5")
    assert job() != job("--set", setting)


def test_pods_are_replaced_when_what_they_read_once_changes(render):
    def checksums(*arguments):
        rendered = render("existing-secrets", *arguments)
        template = rendered.one("Deployment", "newscrawl-scheduler")["spec"]["template"]
        return template["metadata"]["annotations"]

    assert checksums() == checksums("--set", "sites.a.site=a")
    assert checksums() != checksums("--set", "config.core.default_timezone=Asia/Seoul")


def test_one_rendering_uses_one_password_everywhere(render):
    rendered = render()
    passwords, urls = secret(rendered, "newscrawl-mysql"), secret(rendered, "newscrawl-urls")
    assert urlsplit(urls["metadata-url"]).password == passwords["airflow-password"]
    assert urlsplit(urls["articles-url"]).password == passwords["newscrawl-password"]
    assert len(set(passwords.values())) == 4
    assert urlsplit(urls["broker-url"]).password == secret(rendered, "newscrawl-redis")["password"]
    assert len(base64.urlsafe_b64decode(secret(rendered, "newscrawl-airflow")["fernet-key"])) == 32


def test_generated_secrets_outlive_the_release(render):
    for name in ("newscrawl-mysql", "newscrawl-redis", "newscrawl-airflow"):
        annotations = render().one("Secret", name)["metadata"]["annotations"]
        assert annotations["helm.sh/resource-policy"] == "keep"


def test_existing_secrets_replace_all_generated_ones(render):
    rendered = render("existing-secrets")
    assert [item["metadata"]["name"] for item in rendered.of("Secret")] == ["newscrawl-bootstrap"]
    container = rendered.one("Deployment", "newscrawl-scheduler")["spec"]["template"]["spec"]["containers"][0]
    told = environment(container)
    assert told["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == {"secretKeyRef": {"name": "my-urls", "key": "metadata-url"}}
    assert told["AIRFLOW__CORE__FERNET_KEY"] == {"secretKeyRef": {"name": "my-airflow", "key": "fernet-key"}}


def test_external_databases_are_reached_by_encoded_urls_over_tls(render):
    rendered = render("external")
    urls = secret(rendered, "newscrawl-urls")
    metadata = urlsplit(urls["metadata-url"])
    assert unquote(metadata.password) == "a/b@c d"
    assert (metadata.hostname, metadata.port, metadata.path) == ("10.0.0.2", 3306, "/airflow")
    assert "ssl_ca=/etc/newscrawl-airflow/mysql-tls/ca.crt" in metadata.query
    assert urls["articles-url"].startswith("mysql+pymysql://loader:l@10.0.0.2:3306/news?")
    broker = urlsplit(urls["broker-url"])
    assert (broker.scheme, unquote(broker.password), broker.port, broker.path) == ("rediss", "p#w", 6378, "/0")
    assert urlsplit(urls["crawler-redis-url"]).path == "/1"
    assert not [item for item in rendered.of("StatefulSet") if "-worker-" not in item["metadata"]["name"]]


@pytest.mark.parametrize(("limit", "pool"), [("768Mi", "128M"), ("2Gi", "896M"), ("4096Mi", "2144M"), ("512Mi", "64M")])
def test_the_buffer_pool_follows_the_memory_limit(render, limit, pool):
    rendered = render("default", "--set", f"mysql.resources.limits.memory={limit}")
    assert f"innodb_buffer_pool_size = {pool}\n" in rendered.one("ConfigMap", "newscrawl-mysql")["data"]["my.cnf"]


def test_the_airflow_user_has_its_own_grant_on_articles(render):
    grants = render().one("ConfigMap", "newscrawl-mysql")["data"]["grants.sql"].splitlines()
    airflow = [line for line in grants if "TO 'airflow'" in line]
    assert airflow[0] == "GRANT ALL PRIVILEGES ON airflow.* TO 'airflow'@'%';"
    assert airflow[1].startswith("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE,")
    none = render("default", "--set-json", "mysql.airflowGrantOnArticles=[]").one("ConfigMap", "newscrawl-mysql")
    assert "ON articles.* TO 'airflow'" not in none["data"]["grants.sql"]


def test_sites_keep_the_text_of_their_file(render):
    sites = render("everything").one("ConfigMap", "press-sites")["data"]
    assert sites["hanbit.yaml"] == "site: hanbit\nhosts: [hanbit.newssite]\n"
    assert yaml.safe_load(sites["dure.yaml"]) == {"site": "dure", "hosts": ["dure.newssite"]}


def test_an_upgrade_can_grow_every_volume(render):
    rendered = render("everything", "--is-upgrade")
    config = yaml.safe_load(rendered.one("ConfigMap", "press-resize")["data"]["resize.yaml"])
    assert config["namespace"] == "news"
    assert config["statefulSets"]["press-worker-harbor"] == {"data": "20Gi"}
    assert "press-worker-fixed" not in config["statefulSets"]
    assert {"press-mysql", "press-redis"} <= set(config["statefulSets"])
    assert not [item for item in render("everything").objects if item["metadata"]["name"].endswith("-resize")]


def test_busy_workers_are_not_evicted_unless_on_spot(render):
    def evictable(queue):
        template = render("gke").one("StatefulSet", f"newscrawl-worker-{queue}")["spec"]["template"]
        return template["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"]

    assert (evictable("default"), evictable("spot")) == ("false", "true")
