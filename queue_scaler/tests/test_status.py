import urllib.error
import urllib.request

import pytest
from queue_scaler.status import ALIVE_SECONDS, READY_SECONDS, Metrics, Status, serve


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_ready_means_both_were_seen_lately():
    status = Status(polling_interval=1, started=100)
    assert status.missing(100) == ["redis does not answer", "api does not answer"]
    status.seen = {"redis": 100, "api": 101}
    late = READY_SECONDS + 2
    assert status.missing(100 + late) == []
    assert status.missing(100.5 + late) == ["redis has not answered for 22 s"]
    status.lost("api")
    assert status.missing(100) == ["api does not answer"]
    status.saw("api")
    status.lead("nobody can lead: forbidden")
    assert status.missing(101) == ["lease: nobody can lead: forbidden"]
    status.lead("")
    assert status.missing(101) == []


def test_alive_means_the_loop_turns():
    status = Status(polling_interval=1, started=100)
    assert status.alive(100 + ALIVE_SECONDS)
    assert not status.alive(103 + ALIVE_SECONDS)
    status.seen["loop"] = 103
    assert status.alive(103 + ALIVE_SECONDS)


def test_endpoints():
    status, metrics = Status(), Metrics()
    port = serve(status, metrics, 0)
    assert get(port, "/readyz") == (503, "redis does not answer; api does not answer\n")
    status.saw("redis")
    status.saw("api")
    assert get(port, "/readyz") == (200, "ok\n")
    assert get(port, "/healthz") == (200, "ok\n")
    metrics.queued.labels("harbor").set(4)
    assert 'queue_scaler_queued{queue="harbor"} 4.0' in get(port, "/metrics")[1]
    assert get(port, "/other") == (404, "/other: there are /metrics, /healthz and /readyz\n")


def test_a_removed_queue_leaves_no_series():
    metrics = Metrics()
    for name in ("harbor", "dure"):
        metrics.queued.labels(name).set(1)
    metrics.forget("harbor")
    assert metrics.registry.get_sample_value("queue_scaler_queued", {"queue": "harbor"}) is None
    assert metrics.registry.get_sample_value("queue_scaler_queued", {"queue": "dure"}) == 1


@pytest.mark.parametrize("name", ["queued", "in_flight", "replicas", "wanted_replicas", "ready_replicas", "held"])
def test_the_gauges_that_others_read(name):
    metrics = Metrics()
    metrics.forget("unknown")
    metrics.wanted.labels("q").set(1)
    assert any(family.name == f"queue_scaler_{name}" for family in metrics.registry.collect())
