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
# who renewed acts for this long, so that what is under way has ended when another takes over
ACT_SECONDS = 10.0
RENEW_SECONDS = 5.0
RETRY_SECONDS = 2.0
# `helm install` makes the Lease after the scaler, and would end with an error where it is there already
MISSING_SECONDS = 60.0
# what does not pass by itself and keeps every scaler from acting
REFUSALS = (403, 404)


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

    def __init__(self, client: AsyncClient, name: str, me: str, tell: Callable[[str], None]) -> None:
        """`tell` is told what keeps everybody from leading, in words, and "" when that is over."""
        self._client = client
        self._name = name
        self._me = me
        self._tell = tell
        self._missing_since: float | None = None
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
                # from the begin of the try, so that a slow API server costs nobody the lead
                await asyncio.sleep(now + (RENEW_SECONDS if renewed else RETRY_SECONDS) - time.monotonic())
        finally:
            if self.leads(time.monotonic()):
                await self._release()

    async def _try(self, now: float) -> bool:
        """Take or renew the Lease where that is due; whether it was written."""
        try:
            lease = await self._read_or_make(now)
            version = lease.metadata.resourceVersion
            if self._sighting is None or self._sighting.version != version:
                self._sighting = Sighting(version, now)
            due = may_take(lease.spec.holderIdentity, self._me, self._sighting, now)
            if due:
                await self._write(lease, self._me)
                self._renewed = now
            self._trouble = ""
            self._tell("")
            return due
        except FAILURES as error:
            code = error.status.code if isinstance(error, ApiError) else None
            if code == 409:
                return False  # another scaler was quicker
            trouble = explain(error)
            if code == 404:
                trouble += f": made here when missing for {MISSING_SECONDS:.0f} s, nothing is scaled until then"
            if trouble != self._trouble:
                log.warning("lease %s: %s", self._name, trouble)
            self._trouble = trouble
            if code in REFUSALS:
                self._tell(f"nobody can lead: {trouble}")
            return False

    async def _read_or_make(self, now: float) -> Lease:
        """The Lease; the chart makes it, but somebody may remove it, and Argo CD leaves Leases out."""
        try:
            lease = await self._read()
        except ApiError as error:
            if error.status.code != 404:
                raise
            if self._missing_since is None:
                self._missing_since = now
            if now - self._missing_since < MISSING_SECONDS:
                raise
            new = Lease(metadata=ObjectMeta(name=self._name, namespace=self._client.namespace))
            lease = _with_spec(await self._client.create(new))
            log.info("lease %s: made, as it was missing for %.0f s", self._name, now - self._missing_since)
        self._missing_since = None
        return lease

    async def _read(self) -> Lease:
        return _with_spec(await self._client.get(Lease, self._name))

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


def _with_spec(lease: Lease) -> Lease:
    """A new Lease says nothing yet."""
    lease.spec = lease.spec or LeaseSpec()
    return lease
