"""The whole system once, before your eyes: `make demo`.

A kind cluster comes up, the images are built, the chart is installed, four demo sites are served in the cluster and
crawled through Airflow on a queue each; every article in MySQL is then compared with what the sites published. The
cluster stays up, so that one can look around in the Airflow UI.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cluster
import pymysql
import report
import requests
from cluster.steps import StepFailed
from installation import ENDED, ROOT, CommandFailed, Installation, QueueReading, until
from newssite_in_cluster import PROFILES, SITES, NewsSites

VALUES = ROOT / "k8s-tests" / "values-demo.yaml"
CRAWL_SECONDS = 900
# what the cluster, its tools and its servers answer where something is wrong with them
FAILURES = (StepFailed, CommandFailed, TimeoutError, requests.RequestException, pymysql.MySQLError)


@dataclass
class Phases:
    """The steps of the demo with their seconds, told as they pass."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time one step."""
        print(f"==> {name}", flush=True)
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)
        print(f"    {name}: {self.seconds[name]:.0f} s", flush=True)


class Sampler(threading.Thread):
    """Reads backlog and replicas of every queue once a second until stopped; seconds count from its start."""

    def __init__(self, installation: Installation):
        super().__init__(daemon=True)
        self.installation = installation
        self.samples: list[tuple[float, dict[str, QueueReading]]] = []
        self._first_moment = time.monotonic()
        self._stop_asked = threading.Event()

    def start(self) -> None:
        """Read what there is before anything happens, and go on sampling in the background."""
        self._sample(self.installation.queues())
        super().start()

    def run(self) -> None:
        """Sample until `stop`; readings that fail leave a gap in the timeline."""
        while not self._stop_asked.wait(1):
            with (
                contextlib.suppress(CommandFailed, requests.RequestException),
                self.installation.watched_queues() as readings,
            ):
                while not self._stop_asked.wait(1):
                    self._sample(readings())

    def stop(self) -> None:
        """End the sampling with one last reading."""
        self._stop_asked.set()
        self.join()
        self._sample(self.installation.queues())

    def _sample(self, readings: dict[str, QueueReading]) -> None:
        self.samples.append((time.monotonic() - self._first_moment, readings))


def demo_values(tags: Mapping[str, str]) -> list[str]:
    """helm's options for the demo: its values, the sites' profiles, and the images just built."""
    profiles = [f"sites.{site}={PROFILES / f'{site}.yaml'}" for site in SITES]
    return ["-f", str(VALUES), *(part for profile in profiles for part in ("--set-file", profile)), *image_values(tags)]


def image_values(tags: Mapping[str, str]) -> list[str]:
    """helm's options that name the images just built, so that an upgrade rolls out what changed."""
    return ["--set", f"image.tag={tags['crawler']}", "--set", f"scalerImage.tag={tags['queue-scaler']}"]


def crawl(installation: Installation, sites: tuple[str, ...] = SITES, seconds: float = CRAWL_SECONDS) -> dict[str, str]:
    """Start the DAG of each site, wait until every run has ended, and return the runs' states by site."""
    with installation.airflow() as airflow:
        runs = {site: airflow.trigger(f"crawl_{site}") for site in sites}

        def ended() -> dict[str, str] | None:
            now = {site: airflow.state(f"crawl_{site}", run) for site, run in runs.items()}
            print(
                "    " + "  ".join(_line(queue, reading) for queue, reading in installation.queues().items()),
                flush=True,
            )
            return now if all(state in ENDED for state in now.values()) else None

        return until("every crawl has ended", ended, seconds=seconds, every=5)


def await_no_workers(installation: Installation, seconds: float = 180) -> None:
    """Wait until no queue holds a worker, as its cooldown has passed."""

    def none() -> bool:
        readings = installation.queues().values()
        return bool(readings) and not any(reading.replicas for reading in readings)

    until("no queue holds a worker", none, seconds=seconds)


def _line(queue: str, reading: QueueReading) -> str:
    return f"{queue}: {reading.backlog} tasks, {reading.replicas} workers;"


def run(options: argparse.Namespace) -> int:
    """Run the demo; 0 when every crawl succeeded, MySQL holds exactly the truth and the workers came and went."""
    phases = Phases()
    with phases("cluster and images"):
        environment, tags = cluster.up_with_images()
    installation = Installation(environment, namespace=options.namespace)
    try:
        return show(installation, tags, phases, options.out)
    except FAILURES:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "diagnosis.txt").write_text(installation.diagnosis())
        print(f"Pods, events and logs: {options.out / 'diagnosis.txt'}", file=sys.stderr)
        raise


def show(installation: Installation, tags: Mapping[str, str], phases: Phases, out: Path) -> int:
    """The demo on a cluster that has the images; a crawl that does not end has a report too. Raises FAILURES."""
    with phases("clean namespace"):
        installation.remove()
    sites = NewsSites(installation)
    with phases("install"), ThreadPoolExecutor(1) as pool:
        serving = pool.submit(sites.start, tags["newssite"])
        installation.install(*demo_values(tags))
        serving.result()
    sampler = Sampler(installation)
    sampler.start()
    try:
        with phases("crawl"):
            states = crawl(installation)
        with phases("scale to zero"):
            await_no_workers(installation)
    except TimeoutError:
        # what came and what scaled until then; where it cannot be read, the first failure is still the one to tell
        with contextlib.suppress(*FAILURES):
            _reported(installation, sites, sampler, phases, out)
        raise
    result = _reported(installation, sites, sampler, phases, out)
    print(report.text(result, states))
    print(f"Report: {out / 'report.json'}, picture: {out / 'scaling.png'}")
    print(
        "Look around: make ui (the Airflow UI), make shell (a shell with kubectl and helm), make cluster-down (the end)"
    )
    good = report.is_exact(result) and not report.unscaled(result) and set(states.values()) == {"success"}
    return 0 if good else 1


def _reported(
    installation: Installation, sites: NewsSites, sampler: Sampler, phases: Phases, out: Path
) -> dict[str, Any]:
    """End the sampling, and write and return the report."""
    sampler.stop()
    with phases("compare"):
        result = report.compare(sites.truth(), installation.rows(report.QUERY), sampler.samples, phases.seconds)
    report.write(result, out)
    return result


def main() -> int:
    """Run the demo; what goes wrong is one message on standard error."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "demo", help="folder of report.json and scaling.png"
    )
    parser.add_argument("--namespace", default="newscrawl", help="namespace of the installation; it is made anew")
    options = parser.parse_args()
    try:
        return run(options)
    except FAILURES as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
