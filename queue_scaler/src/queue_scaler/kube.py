"""The Kubernetes edge: what the worker StatefulSets look like, and changing their replicas.

One watch keeps all of them in memory, so that a decision costs no request and a change by somebody else (kubectl
scale, a pause annotation) is seen at once.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from httpx2 import HTTPError, Timeout
from lightkube import ApiError, AsyncClient, ConfigError
from lightkube.models.core_v1 import EventSource, ObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import StatefulSet, StatefulSetScale
from lightkube.resources.core_v1 import Event
from lightkube.types import PatchType
from msgspec.structs import replace

from queue_scaler.decide import Workers

log = logging.getLogger(__name__)

PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"
PAUSED = "autoscaling.keda.sh/paused"
FALSE = ("0", "f", "F", "false", "FALSE", "False")  # whatever else an annotation says is true, as with KEDA
TIMEOUT_SECONDS = 5.0
# each StatefulSet is some 10 KB of JSON and ten times that as objects: only so many at once
PAGE = 50
# a watch whose connection died silently is noticed by listing anew
RELIST_SECONDS = 60.0
RETRY_SECONDS = 2.0
# a proxy's page, a line cut off by a restart and a missing token are failures like a refused connection
FAILURES = (HTTPError, OSError, msgspec.DecodeError, ConfigError)


class ApiUnavailable(Exception):
    """The API server did not answer or refused; the message says what and why."""


def connect(namespace: str | None) -> AsyncClient:
    """A client from the pod's service account or the kubeconfig. Raises ApiUnavailable where there is neither."""
    try:
        return AsyncClient(namespace=namespace, timeout=Timeout(TIMEOUT_SECONDS), field_manager="queue-scaler")
    except ConfigError as error:
        raise ApiUnavailable(f"no way to the API server: {error}: run in a pod or set KUBECONFIG") from error


def explain(error: Exception) -> str:
    """An error of the API server in words, with its code."""
    if isinstance(error, ApiError):
        hint = ": the role of this service account lacks it" if error.status.code == 403 else ""
        return f"{error.status.message} (code {error.status.code}){hint}"
    return str(error) or type(error).__name__


class StatefulSets:
    """The StatefulSets of a namespace by name, as last seen."""

    def __init__(self, client: AsyncClient, changed: Callable[[str], None], seen: Callable[[bool], None]) -> None:
        """`changed` is called with a name when its workers are other than before, `seen` with whether they are known,
        whenever the API server has answered or failed to."""
        self._client = client
        self._changed = changed
        self._seen = seen
        self._scaled: dict[str, int] = {}  # the version that each has since it was scaled from here
        self.workers: dict[str, Workers] | None = None
        self.ready: dict[str, int] = {}
        self.trouble = "not seen yet"

    async def refresh(self) -> str:
        """List them once; returns the version to watch from. Raises ApiUnavailable."""
        try:
            listed = self._client.list(StatefulSet, chunk_size=PAGE)
            seen, ready = {}, {}
            async for item in listed:
                name = item.metadata.name
                seen[name] = (int(item.metadata.resourceVersion), _workers(item))
                ready[name] = _ready(item)
        except FAILURES as error:
            raise ApiUnavailable(f"cannot list StatefulSets: {explain(error)}") from error
        before = self.workers or {}
        # some may have been scaled since their page was read
        found = {
            name: before[name] if name in before and version < self._scaled.get(name, 0) else workers
            for name, (version, workers) in seen.items()
        }
        self.workers, self.ready = found, ready
        self._seen(True)
        for name in found.keys() | before.keys():
            if found.get(name) != before.get(name):
                self._changed(name)
        return listed.resourceVersion

    async def follow(self) -> None:
        """Keep them up to date until cancelled; while that fails they are unknown (None), and `trouble` says why."""
        while True:
            try:
                version = await self.refresh()
                if self.trouble:
                    log.info("api: the StatefulSets are known")
                self.trouble = ""
                async with asyncio.timeout(RELIST_SECONDS):
                    await self._watch(version)
            except TimeoutError:
                continue
            except ApiUnavailable as error:
                self.workers = None
                self._seen(False)
                if str(error) != self.trouble:
                    log.warning("api: %s; replicas are held until it answers", error)
                self.trouble = str(error)
            except FAILURES as error:
                log.debug("api: the watch ended, listing anew: %s", explain(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def _watch(self, version: str) -> None:
        async for kind, item in self._client.watch(StatefulSet, resource_version=version):
            self._seen(True)
            name = item.metadata.name
            if kind != "DELETED" and int(item.metadata.resourceVersion) < self._scaled.get(name, 0):
                # how it was before it was scaled from here, told late
                continue
            workers = None if kind == "DELETED" else _workers(item)
            self.ready[name] = 0 if workers is None else _ready(item)
            if workers == self.workers.get(name):
                continue
            if workers is None:
                del self.workers[name]
            else:
                self.workers[name] = workers
            self._changed(name)

    async def scale(self, name: str, replicas: int) -> None:
        """Set the replicas of one StatefulSet. Raises ApiUnavailable."""
        try:
            scale = await self._client.patch(
                StatefulSetScale, name, {"spec": {"replicas": replicas}}, patch_type=PatchType.MERGE
            )
        except FAILURES as error:
            raise ApiUnavailable(f"cannot scale StatefulSet {name} to {replicas}: {explain(error)}") from error
        known = self.workers and self.workers.get(name)
        if known:
            self.workers[name] = replace(known, replicas=scale.spec.replicas or 0)
            self._scaled[name] = int(scale.metadata.resourceVersion)


class Events:
    """Kubernetes events about this scaler's pod, for those who look there first."""

    def __init__(self, client: AsyncClient, pod: str, uid: str | None) -> None:
        """`uid` is the pod's: `kubectl describe` finds events by it."""
        self._client = client
        self._pod = pod
        self._uid = uid

    async def warn(self, reason: str, message: str) -> None:
        """Create a warning. Raises ApiUnavailable."""
        moment = datetime.now(UTC)
        namespace = self._client.namespace
        event = Event(
            metadata=ObjectMeta(generateName=f"{self._pod}.", namespace=namespace),
            involvedObject=ObjectReference(
                apiVersion="v1", kind="Pod", name=self._pod, namespace=namespace, uid=self._uid
            ),
            type="Warning",
            reason=reason,
            message=message,
            count=1,
            firstTimestamp=moment,
            lastTimestamp=moment,
            source=EventSource(component="queue-scaler"),
        )
        try:
            await self._client.create(event)
        except FAILURES as error:
            raise ApiUnavailable(f"cannot create an event: {explain(error)}") from error


def _workers(item: StatefulSet) -> Workers:
    annotations = item.metadata.annotations or {}
    paused_at = annotations.get(PAUSED_REPLICAS)
    valid = paused_at is not None and paused_at.isdecimal()
    return Workers(
        replicas=item.spec.replicas if item.spec.replicas is not None else 1,
        paused_at=int(paused_at) if valid else None,
        held=annotations.get(PAUSED, "false") not in FALSE,
        problem=None if valid or paused_at is None else f"{PAUSED_REPLICAS} is {paused_at!r}, not a number of replicas",
    )


def _ready(item: StatefulSet) -> int:
    return (item.status.readyReplicas or 0) if item.status else 0
