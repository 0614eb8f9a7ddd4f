import pytest
from queue_scaler.config import Behavior, ConfigError, Fallback, Policy, Queue, Rules, load, parse


def test_a_queue_needs_only_its_statefulset():
    config = parse("queues: {harbor: {statefulSet: newscrawl-worker-harbor}}")
    assert config.polling_interval == 1
    assert config.queues == {"harbor": Queue("newscrawl-worker-harbor", 0, 100, 1)}
    assert config.queues["harbor"].behavior.down_window == 300


def test_all_fields_are_read_and_nulls_are_defaults():
    config = parse("""
        pollingInterval: 0.5
        leaseName: mine
        alsoServed: [fixed]
        queues:
          harbor:
            statefulSet: w
            minReplicaCount: 1
            maxReplicaCount: 9
            concurrency: 4
            listLength: null
            targetSeconds: 90
            activationListLength: 2
            cooldownPeriod: 30
            inFlightKey: "unacked:harbor"
            fallback: {failureThreshold: 3, replicas: 2}
            behavior:
              scaleUp: null
              scaleDown:
                stabilizationWindowSeconds: 60
                selectPolicy: Min
                policies: [{type: Pods, value: 1, periodSeconds: 15}]
    """)
    assert config.also_served == {"fixed"}
    rules = Rules(60, "Min", (Policy("Pods", 1, 15),))
    assert config.queues["harbor"] == Queue(
        "w", 1, 9, 4, None, 90, 2, 30, "unacked:harbor", Fallback(3, 2), Behavior(scale_down=rules)
    )
    assert config.queues["harbor"].target == 4


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("queues: {a: {statefulSet: w, maxReplicas: 3}}", "queues.a: .*maxReplicas"),
        ("queues: {a: {statefulSet: w, maxReplicaCount: many}}", "queues.a.maxReplicaCount: "),
        ("queues: {a: {statefulSet: w, minReplicaCount: -1}}", "queues.a.minReplicaCount: "),
        ("queues: {a: {statefulSet: w, minReplicaCount: 5, maxReplicaCount: 2}}", "a.minReplicaCount: 5 is more"),
        ("queues: {a: {statefulSet: w, concurrency: 0}}", "queues.a.concurrency: "),
        ("queues: {a: {maxReplicaCount: 3}}", "queues.a: .*statefulSet"),
        ("queues: {a: {statefulSet: w}, b: {statefulSet: w}}", "queues.b.statefulSet: w already belongs to queue a"),
        ("queues: {a: {statefulSet: w, behavior: {scaleUp: {policies: [{type: Pod}]}}}}", "queues.a.behavior.*type"),
        ("queues: {a: {statefulSet: w, fallback: {replicas: 1}}}", "queues.a.fallback: .*failureThreshold"),
        ("pollingInterval: 0\nqueues: {}", "pollingInterval: "),
        ("pollInterval: 1\nqueues: {}", "pollInterval"),
        ("pollingInterval: 1", "queues"),
        ("queues: []", "queues: "),
        ("- a", "the whole file: "),
        ("queues: {a: [", "not YAML: .*line 1"),
        ("queues: {a: {statefulSet: w, cooldownPeriod: 2026-13-45}}", "not YAML: .*month"),
        ("queues: &all {a: *all}", "not YAML: .*recursion"),
    ],
)  # fmt: skip
def test_an_error_names_its_key(text, named):
    with pytest.raises(ConfigError, match="(?s)" + named):
        parse(text)


def test_an_error_names_its_file(tmp_path):
    file = tmp_path / "config.yaml"
    with pytest.raises(ConfigError, match=r"config\.yaml: No such file"):
        load(file)
    file.write_bytes(b"queues: {\xff: {}}")
    with pytest.raises(ConfigError, match=r"config\.yaml: not UTF-8"):
        load(file)
    file.write_text("queues: {a: {statefulSet: 5}}")
    with pytest.raises(ConfigError, match=r"config\.yaml: queues\.a\.statefulSet: Expected `str`"):
        load(file)
