import pytest
from hypothesis import given
from hypothesis import strategies as st
from queue_scaler.pace import HALF_LIFE_SECONDS, Work, measure


def paces(*looks):
    """The pace after each of (time, ended, seconds)."""
    pace, after = None, []
    for now, ended, seconds in looks:
        pace = measure(pace, Work(ended, seconds), now)
        after.append(pace.task_seconds)
    return after


def test_nothing_is_known_before_a_task_has_ended():
    assert paces((0, 0, 0.0), (10, 0, 10.0), (20, 1, 20.0)) == [None, None, pytest.approx(20, rel=0.02)]


def test_a_new_scaler_knows_what_the_workers_have_counted():
    assert paces((0, 400, 1000.0)) == [2.5]


def test_what_was_measured_lately_counts_more():
    *_, last = paces((0, 0, 0.0), (1, 100, 100.0), (1 + 10 * HALF_LIFE_SECONDS, 200, 1100.0))
    assert last == pytest.approx(10, rel=0.01)


def test_what_still_runs_and_a_long_pause_change_nothing():
    assert paces((0, 10, 600.0), (60, 10, 850.0), (1e6, 10, 850.0)) == [60, 60, 60]
    assert paces((0, 10, 600.0), (1e6, 12, 680.0))[-1] == pytest.approx(40)


def test_a_count_that_began_anew_keeps_the_estimate():
    assert paces((0, 400, 1000.0), (1, 0, 0.0), (2, 0, 0.0)) == [2.5, 2.5, 2.5]


steps = st.lists(st.tuples(st.floats(0.1, 5000), st.integers(0, 50), st.floats(1, 20)), min_size=1, max_size=30)


@given(steps)
def test_the_estimate_lies_between_the_shortest_and_the_longest(steps):
    now = ended = seconds = 0
    pace = measure(None, Work(0, 0.0), 0)
    lengths = []
    for pause, count, length in steps:
        now, ended, seconds = now + pause, ended + count, seconds + count * length
        lengths += [length] * bool(count)
        pace = measure(pace, Work(ended, seconds), now)
    if lengths:
        assert min(lengths) * 0.999 <= pace.task_seconds <= max(lengths) * 1.001
    else:
        assert pace.task_seconds is None
