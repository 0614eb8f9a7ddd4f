"""A real Kubernetes cluster anywhere: on a laptop with Docker, and on a bare Debian that reaches no registry.

The same calls serve both. Which path is taken depends on one question, whether container images can be pulled; it is
answered once, said aloud, and everything below follows from it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from cluster import engine, images, kind, node_image, tools
from cluster.steps import say


def environment() -> dict[str, str]:
    """The environment for kubectl, helm, kind and docker: PATH, KUBECONFIG, DOCKER_HOST; starts an engine."""
    docker = engine.environment()
    return {**docker, "PATH": tools.in_front_of(docker["PATH"]), "KUBECONFIG": str(kind.kubeconfig())}


def up() -> dict[str, str]:
    """Bring the cluster up, or keep it when it is sound, and return its environment."""
    found = _begun()
    kind.await_ready(found)
    return found


def _begun() -> dict[str, str]:
    """The environment of a cluster that may still be starting its parts."""
    found = environment()
    registry, why = images.registry_reachable(found)
    say(f" - path: {'registry: stock images' if registry else 'packages: everything is built here'} ({why})")
    images.ensure_service_images(found, registry)
    kind.up(found, None if registry else node_image.ensure(found))
    return found


def up_with_images() -> tuple[dict[str, str], dict[str, str]]:
    """Both at once, as a cluster that starts mostly waits; the cluster's environment, and the images' tags by name."""
    docker = engine.environment()
    images.ensure_service_images(docker, images.registry_reachable(docker)[0])
    with ThreadPoolExecutor(1) as pool:
        building = pool.submit(images.build, docker)
        found = _begun()
        tags = building.result()
        loading = pool.submit(images.load, found, tags)
        kind.await_ready(found)
        loading.result()
    return found, tags


def down(*, stop_engine: bool = False) -> None:
    """Delete the cluster, and on request stop the engine that we started."""
    if engine.running() is None and not engine.was_killed():
        say(" - no docker engine runs, so there is no cluster")
        return
    kind.down(engine.environment())
    if stop_engine:
        engine.stop()
