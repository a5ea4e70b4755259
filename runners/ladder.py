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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from runners.model import Span, Workers

MATTERS = 0.05
"""A loss is explained from this share of the provisioned core-seconds on."""

TITLES = {
    "startup": "start-up and join",
    "dispatch": "dispatch",
    "balance": "load balance",
    "blocking": "blocking",
    "contention": "CPU contention",
    "computation": "slower computation",
}
"""The steps of the ladder, from the top: name in the summary's columns, and name for readers."""

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
    # own time may count, or blocking would become a gain.
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


@dataclass(frozen=True, slots=True)
class Loss:
    """Core-seconds lost on one step of the ladder, and what may be done about them.

    `factor` is the step's name in the summary's columns, `title` its name for readers, `share` the
    loss as a part of the provisioned core-seconds.
    """

    factor: str
    title: str
    share: float
    hint: str


def explain(
    summary: Mapping[str, Any],
    kind: Workers = "unknown",
    largest_task_share: float | None = None,
) -> list[Loss]:
    """The losses of one cell that matter, the largest first, each with a hint.

    `summary` is a row of the summary frame, `kind` what the executor's workers are and
    `largest_task_share` the longest task's part of the tasks' total time, where it is known.
    """
    losses = [
        Loss(factor, title, share, _hint(factor, share, summary, kind, largest_task_share))
        for factor, title in TITLES.items()
        if (share := float(summary[f"loss_{factor}"])) >= MATTERS
    ]
    return sorted(losses, key=attrgetter("share"), reverse=True)


def _hint(
    factor: str,
    share: float,
    summary: Mapping[str, Any],
    kind: Workers,
    largest_task_share: float | None,
) -> str:
    n = int(summary["n"])
    match factor:
        case "startup":
            return (
                f"starting and joining workers takes {share:.0%} of the core-seconds: "
                "reuse the pool or give it more work"
            )
        case "dispatch":
            return (
                f"handing out tasks takes {share:.0%} of the core-seconds: "
                "larger chunksize, or fewer and larger tasks"
            )
        case "balance":
            return _balance(n, int(summary["tasks"]), largest_task_share)
        case "blocking":
            if summary["waiting"]:
                return "tasks wait longer than they do one by one: what they wait for is shared"
            if kind == "thread" and summary["gil"]:
                return "tasks hold the GIL: use processes"
            return "workers wait for I/O or locks: share less, or hold locks for a shorter time"
        case "contention":
            usable = summary["usable_cpus"]
            if n > usable:
                return f"{n} workers share {usable:g} {'CPU' if usable == 1 else 'CPUs'}"
            return "other load or steal on the machine takes CPU time from the workers"
        case _:
            # A process forked from one that has warmed up inherits its warm code.
            if kind == "process" and summary.get("executor.start_method") != "fork":
                return "workers run cold code: fork after warm-up or reuse the pool"
            return "tasks compute more slowly side by side: caches, memory bandwidth, frequency"


def _balance(n: int, tasks: int, largest_task_share: float | None) -> str:
    if tasks < n:
        return f"{tasks} {'task' if tasks == 1 else 'tasks'} for {n} workers: cut the work finer"
    # A task of at most 1/n of the work would fit beside the others: it is not what limits.
    if largest_task_share is not None and largest_task_share > 1 / n:
        return f"one task is {largest_task_share:.0%} of all work: cut it finer"
    return "some workers finish early: more tasks, or tasks of equal size"
