"""The core-second ladder: where the efficiency of a parallel run went.

Its levels, in core-seconds of a run with n workers:

    L0  provisioned: n x wall time
    L1  window: n x (last task end - first task start)
    L2  busiest worker: n x the longest time that one worker spent on tasks
    L3  busy: the time that all workers spent on tasks
    L4  ready: CPU time of the tasks and their wait in the run queue for a CPU
    L5  CPU time of the tasks
    L6  CPU time of the same tasks in the serial baseline

Each step down is a loss with a cause of its own, and the factors L1/L0, L2/L1, ... multiply to
L6/L0: the efficiency metrics of the POP Centre of Excellence (pop-coe.eu), extended downwards.
"""

import heapq
import statistics
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from runners.model import Span

Levels = tuple[float, float, float, float, float, float]

_worker = attrgetter("pid", "thread")
_index = attrgetter("index")


def levels(spans: Sequence[Span], wall_s: float, provisioned: int) -> Levels:
    """L0 to L5 of one run in core-seconds, from its task spans and its wall time.

    `provisioned` is the number of workers that could run at a time: n, or 1 where all tasks are
    coroutines of one thread. Without spans all but L0 are 0. Where the kernel does not tell the
    run-queue wait of every task, L4 equals L5. L0 >= L1 >= L2 >= L3 holds while no more than
    `provisioned` workers run at a time; L4 and L5 come from other clocks and may be off a little.
    """
    if not spans:
        return (provisioned * wall_s, 0.0, 0.0, 0.0, 0.0, 0.0)
    window = max(span.end_ns for span in spans) - min(span.start_ns for span in spans)
    by_worker = groupby(sorted(spans, key=_worker), key=_worker)
    busy = [_busy_ns(own) for _, own in by_worker]
    total = sum(busy)
    # A pool that replaces its workers shows more of them than `provisioned`, each with a small part
    # of what its place did: the busiest place did the mean at least.
    busiest = max(provisioned * max(busy), total)
    cpu = sum(span.cpu_ns for span in spans)
    waits = [span.wait_ns for span in spans]
    wait = sum(waits) if min(waits) >= 0 else 0
    # Waits of short tasks are read together, with the gaps between them: no more than the tasks'
    # own time may count, or off-CPU time would become a gain.
    ready = max(cpu, min(cpu + wait, total))
    nanoseconds = (provisioned * window, busiest, total, ready, cpu)
    l1, l2, l3, l4, l5 = (level / 1e9 for level in nanoseconds)
    return (provisioned * wall_s, l1, l2, l3, l4, l5)


def workers(spans: Iterable[Span]) -> int:
    """How many distinct workers the tasks saw."""
    return len(set(map(_worker, spans)))


def _busy_ns(spans: Iterable[Span]) -> int:
    """Time that a worker spent on at least one task: the tasks of a coroutine worker overlap."""
    total = covered = 0
    for span in sorted(spans, key=attrgetter("start_ns")):
        start = max(span.start_ns, covered)
        if span.end_ns > start:
            total += span.end_ns - start
            covered = span.end_ns
    return total


def task_times(spans: Sequence[Span]) -> list[float]:
    """The seconds of each task, in task order."""
    return [(span.end_ns - span.start_ns) / 1e9 for span in sorted(spans, key=_index)]


def largest_task_share(times: Sequence[float]) -> float | None:
    """The longest task's part of the time of all tasks; None where there is no time."""
    return max(times) / sum(times) if any(times) else None


MOST_TASKS = 10_000
"""Of a run with more tasks it is not asked who got which: that would take longer than a round."""


class Dealing(NamedTuple):
    """Who got which tasks, by their times one by one, and how else they might have been dealt.

    Each of the first three is the time of the worker with the most over an equal part: `dealt` for
    the tasks that each had, `fetched` if free ones had fetched them in their order, and `sorted` if
    they had fetched the longest first (R. L. Graham, SIAM J. Appl. Math. 17, 1969: at most a third
    above the best). `task_slowdown` is the median of the tasks' times over those
    one by one, `first_slowdown` that of the first task of each worker.
    """

    dealt: float
    fetched: float
    sorted: float
    task_slowdown: float
    first_slowdown: float


def dealing(
    spans: Sequence[Span], one_by_one_s: Sequence[float], provisioned: int
) -> Dealing | None:
    """How the tasks of a run were dealt to `provisioned` workers.

    `one_by_one_s` are the times of the workload's tasks in the baseline. The run may have
    each of them several times. None where that cannot be said.
    """
    count = len(one_by_one_s)
    if not count or len(spans) > MOST_TASKS or len(spans) % count or not all(one_by_one_s):
        return None
    own = {span.index: one_by_one_s[span.index % count] for span in spans}
    slower = {s.index: (s.end_ns - s.start_ns) / 1e9 / own[s.index] for s in spans}
    by_worker = [
        sorted(mine, key=attrgetter("start_ns"))
        for _, mine in groupby(sorted(spans, key=_worker), key=_worker)
    ]
    # As in `levels`, for pools that replace their workers.
    most = max(sum(own[span.index] for span in mine) for mine in by_worker)
    part = sum(own.values()) / provisioned
    in_order = [own[index] for index in sorted(own)]
    return Dealing(
        dealt=max(most / part, 1.0),
        fetched=_fetched(in_order, provisioned) / part,
        sorted=_fetched(sorted(in_order, reverse=True), provisioned) / part,
        task_slowdown=statistics.median(slower.values()),
        first_slowdown=statistics.median(slower[mine[0].index] for mine in by_worker),
    )


def _fetched(times: Iterable[float], workers: int) -> float:
    """The time of the busiest worker if each free one takes the next task."""
    busy = [0.0] * workers
    for time in times:
        heapq.heapreplace(busy, busy[0] + time)
    return max(busy)
