"""The checks of `helm test`, run as their pods would, against real servers."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def command(rendered, name):
    """The program of a check, and its environment as far as the values say it."""
    (container,) = rendered.one("Pod", f"newscrawl-test-{name}")["spec"]["containers"]
    assert container["command"][:4] == ["dumb-init", "--", "python", "-c"]
    told = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    return container["command"][4], told


def run(script, **environ):
    return subprocess.run([sys.executable, "-c", script], env={**os.environ, **environ}, capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip


def test_there_is_one_for_each_part(render):
    def names(*arguments):
        pods = [item["metadata"]["name"] for item in render(*arguments).of("Pod")]
        return {name.removeprefix("newscrawl-test-") for name in pods}

    usual = {"mysql", "redis", "api-server", "flower", "worker"}
    assert names("default") == usual | {"queue-scaler"}
    assert names("keda") == usual
    assert names("lake") == usual | {"queue-scaler", "lake"}


@pytest.mark.slow
def test_a_task_comes_back_from_a_worker_and_without_one_it_is_missed(render, redis_url, mysql_url, tmp_path):
    script, told = command(render(), "worker")
    assert told["QUEUE"] == "default"
    servers = {"AIRFLOW__CELERY__BROKER_URL": redis_url, "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{mysql_url}"}
    missed = run(script.replace("PATIENCE = 240", "PATIENCE = 1"), **servers, QUEUE="nobody")
    assert missed.returncode == 1
    assert "no worker of queue nobody has done a task within 1 s" in missed.stderr
    celery = [sys.executable, "-m", "celery", "-b", redis_url, "--result-backend", f"db+{mysql_url}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([*celery, "worker", "-Q", "here", "-P", "solo"], stdout=log, stderr=log)
    try:
        done = run(script, **servers, QUEUE="here")
    finally:
        process.terminate()
        process.wait(60)
    assert done.returncode == 0, done.stderr + (tmp_path / "log").read_text()
    assert "a task of queue here was done in" in done.stdout


def test_a_lake_is_written_to_with_the_login_and_the_volumes_of_the_workers(render, tmp_path):
    volumes = ('workers.defaults.extraVolumes=[{"name":"shared","emptyDir":{}}]',
               'workers.defaults.extraVolumeMounts=[{"name":"shared","mountPath":"/lake"}]')  # fmt: skip
    given = [part for volume in volumes for part in ("--set-json", volume)]
    rendered = render("default", "--set", "lake.url=file:///lake,lake.existingSecret=login", *given)
    (container,) = rendered.one("Pod", "newscrawl-test-lake")["spec"]["containers"]
    assert {"name": "shared", "mountPath": "/lake"} in container["volumeMounts"]
    assert "NEWSCRAWL_LAKE_OPTIONS" in {entry["name"] for entry in container["env"]}
    script, _ = command(rendered, "lake")
    done = run(script, NEWSCRAWL_LAKE_URL=f"file://{tmp_path}/lake")
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    (tmp_path / "lake").rename(tmp_path / "old")
    (tmp_path / "lake").touch()
    assert run(script, NEWSCRAWL_LAKE_URL=f"file://{tmp_path}/lake").returncode == 1


def test_mysql_and_redis_are_asked_what_they_must_be_able_to_do(render, mysql_url, redis_url):
    names = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "RESULTS_URL", "NEWSCRAWL_MYSQL_URL")
    script, _ = command(render(), "mysql")
    assert run(script, **dict.fromkeys(names, mysql_url)).stdout.count("utf8mb4, 1 row written and read") == 3
    script, _ = command(render(), "redis")
    done = run(script, AIRFLOW__CELERY__BROKER_URL=redis_url, NEWSCRAWL_REDIS_URL=redis_url)
    assert done.stdout.count("noeviction") == 2, done.stderr
