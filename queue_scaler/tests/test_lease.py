import asyncio

from lightkube import ApiError
from lightkube.models.meta_v1 import ObjectMeta, Status
from lightkube.resources.coordination_v1 import Lease
from queue_scaler.kube import TIMEOUT_SECONDS
from queue_scaler.lease import ACT_SECONDS, DURATION_SECONDS, Leadership, Sighting, may_take


def test_a_free_or_own_lease_may_be_taken():
    assert may_take(None, "a", Sighting("1", 100), 100)
    assert may_take("", "a", Sighting("1", 100), 100)
    assert may_take("a", "a", Sighting("1", 100), 100)


def test_a_held_lease_may_be_taken_once_it_has_not_changed_for_its_duration():
    assert not may_take("b", "a", Sighting("1", 100), 99.9 + DURATION_SECONDS)
    assert may_take("b", "a", Sighting("1", 100), 100 + DURATION_SECONDS)


class Client:
    """One Lease, or none."""

    def __init__(self, lease):
        self.lease = lease

    async def get(self, kind, name):
        if self.lease is None:
            raise ApiError(status=Status(code=404, message=f'leases "{name}" not found'))
        return self.lease

    async def replace(self, lease):
        self.lease = lease


def test_the_lease_that_the_chart_makes_says_nothing_and_is_taken():
    client = Client(Lease(metadata=ObjectMeta(name="lease", resourceVersion="1")))
    leadership = Leadership(client, "lease", "a")
    assert asyncio.run(leadership._try(100.0))
    assert (client.lease.spec.holderIdentity, client.lease.spec.leaseTransitions) == ("a", 1)


def test_who_leads_stops_before_another_may_take_over():
    leadership = Leadership(Client(Lease(metadata=ObjectMeta(name="lease", resourceVersion="1"))), "lease", "a")
    asyncio.run(leadership._try(100.0))
    assert leadership.leads(100.0 + ACT_SECONDS - 0.1)
    assert not leadership.leads(100.0 + ACT_SECONDS)
    # a patch or a put-back that was begun then has ended
    assert ACT_SECONDS + TIMEOUT_SECONDS <= DURATION_SECONDS


def test_a_lease_that_was_removed_is_told_with_the_way_to_get_it_back(caplog):
    leadership = Leadership(Client(None), "lease", "a")
    assert not asyncio.run(leadership._try(100.0))
    assert 'lease lease: leases "lease" not found' in caplog.text
    assert "helm upgrade" in caplog.text
