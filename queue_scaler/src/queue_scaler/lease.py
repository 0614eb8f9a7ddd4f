"""Which of several scalers acts: the holder of a Lease, so that a rolling update or a second replica never fights.

As in client-go, clocks of different machines are not compared: a Lease is free once it has not changed for its
duration as seen from here.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from lightkube import ApiError, AsyncClient
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease

from queue_scaler.kube import FAILURES, explain

log = logging.getLogger(__name__)

DURATION_SECONDS = 15
RENEW_SECONDS = 5.0
RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """A version of the Lease, and when this process first saw it."""

    version: str
    at: float


def may_take(holder: str | None, me: str, sighting: Sighting, now: float) -> bool:
    """Whether `me` may write itself into a Lease held by `holder`."""
    return not holder or holder == me or now - sighting.at >= DURATION_SECONDS


class Leadership:
    """Takes and renews the Lease; `leads` says whether this process may act."""

    def __init__(self, client: AsyncClient, name: str, me: str, seen: Callable[[], None]) -> None:
        self._client = client
        self._name = name
        self._me = me
        self._seen = seen
        self._sighting: Sighting | None = None
        self._renewed = float("-inf")
        self._trouble = ""

    def leads(self, now: float) -> bool:
        """True while the own renewal is younger than the Lease lasts."""
        return now - self._renewed < DURATION_SECONDS

    async def hold(self, changed: Callable[[], None]) -> None:
        """Take and renew until cancelled, then hand the Lease back; `changed` is called when leadership begins."""
        try:
            while True:
                now = time.monotonic()
                led = self.leads(now)
                await self._try(now)
                if self.leads(now) and not led:
                    log.info("leader: %s holds lease %s", self._me, self._name)
                    changed()
                await asyncio.sleep(RENEW_SECONDS if self.leads(now) else RETRY_SECONDS)
        finally:
            if self.leads(time.monotonic()):
                await self._release()

    async def _try(self, now: float) -> None:
        try:
            lease = await self._read()
            version = lease.metadata.resourceVersion
            if self._sighting is None or self._sighting.version != version:
                self._sighting = Sighting(version, now)
            if may_take(lease.spec.holderIdentity, self._me, self._sighting, now):
                await self._write(lease, self._me)
                self._renewed = now
            self._trouble = ""
        except FAILURES as error:
            if isinstance(error, ApiError) and error.status.code == 409:
                return  # another scaler was quicker
            trouble = explain(error)
            if trouble != self._trouble:
                log.warning("lease %s: %s", self._name, trouble)
            self._trouble = trouble

    async def _read(self) -> Lease:
        try:
            lease = await self._client.get(Lease, self._name)
        except ApiError as error:
            if error.status.code != 404:
                raise
            spec = LeaseSpec(leaseDurationSeconds=DURATION_SECONDS)
            lease = await self._client.create(Lease(metadata=ObjectMeta(name=self._name), spec=spec))
        self._seen()
        return lease

    async def _write(self, lease: Lease, holder: str) -> None:
        spec = lease.spec
        moment = datetime.now(UTC)
        if spec.holderIdentity != holder:
            spec.acquireTime = moment
            spec.leaseTransitions = (spec.leaseTransitions or 0) + 1
        spec.holderIdentity = holder
        spec.renewTime = moment
        spec.leaseDurationSeconds = DURATION_SECONDS
        await self._client.replace(lease)

    async def _release(self) -> None:
        self._renewed = float("-inf")
        try:
            lease = await self._client.get(Lease, self._name)
            if lease.spec.holderIdentity == self._me:
                await self._write(lease, "")
        except FAILURES as error:
            log.warning("lease %s not handed back, it ends in %s s: %s", self._name, DURATION_SECONDS, explain(error))
