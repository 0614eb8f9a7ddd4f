"""The scaling loop: look at Redis, decide per queue, change what differs; on every poll, or earlier when woken."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from queue_scaler.backlog import Backlog, RedisUnavailable, in_flight_key
from queue_scaler.config import ConfigError, Queue, load
from queue_scaler.decide import Decision, History, Reading, Workers, decide
from queue_scaler.kube import ApiUnavailable, StatefulSets
from queue_scaler.orphans import GONE_SECONDS, Claims, Recovery
from queue_scaler.orphans import LOOK_SECONDS as ORPHANS_LOOK_SECONDS
from queue_scaler.status import Metrics, Status
from queue_scaler.unserved import LOOK_SECONDS as UNSERVED_LOOK_SECONDS
from queue_scaler.unserved import advice, unserved

log = logging.getLogger(__name__)

# a storm of wake-ups turns the loop no faster than this
WAKE_GAP_SECONDS = 0.05
# Airflow sends the tasks of a run one by one within about a second, and only the first of them wakes the loop
BURST_SECONDS = 1.0
BURST_GAP_SECONDS = 0.2
PATCHES_AT_ONCE = 8
CANCEL_AGAIN_SECONDS = 2.0
# a queue without workers that was gone for this long is told of again
UNSERVED_TOLD_SECONDS = 3600.0


async def end(tasks: Iterable[asyncio.Task]) -> None:
    """Cancel the tasks and wait until they are done.

    Again and again, as one cancellation can get lost: before Python 3.12 asyncio.wait_for, which the Redis client
    uses, swallows one that comes just as it is done.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)


class Choice(msgspec.Struct, frozen=True):
    """What was decided for one queue, and on which facts."""

    name: str
    stateful_set: str
    reading: Reading | None
    workers: Workers
    decision: Decision

    @property
    def asleep(self) -> bool:
        """Whether the queue has no tasks and is to have no workers, so that its first task should wake the loop."""
        return self.reading is not None and self.reading.empty and self.decision.replicas == 0

    @property
    def filled(self) -> bool:
        """Whether the queue is known to have tasks."""
        return self.reading is not None and not self.reading.empty

    def line(self) -> str:
        """The choice as one line of key=value pairs."""
        queued, in_flight = (self.reading.queued, self.reading.in_flight) if self.reading else ("unknown", "unknown")
        return (
            f"queue={self.name} queued={queued} in_flight={in_flight} "
            f'current={self.workers.replicas} wanted={self.decision.replicas} why="{self.decision.why}"'
        )


class Loop:
    """One scaler: its configuration, what it remembers of each queue, and its edges."""

    def __init__(
        self,
        file: Path,
        backlog: Backlog,
        sets: Callable[[Callable[[str], None]], StatefulSets],
        *,
        status: Status,
        metrics: Metrics,
        leads: Callable[[float], bool],
        warn: Callable[[str, str], Awaitable[None]],
        dry_run: bool = False,
    ) -> None:
        """`sets` makes the view of the StatefulSets, given what to call on a change; `warn` tells the cluster's
        operators a reason and a message, and may raise ApiUnavailable. Raises ConfigError."""
        self._file = file
        self._version = _version(file)
        self.config = load(file)
        self._backlog = backlog
        self.sets = sets(self._changed)
        self._status = status
        self._metrics = metrics
        self._leads = leads
        self._warn = warn
        self._dry_run = dry_run
        self._histories: dict[str, History] = {}
        self._shown: dict[str, dict[str, float]] = {}
        self._recovery = Recovery(backlog)
        self._orphans: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self._unserved: dict[str, int] = {}
        self._unserved_told: dict[str, float] = {}  # when each was last there
        self._events_owed: set[str] = set()
        self._unserved_seen = float("-inf")
        self._said: dict[str, str] = {}
        self._woken = asyncio.Event()
        self._patches = asyncio.Semaphore(PATCHES_AT_ONCE)
        status.polling_interval = self.config.polling_interval
        metrics.config_valid.set(1)

    def wake(self) -> None:
        """Have the next look at Redis at once."""
        self._woken.set()

    def _changed(self, stateful_set: str) -> None:
        if any(queue.stateful_set == stateful_set for queue in self.config.queues.values()):
            self.wake()

    async def run(self, listen_to: Callable[[frozenset[str]], None]) -> None:
        """Poll until cancelled; `listen_to` is told which queues have neither tasks nor workers."""
        asleep: frozenset[str] = frozenset()
        burst_until = due = float("-inf")
        while True:
            started = time.monotonic()
            self._woken.clear()
            self._reload()
            early = started < due
            following = started + self.config.polling_interval
            due = min(due, following) if early else following
            choices = await self.poll(started, early=early)
            before, asleep = asleep, frozenset(choice.name for choice in choices if choice.asleep)
            listen_to(asleep)
            # not what is merely unknown now, as while Redis is away
            if any(choice.filled and choice.name in before for choice in choices):
                burst_until = started + BURST_SECONDS
            self._status.saw("loop")
            await asyncio.sleep(WAKE_GAP_SECONDS)
            look = min(due, started + BURST_GAP_SECONDS) if started < burst_until else due
            try:
                async with asyncio.timeout(look - time.monotonic()):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def look_for_orphans(self) -> None:
        """Put back the tasks whose worker is gone, until cancelled; apart from the polls, which may be far apart."""
        while True:
            await self.recover(time.monotonic())
            await asyncio.sleep(ORPHANS_LOOK_SECONDS)

    async def poll(self, now: float, *, early: bool = False) -> list[Choice]:
        """Read, decide and scale once, `now` in seconds of time.monotonic(); leaves out queues without StatefulSet.

        `early`: before the poll that is due.
        """
        with self._metrics.poll_seconds.time():
            leads = self._leads(now)
            readings = await self._read()
            if not leads:
                self._forget_the_unserved()
            elif now - self._unserved_seen >= UNSERVED_LOOK_SECONDS:
                self._unserved_seen = now
                await self._find_unserved(now)
            considered = [
                self._consider(name, queue, readings.get(name), now, early)
                for name, queue in self.config.queues.items()
            ]
        choices = [choice for choice in considered if choice]
        self._metrics.leader.set(leads)
        if leads:
            changes = [choice for choice in choices if choice.decision.replicas != choice.workers.replicas]
            await asyncio.gather(*map(self._scale, changes))
        return choices

    async def _read(self) -> dict[str, Reading]:
        try:
            found = await self._backlog.read(self.config.queues)
        except RedisUnavailable as error:
            self._metrics.failures.labels("redis").inc()
            self._say("redis", f"{error}; replicas are held, none is lowered")
            return {}
        self._status.saw("redis")
        self._say("redis", "")
        for name, reading in found.items():
            self._say(f"queue={name} keys", reading if isinstance(reading, str) else "")
        return {name: reading for name, reading in found.items() if isinstance(reading, Reading)}

    async def recover(self, now: float) -> None:
        """Look once, at `now`, for tasks whose worker is gone, and put them back."""
        if not self._leads(now):
            self._recovery.forget()
            self._orphans = {}
            self._dropped = {}
            return
        # a reload beside may change the configuration during the look
        queues = self.config.queues
        try:
            found = await self._recovery.find(queues, now)
        except RedisUnavailable as error:
            self._metrics.failures.labels("redis").inc()
            self._say("orphans", str(error))
            return
        self._say("orphans", "")
        self._count_dropped(self._recovery.dropped)
        self._orphans = {name: count for name, count in self._orphans.items() if name in found}
        for name, gone in found.items():
            if name not in self.config.queues:
                continue
            try:
                await self._put_back(name, queues[name], gone)
            except RedisUnavailable as error:
                # the next look tries again
                self._metrics.failures.labels("redis").inc()
                self._say(f"queue={name} orphans", str(error))

    def _count_dropped(self, dropped: Mapping[str, int]) -> None:
        """Show what the workers have dropped since the last look; what they had before the first is another's."""
        for name, total in dropped.items():
            before = self._dropped.get(name, total)
            if total != before:
                # less than before: Redis lost its data
                self._metrics.dropped.labels(name).inc(total - before if total > before else total)
        self._dropped = dict(dropped)

    async def _find_unserved(self, now: float) -> None:
        """Tell of queues without workers: the metric always, log and event once, as a list may come and go often."""
        try:
            found = await unserved(self._backlog, self.config.queues.keys() | self.config.also_served)
        except RedisUnavailable:
            # the reading of the queues has said so
            return
        for name in self._unserved.keys() - found.keys():
            self._metrics.unserved.remove(name)
        self._unserved = found
        for name, at in list(self._unserved_told.items()):
            if name not in found and now - at >= UNSERVED_TOLD_SECONDS:
                del self._unserved_told[name]
        for name, length in found.items():
            self._metrics.unserved.labels(name).set(length)
            if name not in self._unserved_told:
                log.warning("queue=%s unserved: %s", name, advice(name, length))
                self._events_owed.add(name)
            self._unserved_told[name] = now
        if not self._dry_run:
            for name in self._events_owed & found.keys():
                # where one fails so would the others, and the poll would wait for each
                if not await self._tell_of_unserved(name, found[name]):
                    return

    async def _tell_of_unserved(self, name: str, length: int) -> bool:
        """Whether the event was taken."""
        try:
            await self._warn("UnservedQueue", advice(name, length))
        except ApiUnavailable as error:
            # the next look tries again
            self._metrics.failures.labels("api").inc()
            self._say("events", str(error))
            return False
        self._events_owed.discard(name)
        self._say("events", "")
        return True

    def _forget_the_unserved(self) -> None:
        """Leave them to the leader, which shows them."""
        for name in self._unserved:
            self._metrics.unserved.remove(name)
        self._unserved = {}
        self._unserved_seen = float("-inf")

    async def _put_back(self, name: str, queue: Queue, gone: Claims) -> None:
        text = f"{len(gone)} tasks in flight that no worker has renewed for {GONE_SECONDS:.0f} s"
        if self._dry_run:
            self._orphans[name] = len(gone)
            self._say(f"queue={name} orphans", text)
            return
        put, unreadable = await self._recovery.put_back(name, queue, gone, lambda: self._leads(time.monotonic()))
        self._metrics.put_back.labels(name).inc(put)
        self._orphans[name] = unreadable
        if put:
            log.warning('queue=%s orphans=%s put_back=%s why="%s"', name, len(gone), put, text)
        self._say(f"queue={name} orphans", "")
        problem = f"{unreadable} entries of {in_flight_key(name, queue)} are no Celery messages"
        self._say(f"queue={name} entries", f"{problem}: not counted as running" if unreadable else "")

    def _consider(self, name: str, queue: Queue, reading: Reading | None, now: float, early: bool) -> Choice | None:
        """Decide for one queue and show it; None where its StatefulSet is unknown."""
        known = self.sets.workers
        workers = known and known.get(queue.stateful_set)
        lost = self._orphans.get(name, 0)
        self._show(name, held=workers is None or reading is None, orphans=lost)
        if reading:
            if lost:
                reading = replace(reading, in_flight=max(0, reading.in_flight - lost))
            self._show(name, queued=reading.queued, in_flight=reading.in_flight)
        gone = known is not None and workers is None
        self._say(f"queue={name} StatefulSet", f"{queue.stateful_set} does not exist: not scaled" if gone else "")
        if workers is None:
            # what happens to the replicas meanwhile is unknown, so idleness must be proved anew
            if past := self._histories.get(name):
                self._histories[name] = History(pace=past.pace)
            return None
        self._say(f"queue={name} annotation", workers.pause, ended="not paused any more")
        decision, history = decide(queue, self._histories.get(name, History()), reading, workers, now, early=early)
        self._histories[name] = history
        ready = self.sets.ready.get(queue.stateful_set, 0)
        paused = bool(workers.pause)
        self._show(name, replicas=workers.replicas, ready=ready, wanted=decision.replicas, paused=paused)
        if history.pace and history.pace.task_seconds is not None:
            self._show(name, task_seconds=history.pace.task_seconds)
        return Choice(name, queue.stateful_set, reading, workers, decision)

    def _show(self, name: str, **gauges: float) -> None:
        """Set gauges of a queue where they changed: with many queues most are as they were, and setting is dear."""
        shown = self._shown.setdefault(name, {})
        for gauge, value in gauges.items():
            if shown.get(gauge) != value:
                shown[gauge] = value
                getattr(self._metrics, gauge).labels(name).set(value)

    async def _scale(self, choice: Choice) -> None:
        if self._dry_run:
            self._say(f"queue={choice.name} dry-run", choice.line())
            return
        async with self._patches:
            if not self._leads(time.monotonic()):
                return
            try:
                await self.sets.scale(choice.stateful_set, choice.decision.replicas)
            except ApiUnavailable as error:
                self._metrics.failures.labels("api").inc()
                self._say(f"queue={choice.name} scaling", str(error))
                return
        self._say(f"queue={choice.name} scaling", "")
        direction = "up" if choice.decision.replicas > choice.workers.replicas else "down"
        self._metrics.scalings.labels(choice.name, direction).inc()
        log.info("%s", choice.line())

    def _say(self, about: str, problem: str, ended: str = "in order again") -> None:
        """Log a problem when it is new, and its end."""
        if problem == self._said.get(about, ""):
            return
        self._said[about] = problem
        if problem:
            log.warning("%s: %s", about, problem)
        else:
            log.info("%s: %s", about, ended)

    def _reload(self) -> None:
        """Take a changed configuration file; a bad one is refused and the last good one stays."""
        version = _version(self._file)
        if version == self._version:
            return
        self._version = version
        try:
            config = load(self._file)
        except ConfigError as error:
            self._metrics.config_valid.set(0)
            self._say("configuration", f"refused, the last good one stays: {error}")
            return
        for name in self.config.queues.keys() - config.queues.keys():
            self._histories.pop(name, None)
            self._shown.pop(name, None)
            self._metrics.forget(name)
        self.config = config
        self._status.polling_interval = config.polling_interval
        self._metrics.config_valid.set(1)
        self._say("configuration", "")
        log.info("configuration: reloaded %s, queues %s", self._file, ", ".join(config.queues) or "none")


def _version(file: Path) -> tuple[int, int] | None:
    """Changes with the file's content; a ConfigMap is changed by pointing a link at another file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
