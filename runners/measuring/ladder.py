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

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from runners.model import Span

Levels = tuple[float, float, float, float, float, float]

_worker = attrgetter("pid", "thread")


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


def largest_task_share(spans: Sequence[Span]) -> float | None:
    """The longest task's part of the time of all tasks; None where there is no time."""
    walls = [span.end_ns - span.start_ns for span in spans]
    return max(walls) / sum(walls) if any(walls) else None
