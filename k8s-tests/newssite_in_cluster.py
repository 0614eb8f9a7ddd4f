"""The demo's news sites inside the cluster, and what they know: the truth of every article, every request they saw."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import requests
from installation import ROOT, Installation

SITES = ("hanbit", "gangmun", "dure", "harbor")
MANIFEST = ROOT / "k8s-tests" / "newssite" / "newssite.yaml"
PROFILES = ROOT / "k8s-tests" / "newssite" / "profiles"


@dataclass(frozen=True)
class NewsSites:
    """The sites of the cluster that an installation is on."""

    installation: Installation

    @property
    def _cluster(self) -> Installation:
        return replace(self.installation, namespace="newssite")

    def start(self, tag: str, articles: int = 200) -> None:
        """Serve the sites with the image of this tag, `articles` on each, as nobody has visited them yet."""
        manifest = MANIFEST.read_text().replace("newscrawl-airflow/newssite:0.1.0", f"newscrawl-airflow/newssite:{tag}")
        manifest = manifest.replace('--articles, "200"', f'--articles, "{articles}"')
        # the sites' state is in the memory of the pod, so each start is a new one
        manifest = manifest.replace("started: never", f"started: {uuid.uuid4()}")
        self._cluster.run("kubectl", "apply", "-f", "-", stdin=manifest)
        self._cluster.kubectl("rollout", "status", "deployment/newssite", "--timeout=120s")

    def truth(self) -> list[dict[str, Any]]:
        """What every URL of every site is, one record each."""
        return [json.loads(line) for site in SITES for line in self._get(site, "_truth").splitlines()]

    def requests(self, site: str) -> list[dict[str, Any]]:
        """Every request that a site saw, in order: path, time (seconds), status, ua."""
        return json.loads(self._get(site, "_requests"))

    def control(self, site: str, **order: Any) -> None:
        """Give a site an order of a test: `outage`, `publish` or `change`, as its server documents them."""
        with self._session(site) as (base, headers):
            answer = requests.post(f"{base}/_control", json={"site": site, **order}, headers=headers, timeout=30)
            answer.raise_for_status()

    def _get(self, site: str, path: str) -> str:
        with self._session(site) as (base, headers):
            answer = requests.get(f"{base}/{path}", headers=headers, timeout=60)
            answer.raise_for_status()
            return answer.content.decode("utf-8")

    @contextlib.contextmanager
    def _session(self, site: str) -> Iterator[tuple[str, dict[str, str]]]:
        with self._cluster.forward("deployment/newssite", 8000) as port:
            yield f"http://127.0.0.1:{port}", {"Host": f"{site}.newssite"}
