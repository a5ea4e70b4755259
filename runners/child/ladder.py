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

It is computed in the measured process, where the spans of all tasks are: a row travels with what
follows from them and a sample of them (`child.sample`).
"""

import heapq
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from runners.model import Span

Levels = tuple[float, float, float, float, float, float]
Crew = Sequence[Sequence[Span]]
"""The spans of each worker, in the order in which they began."""

_start = attrgetter("start_ns")


def crew(spans: Iterable[Span]) -> list[list[Span]]:
    """The tasks of a run by worker: its process and its thread there."""
    found: dict[tuple[int, int], list[Span]] = {}
    for span in spans:
        found.setdefault((span.pid, span.thread), []).append(span)
    for mine in found.values():
        mine.sort(key=_start)
    return list(found.values())


def levels(workers: Crew, wall_s: float, provisioned: int) -> Levels:
    """L0 to L5 of one run in core-seconds, from its task spans and its wall time.

    `provisioned` is the number of workers that could run at a time: n, or 1 where all tasks are
    coroutines of one thread. Without spans all but L0 are 0. Where the kernel does not tell the
    run-queue wait of every task, L4 equals L5. L0 >= L1 >= L2 >= L3 holds while no more than
    `provisioned` workers run at a time; L4 and L5 come from other clocks and may be off a little.
    """
    if not workers:
        return (provisioned * wall_s, 0.0, 0.0, 0.0, 0.0, 0.0)
    first = min(mine[0].start_ns for mine in workers)
    window = max(span.end_ns for mine in workers for span in mine) - first
    busy = [_busy_ns(mine) for mine in workers]
    total = sum(busy)
    # A pool that replaces its workers shows more of them than `provisioned`, each with a small part
    # of what its place did: the busiest place did the mean at least.
    busiest = max(provisioned * max(busy), total)
    cpu = sum(span.cpu_ns for mine in workers for span in mine)
    waits = [span.wait_ns for mine in workers for span in mine]
    wait = sum(waits) if min(waits) >= 0 else 0
    # Waits of short tasks are read together, with the gaps between them: no more than the tasks'
    # own time may count, or off-CPU time would become a gain.
    ready = max(cpu, min(cpu + wait, total))
    nanoseconds = (provisioned * window, busiest, total, ready, cpu)
    l1, l2, l3, l4, l5 = (level / 1e9 for level in nanoseconds)
    return (provisioned * wall_s, l1, l2, l3, l4, l5)


def _busy_ns(mine: Iterable[Span]) -> int:
    """Time that a worker spent on at least one task: the tasks of a coroutine worker overlap."""
    total = covered = 0
    for span in mine:
        start = max(span.start_ns, covered)
        if span.end_ns > start:
            total += span.end_ns - start
            covered = span.end_ns
    return total


def task_times(spans: Iterable[Span]) -> list[float]:
    """The seconds of each of these tasks."""
    return [(span.end_ns - span.start_ns) / 1e9 for span in spans]


def largest_task_share(times: Sequence[float]) -> float | None:
    """The longest task's part of the time of all tasks; None where there is no time."""
    return max(times) / sum(times) if any(times) else None


def median(values: Iterable[float]) -> float:
    """Of one value or more. That of `statistics`, which is slow to load, is the same."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


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


def dealing(workers: Crew, one_by_one_s: Sequence[float], provisioned: int) -> Dealing | None:
    """How the tasks of a run were dealt to `provisioned` workers.

    `one_by_one_s` are the times of the workload's tasks in the baseline. The run may have
    each of them several times. None where that cannot be said.
    """
    tasks, count = sum(map(len, workers)), len(one_by_one_s)
    if not tasks or not count or tasks % count or not all(one_by_one_s):
        return None
    slower = (
        (span.end_ns - span.start_ns) / 1e9 / one_by_one_s[span.index % count]
        for mine in workers
        for span in mine
    )
    first_slower = (
        (mine[0].end_ns - mine[0].start_ns) / 1e9 / one_by_one_s[mine[0].index % count]
        for mine in workers
    )
    # As in `levels`, for pools that replace their workers.
    most = max(sum(one_by_one_s[span.index % count] for span in mine) for mine in workers)
    in_order = [*one_by_one_s] * (tasks // count)
    part = sum(in_order) / provisioned
    return Dealing(
        dealt=max(most / part, 1.0),
        fetched=_fetched(in_order, provisioned) / part,
        sorted=_fetched(sorted(in_order, reverse=True), provisioned) / part,
        task_slowdown=median(slower),
        first_slowdown=median(first_slower),
    )


def _fetched(times: Iterable[float], workers: int) -> float:
    """The time of the busiest worker if each free one takes the next task."""
    busy = [0.0] * workers
    for time in times:
        heapq.heapreplace(busy, busy[0] + time)
    return max(busy)
