"""One cluster and one installation, in the order in which a user would meet them.

The fixtures build on each other (cluster, installed, upgraded, crawled), so that any test can be run alone and a whole
session installs only once. A fixture measures on the way; the tests judge what it measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cluster
import demo
import loss
import pytest
import report
from cluster import kind
from installation import ROOT, Installation, until
from newssite_in_cluster import PROFILES, SITES, NewsSites

# of each site: enough for two workers; harbor has a few pages among them that are not articles
ARTICLES = 60
VALUES = ROOT / "k8s-tests" / "values-test.yaml"
TINY_VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: tiny}
spec:
  capacity: {storage: 1Mi}
  accessModes: [ReadWriteOnce]
  storageClassName: tiny
  hostPath: {path: /mnt/tiny}
"""
SECRETS = ("newscrawl-mysql", "newscrawl-redis", "newscrawl-airflow")


@dataclass(frozen=True)
class Installed:
    """`helm install` with no values: the DAGs that the admin sees then, each pod's idle memory in bytes."""

    dags: list[str]
    memory: dict[str, int]


@dataclass(frozen=True)
class Upgraded:
    """`helm upgrade` to the demo's values: the Secrets before and after it, and a row that was there before."""

    before: dict[str, Any]
    after: dict[str, Any]
    marker: str


@dataclass(frozen=True)
class Crawled:
    """One crawl of all sites: the runs' states, the timeline, and the comparison with the truth."""

    states: dict[str, str]
    result: dict[str, Any]
    requests: dict[str, list[dict[str, Any]]] = field(repr=False)


@pytest.fixture(scope="session")
def environment_and_tags() -> tuple[dict[str, str], dict[str, str]]:
    """A running cluster whose node has this checkout's images."""
    return cluster.up_with_images()


@pytest.fixture(scope="session")
def environment(environment_and_tags: tuple[dict[str, str], dict[str, str]]) -> dict[str, str]:
    """The environment of the cluster."""
    return environment_and_tags[0]


@pytest.fixture(scope="session")
def tags(environment_and_tags: tuple[dict[str, str], dict[str, str]]) -> dict[str, str]:
    """The images' tags by name."""
    return environment_and_tags[1]


@pytest.fixture(scope="session")
def installation(environment: dict[str, str], tags: dict[str, str]) -> Iterator[Installation]:
    """The release under test, in a namespace of its own that did not exist before."""
    found = Installation(environment, namespace="newscrawl-test")
    found.remove()
    yield found
    found.remove(wait=False)


@pytest.fixture(scope="session")
def installed(installation: Installation) -> Installed:
    """The chart installed with no values at all."""
    installation.install()
    with installation.airflow() as airflow:
        dags = until("the DAG processor has seen the DAGs", airflow.dags, seconds=60)
    until("the default queue holds no worker", lambda: not installation.queues()["default"].replicas, seconds=120)
    memory = until("the kubelet has measured", installation.memory, seconds=60)
    return Installed(dags, memory)


@pytest.fixture(scope="session")
def sites(installation: Installation, tags: dict[str, str]) -> NewsSites:
    """The demo's news sites, which nobody has visited."""
    found = NewsSites(installation)
    found.start(tags["newssite"], articles=ARTICLES)
    return found


def _secrets(installation: Installation) -> dict[str, Any]:
    return {name: installation.get("secret", name)["data"] for name in SECRETS}


def _mount_tiny_volume(installation: Installation) -> None:
    """A volume of 96 KiB for the worker of the queue `tiny`: a memory file system on the node."""
    mount = "mkdir -p /mnt/tiny && umount /mnt/tiny 2>/dev/null; mount -t tmpfs -o size=96k,mode=777 tmpfs /mnt/tiny"
    installation.run("docker", "exec", kind.NODE, "bash", "-c", mount)
    installation.run("kubectl", "delete", "persistentvolume", "tiny", "--ignore-not-found")
    installation.run("kubectl", "apply", "-f", "-", stdin=TINY_VOLUME)


@pytest.fixture(scope="session")
def upgraded(
    installation: Installation,
    installed: Installed,
    tags: dict[str, str],
    sites: NewsSites,
    tmp_path_factory: pytest.TempPathFactory,
) -> Upgraded:
    """The release upgraded to the demo's values, with the loss tests' queues and one whose volume is soon full."""
    before = _secrets(installation)
    marker = "written before the upgrade"
    with installation.mysql() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE marker (text VARCHAR(64))")
        cursor.execute("INSERT INTO marker VALUES (%s)", (marker,))
    _mount_tiny_volume(installation)
    profile = (PROFILES / "gangmun.yaml").read_text().replace("site: gangmun", "site: tiny")
    (tmp_path_factory.getbasetemp() / "tiny.yaml").write_text(profile.replace("queue: gangmun", "queue: tiny"))
    tiny = ("-f", str(VALUES), "--set-file", f"sites.tiny={tmp_path_factory.getbasetemp() / 'tiny.yaml'}")
    loss.provide(installation)
    installation.install(*demo.demo_values(tags), *tiny, "-f", str(loss.VALUES), command="upgrade")
    return Upgraded(before, _secrets(installation), marker)


@pytest.fixture(scope="session")
def crawled(installation: Installation, upgraded: Upgraded, sites: NewsSites) -> Crawled:
    """All four sites crawled once, and every worker gone afterwards."""
    sampler = demo.Sampler(installation)
    sampler.start()
    try:
        states = demo.crawl(installation)
        demo.await_no_workers(installation)
    finally:
        sampler.stop()
    result = report.compare(sites.truth(), installation.rows(report.QUERY), sampler.samples, {})
    return Crawled(states, result, {site: sites.requests(site) for site in SITES})


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in this hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever runs tests side by side (`-n 2 --dist loadgroup`) leaves those of the one installation in their order."""
    for item in items:
        if "installation" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("installation"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed cluster test shows what is needed to understand it: pods, events, the last lines of the logs."""
    outcome = yield
    if outcome.failed and "installation" in getattr(item, "funcargs", {}):
        outcome.sections.append(("the installation", item.funcargs["installation"].diagnosis()))
    return outcome
