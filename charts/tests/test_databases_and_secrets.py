"""Passwords, URLs and what the embedded MySQL is told."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest


def test_one_rendering_uses_one_password_everywhere(render):
    rendered = render()
    passwords, urls = rendered.secret("newscrawl-mysql"), rendered.secret("newscrawl-urls")
    assert urlsplit(urls["metadata-url"]).password == passwords["airflow-password"]
    assert urlsplit(urls["articles-url"]).password == passwords["newscrawl-password"]
    assert len(set(passwords.values())) == 4
    assert urlsplit(urls["broker-url"]).password == rendered.secret("newscrawl-redis")["password"]
    assert len(base64.urlsafe_b64decode(rendered.secret("newscrawl-airflow")["fernet-key"])) == 32


def test_generated_secrets_outlive_the_release(render):
    for name in ("newscrawl-mysql", "newscrawl-redis", "newscrawl-airflow"):
        annotations = render().one("Secret", name)["metadata"]["annotations"]
        assert annotations["helm.sh/resource-policy"] == "keep"


def test_existing_secrets_replace_all_generated_ones(render, environment):
    rendered = render("existing-secrets")
    assert [item["metadata"]["name"] for item in rendered.of("Secret")] == ["newscrawl-bootstrap"]
    container = rendered.one("Deployment", "newscrawl-scheduler")["spec"]["template"]["spec"]["containers"][0]
    told = environment(container)
    assert told["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == {"secretKeyRef": {"name": "my-urls", "key": "metadata-url"}}
    assert told["AIRFLOW__CORE__FERNET_KEY"] == {"secretKeyRef": {"name": "my-airflow", "key": "fernet-key"}}


def test_workers_hold_what_their_tasks_need_alone(render, environment):
    pod = render().one("StatefulSet", "newscrawl-worker-default")["spec"]["template"]["spec"]
    told = environment(pod["containers"][0])
    held = {
        (text["secretKeyRef"]["name"], text["secretKeyRef"]["key"]) for text in told.values() if isinstance(text, dict)
    }
    keys = ("results-url", "articles-url", "broker-url", "crawler-redis-url")
    assert held == {("newscrawl-urls", key) for key in keys}
    assert told["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].startswith("sqlite:////tmp/")
    assert not [volume for volume in pod["volumes"] if "secret" in volume]


@pytest.mark.parametrize("upgrade", [(), ("--is-upgrade",)])
def test_with_existing_secrets_a_rendering_without_a_cluster_repeats_itself(helm, upgrade):
    """What Argo CD needs: two renderings that differ would be a change at each look."""
    file = Path(__file__).parent / "values" / "existing-secrets.yaml"
    first, second = helm("-f", file, *upgrade), helm("-f", file, *upgrade)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout


def test_external_databases_are_reached_by_encoded_urls_over_tls(render):
    rendered = render("external")
    urls = rendered.secret("newscrawl-urls")
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
