"""How long a task of a queue takes: a running estimate from what its workers count, pure, with the time passed in.

Each worker adds to two numbers in Redis: tasks ended, and seconds that these ran. Their growth, with older growth
fading, gives the mean duration, also where tasks are too short for a poll to see them. A task counts when it has ended:
counted while it runs, it would ask for more workers, whose tasks would ask for more.
"""

import msgspec
from msgspec.structs import replace

# after this many seconds what was measured counts half
HALF_LIFE_SECONDS = 600.0


class Work(msgspec.Struct, frozen=True):
    """What the workers of a queue have done since its first: tasks ended, and seconds that these ran."""

    ended: int
    seconds: float


class Pace(msgspec.Struct, frozen=True):
    """What of it counts at the moment `at` (seconds of any steady clock), older work less."""

    last: Work
    at: float
    ended: float
    seconds: float

    @property
    def task_seconds(self) -> float | None:
        """The mean duration of a task; None before one has ended."""
        return self.seconds / self.ended if self.ended else None


def measure(pace: Pace | None, work: Work, now: float) -> Pace:
    """Take a look at the workers' count into the estimate. The first look counts all earlier work as one task."""
    if pace is None:
        known = work.ended > 0
        return Pace(work, now, float(known), work.seconds / work.ended if known else 0.0)
    ended, seconds = work.ended - pace.last.ended, work.seconds - pace.last.seconds
    if ended == 0:
        return pace
    if ended < 0 or seconds < 0:
        # Redis lost its data: the count began anew
        return replace(pace, last=work)
    fade = 0.5 ** ((now - pace.at) / HALF_LIFE_SECONDS)
    return Pace(work, now, pace.ended * fade + ended, pace.seconds * fade + seconds)
