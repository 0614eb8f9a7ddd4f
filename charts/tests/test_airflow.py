"""Airflow's settings and objects follow from the values, and its pods follow their settings."""

from __future__ import annotations

import importlib.util
import json
import runpy
from pathlib import Path

import pytest
import yaml
from kombu.transport.redis import Channel
from newscrawl.profiles import Crawl
from queue_scaler.orphans import GONE_SECONDS


def test_limits_of_airflow_follow_from_the_queues(render):
    rendered = render("everything")
    pools = json.loads(rendered.secret("press-bootstrap")["pools.json"])
    # workers * concurrency * backlogPerSlot; the user's own pool wins over the queue's
    wanted = {"quick": 36, "Harbor_English": 12, "harbor": 3, "fixed": 24, "slow": 4}
    # a task that names no pool may be for any queue
    wanted["default_pool"] = 36 + 12 + 60 + 24
    assert {name: pool["slots"] for name, pool in pools.items()} == wanted
    cfg = rendered.airflow_cfg("press")
    assert cfg.getint("core", "parallelism") == cfg.getint("core", "max_active_tasks_per_dag") == sum(wanted.values())
    assert cfg.getint("scheduler", "task_queued_timeout") == 86400


def test_what_a_killed_worker_held_is_put_back_within_minutes_and_by_the_scaler_first(render):
    seconds = render().airflow_cfg().getint("celery_broker_transport_options", "visibility_timeout")
    assert 2 * GONE_SECONDS < seconds <= 300


def test_a_pool_without_a_bound_is_held_back_by_no_other_limit(render):
    bounded, unbounded = (
        render("default", "--set", f"pools.a.slots={slots}").airflow_cfg().getint("core", "parallelism")
        for slots in (1, -1)
    )
    assert (bounded, unbounded) == (48 + 48 + 1, 48 + 48 + 48)


def test_a_run_may_have_a_batch_for_each_url_that_a_profile_asks_for_by_default(render):
    limit = render().airflow_cfg().getint("core", "max_map_length")
    # and well above it, for a site whose first crawl is a long one
    assert limit > 10 * Crawl.max_articles


def test_config_wins_over_what_the_chart_derives(render):
    cfg = render("everything").airflow_cfg("press")
    assert cfg["core"]["default_timezone"] == "Asia/Seoul"
    assert cfg["core"]["dags_are_paused_at_creation"] == "False"
    assert cfg["core"]["load_examples"] == "False"
    assert cfg["core"]["execution_api_server_url"] == "http://press-api-server:8988/execution/"
    assert cfg["api"]["port"] == "8988"
    assert cfg["dag_processor"]["refresh_interval"] == "15"
    assert "base_url" not in render().airflow_cfg()["api"]
    bundles = json.loads(cfg["dag_processor"]["dag_bundle_config_list"])
    assert [bundle["name"] for bundle in bundles] == ["dags-folder", "sites"]


def test_null_leaves_ports_and_the_default_queue_to_airflow(render, tmp_path):
    values = tmp_path / "values.yaml"
    nothing = {
        "api": {"port": None},
        "operators": {"default_queue": None},
        "scheduler": {"scheduler_health_check_server_port": None},
    }
    nothing["celery"] = {"flower_port": None, "flower_url_prefix": None}
    values.write_text(yaml.safe_dump({"config": nothing}))
    rendered = render("default", "-f", values)
    assert rendered.one("Service", "newscrawl-api-server")["spec"]["ports"][0]["port"] == 8080
    assert rendered.one("Service", "newscrawl-flower")["spec"]["ports"][0]["port"] == 5555
    cfg = rendered.airflow_cfg()
    assert cfg["core"]["execution_api_server_url"] == "http://newscrawl-api-server:8080/execution/"
    assert not {"port"} & set(cfg["api"])
    assert "flower_port" not in cfg["celery"]


def test_every_setting_is_one_that_airflow_knows(render):
    # read from its files: importing Airflow takes seconds
    airflow = Path(importlib.util.find_spec("airflow").submodule_search_locations[0])
    known = yaml.safe_load((airflow / "config_templates" / "config.yml").read_text())
    for provider in ("celery", "fab"):
        info = runpy.run_path(str(airflow / "providers" / provider / "get_provider_info.py"))["get_provider_info"]()
        for section, described in info["config"].items():
            known.setdefault(section, {"options": {}})["options"].update(described["options"])
    # Celery's provider hands this section to kombu
    known["celery_broker_transport_options"]["options"].update(dict.fromkeys(Channel.from_transport_options))
    cfg = render().airflow_cfg()
    settings = {f"{section}.{key}" for section in cfg.sections() for key in cfg[section]}
    assert not settings - {f"{section}.{key}" for section, described in known.items() for key in described["options"]}


def test_tasks_outlast_minutes_without_mysql(render):
    workers = render("default").airflow_cfg()["workers"]
    # each wait is random: half of the maximum on average
    assert workers.getint("execution_api_retries") * workers.getint("execution_api_retry_wait_max") / 2 >= 300


def test_web_port_reaches_service_and_container(render, environment):
    rendered = render("everything")
    assert rendered.one("Service", "press-api-server")["spec"]["ports"][0]["port"] == 8988
    container = rendered.one("Deployment", "press-api-server")["spec"]["template"]["spec"]["containers"][0]
    assert container["ports"] == [{"name": "http", "containerPort": 8988}]
    assert environment(container)["NEWSCRAWL_UI_TIMEZONE"] == "Asia/Seoul"


@pytest.mark.parametrize(
    ("arguments", "trusted"),
    [
        ((), None),
        (("--set", "apiServer.ingress.enabled=true"), "*"),
        (("--set", "apiServer.trustedProxies=10.0.0.0/8"), "10.0.0.0/8"),
        (("--set", "apiServer.ingress.enabled=true", "--set", "apiServer.trustedProxies=10.0.0.1"), "10.0.0.1"),
    ],
)
def test_proxies_are_believed_where_there_are_some(render, environment, arguments, trusted):
    api_server = render("default", *arguments).one("Deployment", "newscrawl-api-server")["spec"]["template"]["spec"]
    (container,) = api_server["containers"]
    assert ("--proxy-headers" in container["command"]) == (trusted is not None)
    assert environment(container).get("FORWARDED_ALLOW_IPS") == trusted


def test_connections_and_variables_keep_secrets_out_of_their_files(render, environment):
    rendered = render("everything")
    files = rendered.secret("press-bootstrap")
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
    "setting",
    [
        "image.tag=0.2.0",
        "config.core.default_timezone=Asia/Seoul",
        "variables.a=b",
        "admin.email=a@b",
        "pools.a.slots=1",
    ],
)
def test_a_changed_installation_gets_a_new_bootstrap_job(render, setting):
    # the same passwords in both, as an upgrade finds them
    def job(*arguments):
        rendered = render("existing-secrets", *arguments)
        return next(item["metadata"]["name"] for item in rendered.of("Job"))

    assert job() == job("--set", "logs.retentionDays=5")
    assert job() != job("--set", setting)


def test_each_try_of_the_bootstrap_job_leaves_its_log(render):
    (job,) = render("default").of("Job")
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_the_api_server_waits_for_the_bootstrap_job_so_that_ready_means_usable(render, environment):
    rendered = render("default")
    job = rendered.of("Job")[0]["spec"]["template"]["spec"]["containers"][0]
    state = environment(job)["BOOTSTRAP_STATE"]
    parts = ("api-server", "scheduler", "dag-processor", "triggerer")
    pods = {name: rendered.one("Deployment", f"newscrawl-{name}")["spec"]["template"]["spec"] for name in parts}
    commands = {name: pod["containers"][0]["command"] for name, pod in pods.items()}
    wait = ["dumb-init", "--", "python", "-m", "newscrawl_airflow.wait_for_migrations"]
    assert commands.pop("api-server")[: len(wait) + 4] == [*wait, "--bootstrap", state, "--", "airflow"]
    assert all(command[: len(wait) + 2] == [*wait, "--", "airflow"] for command in commands.values())


def test_pods_are_replaced_when_what_they_read_once_changes(render):
    def checksums(*arguments):
        rendered = render("existing-secrets", *arguments)
        template = rendered.one("Deployment", "newscrawl-scheduler")["spec"]["template"]
        return template["metadata"]["annotations"]

    assert checksums() == checksums("--set", "sites.a.site=a")
    assert checksums() != checksums("--set", "config.core.default_timezone=Asia/Seoul")


def test_sites_keep_the_text_of_their_file(render):
    sites = render("everything").one("ConfigMap", "press-sites")["data"]
    assert sites["hanbit.yaml"] == "site: hanbit\nhosts: [hanbit.newssite]\n"
    assert yaml.safe_load(sites["dure.yaml"]) == {"site": "dure", "hosts": ["dure.newssite"]}
