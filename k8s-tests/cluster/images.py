"""The images: ours built from this checkout, MySQL and Redis pulled or built, all loaded into the node once.

An image is named twice: by the chart's version, which the chart uses by default, and by its content, so that an upgrade
rolls out what really changed and loading what the node already has is skipped.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from cluster import cache, kind, node_image, tools, versions
from cluster.steps import StepFailed, run, say, step, succeeds

ROOT = Path(__file__).resolve().parents[2]
BUILD_BASE = "newscrawl-airflow/build-base"
SERVICE_IMAGES = {versions.MYSQL_IMAGE: "mysql.Dockerfile", versions.REDIS_IMAGE: "redis.Dockerfile"}
RECIPE_LABEL = "newscrawl-airflow.recipe"
PULL_SECONDS = 300
# image -> (build context, Dockerfile), relative to the checkout
PROJECT_IMAGES = {
    "crawler": (".", "crawler_image/Dockerfile"),
    "queue-scaler": ("queue_scaler", "queue_scaler/Dockerfile"),
    "newssite": ("k8s-tests/newssite", "k8s-tests/newssite/Dockerfile"),
}
IN_NODE = ("docker", "exec", kind.NODE, "ctr", "-n", "k8s.io", "images")
# containerd 1 writes it with double quotes, containerd 2 with single ones, and empty where it says nothing
SNAPSHOTTER = re.compile(r"""^ *snapshotter = ["'](\w[\w-]*)["']""", re.MULTILINE)
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)
BUILD_BASE_DOCKERFILE = f"""FROM {versions.BASE_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY certificates/ /usr/local/share/ca-certificates/
RUN update-ca-certificates
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
"""


def decided_path(forced: str | None, image: Mapping[str, Any] | None) -> tuple[bool, str] | None:
    """What can be said without trying a pull: (registry or not, why), or None.

    `forced` is the value of NEWSCRAWL_CLUSTER_PATH, `image` what the engine tells about its Redis image. Raises
    StepFailed for a value that is neither `registry` nor `packages`.
    """
    if forced:
        if forced not in ("registry", "packages"):
            raise StepFailed(f"NEWSCRAWL_CLUSTER_PATH={forced}: say `registry` or `packages`, or leave it unset")
        return forced == "registry", f"NEWSCRAWL_CLUSTER_PATH={forced}"
    if image is None:
        return None
    if RECIPE_LABEL in (image["Config"].get("Labels") or {}):
        return False, f"{versions.REDIS_IMAGE} is here, built from packages"
    return (True, f"{versions.REDIS_IMAGE} is here, pulled") if image.get("RepoDigests") else None


def registry_reachable(docker: Mapping[str, str]) -> tuple[bool, str]:
    """Whether images can be pulled, and why we think so.

    NEWSCRAWL_CLUSTER_PATH=registry|packages decides; else a Redis image that the engine already has says which path it
    came by; else a pull is tried.
    """
    decided = decided_path(os.environ.get("NEWSCRAWL_CLUSTER_PATH"), _inspected(versions.REDIS_IMAGE, docker))
    if decided:
        return decided
    with step(f"try to pull {versions.REDIS_IMAGE}"):
        pulled = succeeds("docker", "pull", "-q", versions.REDIS_IMAGE, environment=docker, seconds=PULL_SECONDS)
    return pulled, f"{versions.REDIS_IMAGE} could {'' if pulled else 'not '}be pulled"


def ensure_service_images(docker: Mapping[str, str], registry: bool) -> None:
    """MySQL and Redis under the names that the chart uses by default, pulled or built from the present recipe.

    An image of that name that is not of our making is the user's: it is used as it is.
    """
    with cache.locked("service-images"):
        for image, dockerfile in SERVICE_IMAGES.items():
            found = _inspected(image, docker)
            if registry:
                if found is None:
                    with step(f"pull {image}"):
                        run("docker", "pull", "-q", image, environment=docker)
                continue
            recipe = (Path(__file__).parent / "service_images" / dockerfile).read_text()
            label = cache.digest(recipe)
            if found and (found["Config"].get("Labels") or {}).get(RECIPE_LABEL) in (label, None):
                continue
            tools.install_package("debootstrap", "debootstrap")
            node_image.ensure_base_image(docker)
            with step(f"build {image} from Debian packages"):
                words = ("docker", "build", "-q", "-t", image, "--label", f"{RECIPE_LABEL}={label}", "-")
                run(*words, environment=docker, stdin=recipe)


def build(docker: Mapping[str, str]) -> dict[str, str]:
    """Build our images and return the content tag of each; seconds when nothing changed."""
    version, base = _version(), _build_base(docker)
    # BuildKit's attestations name the time, which would give unchanged images a new identity
    without_attestations = {**docker, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    tags = {}
    for name, (context, dockerfile) in PROJECT_IMAGES.items():
        image = f"newscrawl-airflow/{name}"
        with step(f"build {image}"):
            arguments = ("--build-arg", f"BUILD_BASE={base}", *_proxy_arguments())
            words = ("docker", "build", "-q", "-t", f"{image}:{version}", "-f", ROOT / dockerfile, *arguments)
            made = run(*words, ROOT / context, environment=without_attestations).split()[-1]
            tags[name] = f"dev-{made.removeprefix('sha256:')[:12]}"
            run("docker", "tag", f"{image}:{version}", f"{image}:{tags[name]}", environment=docker)
    return tags


def load(docker: Mapping[str, str], tags: Mapping[str, str]) -> None:
    """Load our images, MySQL and Redis into the node, but for those that it has; the version's tag follows."""
    ours = {f"newscrawl-airflow/{name}:{tag}": f"newscrawl-airflow/{name}:{_version()}" for name, tag in tags.items()}
    load_missing(docker, [*ours, *SERVICE_IMAGES])
    for content, version in ours.items():
        run(*IN_NODE, "tag", "--force", f"docker.io/{content}", f"docker.io/{version}", environment=docker)


def provide(docker: Mapping[str, str], image: str, context: Path, dockerfile: str) -> None:
    """Build an image on Debian's, from the text of its Dockerfile, and load it, each only where it is missing.

    The image's tag has to tell its content. Raises StepFailed.
    """
    if not succeeds("docker", "image", "inspect", image, environment=docker):
        node_image.ensure_base_image(docker)
        with step(f"build {image}"):
            run("docker", "build", "-q", "-t", image, "-f", "-", context, environment=docker, stdin=dockerfile)
    load_missing(docker, [image])


def load_missing(docker: Mapping[str, str], images: Sequence[str]) -> None:
    """Load these images of the engine into the node, but for those whose name it has."""
    listed = run(*IN_NODE, "ls", "-q", environment=docker).split()
    have = {name.removeprefix("docker.io/").removeprefix("library/") for name in listed}
    wanted = [image for image in images if image not in have]
    if not wanted:
        say(" - the node has all images")
        return
    # two at once, and streamed: `kind load` writes one archive of all first, which takes twice as long
    into_node = shlex.join([*IN_NODE[:2], "-i", *IN_NODE[2:], "import", "--snapshotter", _snapshotter(docker), "-"])

    def load_one(image: str) -> None:
        run("bash", "-o", "pipefail", "-c", f"docker save {shlex.quote(image)} | {into_node}", environment=docker)

    with step(f"load {', '.join(wanted)} into the node"), ThreadPoolExecutor(2) as pool:
        list(pool.map(load_one, wanted))


def extra_certificates(host: str, image: str) -> list[str]:
    """The certificates (PEM) of the machine's bundle that the image's bundle does not have."""
    known = {"".join(text.split()) for text in CERTIFICATE.findall(image)}
    return [text for text in CERTIFICATE.findall(host) if "".join(text.split()) not in known]


def _snapshotter(docker: Mapping[str, str]) -> str:
    """What the node's containerd keeps its images with; kind chooses it by the machine's file system."""
    configuration = run("docker", "exec", kind.NODE, "containerd", "config", "dump", environment=docker)
    found = SNAPSHOTTER.search(configuration)
    if not found:
        raise StepFailed(
            f"containerd in {kind.NODE} names no snapshotter; see `docker exec {kind.NODE} containerd config dump`"
        )
    return found[1]


def _version() -> str:
    return yaml.safe_load((ROOT / "charts" / "newscrawl-airflow" / "Chart.yaml").read_text())["appVersion"]


def _inspected(image: str, docker: Mapping[str, str]) -> Mapping[str, Any] | None:
    """What the engine tells about an image, or None where it has none of that name."""
    try:
        return json.loads(run("docker", "image", "inspect", image, environment=docker))[0]
    except StepFailed:
        return None


def _build_base(docker: Mapping[str, str]) -> str:
    """The image in which things are downloaded: the base, with the machine's own certificates where it has any."""
    bundle = Path(os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or "")
    if not bundle.is_file():
        return versions.BASE_IMAGE
    show = "cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true"
    known = run("docker", "run", "--rm", versions.BASE_IMAGE, "sh", "-c", show, environment=docker)
    extra = extra_certificates(bundle.read_text(), known)
    if not extra:
        return versions.BASE_IMAGE
    with step("build a base for downloads with this machine's certificates"), tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "certificates").mkdir()
        for number, text in enumerate(extra):
            (Path(folder) / "certificates" / f"host-{number}.crt").write_text(text)
        (Path(folder) / "Dockerfile").write_text(BUILD_BASE_DOCKERFILE)
        run("docker", "build", "-q", "-t", BUILD_BASE, folder, environment=docker)
    return BUILD_BASE


def _proxy_arguments() -> list[str]:
    """Build arguments that pass this machine's proxies on; docker knows these names and keeps them out of the image."""
    names = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return [part for name in names if os.environ.get(name) for part in ("--build-arg", name)]
