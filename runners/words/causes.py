"""Why a cell lost what it lost: for each loss of the ladder one cause, in words, and a remedy.

A cause is named only where something measured bears it and a case with a known truth has shown that
it does (docs/causes.md, `benchmarks.cases`). Everything else is not determined, and says so.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Literal, NamedTuple, Protocol

from runners.model import Flag, Loss, Workers, first_line
from runners.words.rounding import time_unit

TITLES = {
    "startup": "start-up and join",
    "dispatch": "dispatch",
    "balance": "load imbalance",
    "blocking": "off-CPU time",
    "contention": "oversubscription",
    "computation": "work inflation",
}
"""The steps of the ladder, from the top: name in the summary's columns, and name for readers.

Off-CPU time is what tasks spend waiting for the GIL, for locks or for I/O, beyond what they wait
for one by one. Oversubscription is their run-queue delay: they are ready, and no CPU is free.
docs/method.md explains each step.
"""

MATTERS = 0.05
"""A loss is explained if it is at least this part of the core time provided."""
MOSTLY_CPU = 0.5
"""Tasks that are on a CPU for this part of their serial time or more compute rather than wait."""
HELD = 0.25
"""Coroutines block their loop if they hold it for this part of their time without computing."""
OWN_CPUS = 0.15
"""Tasks use threads or processes of their own if these have so many CPUs while the loop runs."""
BYTES_MATTER = 50_000
"""Smaller tasks and results are not called heavy, whatever they cost."""
OVERHEAD = 0.05
"""Calls are to be put together until handing out a task takes this part of its time."""
SHORT_S = 0.002
"""A longer task is not too short, nor does handing it out take longer by itself."""
UNEVEN = 0.1
"""What the busiest worker has above its part, from where on the tasks are not alike."""
OTHERS = 0.05
"""Other programs are named where they took this part of the CPUs."""
FIRST_CALLS = "measure first calls, which have more to do (see the note on them)"

Code = Literal[
    "transport",
    "short_work",
    "short_tasks",
    "few_tasks",
    "large_task",
    "dealt_beforehand",
    "long_last",
    "gil",
    "lock",
    "shared_wait",
    "blocked_loop",
    "native_threads",
    "own_processes",
    "oversubscribed",
    "other_load",
    "machine",
    "cold_code",
    "not_determined",
]


class Cause(NamedTuple):
    """What made a loss, in words, and what to do about it; "" where nothing is known to help."""

    code: Code
    words: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.words}: {self.remedy}" if self.remedy else self.words


GIL = Cause("gil", "one thread computes at a time: tasks hold the GIL, or a lock", "use processes")
LOCK = Cause(
    *("lock", "one worker gets on at a time: tasks hold what they share (a lock, a file)"),
    "share less, or hold it for a shorter time",
)
SHARED = Cause(
    "shared_wait", "tasks wait longer than they do one by one: what they wait for is shared"
)


class Cell(Protocol):
    """What a cause depends on: of one cell, the values of the summary that have these names."""

    @property
    def executor(self) -> str: ...
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
    def levels(self) -> Sequence[float]: ...
    @property
    def waiting(self) -> bool: ...
    @property
    def tasks(self) -> float: ...
    @property
    def task_s(self) -> float: ...
    @property
    def setup_s(self) -> float: ...
    @property
    def teardown_s(self) -> float: ...
    @property
    def largest_task_share(self) -> float: ...
    @property
    def task_slowdown(self) -> float: ...
    @property
    def first_slowdown(self) -> float: ...
    @property
    def dealt(self) -> float: ...
    @property
    def fetched(self) -> float: ...
    @property
    def sorted(self) -> float: ...
    @property
    def sent_bytes(self) -> float: ...
    @property
    def returned_bytes(self) -> float: ...
    @property
    def transport_s(self) -> float: ...
    @property
    def held_share(self) -> float: ...
    @property
    def cpu_share(self) -> float: ...
    @property
    def native_share(self) -> float: ...
    @property
    def children_share(self) -> float: ...
    @property
    def library_threads(self) -> float: ...
    @property
    def libraries(self) -> str | None: ...
    @property
    def others_share(self) -> float: ...
    @property
    def steal_share(self) -> float: ...
    @property
    def gil(self) -> bool | None: ...
    @property
    def fresh(self) -> bool | None: ...
    @property
    def flags(self) -> Sequence[Flag]: ...


def explain(cell: Cell) -> list[Loss]:
    """The losses of a cell that matter, the largest first."""
    losses = [loss for loss in cell.losses if loss.share >= MATTERS]
    return sorted(losses, key=attrgetter("share"), reverse=True)


def told(cell: Cell) -> list[str]:
    """The losses of that cell in words, each with its cause and what may be done about it.

    Those of one cause are told together; what is too small to be explained comes last.
    """
    by_cause: dict[str, list[str]] = {}
    for loss in explain(cell):
        of_it = f" (the machine's own: {loss.machine:.0%})" if loss.machine >= MATTERS / 2 else ""
        name = f"{loss.share:.0%} {TITLES[loss.factor]}{of_it}"
        by_cause.setdefault(str(cause(loss, cell)), []).append(name)
    lines = [f"{' and '.join(names)}: {words}" for words, names in by_cause.items()]
    rest = sum(loss.share for loss in cell.losses if 0 < loss.share < MATTERS)
    return [*lines, f"{rest:.0%} in smaller parts"] if rest >= MATTERS else lines


def cause(loss: Loss, cell: Cell) -> Cause:
    """What made a loss of that cell."""
    match loss.factor:
        case "startup":
            return _transport(cell) or _startup(cell)
        case "dispatch":
            return _transport(cell) or _short_tasks(cell) or _one_at_a_time(cell) or _unknown(loss)
        case "balance":
            shared = SHARED if _waits_longer(cell) else None
            return _uneven(cell) or _one_at_a_time(cell) or shared or _unknown(loss)
        case "blocking":
            return _blocking(cell)
        case "contention":
            return _contention(cell)
        case _:
            return _computation(loss, cell)


def _transport(cell: Cell) -> Cause | None:
    """Whether sending tasks and results takes a good part of start-up and dispatch together.

    What a message takes is tried by itself, with nobody in the way, so that it is a lower limit.
    """
    lost = sum(loss.share for loss in cell.losses if loss.factor in ("startup", "dispatch"))
    heavy = [
        f"{what} {bytes_text(size)}"
        for what, size in (
            ("each call carries", cell.sent_bytes),
            ("each result brings back", cell.returned_bytes),
        )
        if size >= max(BYTES_MATTER, cell.sent_bytes / 10, cell.returned_bytes / 10)
    ]
    if not heavy or not cell.transport_s / _wall_s(cell) > lost / 5:
        return None
    remedy = "send once what all calls share (initializer, shared memory), return less"
    if cell.worker_kind != "remote":
        remedy += ", or use threads"
    return Cause("transport", " and ".join(heavy), remedy)


def _startup(cell: Cell) -> Cause:
    start_s = (cell.levels[0] - cell.levels[1]) / _provisioned(cell)
    if cell.worker_kind == "coroutine":
        words = f"making and ending the tasks of the loop takes {seconds_text(start_s)}"
        words += f" of {seconds_text(_wall_s(cell))}"
        return Cause("short_tasks", words, "await calls that hardly wait one after another")
    is_short = cell.worker_kind == "thread" and cell.setup_s + cell.teardown_s < start_s / 2
    if is_short and (found := _short_tasks(cell)) is not None:
        return found  # threads are there at once: the results of many tasks are taken back
    times = f"{seconds_text(start_s)} of {seconds_text(_wall_s(cell))}"
    words = f"starting and joining workers takes {times}"
    remedies = [FIRST_CALLS if _found_ready(cell) else "give them more work"]
    if cell.parameters.get("executor.reuse") is False and not cell.fresh:
        remedies.insert(0, "keep them (executor.reuse=true)")
    if cell.parameters.get("executor.start_method") in ("spawn", "forkserver"):
        remedies.append("fork them (executor.start_method=fork) where no threads run")
    return Cause("short_work", words, ", or ".join(remedies))


def _found_ready(cell: Cell) -> bool:
    """Whether tasks are short because of first calls: more of them would be found ready, too."""
    return any(flag.code == "first_calls" for flag in cell.flags)


def _unknown(loss: Loss) -> Cause:
    seen = {
        "dispatch": "workers had no task in between",
        "balance": "workers with as much to do ended at different times",
    }
    return Cause("not_determined", f"{seen[loss.factor]}; why is not determined")


def _one_at_a_time(cell: Cell) -> Cause | None:
    """Threads that only one of computes at a time are late for their tasks, too."""
    return GIL if _keep_one_cpu_busy(cell, 1) and _may_hold_gil(cell) else None


def _keep_one_cpu_busy(cell: Cell, level: int) -> bool:
    """Whether workers keep one CPU busy, all together, while they provide that level of the ladder.

    Whoever waits for its turn uses a little of another CPU for that. Those that take turns now and
    then wait for a CPU, too: that they would use it shows in L4.
    """
    provided_s = cell.levels[level] / _provisioned(cell)
    return cell.levels[5] < 1.35 * provided_s and 0.8 < cell.levels[4] / provided_s < 1.5


def _waits_longer(cell: Cell) -> bool:
    return cell.waiting and cell.task_slowdown > 1 + MATTERS


def _may_hold_gil(cell: Cell) -> bool:
    return cell.worker_kind == "thread" and not _is_free(cell) and _compute(cell)


def _compute(cell: Cell) -> bool:
    """Whether several workers compute rather than wait."""
    return cell.cpu_share >= MOSTLY_CPU and not cell.waiting and cell.n > 1


def _is_free(cell: Cell) -> bool:
    """Whether workers are threads that compute at the same time: the GIL was off.

    Rows of earlier versions, which do not tell, had it.
    """
    return cell.worker_kind == "thread" and cell.gil is False


def _short_tasks(cell: Cell) -> Cause | None:
    gap_s = (cell.levels[1] - cell.levels[2]) / cell.tasks
    if not (gap_s < SHORT_S and cell.task_s < SHORT_S and cell.task_s * OVERHEAD < gap_s):
        return None
    words = f"a task takes {seconds_text(cell.task_s)}, handing it out {seconds_text(gap_s)}"
    times = round_up(gap_s / OVERHEAD / max(cell.task_s, 1e-7))
    if cell.worker_kind == "coroutine":
        return Cause("short_tasks", words, "await calls that hardly wait one after another")
    if _found_ready(cell):
        return Cause("short_tasks", words, FIRST_CALLS)
    remedy = f"put {times:,} calls into one task"
    chunk = cell.parameters.get("executor.chunksize")
    if isinstance(chunk, int) and chunk < times and chunk * cell.n * 4 < cell.tasks:
        remedy = f"raise executor.chunksize, or {remedy}"
    return Cause("short_tasks", words, remedy)


def _uneven(cell: Cell) -> Cause | None:
    n, tasks = cell.n, int(cell.tasks)
    if tasks < n:
        words = f"{tasks} {'task' if tasks == 1 else 'tasks'} for {n} workers"
        return Cause("few_tasks", words, "cut the work finer")
    dealt, fetched, best = (one - 1 for one in (cell.dealt, cell.fetched, cell.sorted))
    seen = cell.levels[2] / cell.levels[3] - 1
    if not dealt > max(seen / 3, UNEVEN):  # unknown, too
        return None
    one_by_one = cell.parameters.get("executor.chunksize") == 1 or _fetches(cell)
    if dealt - fetched > dealt / 3:
        if one_by_one:  # then it is chance, or the times of the tasks vary
            return None
        also = ", and the longest tasks first" if fetched - best > dealt / 4 else ""
        return Cause(
            "dealt_beforehand", "the long tasks went to few workers", _undealt(cell) + also
        )
    if dealt - best > dealt / 3:
        if one_by_one:
            return Cause("long_last", "the long tasks came last", "put the longest tasks first")
        also = "and the longest tasks first"
        return Cause("long_last", "the long tasks came last", f"{_undealt(cell)}, {also}")
    if cell.largest_task_share > 1.25 / n:
        words = f"one task is {cell.largest_task_share:.0%} of all work"
        return Cause("large_task", words, "cut it finer")
    words = f"{tasks} tasks do not go evenly into {n} workers"
    return Cause("few_tasks", words, "make more and smaller tasks")


def _fetches(cell: Cell) -> bool:
    """Whether its free workers fetch one task at a time."""
    return cell.executor in ("thread_pool", "asyncio", "interpreters", "dask", "mpi", "ray")


def _undealt(cell: Cell) -> str:
    """How to have the tasks fetched one by one."""
    if cell.parameters.get("executor.chunksize", 1) != 1:
        return "set executor.chunksize=1"
    pool = {"thread": "thread_pool", "process": "process_pool"}.get(cell.worker_kind)
    return (
        f"let free workers fetch them (executor={pool})" if pool else "let free workers fetch them"
    )


def _own(cell: Cell) -> Cause | None:
    """Tasks that are parallel in themselves, or have others work for them."""
    if cell.children_share > OWN_CPUS:
        return Cause(
            "own_processes",
            "processes that the tasks started, or that serve them, use "
            f"{cell.children_share:.1f} CPUs in the plain loop",
            "use fewer workers, start none inside the tasks, or ask less often of one that serves "
            "them all",
        )
    if not cell.native_share > OWN_CPUS or cell.worker_kind == "coroutine":
        return None
    cpus = cell.cpu_share + cell.native_share
    words = "a task has threads of its own{} and uses {:.1f} CPUs in the plain loop"
    if cell.library_threads == 0:  # they are Python's
        return Cause(
            "native_threads",
            words.format("", cpus),
            "use fewer workers, or start none inside the tasks",
        )
    beside = [f"{cell.library_threads:g} in the process"] if cell.library_threads > 0 else []
    beside += [f"threads of {cell.libraries}"] if cell.libraries else []
    return Cause(
        "native_threads",
        words.format(f" ({', '.join(beside)})" if beside else "", cpus),
        "cap them (OMP_NUM_THREADS=1, cv2.setNumThreads(1), POLARS_MAX_THREADS=1, n_jobs=1, or as "
        "the library has it), or use fewer workers",
    )


def _blocking(cell: Cell) -> Cause:
    if cell.worker_kind == "coroutine":
        if cell.native_share > OWN_CPUS:
            words = "the loop waits for the threads that do its work (run_in_executor, to_thread)"
            return Cause("not_determined", f"{words}; what they wait for is not determined")
        if cell.held_share - cell.cpu_share > HELD:
            return Cause(
                "blocked_loop",
                "coroutines block their event loop: they wait without await",
                "use threads (executor=thread_pool), or await asyncio.to_thread(...) around what "
                "blocks",
            )
    elif own := _own(cell):
        return own
    if not cell.waiting:
        if (gil := _one_at_a_time(cell)) is not None:
            return gil
        # While all have tasks: some of them may have ended before the others.
        if _keep_one_cpu_busy(cell, 3) and _compute(cell):
            return GIL if _may_hold_gil(cell) else LOCK
        words = "workers wait, for a lock, for I/O"
        if cell.worker_kind == "thread" and not _is_free(cell):
            words += " or now and then for the GIL"
        return Cause("not_determined", f"{words}; for which is not determined")
    if _waits_longer(cell):
        return SHARED
    return Cause("not_determined", "a few tasks waited much longer; for what is not determined")


def _contention(cell: Cell) -> Cause:
    if own := _own(cell):
        return own
    usable = cell.usable_cpus
    if cell.n > usable and cell.worker_kind != "coroutine":
        words = f"{cell.n} workers share {usable:g} {'CPU' if usable == 1 else 'CPUs'}"
        return Cause("oversubscribed", words, "set n no higher")
    if (others := max(cell.others_share, cell.steal_share, key=_known)) > OTHERS:
        words = f"other programs or guests took {others:.0%} of the CPUs"
        return Cause("other_load", words, "repeat when it is quiet (measure.wait_quiet_s)")
    return Cause("not_determined", "tasks were ready and had no CPU; why is not determined")


def _computation(loss: Loss, cell: Cell) -> Cause:
    if loss.machine > loss.share / 2:
        return Cause(
            "machine",
            "so do loops that share nothing: cores shared by two CPUs, a lower clock with all of "
            "them at work, other guests",
        )
    if own := _own(cell):
        return own
    afresh = cell.parameters.get("executor.start_method") in ("spawn", "forkserver")
    if afresh and cell.first_slowdown > 1 + 2 * max(cell.task_slowdown - 1, MATTERS):
        return Cause(
            "cold_code",
            "the first task of a new worker is slow: its code is cold, or loads what it needs",
            "fork after warm-up, or keep the workers",
        )
    words, remedy = "tasks take more CPU time side by side: ", ""
    if _is_free(cell) and cell.n > 1:
        words += "objects that all of them use (their locks, their reference counts), "
        remedy = "processes share no objects, and show whether it is these"
    words += "caches, memory bandwidth, clock, cold code"
    return Cause("not_determined", f"{words}; which is not determined", remedy)


def _provisioned(cell: Cell) -> int:
    return 1 if cell.worker_kind in ("coroutine", "caller") else cell.n


def _wall_s(cell: Cell) -> float:
    return cell.levels[0] / _provisioned(cell)


def _known(value: float) -> float:
    return -1.0 if math.isnan(value) else value


def seconds_text(value: float) -> str:
    unit, scale = time_unit(value)
    return f"{value * scale:.2g} {unit}" if value * scale < 10 else f"{value * scale:.0f} {unit}"


def bytes_text(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.1f} {unit}" if unit != "B" else f"{size:.0f} B"
        size /= 1000
    return f"{size:.1f} GB"


def round_up(value: float) -> int:
    """To the next 1, 2 or 5 times a power of ten."""
    if value <= 1:
        return 1
    power = 10 ** math.floor(math.log10(value))
    return int(next(step for step in (1, 2, 5, 10) if step * power >= value) * power)


def reason(error: object) -> str:
    """One line of a row's error: the exception of a traceback, the first line of anything else."""
    if not isinstance(error, str):
        return "no reason recorded"
    line = error.strip().splitlines()[-1] if "Traceback" in error else first_line(error)
    return textwrap.shorten(line, 300)
