"""How many workers a queue should have: the one decision of the scaler, pure, with the time passed in.

The fields mean what they mean in KEDA and in the HPA's `behavior`. What is added: running tasks count, one empty
reading proves nothing (a worker takes a task from the list a moment before it is in the in-flight hash), and a
scaler that cannot see never lowers anything.
"""

from collections.abc import Callable
from math import ceil

import msgspec
from msgspec.structs import replace

from queue_scaler.config import Policy, Queue, Rules
from queue_scaler.pace import Pace, Work, measure

# an empty queue must have looked empty for this long, whatever the cooldown: far longer than a worker needs to
# move a task from the list to the hash
EMPTY_PROOF_SECONDS = 1.0

Trace = tuple[tuple[float, int], ...]  # (time, count), oldest first


# values are msgspec's, as several are made of each queue on every poll: dataclasses take ten times as long


class Reading(msgspec.Struct, frozen=True):
    """Tasks of one queue at one moment: waiting in its list, held by workers, and what they have done so far."""

    queued: int
    in_flight: int
    work: Work | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return self.queued == self.in_flight == 0


class Workers(msgspec.Struct, frozen=True):
    """What the API server says of one StatefulSet."""

    replicas: int
    paused_at: int | None = None  # KEDA's annotation paused-replicas
    held: bool = False  # KEDA's annotation paused: "true"
    problem: str | None = None  # what is wrong with an annotation, in words: nothing is changed then

    @property
    def pause(self) -> str:
        """That annotations hold the replicas, in words; empty where none does."""
        if self.paused_at is not None:
            return f"paused at {self.paused_at} by annotation"
        if self.problem:
            return f"held: annotation {self.problem}"
        return "paused by annotation" if self.held else ""


class History(msgspec.Struct, frozen=True):
    """What earlier decisions of one queue leave behind; times in the seconds of `now`."""

    idle_since: float | None = None
    failures: int = 0
    replicas: int | None = None
    wanted: int | None = None  # the replicas decided last
    lows: Trace = ()  # wishes that no later one undercuts: their first is the lowest of scaleUp's window
    highs: Trace = ()  # wishes that no later one exceeds: their first is the highest of scaleDown's window
    changes: Trace = ()  # replicas added or taken from here, when seen
    pace: Pace | None = None


class Decision(msgspec.Struct, frozen=True):
    """The replicas that the StatefulSet should have now, and the reason in words for the log."""

    replicas: int
    why: str


def decide(
    queue: Queue, history: History, reading: Reading | None, workers: Workers, now: float, *, early: bool = False
) -> tuple[Decision, History]:
    """Decide for one queue; `reading` None means Redis could not tell. Returns the history to pass in next time.

    `early` says that no poll was due: a reading that fails then is none of the fallback's failures.
    """
    history = _observe(queue, history, reading, workers, now, early)
    decision, history = _decide(queue, history, reading, workers, now)
    return decision, replace(history, wanted=decision.replicas)


def _decide(
    queue: Queue, history: History, reading: Reading | None, workers: Workers, now: float
) -> tuple[Decision, History]:
    if workers.pause:
        return Decision(workers.replicas if workers.paused_at is None else workers.paused_at, workers.pause), history
    if reading is None:
        return _blind(queue, history, workers), history
    busy = ceil(reading.in_flight / queue.concurrency)
    floor = min(max(queue.min_replica_count, busy), queue.max_replica_count)
    wish, reason = _wish(queue, reading, history.pace, floor)
    history = replace(
        history,
        lows=_extend(history.lows, (now, wish), queue.behavior.up_window, lambda earlier: earlier < wish),
        highs=_extend(history.highs, (now, wish), queue.behavior.down_window, lambda earlier: earlier > wish),
    )
    # the cooldown is the way to zero alone; with a minimum the windows and policies count, as with KEDA
    if history.idle_since is not None and floor == 0:
        if workers.replicas == 0:
            if not reading.queued:
                return Decision(0, "idle"), history
            few = f"{reading.queued} queued, activationListLength {queue.activation_list_length} is not passed"
            return Decision(0, few), history
        if now - history.idle_since >= max(queue.cooldown_period, EMPTY_PROOF_SECONDS):
            return Decision(0, f"idle for {now - history.idle_since:.0f} s"), history
    # the HPA's windows; from zero the first worker comes at once, as with KEDA, which leaves only the rest to the HPA
    wanted = min(max(workers.replicas, 1, history.lows[0][1]), history.highs[0][1])
    why = reason if wanted == wish else f"{reason}, stabilized at {wanted}"
    limited = _limit_rate(queue, history, workers.replicas, wanted, now)
    if limited != wanted:
        why = f"{why}, limited from {wanted} by behavior"
    replicas = max(floor, min(limited, queue.max_replica_count))
    return Decision(replicas, why), history


def _observe(
    queue: Queue, history: History, reading: Reading | None, workers: Workers, now: float, early: bool
) -> History:
    """Take the replicas seen and whether the queue is idle into the history."""
    if history.replicas is None or history.failures:
        # as the HPA does at its start: what there is counts as wished, so that a new scaler does not lower at once
        known = ((now, workers.replicas),)
        history = replace(history, lows=known, highs=known)
    changes = history.changes
    # as for the HPA, what somebody else changed is no step of the policies
    if history.replicas is not None and history.replicas != workers.replicas == history.wanted:
        changes = (*changes, (now, workers.replicas - history.replicas))
    if changes:
        policies = queue.behavior.scale_up.policies + queue.behavior.scale_down.policies
        longest = max((policy.period_seconds for policy in policies), default=0)
        changes = tuple(change for change in changes if change[0] > now - longest)
    if reading is None:
        # what happened while blind is unknown: idleness must be proved anew
        failures = history.failures + (not early)
        return replace(history, replicas=workers.replicas, changes=changes, failures=failures, idle_since=None)
    # with a minimum the queue always has its workers, and KEDA ignores the activation
    activation = queue.activation_list_length if queue.min_replica_count == 0 else 0
    active = reading.in_flight > 0 or reading.queued > activation
    idle_since = None if active else now if history.idle_since is None else history.idle_since
    pace = measure(history.pace, reading.work, now) if reading.work else history.pace
    return replace(history, replicas=workers.replicas, changes=changes, failures=0, idle_since=idle_since, pace=pace)


def _extend(trace: Trace, newest: tuple[float, int], window: float, stays: Callable[[int], bool]) -> Trace:
    """Append a wish, dropping those out of the window and those that it makes irrelevant."""
    since = newest[0] - window
    return (*((at, count) for at, count in trace if at > since and stays(count)), newest)


def _blind(queue: Queue, history: History, workers: Workers) -> Decision:
    fallback = queue.fallback
    if fallback is None or fallback.replicas is None or history.failures < fallback.failure_threshold:
        return Decision(workers.replicas, "held: Redis gave no backlog of this queue")
    least = min(fallback.replicas, queue.max_replica_count)
    replicas = max(workers.replicas, least)
    return Decision(replicas, f"fallback {least} after {history.failures} failed readings, never lowered")


def _wish(queue: Queue, reading: Reading, pace: Pace | None, floor: int) -> tuple[int, str]:
    """Replicas for the backlog, and why; at least one, as the way to zero is the cooldown alone."""
    backlog = reading.queued + reading.in_flight
    task_seconds = pace.task_seconds if pace and queue.target_seconds else None
    if task_seconds is None:
        wish = min(max(ceil(backlog / queue.target), floor, 1), queue.max_replica_count)
        return wish, f"backlog needs {wish}"
    # slots beyond one per task would stay empty
    slots = min(ceil(backlog * task_seconds / queue.target_seconds), backlog)
    wish = min(max(ceil(slots / queue.concurrency), floor, 1), queue.max_replica_count)
    return wish, f"{backlog} tasks of {task_seconds:.3g} s in {queue.target_seconds:g} s need {wish}"


def _limit_rate(queue: Queue, history: History, current: int, wanted: int, now: float) -> int:
    """The HPA's policies: how far the replicas may move within each policy's period."""
    if wanted > current:
        limit = _limit(queue.behavior.scale_up, history, current, now, direction=1)
        return wanted if limit is None else min(wanted, max(limit, current, 1))
    if wanted < current:
        limit = _limit(queue.behavior.scale_down, history, current, now, direction=-1)
        return wanted if limit is None else max(wanted, min(limit, current))
    return wanted


def _limit(rules: Rules, history: History, current: int, now: float, *, direction: int) -> int | None:
    """The furthest replicas that the rules of one direction allow; None where they set no limit."""
    if rules.select_policy == "Disabled":
        return current
    if not rules.policies:
        return None
    reached = [_reach(policy, history, current, now, direction) for policy in rules.policies]
    furthest = (rules.select_policy == "Max") == (direction > 0)
    return max(reached) if furthest else min(reached)


def _reach(policy: Policy, history: History, current: int, now: float, direction: int) -> int:
    moved = sum(delta for at, delta in history.changes if at > now - policy.period_seconds)
    start = max(current - moved, 1 if direction > 0 else 0)
    if policy.type == "Pods":
        return start + direction * policy.value
    share = start * (100 + direction * policy.value)
    return max(0, -(-share // 100) if direction > 0 else share // 100)
