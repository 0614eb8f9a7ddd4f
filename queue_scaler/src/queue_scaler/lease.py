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
from lightkube.resources.coordination_v1 import Lease

from queue_scaler.kube import FAILURES, explain

log = logging.getLogger(__name__)

DURATION_SECONDS = 15
# who renewed acts for this long, so that what is under way has ended when another takes over
ACT_SECONDS = 10.0
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

    def __init__(self, client: AsyncClient, name: str, me: str) -> None:
        self._client = client
        self._name = name
        self._me = me
        self._sighting: Sighting | None = None
        self._renewed = float("-inf")
        self._trouble = ""

    def leads(self, now: float) -> bool:
        """True while the own renewal is so young that the Lease outlasts what is begun now."""
        return now - self._renewed < ACT_SECONDS

    async def hold(self, changed: Callable[[], None]) -> None:
        """Take and renew until cancelled, then hand the Lease back; `changed` is called when leadership begins."""
        try:
            while True:
                now = time.monotonic()
                led = self.leads(now)
                renewed = await self._try(now)
                if self.leads(now) and not led:
                    log.info("leader: %s holds lease %s", self._me, self._name)
                    changed()
                await asyncio.sleep(RENEW_SECONDS if renewed else RETRY_SECONDS)
        finally:
            if self.leads(time.monotonic()):
                await self._release()

    async def _try(self, now: float) -> bool:
        """Take or renew the Lease where that is due; whether it was written."""
        try:
            lease = await self._read()
            version = lease.metadata.resourceVersion
            if self._sighting is None or self._sighting.version != version:
                self._sighting = Sighting(version, now)
            due = may_take(lease.spec.holderIdentity, self._me, self._sighting, now)
            if due:
                await self._write(lease, self._me)
                self._renewed = now
            self._trouble = ""
            return due
        except FAILURES as error:
            if isinstance(error, ApiError) and error.status.code == 409:
                return False  # another scaler was quicker
            gone = isinstance(error, ApiError) and error.status.code == 404
            trouble = explain(error) + (": `helm upgrade` makes it anew, nothing is scaled until then" if gone else "")
            if trouble != self._trouble:
                log.warning("lease %s: %s", self._name, trouble)
            self._trouble = trouble
            return False

    async def _read(self) -> Lease:
        """The Lease, which the chart makes; a new one says nothing yet."""
        lease = await self._client.get(Lease, self._name)
        lease.spec = lease.spec or LeaseSpec()
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
            lease = await self._read()
            if lease.spec.holderIdentity == self._me:
                await self._write(lease, "")
        except FAILURES as error:
            log.warning("lease %s not handed back, it ends in %s s: %s", self._name, DURATION_SECONDS, explain(error))
