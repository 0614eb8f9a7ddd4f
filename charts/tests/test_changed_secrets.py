"""A changed value in a Secret that the user made reaches, with the next upgrade, all who read it and nobody else."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
import yaml
from api_server import api_server

SECRETS = {
    "my-airflow": ["fernet-key", "admin-password"],
    "my-urls": ["metadata-url", "broker-url"],
    "my-mysql": ["root-password"],
    "my-redis": ["password"],
    "hadoop-login": ["options"],
    "tokens": ["api"],
    "lake": ["uri"],
}
VALUES = {
    "existingSecrets": {"airflow": "my-airflow", "urls": "my-urls"},
    "mysql": {"existingSecret": "my-mysql"},
    "redis": {"existingSecret": "my-redis"},
    "lake": {"url": "file:///lake", "existingSecret": "hadoop-login"},
    "variables": {"token": {"valueFrom": {"secretKeyRef": {"name": "tokens", "key": "api"}}}},
    "connections": {"lake": {"uriFrom": {"secretKeyRef": {"name": "lake", "key": "uri"}}}},
}
AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer", "flower", "cleanup", "bootstrap"}
READERS = {
    "my-airflow": AIRFLOW,
    "my-urls": AIRFLOW | {"worker-default", "queue-scaler"},
    "my-mysql": {"mysql"},
    "my-redis": {"redis"},
    "hadoop-login": {"worker-default"},
    # the API server waits for the Job that writes them
    "tokens": {"bootstrap", "api-server"},
    "lake": {"bootstrap", "api-server"},
}


@pytest.fixture(scope="module")
def pods(helm, tmp_path_factory):
    """The pod templates by component, where the cluster has the Secrets and one of them was changed."""
    values = tmp_path_factory.mktemp("values") / "values.yaml"
    values.write_text(yaml.safe_dump(VALUES))

    def secret(name, text):
        data = {key: base64.b64encode(text.encode()).decode() for key in SECRETS[name]}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "news"}, "data": data}

    def run(changed=None):
        held = {name: secret(name, "new" if name == changed else "old") for name in SECRETS}
        with api_server({f"/api/v1/namespaces/news/secrets/{name}": one for name, one in held.items()}) as url:
            done = helm("-f", values, "--dry-run=server", "--kube-apiserver", url)
        assert done.returncode == 0, done.stderr
        found = {}
        for item in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader):
            if item and item["kind"] in {"Deployment", "StatefulSet", "Job", "CronJob"}:
                spec = item["spec"].get("jobTemplate", item)["spec"]
                name = item["metadata"]["name"].removeprefix("newscrawl-")
                found[re.sub(r"^(bootstrap)-\w+$", r"\1", name)] = (item["metadata"]["name"], spec["template"])
        return found

    return run


@pytest.mark.parametrize("secret", SECRETS)
def test_who_reads_a_secret_is_replaced_when_it_changes(pods, secret):
    before, after = pods(), pods(secret)
    assert {name for name in before if before[name] != after[name]} == READERS[secret]


def test_secrets_that_the_chart_makes_are_digested_alike_before_and_after_they_exist(render, helm):
    """The first upgrade finds what the installation made: nothing has changed."""
    rendered = render("demo")
    held = {f"/api/v1/namespaces/news/secrets/{item['metadata']['name']}": item for item in rendered.of("Secret")}
    demo = Path(__file__).parents[2] / "k8s-tests" / "values-demo.yaml"
    with api_server(held) as url:
        done = helm("-f", demo, "--dry-run=server", "--kube-apiserver", url)
    assert done.returncode == 0, done.stderr
    again = [item for item in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if item]
    assert [item for item in again if item not in rendered.objects] == []
