"""What runs the sites in a cluster fits the sites: names, hosts, queues, and Kubernetes' own schemas."""

from __future__ import annotations

from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from newscrawl import profiles
from newssite.local import PROFILES
from newssite.state import SITES

MANIFEST = Path(__file__).parents[1] / "newssite.yaml"


def objects(kind: str) -> list[dict]:
    return [one for one in yaml.safe_load_all(MANIFEST.read_text()) if one["kind"] == kind]


def test_kubernetes_accepts_the_manifest() -> None:
    for one in yaml.safe_load_all(MANIFEST.read_text()):
        kubernetes_validate.validate(one, "1.34", strict=True)


def test_each_site_has_a_service_of_its_name_at_port_80() -> None:
    services = {one["metadata"]["name"]: one["spec"] for one in objects("Service")}
    assert services.keys() == SITES.keys()
    (deployment,) = objects("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for spec in services.values():
        assert spec["selector"].items() <= labels.items()
        assert [port["port"] for port in spec["ports"]] == [80]


@pytest.mark.parametrize("site", SITES)
def test_the_crawler_accepts_the_profile(site: str) -> None:
    profile = profiles.load(PROFILES / f"{site}.yaml")
    assert (profile.site, profile.crawl.queue) == (site, site)
    assert profile.hosts == {f"{site}.newssite"}
    assert profile.allow_private
