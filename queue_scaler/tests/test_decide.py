from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from queue_scaler.config import Behavior, Fallback, Policy, Queue, Rules
from queue_scaler.decide import EMPTY_PROOF_SECONDS, History, Reading, Workers, decide
from queue_scaler.pace import Work


def run(queue, seen, replicas=0, step=1.0, start=0.0):
    """Decide for each reading, `step` seconds apart, each decision being carried out; the replicas after each."""
    history, after, now = History(), [], start
    for reading in seen:
        decision, history = decide(queue, history, reading, Workers(replicas), now)
        replicas = decision.replicas
        after.append(replicas)
        now += step
    return after


EMPTY = Reading(0, 0)


def queue(**fields):
    return Queue(**{"stateful_set": "w", "max_replica_count": 5, "concurrency": 2, "cooldown_period": 10} | fields)


def test_a_backlog_for_n_workers_brings_n_at_once():
    assert run(queue(), [Reading(7, 0)]) == [4]


def test_running_tasks_count():
    assert run(queue(), [Reading(1, 6)]) == [4]


def test_list_length_may_differ_from_concurrency():
    assert run(queue(list_length=10, concurrency=2), [Reading(11, 0)]) == [2]


def test_below_the_activation_nothing_starts():
    few = queue(activation_list_length=5)
    assert run(few, [Reading(5, 0), Reading(6, 0)]) == [0, 3]
    held, _ = decide(few, History(), Reading(5, 0), Workers(0), now=0.0)
    assert held.why == "5 queued, activationListLength 5 is not passed"


def test_the_activation_is_ignored_with_a_minimum():
    assert run(queue(activation_list_length=50, min_replica_count=1), [Reading(6, 0)], replicas=1) == [3]


def test_zero_comes_after_the_cooldown_and_not_before():
    assert run(queue(cooldown_period=10), [EMPTY] * 12, replicas=3) == [3] * 10 + [0, 0]
    assert run(queue(cooldown_period=10), [Reading(1, 0), *[EMPTY] * 12], replicas=1) == [1] * 11 + [0, 0]


def test_with_a_minimum_the_windows_and_policies_decide_when_idle_workers_go():
    rules = Behavior(scale_down=Rules(5, "Max", (Policy("Pods", 1, 2),)))
    idle = queue(min_replica_count=1, cooldown_period=1, behavior=rules)
    assert run(idle, [Reading(8, 0), *[EMPTY] * 9]) == [4, 4, 4, 4, 4, 3, 3, 3, 2, 2]
    never = queue(min_replica_count=1, cooldown_period=1, behavior=Behavior(scale_down=Rules(select_policy="Disabled")))
    assert run(never, [EMPTY] * 99, replicas=3) == [3] * 99


def test_a_task_in_between_starts_the_cooldown_anew():
    after = run(queue(cooldown_period=10), [*[EMPTY] * 9, Reading(0, 1), *[EMPTY] * 9], replicas=1)
    assert after == [1] * 19


def test_one_empty_reading_is_no_proof_even_without_cooldown():
    after = run(queue(cooldown_period=0), [Reading(0, 1), EMPTY, Reading(0, 1), EMPTY, EMPTY], replicas=1, step=0.6)
    assert after == [1, 1, 1, 1, 1]
    assert run(queue(cooldown_period=0), [EMPTY] * 3, replicas=1, step=0.6) == [1, 1, 0]


def test_blindness_holds_and_idleness_must_be_proved_anew():
    assert run(queue(), [EMPTY, *[None] * 60, EMPTY], replicas=3) == [3] * 62


def test_the_fallback_raises_after_its_threshold_and_never_lowers():
    with_fallback = queue(fallback=Fallback(failure_threshold=3, replicas=2))
    assert run(with_fallback, [None] * 4, replicas=0) == [0, 0, 2, 2]
    assert run(with_fallback, [None] * 4, replicas=4) == [4] * 4
    assert run(with_fallback, [None, None, Reading(1, 0), None, None], replicas=1) == [1] * 5
    assert run(queue(fallback=Fallback(failure_threshold=3)), [None] * 4, replicas=1) == [1] * 4


def test_a_look_before_its_time_is_none_of_the_fallbacks_failures():
    with_fallback = queue(fallback=Fallback(failure_threshold=2, replicas=2))
    history, after = History(), []
    for now, early in enumerate([False, True, True, True, False]):
        decision, history = decide(with_fallback, history, None, Workers(0), now, early=early)
        after.append(decision.replicas)
    assert after == [0, 0, 0, 0, 2]


def test_annotations_pause():
    decision, _ = decide(queue(), History(), Reading(10, 0), Workers(1, paused_at=3), 0)
    assert (decision.replicas, "annotation" in decision.why) == (3, True)
    decision, _ = decide(queue(), History(), Reading(10, 0), Workers(1, held=True), 0)
    assert decision.replicas == 1


def test_an_annotation_that_cannot_be_read_holds_and_is_named():
    workers = Workers(1, problem="autoscaling.keda.sh/paused-replicas is 'two', not a number of replicas")
    decision, _ = decide(queue(), History(), Reading(10, 0), workers, 0)
    assert decision.replicas == 1
    assert "paused-replicas is 'two'" in decision.why


def test_scaling_down_waits_for_the_highest_wish_of_the_window():
    rules = Behavior(scale_down=Rules(stabilization_window_seconds=5))
    seen = [Reading(10, 0), *[Reading(2, 0)] * 7]
    assert run(queue(behavior=rules), seen) == [5, 5, 5, 5, 5, 1, 1, 1]


def test_scaling_up_waits_for_the_lowest_wish_of_the_window():
    rules = Behavior(scale_up=Rules(stabilization_window_seconds=3))
    assert run(queue(behavior=rules), [Reading(2, 0), *[Reading(10, 0)] * 4]) == [1, 1, 1, 5, 5]


@pytest.mark.parametrize(
    ("select", "expected"),
    [("Max", [3, 3, 3, 6, 6, 6, 12]), ("Min", [2, 2, 2, 4, 4, 4, 6]), ("Disabled", [1] * 7)],
)
def test_policies_limit_the_rate_up(select, expected):
    policies = (Policy("Pods", 2, 10), Policy("Percent", 100, 10))
    rules = Behavior(scale_up=Rules(0, select, policies))
    after = run(queue(max_replica_count=20, behavior=rules), [Reading(100, 0)] * 7, step=5)
    assert after == expected


def test_policies_limit_the_rate_down():
    rules = Behavior(scale_down=Rules(0, "Max", (Policy("Pods", 1, 10),)))
    after = run(queue(behavior=rules), [Reading(1, 0)] * 6, replicas=5, step=5)
    assert after == [4, 4, 4, 3, 3, 3]


def test_what_somebody_else_changed_is_no_step_of_the_policies():
    rules = Behavior(scale_up=Rules(0, "Max", (Policy("Pods", 2, 60),)))
    limited = queue(max_replica_count=20, behavior=rules)
    decision, history = decide(limited, History(), Reading(2, 0), Workers(1), 0)
    decision, history = decide(limited, history, Reading(2, 0), Workers(4), 1)
    decision, _ = decide(limited, history, Reading(100, 0), Workers(4), 2)
    assert decision.replicas == 6


def test_a_limit_never_keeps_more_than_the_maximum():
    rules = Behavior(scale_down=Rules(select_policy="Disabled"))
    assert run(queue(max_replica_count=2, behavior=rules), [Reading(9, 0)], replicas=7) == [2]


def test_the_reason_is_told():
    decision, _ = decide(queue(), History(), Reading(100, 0), Workers(1), 0)
    assert decision.why == "backlog needs 5"
    decision, history = decide(queue(), History(), Reading(10, 0), Workers(0), 0)
    decision, _ = decide(queue(), history, Reading(1, 0), Workers(5), 1)
    assert decision.why == "backlog needs 1, stabilized at 5"


def test_a_time_target_takes_the_measured_duration():
    timed = queue(target_seconds=60, max_replica_count=20)
    short = Work(1000, 500.0)
    assert run(timed, [Reading(120, 0, short)]) == [1]
    assert run(timed, [Reading(1200, 0, short)]) == [5]
    assert run(timed, [Reading(10, 0, Work(10, 3000.0))]) == [5]
    assert run(timed, [Reading(100, 0, Work(10, 3000.0))]) == [20]
    assert run(timed, [Reading(1, 9, short)]) == [5]


def test_a_time_target_is_explained():
    timed = queue(target_seconds=60, max_replica_count=20)
    decision, _ = decide(timed, History(), Reading(1200, 0, Work(1000, 500.0)), Workers(0), 0)
    assert decision.why == "1200 tasks of 0.5 s in 60 s need 5"


def test_before_a_task_has_ended_the_list_length_counts():
    timed = queue(target_seconds=60, list_length=10)
    decision, _ = decide(timed, History(), Reading(25, 0, Work(0, 0.0)), Workers(0), 0)
    assert (decision.replicas, decision.why) == (3, "backlog needs 3")


counts = st.integers(0, 60)
works = st.builds(Work, st.integers(0, 100), st.floats(0, 10_000))
readings = st.builds(Reading, counts, counts, st.none() | works)
policies = st.builds(Policy, st.sampled_from(["Pods", "Percent"]), st.integers(1, 300), st.integers(1, 30))
rules = st.builds(
    Rules,
    st.none() | st.integers(0, 20),
    st.sampled_from(["Max", "Min", "Disabled"]),
    st.lists(policies, max_size=2).map(tuple),
)
behaviors = st.just(Behavior()) | st.builds(Behavior, rules, rules)


@st.composite
def queues(draw):
    least = draw(st.integers(0, 6))
    return Queue(
        stateful_set="w",
        min_replica_count=least,
        max_replica_count=least + draw(st.integers(0, 12)),
        concurrency=draw(st.integers(1, 8)),
        list_length=draw(st.none() | st.integers(1, 20)),
        target_seconds=draw(st.none() | st.floats(1, 600)),
        activation_list_length=draw(st.integers(0, 5)),
        cooldown_period=draw(st.integers(0, 30)),
        fallback=draw(st.none() | st.builds(Fallback, st.integers(1, 4), st.none() | st.integers(0, 20))),
        behavior=draw(behaviors),
    )


pasts = st.lists(st.tuples(st.floats(0.05, 20), st.none() | readings, st.integers(-3, 3)), max_size=12)


def after_past(queue, past):
    """History, replicas and time after earlier readings, with somebody else changing the replicas now and then."""
    history, replicas, now = History(), queue.min_replica_count, 1000.0
    for pause, reading, meddling in past:
        now += pause
        replicas = max(0, replicas + meddling)
        decision, history = decide(queue, history, reading, Workers(replicas), now)
        replicas = decision.replicas
    return history, replicas, now + 1


@given(queues(), pasts, readings)
def test_always_within_bounds_and_never_below_running_tasks(queue, past, reading):
    history, replicas, now = after_past(queue, past)
    decision, _ = decide(queue, history, reading, Workers(replicas), now)
    assert queue.min_replica_count <= decision.replicas <= queue.max_replica_count
    assert decision.replicas >= min(ceil(reading.in_flight / queue.concurrency), queue.max_replica_count)


@given(queues(), pasts, readings, counts, counts)
def test_monotone_in_the_backlog(queue, past, reading, more_queued, more_in_flight):
    history, replicas, now = after_past(queue, past)
    more = replace(reading, queued=reading.queued + more_queued, in_flight=reading.in_flight + more_in_flight)
    fewer_replicas, _ = decide(queue, history, reading, Workers(replicas), now)
    more_replicas, _ = decide(queue, history, more, Workers(replicas), now)
    assert more_replicas.replicas >= fewer_replicas.replicas


def replicas_over_time(queue, past, seen, replicas, step):
    """The replicas after each reading, `step` seconds apart."""
    history, _, now = after_past(queue, past)
    after = [replicas]
    for reading in seen:
        decision, history = decide(queue, history, reading, Workers(after[-1]), now)
        after.append(decision.replicas)
        now += step
    return after


def only_up_then_down(after):
    peak = after.index(max(after))
    return all(later <= earlier for earlier, later in pairwise(after[peak:]))


replicas_before, steps = st.integers(0, 20), st.floats(0.1, 30)


@given(queues(), pasts, readings, st.integers(30, 60), replicas_before, steps)
def test_a_constant_reading_brings_no_oscillation(queue, past, reading, times, replicas, step):
    """Whatever was before: up to what it needs, then down to rest."""
    after = replicas_over_time(queue, past, [reading] * times, replicas, step)
    assert only_up_then_down(after), after


@given(queues(), pasts, counts, st.lists(counts, min_size=30, max_size=60), replicas_before, steps)
def test_a_constant_backlog_brings_no_oscillation(queue, past, backlog, splits, replicas, step):
    """However many of its tasks run."""
    # what moves with the tasks that run: workers for them beyond a list length or a time target, an activation
    queue = replace(queue, target_seconds=None, list_length=None, activation_list_length=0)
    in_flight = [min(split, backlog) for split in splits]
    after = replicas_over_time(queue, past, [Reading(backlog - count, count) for count in in_flight], replicas, step)
    assert only_up_then_down(after), after


@pytest.mark.parametrize(
    ("length", "target", "count", "needed"), [(60, 600, 40, 4), (900, 7200, 24, 3), (300, 3600, 48, 4)]
)
def test_a_time_target_is_met_with_hardly_more_workers_than_it_needs(length, target, count, needed):
    """Over a batch of tasks of `length` seconds whose duration is known from an earlier day; a task a worker."""
    timed = queue(concurrency=1, target_seconds=target, max_replica_count=50)
    _, history = decide(timed, History(), Reading(0, 0, Work(10, 10.0 * length)), Workers(0), 0.0)
    now = begin = 1e5
    replicas = most = ended = 0
    ends = []
    while ended < count:
        ended += sum(end <= now for end in ends)
        ends = [end for end in ends if end > now]
        ends += [now + length] * min(replicas - len(ends), count - ended - len(ends))
        reading = Reading(count - ended - len(ends), len(ends), Work(10 + ended, (10.0 + ended) * length))
        decision, history = decide(timed, history, reading, Workers(replicas), now)
        replicas = decision.replicas
        most = max(most, replicas)
        now += 2
    assert most <= needed + 1
    assert now - begin <= 1.1 * target + length


@given(queues(), pasts, readings)
def test_no_zero_without_two_empty_readings_a_cooldown_apart(queue, past, reading):
    history, replicas, now = after_past(queue, [(1.0, Reading(0, 1), 0), *past])
    decision, _ = decide(queue, history, reading, Workers(max(replicas, 1)), now)
    if decision.replicas == 0 and queue.max_replica_count:
        proof = max(queue.cooldown_period, EMPTY_PROOF_SECONDS)
        moments = [1001.0]
        for pause, _, _ in past:
            moments.append(moments[-1] + pause)
        seen = [(at, earlier) for at, (_, earlier, _) in zip(moments[1:], past, strict=True) if now - at < proof]
        activation = queue.activation_list_length
        assert reading.in_flight == 0
        assert reading.queued <= activation
        assert all(r is not None and r.in_flight == 0 and r.queued <= activation for _, r in seen)
        assert any(now - at >= proof for at in moments)


@given(queues(), pasts)
def test_blind_never_lowers_unless_paused(queue, past):
    history, replicas, now = after_past(queue, past)
    decision, _ = decide(queue, history, None, Workers(replicas), now)
    assert decision.replicas >= replicas
    paused, _ = decide(queue, history, None, replace(Workers(replicas), paused_at=0), now)
    assert paused.replicas == 0


@given(queues(), pasts, st.integers(1, 9))
def test_looks_before_their_time_never_bring_the_fallback_nearer(queue, past, looks):
    history, replicas, now = after_past(queue, past)
    on_time, _ = decide(queue, history, None, Workers(replicas), now)
    for number in range(looks):
        _, history = decide(queue, history, None, Workers(replicas), now + number, early=True)
    after, _ = decide(queue, history, None, Workers(replicas), now + looks)
    assert after == on_time


@given(queues(), pasts, readings, st.lists(st.floats(0.001, 0.99), max_size=8).map(sorted))
def test_the_cooldown_is_respected(queue, past, reading, moments):
    """After a task was seen the last workers stay for the cooldown, however often the queue looks empty in it."""
    history, replicas, now = after_past(queue, past)
    busy = replace(reading, in_flight=reading.in_flight + 1)
    decision, history = decide(queue, history, busy, Workers(max(replicas, 1)), now)
    for share in [0.0, *moments, 0.99]:
        at = now + queue.cooldown_period * share
        decision, history = decide(queue, history, Reading(0, 0), Workers(decision.replicas), at)
        assert decision.replicas >= min(1, queue.max_replica_count)


@given(queues(), pasts, readings)
def test_one_empty_reading_never_leads_to_zero(queue, past, reading):
    history, replicas, now = after_past(queue, past)
    busy = replace(reading, in_flight=reading.in_flight + 1)
    decision, history = decide(queue, history, busy, Workers(max(replicas, 1)), now)
    decision, _ = decide(queue, history, Reading(0, 0), Workers(decision.replicas), now + 1e6)
    assert decision.replicas >= min(1, queue.max_replica_count)


@given(queues(), pasts, readings)
def test_a_decision_carried_out_is_final_while_nothing_changes(queue, past, reading):
    """The same reading at the same moment asks for nothing more: no oscillation between two polls."""
    history, replicas, now = after_past(queue, past)
    first, history = decide(queue, history, reading, Workers(replicas), now)
    second, _ = decide(queue, history, reading, Workers(first.replicas), now)
    assert second.replicas == first.replicas


def test_the_history_stays_small_however_long_a_window():
    long = queue(behavior=Behavior(scale_up=Rules(3600), scale_down=Rules(3600)))
    history = History()
    for second in range(5000):
        _, history = decide(long, history, Reading(second * 7 % 23, 0), Workers(3), float(second))
    assert len(history.lows) + len(history.highs) <= 2 * (long.max_replica_count + 1)
