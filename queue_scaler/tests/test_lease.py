import asyncio
import contextlib
from types import SimpleNamespace

import pytest
from lightkube import AsyncClient, KubeConfig
from queue_scaler.kube import TIMEOUT_SECONDS
from queue_scaler.lease import ACT_SECONDS, DURATION_SECONDS, MISSING_SECONDS, Leadership, Sighting, may_take
from stand_in import api_server, kubeconfig


def test_a_free_or_own_lease_may_be_taken():
    assert may_take(None, "a", Sighting("1", 100), 100)
    assert may_take("", "a", Sighting("1", 100), 100)
    assert may_take("a", "a", Sighting("1", 100), 100)


def test_a_held_lease_may_be_taken_once_it_has_not_changed_for_its_duration():
    assert not may_take("b", "a", Sighting("1", 100), 99.9 + DURATION_SECONDS)
    assert may_take("b", "a", Sighting("1", 100), 100 + DURATION_SECONDS)


@pytest.fixture
def server():
    """An API server without a Lease."""
    with api_server() as server:
        yield server


@pytest.fixture
def leased(server):
    """One with the chart's."""
    server.add_lease("lease")
    return server


def scalers(server, steps, names="ab"):
    """Run `steps(told, *leaderships)`; `told` is what keeps everybody from leading, in the words of each."""

    async def run():
        told = {name: [] for name in names}
        async with contextlib.AsyncExitStack() as stack:
            config = KubeConfig.from_dict(kubeconfig(server.address))
            clients = [await stack.enter_async_context(AsyncClient(config=config)) for _ in names]
            made = [
                Leadership(client, "lease", name, told[name].append)
                for name, client in zip(names, clients, strict=True)
            ]
            await steps(told, *made)

    asyncio.run(run())


def test_the_lease_that_the_chart_makes_says_nothing_and_is_taken(leased):
    async def steps(told, a, b):
        assert await a._try(100.0)
        assert not await b._try(100.0)

    scalers(leased, steps)
    assert leased.holder("lease") == "a"
    assert leased.leases["lease"]["spec"]["leaseTransitions"] == 1


def test_who_leads_stops_before_another_may_take_over(leased):
    async def steps(told, a, b):
        await a._try(100.0)
        assert a.leads(100.0 + ACT_SECONDS - 0.1)
        assert not a.leads(100.0 + ACT_SECONDS)

    scalers(leased, steps)
    # a patch or a put-back that was begun then has ended
    assert ACT_SECONDS + TIMEOUT_SECONDS <= DURATION_SECONDS


def test_an_api_server_that_answers_late_costs_nobody_the_lead(leased, monkeypatch):
    now = 100.0
    led = []

    async def sleep(seconds):
        nonlocal now
        now += seconds
        if len(led) == 5:
            raise asyncio.CancelledError

    async def steps(told, a):
        read = a._read

        async def late():
            nonlocal now
            now += TIMEOUT_SECONDS - 0.5
            led.append(a.leads(now))
            return await read()

        a._read = late
        monkeypatch.setattr("queue_scaler.lease.asyncio", SimpleNamespace(sleep=sleep))
        monkeypatch.setattr("queue_scaler.lease.time", SimpleNamespace(monotonic=lambda: now))
        with pytest.raises(asyncio.CancelledError):
            await a.hold(lambda: None)

    scalers(leased, steps, names="a")
    # who hands it back leads no more
    assert led == [False, True, True, True, True, False]


def test_a_lease_that_is_missing_for_a_minute_is_made(server, caplog):
    """Argo CD leaves Leases out, and somebody may remove one; Helm makes its own within that time."""
    caplog.set_level("INFO")

    async def steps(told, a, b):
        for second in range(0, int(MISSING_SECONDS), 2):
            assert not await a._try(100.0 + second)
            assert not await b._try(101.0 + second)
        assert server.changes == []
        (reason,) = set(told["a"])
        assert reason.startswith("nobody can lead: not found (code 404): made here when missing for 60 s")
        assert await a._try(100.0 + MISSING_SECONDS)
        assert not await b._try(101.0 + MISSING_SECONDS)
        assert (a.leads(161.0), b.leads(161.0)) == (True, False)
        assert (told["a"][-1], told["b"][-1]) == ("", "")

    scalers(server, steps)
    assert server.changes == ["POST lease", "PUT lease"]
    assert "lease lease: made, as it was missing for 60 s" in caplog.text


def test_a_lease_that_comes_in_time_is_not_made_and_a_later_loss_counts_anew(server):
    async def steps(told, a):
        assert not await a._try(100.0)
        server.add_lease("lease")
        assert await a._try(150.0)
        server.leases.clear()
        assert not await a._try(155.0)
        assert not await a._try(100.0 + MISSING_SECONDS)

    scalers(server, steps, "a")
    assert server.changes == ["PUT lease"]


def test_a_lease_that_may_not_be_made_is_told(server):
    server.forbidden.add("POST")

    async def steps(told, a):
        await a._try(100.0)
        assert not await a._try(100.0 + MISSING_SECONDS)
        assert told["a"][-1] == "nobody can lead: forbidden (code 403): the role of this service account lacks it"

    scalers(server, steps, "a")


def test_a_lease_that_is_handed_back_is_taken_at_once(leased):
    async def steps(told, a, b):
        await a._try(100.0)
        await b._try(100.1)
        await a._release()
        assert not a.leads(101.0)
        assert await b._try(101.0)

    scalers(leased, steps)
    assert leased.holder("lease") == "b"


def test_only_the_holder_hands_back(leased):
    async def steps(told, a, b):
        await a._try(100.0)
        await b._try(100.1)
        await b._try(100.1 + DURATION_SECONDS)
        await a._release()

    scalers(leased, steps)
    assert leased.holder("lease") == "b"


def test_of_two_that_find_it_free_at_once_one_leads(leased):
    async def steps(told, a, b):
        replace = a._client.replace

        async def late(lease):
            assert await b._try(100.0)
            return await replace(lease)

        a._client.replace = late
        assert not await a._try(100.0)
        assert (a.leads(100.0), b.leads(100.0)) == (False, True)

    scalers(leased, steps)
    assert leased.holder("lease") == "b"


def test_never_two_lead_and_who_dies_is_followed_once_the_lease_has_run_out(leased):
    dead = {30: "a", 90: "b", 150: "a"}  # from when, for half a minute; each tries every two seconds
    leading = {}

    async def steps(told, a, b):
        for now in range(0, 180, 2):
            for name, each in (("a", a), ("b", b)):
                if dead.get(now // 30 * 30) != name:
                    await each._try(float(now))
            leading[now] = [name for name, each in (("a", a), ("b", b)) if each.leads(float(now))]

    scalers(leased, steps)
    assert max(map(len, leading.values())) == 1
    for died, name in dead.items():
        assert leading[died - 2] == [name]
        assert leading[died + DURATION_SECONDS + 1] == ["b" if name == "a" else "a"]
