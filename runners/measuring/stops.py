"""Whether something was stopped while a run was timed: a process, or the whole machine."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runners.model import Run

SUSPENDED_S = 0.05
"""The two clocks are read one after the other, and this process may lose the CPU in between."""


class Stopped(Exception):
    """The times of a run are not those of its work; the message says why."""


@dataclass(frozen=True, slots=True)
class After:
    """What the reaper tells after a run: whether anything was stopped, and what is left.

    `stops` are times from when to when the measuring process was stopped, `continued` when a worker
    went on, `since` since when the measuring process is stopped if it still is, `stopped` the
    processes that are now. By the monotonic clock. What nobody knows is None.
    """

    stops: Sequence[tuple[float, float]] = ()
    continued: Sequence[float] = ()
    since: float | None = None
    stopped: Sequence[int] = ()
    processes: int | None = None
    files: int | None = None
    shared_bytes: int | None = None
    objects: Mapping[str, int] | None = None


class Since:
    """The moment at which a run was ordered."""

    def __init__(self) -> None:
        self.asleep_s = asleep_s()
        self.begin_s = time.monotonic()

    def stopped(self, after: After, run: Run | None = None) -> str | None:
        """What was stopped in the run, or since it was ordered; None: nothing that can be seen."""
        now_s = time.monotonic()
        begin_s, end_s = self.begin_s, now_s
        if run is not None and run.begin_ns is not None and run.wall_s is not None:
            begin_s = run.begin_ns / 1e9
            end_s = begin_s + run.wall_s
        slept_s = asleep_s() - self.asleep_s
        if slept_s > SUSPENDED_S:
            return f"the machine was suspended for {slept_s:.1f} s"
        stops = [*after.stops, *([] if after.since is None else [(after.since, now_s)])]
        found = [end - begin for begin, end in stops if end >= begin_s and begin <= end_s]
        if found:
            return f"the measuring process was stopped for {sum(found):.1f} s"
        if run is None and after.stopped:
            return f"process {after.stopped[0]} was stopped"
        if any(at_s >= begin_s for at_s in after.continued):
            return "a worker was stopped for some time"
        return None


def asleep_s() -> float:
    """How long the machine was suspended since it was started; only differences mean anything."""
    clocks = [("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"), ("CLOCK_MONOTONIC", "CLOCK_UPTIME_RAW")]
    for whole, awake in clocks:  # Linux; macOS
        if hasattr(time, whole) and hasattr(time, awake):
            return time.clock_gettime(getattr(time, whole)) - time.clock_gettime(
                getattr(time, awake)
            )
    return 0.0
