"""What a cell of the summary means in words: where the efficiency went, and what may be done."""

import textwrap
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Protocol

from runners.model import Loss, Workers, first_line

TITLES = {
    "startup": "start-up and join",
    "dispatch": "dispatch",
    "balance": "load imbalance",
    "blocking": "off-CPU time",
    "contention": "oversubscription",
    "computation": "work inflation",
}
"""The steps of the ladder, from the top: name in the summary's columns, and name for readers.

Off-CPU time is what tasks spend waiting for the GIL, for locks or for I/O. Oversubscription is
their run-queue delay: they are ready, and no CPU is free. docs/method.md explains each step.
"""

MATTERS = 0.05
"""A loss is explained if it is at least this part of the core time provided."""

MOSTLY_CPU = 0.5
"""Tasks that are on a CPU for this part of their serial time or more compute rather than wait."""


class Cell(Protocol):
    """What a hint depends on: of one cell, the values of the summary that have these names."""

    @property
    def n(self) -> int: ...
    @property
    def usable_cpus(self) -> float: ...
    @property
    def worker_kind(self) -> Workers: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...
    @property
    def losses(self) -> Sequence[Loss]: ...
    @property
    def waiting(self) -> bool: ...
    @property
    def tasks(self) -> float: ...
    @property
    def largest_task_share(self) -> float: ...
    @property
    def cpu_share(self) -> float: ...
    @property
    def gil(self) -> bool | None: ...


def explain(cell: Cell) -> list[Loss]:
    """The losses of a cell that matter, the largest first."""
    losses = [loss for loss in cell.losses if loss.share >= MATTERS]
    return sorted(losses, key=attrgetter("share"), reverse=True)


def told(loss: Loss, cell: Cell) -> str:
    """A loss of that cell in words, with what may be done about it."""
    of_it = f" (the machine's own: {loss.machine:.0%})" if loss.machine >= MATTERS / 2 else ""
    return f"{loss.share:.0%} {TITLES[loss.factor]}{of_it}: {hint(loss, cell)}"


def hint(loss: Loss, cell: Cell) -> str:
    """What may be done about a loss of that cell."""
    match loss.factor:
        case "startup":
            return (
                f"starting and joining workers takes {loss.share:.0%} of the core-seconds: "
                "keep a pool's workers (executor.reuse=true) or give it more work"
            )
        case "dispatch":
            return (
                f"handing out tasks takes {loss.share:.0%} of the core-seconds: "
                "raise chunksize, or make fewer and larger tasks"
            )
        case "balance":
            return _balance(cell)
        case "blocking":
            return _blocking(cell)
        case "contention":
            usable = cell.usable_cpus
            if cell.n > usable:
                return f"{cell.n} workers share {usable:g} {'CPU' if usable == 1 else 'CPUs'}"
            return "other load or steal on the machine takes CPU time from the workers"
        case "computation" if loss.machine > loss.share / 2:
            return (
                "so do loops that share nothing: cores shared by two CPUs, a lower clock with all "
                "of them at work, other guests"
            )
        case _:
            # A process forked from one that has warmed up inherits its warm code.
            cold = cell.parameters.get("executor.start_method") in ("spawn", "forkserver")
            if cell.worker_kind == "process" and cold:
                return "workers run cold code: fork after warm-up or reuse the pool"
            return "tasks compute more slowly side by side: caches, memory bandwidth, frequency"


def _balance(cell: Cell) -> str:
    n, tasks = cell.n, int(cell.tasks)
    if tasks < n:
        return f"{tasks} {'task' if tasks == 1 else 'tasks'} for {n} workers: cut the work finer"
    # A task of at most 1/n of the work would fit beside the others: it is not what limits.
    if cell.largest_task_share > 1 / n:
        return f"one task is {cell.largest_task_share:.0%} of all work: cut it finer"
    return "some workers finish early: make more tasks, or tasks of equal size"


def _blocking(cell: Cell) -> str:
    if cell.waiting:
        return "tasks wait longer than they do one by one: what they wait for is shared"
    computing = cell.cpu_share >= MOSTLY_CPU
    if cell.worker_kind == "thread" and cell.gil is not False and computing:
        return "tasks hold the GIL: use processes"
    return "workers wait for I/O or locks: share less, or hold locks for a shorter time"


def reason(error: object) -> str:
    """One line of a row's error: the exception of a traceback, the first line of anything else."""
    if not isinstance(error, str):
        return "no reason recorded"
    line = error.strip().splitlines()[-1] if "Traceback" in error else first_line(error)
    return textwrap.shorten(line, 300)
