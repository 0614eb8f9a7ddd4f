"""What Helm tells the user after an installation."""

from __future__ import annotations

import subprocess

import pytest
from api_server import api_server


@pytest.fixture(scope="module")
def notes(helm_command, chart):
    """The notes of an installation with these values."""
    with api_server({}) as url:
        fixed = [helm_command, "install", "newscrawl", str(chart), "--dry-run=client", "--kube-apiserver", url]

        def run(*arguments: str) -> str:
            command = [*fixed, "--disable-openapi-validation", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout.partition("\nNOTES:\n")[2]

        yield run


def test_an_address_is_https_where_its_balancer_has_the_certificate(notes, chart):
    plain = notes("--set", "apiServer.ingress.enabled=true,apiServer.ingress.host=a.example")
    assert "From outside: http://a.example" in plain
    assert "passwords travel in the clear" in plain
    gke = notes("-f", str(chart / "values-gke.yaml"))
    assert "From outside: https://newscrawl.example.org" in gke
    assert "in the clear" not in gke


def test_upgrades_take_the_defaults_of_a_new_chart(notes):
    assert notes().count("--reset-then-reuse-values") == 2
    assert "--reuse-values" not in notes()


def test_the_way_out_is_named_where_mysql_forgets(notes):
    told = notes("--set", "mysql.persistence.enabled=false", "-n", "news")
    assert (
        "kubectl -n news delete job -l app.kubernetes.io/instance=newscrawl,app.kubernetes.io/component=bootstrap"
        in told
    )
    assert "delete job" not in notes("--set", "redis.persistence.enabled=false")
