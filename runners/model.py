"""The types that carry the data, stage by stage. Standard library only.

Protocols are the seams where plugins fit in: `Workload` (what is computed), `Executor` (how it is
run in parallel), and a small one for each thing that one of them may be able to do besides. The
others are frozen records: a `Plan` goes in, every timed run comes out as a `Run`, made of the
`Span` of each task.
"""

import dataclasses
import errno
import hashlib
import importlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, Protocol, Self, runtime_checkable

Role = Literal["baseline", "measured", "spin"]
WAITING = 0.05
"""Tasks whose serial run spends less than this share of its wall time on a CPU are waiting."""
SIDES: tuple[Role, Role] = ("baseline", "measured")
"""The roles of a workload's own runs; `spin` is a run of loops that ask what the machine gives."""
Scaling = Literal["strong", "weak"]
Warmth = Literal["same process", "inherited", "fresh", "kept"]
Workers = Literal["caller", "thread", "process", "interpreter", "coroutine", "remote", "unknown"]
Status = Literal[
    "ok",
    "left out",
    "incomplete",
    "unsupported",
    "failed",
    "wrong",
    "timeout",
    "crashed",
    "interrupted",
]
"""How a run ended, or a cell: from best to worst.

`incomplete`: some of its results never came, or something else went wrong that may pass, as where
a server did not answer. It is measured again when the sweep is gone on with.
`unsupported`: this pair, in this configuration, can never be measured.
`left out`: a cell that was not measured, for it no longer fitted into the time of its sweep.
`interrupted`: the program was asked to stop, or ended before the cell did.
"""


class InvalidParameter(ValueError):
    """A plugin's parameter has a value it cannot work with.

    `name` is the parameter's own name; whoever knows the plugin adds where it stands.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem


class UsageError(Exception):
    """The user's configuration cannot be measured; the message is one line that says the remedy."""


class WrongResult(Exception):
    """Raised by `Workload.check` when the results are not the known truth."""


class WorkerDied(Exception):
    """Raised by an executor whose worker ended before it delivered its results."""


class Unsupported(Exception):
    """Raised by a plugin that can never serve this pair; the message is the reason. Makes a row."""


class Unavailable(Exception):
    """Raised by a plugin that cannot work now, and may another time; the message is the reason.

    A server does not answer, workers are away, a port is busy. Makes a row, `incomplete`.
    """


REFUSALS = (Unsupported, Unavailable)
"""What a plugin says that cannot serve a pair: no mistake of the user's, but a result."""


class Incomplete(Exception):
    """Raised by an executor some of whose results never come; the message says why. Makes a row."""


def first_line(error: object) -> str:
    """The first line of what an error says, or of its text, that is not empty."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")


def printable(text: str) -> str:
    """The text with what would move a cursor, end a line or turn it around written as in Python."""
    if text.isprintable():
        return text
    from unicodedata import category  # a file of its own: not for every worker

    return "".join(
        letter if category(letter) not in _UNPRINTABLE else ascii(letter)[1:-1] for letter in text
    )


_UNPRINTABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Kinds of characters: control, format, half a surrogate pair, ends of lines and paragraphs."""


def in_one_line(error: BaseException) -> str:
    """The kind of an error and what it says, all of it but for a text that fills pages."""
    try:
        said = " ".join(str(error).split())
    except Exception:  # its own fault
        said = "(which cannot be told)"
    said = said if len(said) <= 1000 else f"{said[:1000]}..."
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


_NUMBER = re.compile(r"\[Errno (-?\d+)\]")
_SHORTAGES = (
    (
        {errno.EMFILE, errno.ENFILE},
        "Too many open files$",
        "too many open files: raise their limit (ulimit -n), or use fewer workers",
    ),
    (
        {errno.EAGAIN},
        "can't (start|allocate) new thread",
        "no more processes or threads can be started: raise their limit (ulimit -u, or pids.max of "
        "the control group), or use fewer workers",
    ),
    (
        {errno.ENOMEM},
        r"^[\w.]*MemoryError\b|Cannot allocate memory",
        "there is not enough memory, or a limit is too low (ulimit -v, or memory.max of the "
        "control group): use fewer workers, or smaller tasks",
    ),
    (
        {errno.ENOSPC, errno.EDQUOT},
        "No space left on device",
        "a disk is full: make room, or name another folder for temporary files (TMPDIR)",
    ),
    (
        {errno.EFBIG},
        "File too large",
        "a file would be too large: raise the limit (ulimit -f)",
    ),
)


def shortage(error: str) -> str | None:
    """What the system has run out of, and the remedy, if an error says so in its last line."""
    last = next((line for line in reversed(error.splitlines()) if line.strip()), "")
    numbers = set(map(int, _NUMBER.findall(last)))
    for known, words, told in _SHORTAGES:
        if numbers & known or re.search(words, last):
            return told
    return None


def timestamp() -> str:
    """The time of day as the rows have it: UTC, to the microsecond, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def at_least(plugin: object, low: int, *names: str, or_null: bool = False) -> None:
    """Raise InvalidParameter unless each of these attributes of `plugin` is `low` or more.

    With `or_null` it may be None as well.
    """
    for name in names:
        value = getattr(plugin, name)
        if not (or_null and value is None) and value < low:
            null = " or null" if or_null else ""
            raise InvalidParameter(name, f"must be at least {low}{null}, not {value}")


def finite_seconds(plugin: object, *names: str) -> None:
    """Raise InvalidParameter unless each of these attributes of `plugin` is finite, 0 or more."""
    for name in names:
        value = getattr(plugin, name)
        if not 0 <= value < math.inf:
            raise InvalidParameter(name, f"must be finite and at least 0 seconds, not {value}")


def locate(target: str) -> Any:
    """The object of that dotted name. Raises ImportError, saying which part is missing."""
    module, _, name = target.rpartition(".")
    if not module:
        raise ImportError(f"{target!r} is not of the form package.module.Name")
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError:
        raise ImportError(f"module {module!r} has no {name!r}") from None


class Workload(Protocol):
    """What is computed: usually a frozen dataclass of parameters. Pickled to the workers.

    It may be `Sharing`, `Releasing`, `Meeting`, `Coroutine`, `OnlyCoroutine`, `Comparable`,
    `Lenient`, `Metered`, `Fresh`, `Renewing`, `Sourced`, `Naming` or `Cautious` besides, and a
    context manager, which is entered once in each measuring process.
    """

    def tasks(self) -> Sequence[Any]:
        """The independent pieces of the work, in a fixed order."""
        ...

    def __call__(self, task: Any, /) -> Any:
        """Compute one piece; runs in a worker."""
        ...

    def check(self, results: Sequence[Any]) -> None:
        """Raise `WrongResult` unless `results`, in task order, are the known truth."""
        ...


@runtime_checkable
class Conditional(Protocol):
    """An executor class that runs only where something else is there."""

    def unavailable(self) -> str | None:
        """Why it cannot run here and what to install, or None. A class method."""
        ...


class Executor(Protocol):
    """How it is run in parallel: the shape of `concurrent.futures.Executor`, nothing more.

    The constructor takes `max_workers` or `processes`, and `initializer` and `initargs` as in the
    standard library: `initializer(*initargs)` runs in each worker before its first task.

    It may be `Declared`, `Multiprocessing`, `Chunking`, `Inheriting`, `Unjoined` or
    `MeteredExecutor` besides.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> bool | None:
        """Return once all workers have ended."""
        ...

    def map(self, function: Any, tasks: Iterable[Any], /) -> Iterable[Any]:
        """The results of `function(task)` in task order. Raises what a task raised.

        A function that is a `Coroutine` may be run in that form instead. May be called again before
        the end, where `executor.reuse=true` keeps the workers.
        """
        ...


# What a workload may be able to do besides: `isinstance` looks for the names of the members.


@runtime_checkable
class Sharing(Protocol):
    """A workload whose tasks share locks, queues or memory."""

    def share(self, sync: Any, /) -> Any:
        """What they share, made anew before each run, outside the clock.

        `sync` has the names of a `multiprocessing` context, for threads or for processes as the
        executor needs.
        """
        ...

    def attach(self, shared: Any, /) -> None:
        """Take what `share` made; called in each worker before its first task."""
        ...


@runtime_checkable
class Releasing(Sharing, Protocol):
    """A workload that ends what it shared after each run, outside the clock."""

    def release(self, shared: Any, /) -> None: ...


@runtime_checkable
class Meeting(Protocol):
    """A workload that needs so many workers, because all its tasks run at the same time.

    Its baseline is that many threads: in a plain loop the first task would wait for ever.
    """

    @property
    def minimum_workers(self) -> int: ...


@runtime_checkable
class Coroutine(Protocol):
    """A workload with a coroutine form. So is the function that an executor then has to map."""

    async def acall(self, task: Any, /) -> Any:
        """As `__call__`."""
        ...


@runtime_checkable
class OnlyCoroutine(Coroutine, Protocol):
    """A workload that may have no plain form: its `__call__` then runs an event loop for each task.

    Its baseline is one event loop that awaits one task after another.
    """

    @property
    def only_coroutine(self) -> bool: ...


@runtime_checkable
class Comparable(Protocol):
    """A workload that says itself whether two results of one task agree, in place of `==`."""

    def same(self, one: Any, other: Any, /) -> bool:
        """True, too, where they may differ."""
        ...


@runtime_checkable
class Lenient(Protocol):
    """A workload that can be told to leave its results uncompared."""

    @property
    def compared(self) -> bool:
        """Whether results of different runs are compared."""
        ...

    @property
    def uncompared_by(self) -> str:
        """The setting that ends it, as in `compare=none`: the remedy for tasks that vary."""
        ...


@runtime_checkable
class Metered(Protocol):
    """A workload that reads named figures from the results of a run: columns `metric.NAME`.

    `NAME_threads` says how many threads a library has in each worker, as `blas_threads` does.
    """

    def metrics(self, results: Sequence[Any], /) -> Mapping[str, float]: ...


@runtime_checkable
class Fresh(Protocol):
    """A workload that can make more tasks of its kind, for weak scaling.

    Others have each of their tasks repeated, which finds its data in the caches.
    """

    def tasks_for(self, count: int, /) -> Sequence[Any]:
        """`count` times as many tasks, each as much work as one of `tasks`, which come first.

        No two of them work on the same data. `check` is given all their results at once.
        """
        ...


@runtime_checkable
class Renewing(Protocol):
    """A workload that has other tasks in each round, which find no result of an earlier one.

    Each side is then measured in a process of its own, so that it finds none of another side.
    """

    def tasks_of(self, number: int, /) -> Sequence[Any]:
        """The tasks of that number, from 0 on, each as much work as any other.

        The same number has the same tasks, in whatever process, and no two numbers have a task in
        common. A round has a number, and with weak scaling as many as there are workers, the
        baseline with the first of them. `check` is given all their results at once.
        """
        ...


@runtime_checkable
class Sourced(Protocol):
    """A workload whose results depend on the code of further modules than its own."""

    def sources(self) -> Sequence[str]:
        """Their dotted names. When their code changes, the cell is measured again."""
        ...


@runtime_checkable
class Naming(Protocol):
    """A workload whose users know the parts of its tasks by other names than their places."""

    def part_name(self, task: int, steps: Sequence[Any], /) -> str:
        """That part of that task, as in "workload.arguments: argument 0 of call 2".

        `steps` are the indices, keys and names of attributes that lead to it.
        """
        ...


@runtime_checkable
class Cautious(Protocol):
    """A workload or executor that knows what to consider before anything is measured."""

    def cautions(self, workers: "Workers", start_method: str | None, /) -> Sequence["Flag"]:
        """What its user should know of a cell with such workers, started in that way."""
        ...


# What an executor may say besides.


@runtime_checkable
class Declared(Protocol):
    """An executor class that says what its workers are.

    It promises that its constructor starts nothing, so that parameters are checked beforehand.
    """

    @property
    def worker_kind(self) -> Workers:
        """A class attribute."""
        ...


@runtime_checkable
class Multiprocessing(Protocol):
    """An executor whose processes can use what a `multiprocessing` context makes to be shared.

    Looked for in one that is `Declared`, as is `Chunking`.
    """

    @property
    def start_method(self) -> str:
        """The context's: fork, spawn or forkserver."""
        ...


@runtime_checkable
class Chunking(Protocol):
    """An executor that may hand out several tasks at once, which one worker runs in a row."""

    @property
    def unchunked_by(self) -> str | None:
        """The setting that ends it, as in `chunksize=1`; None where each task comes alone."""
        ...


@runtime_checkable
class Inheriting(Protocol):
    """An executor whose processes may find their tasks in memory that they were forked with."""

    @property
    def inherits_tasks(self) -> bool:
        """True if no task is pickled on its way to a worker."""
        ...


@runtime_checkable
class Tidy(Protocol):
    """An executor that may be measured in one process with others.

    `tidy` says so: it loads the standard library alone, and after its end nothing of it runs on.
    """

    @property
    def tidy(self) -> bool: ...


@runtime_checkable
class Unjoined(Protocol):
    """An executor that may return a list with holes (None) from `map` and fill them by its end.

    Metrics of the run then say how many there were (`results_missing`), and what the time would
    have been if the clock had been stopped at that moment (`wall_without_join_s`).
    """

    @property
    def unjoined(self) -> bool: ...


@runtime_checkable
class MeteredExecutor(Protocol):
    """An executor with named figures of its own, which it is asked for after its end."""

    def metrics(self) -> Mapping[str, float]: ...


# What carries the data


class Span(NamedTuple):
    """One task as its worker saw it. Times in nanoseconds of `time.perf_counter_ns`.

    `wait_ns` is the time the worker's thread stood ready in the kernel's run queue without a CPU,
    or -1 where the kernel does not tell. It is not read after each short task, so that these
    share a reading: it is then the wait since the worker's previous reading. A tuple, as there may
    be a million of them.
    """

    index: int  # type: ignore[assignment]  # in place of the method that a tuple has
    pid: int
    thread: int
    start_ns: int
    end_ns: int
    cpu_ns: int
    wait_ns: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """The tasks of one run and the frame they stand in: one line of `spans.jsonl`.

    The run lasted `wall_s` seconds from `begin_ns`, on the same clock as its spans; its first
    `setup_s` and last `teardown_s` seconds went into making and ending the executor. Of a run with
    very many `tasks` the spans are a sample (`child.sample`), maybe not of all its `workers`; None
    in files of version 0.2.
    """

    process: int
    round: int
    role: Role
    begin_ns: int
    wall_s: float
    setup_s: float
    teardown_s: float
    spans: tuple[Span, ...]
    tasks: int | None = None
    workers: int | None = None


KeepSpans = Literal["median", "all", "none"]


@dataclass(frozen=True, slots=True)
class Measure:
    """How a cell is measured; `conf/measure/*.yaml` documents each setting.

    Which numbers they may have is in `planning/ranges.py`.
    """

    precision: float
    min_rounds: int
    max_rounds: int
    interpreters: int
    warmup: int
    time_budget_s: float
    timeout_s: float
    keep_spans: KeepSpans
    seed: int
    sweep_budget_s: float | None
    memory_limit_bytes: int | None
    force: bool
    wait_quiet_s: float = 0.0
    fresh: bool = False
    start_timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Factory:
    """A call still to be made: the dotted name of a class and its keyword arguments."""

    target: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """One cell, fully resolved: what to measure and how. Picklable.

    `payload` is the workload, pickled once, so that one that cannot travel to a worker is found
    before anything is timed. `parameters` holds every parameter of both plugins under the name of
    its column (`workload.end`). `compared` says whether the results of different runs are compared.
    `baseline` names the executor of the baseline. `provisioned` is the number of workers that the
    measured side has: n, or 1 where the caller works; `start_method` is that of the
    `multiprocessing` context that they can use, if any. `sends_tasks` says that tasks are pickled
    on their way to them. With `reuse` its executor is kept over the runs of a process. `apart` says
    that it needs a measuring process of its own.
    `cpu_stat` is the control group's file that counts throttling.
    `flags` are what the workload says beforehand. `renewing` says that each round has other tasks.
    `options` are those that a measuring interpreter is started with.
    `identity` is all that another measurement must have in common with this one to stand for it.
    """

    workload: str
    executor: str
    n: int
    scaling: Scaling
    executor_as: Factory
    baseline: str
    baseline_as: Factory
    reuse: bool
    apart: bool
    parameters: Mapping[str, Any]
    payload: bytes
    compared: bool
    provisioned: int
    worker_kind: Workers
    start_method: str | None
    sends_tasks: bool
    flags: tuple["Flag", ...]
    measure: Measure
    usable_cpus: float
    cpu_stat: str | None
    renewing: bool
    options: tuple[str, ...]
    identity: Mapping[str, Any]

    @property
    def cell(self) -> str:
        """Twelve hexadecimal digits that stand for everything that defines the measurement."""
        text = json.dumps(self.identity, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def warmth(self) -> Warmth | None:
        """How warm the code is in workers of the measured side; None where that is not known."""
        if self.reuse:
            return "kept"
        if self.measure.fresh:
            return "fresh"
        if self.worker_kind in ("caller", "thread", "coroutine"):
            return "same process"
        if self.worker_kind == "process" and self.start_method is not None:
            return "inherited" if self.start_method == "fork" else "fresh"
        return None


PANEL = "panel-"
"""How the name of a panel of several cells begins, and that of its folder in the sweep's."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Cells that are measured in the same rounds: each side runs once in a round.

    They share their workload, its parameters, the scaling and the settings of the measurement. A
    cell by itself is a panel of two sides, the baseline and the measured one. The `hosts` are the
    candidates (positions in `plans`) that share a baseline and, unless sides are apart, a measuring
    process.
    """

    plans: tuple[Plan, ...]

    @property
    def name(self) -> str | None:
        """What `panel` says in the rows: None for a cell by itself."""
        if len(self.plans) == 1:
            return None
        cells = " ".join(plan.cell for plan in self.plans)
        return PANEL + hashlib.sha256(cells.encode()).hexdigest()[:12]

    @property
    def sides_apart(self) -> bool:
        """Whether each side has a process of its own, where it finds nothing that another left."""
        return self.plans[0].measure.fresh or self.plans[0].renewing

    @property
    def hosts(self) -> tuple[tuple[int, ...], ...]:
        if self.sides_apart:
            return (tuple(range(len(self.plans))),)
        hosts: dict[tuple[str, int], list[int]] = {}
        for at, plan in enumerate(self.plans):
            # What executors of threads load is copied into every process that is forked: by 3% to
            # 4% slower than in a process without it (`benchmarks.panel`).
            kind = ("apart", at) if plan.apart else ("process", plan.worker_kind == "process")
            hosts.setdefault(kind, []).append(at)
        return tuple(map(tuple, hosts.values()))


@dataclass(frozen=True, slots=True)
class Order:
    """What the measuring process is told to do next: one side of one round.

    The measured side is that of the plan at `candidate`. With the role `spin` it is to run so many
    `loops` at once, to ask what the machine gives; no other order asks for more than `most_loops`.
    A workload that is `Renewing` has the tasks of the number `tasks_of`, with weak scaling those of
    the next ones as well. `results` is a file for the results of the round: the first run to be ok
    writes it, and those after it, in other processes, compare theirs with it. `times` is the file
    for the shortest time of each task in the plain loop (`child.rows`), of all rounds.
    """

    process: int
    round: int
    position: int
    role: Role
    cold: bool
    warmup: bool
    candidate: int = 0
    side: int = 0
    loops: int = 0
    most_loops: int = 0
    tasks_of: int = 0
    results: str | None = None
    times: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One timed run of one side of a round: one tidy row of `runs.jsonl`.

    `round` counts the rounds of a panel over all its processes, warm-up included; the runs of a
    round share it. `panel` names where the baseline is that a measured run is compared with, that
    of the same round and process; None: it is with the cell's own runs. The baseline of several
    cells has that name for its cell.
    `fresh` says that the run is the first of an interpreter that was started for it alone.
    `side` is the number of the side in its panel. `starting_s` is what starting its process took,
    if it is the first run there, `ending_s` what leaving the workload took, if it is the last one,
    `judging_s` what preparing the run and judging its results took.
    `begin_ns` is on the clock of the spans. `task_copies` says how often the run has each of the
    workload's tasks. `largest_task_share` is the longest task's part of the time of all tasks,
    `timer_s` what the clock readings around the tasks cost in all workers together. Seconds end in
    `_s`, sizes in `_bytes`. `levels` are L0 to L5 of the core-second ladder; L6, the L5 of the
    round's baseline, is filled in by `read_runs`. `spans` are those of all tasks or, of very
    many, a sample; all else follows from all of them. `notes` are the flags known beforehand, as
    JSON: detail by code. From `voluntary_switches` to `others_cpu_s` the names are those of
    `child.counters.Counters`.
    `compared` and `checked` tell what was found out about its results (`results.columns`),
    `left_processes`, `left_files` and `left_shared_bytes` what is there after it that was not there
    before it.
    """

    cell: str
    workload: str
    executor: str
    baseline: str
    n: int
    scaling: Scaling
    usable_cpus: float
    worker_kind: Workers
    parameters: Mapping[str, Any]
    process: int
    round: int
    position: int
    role: Role
    cold: bool
    warmup: bool
    status: Status
    started_at: str
    error: str | None = None
    panel: str | None = None
    fresh: bool | None = None
    side: int = 0
    warmth: Warmth | None = None
    starting_s: float | None = None
    ending_s: float | None = None
    judging_s: float | None = None
    steady: bool | None = None
    ended_by: str | None = None
    wall_s: float | None = None
    setup_s: float | None = None
    teardown_s: float | None = None
    tasks: int | None = None
    task_copies: int | None = None
    workers: int | None = None
    levels: Sequence[float] = ()
    largest_task_share: float | None = None
    first_task_s: float | None = None
    task_median_s: float | None = None
    task_slowdown: float | None = None
    first_slowdown: float | None = None
    dealt: float | None = None
    fetched: float | None = None
    sorted: float | None = None
    sent_bytes: float | None = None
    returned_bytes: float | None = None
    transport_s: float | None = None
    held_s: float | None = None
    timer_s: float | None = None
    begin_ns: int | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None
    process_cpu_s: float | None = None
    caller_cpu_s: float | None = None
    children_cpu_s: float | None = None
    library_threads: int | None = None
    libraries: str | None = None
    cpus: int | None = None
    steal_s: float | None = None
    throttled_s: float | None = None
    pressure_s: float | None = None
    others_cpu_s: float | None = None
    max_rss_bytes: int | None = None
    gil: bool | None = None
    compared: str | None = None
    checked: bool | None = None
    equal_draws: int | None = None
    left_processes: int | None = None
    left_files: int | None = None
    left_shared_bytes: int | None = None
    notes: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    spans: Sequence[Span] = field(default=(), repr=False)

    def row(self) -> dict[str, Any]:
        """The row as plain data: what `runs.jsonl` holds. Spans have a file of their own."""
        plain = {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name not in ("parameters", "levels", "metrics", "spans")
        }
        levels = {f"L{k}_s": value for k, value in enumerate(self.levels)}
        metrics = {f"metric.{name}": value for name, value in self.metrics.items()}
        return {"schema": SCHEMA, **plain, **self.parameters, **levels, **metrics}


def run_of(
    plan: Plan, order: Order, status: Status, started_at: str, error: str | None = None
) -> Run:
    """A row of this cell with what every row says; `replace` puts in what else is known."""
    return Run(
        cell=plan.cell,
        workload=plan.workload,
        executor=plan.executor,
        baseline=plan.baseline,
        n=plan.n,
        scaling=plan.scaling,
        usable_cpus=plan.usable_cpus,
        worker_kind=plan.worker_kind,
        parameters=plan.parameters,
        process=order.process,
        round=order.round,
        position=order.position,
        role=order.role,
        cold=order.cold,
        warmup=order.warmup,
        status=status,
        started_at=started_at,
        error=error,
        side=order.side,
        fresh=plan.measure.fresh and order.role != "spin",
        warmth=plan.warmth if order.role == "measured" else None,
        notes=_notes(plan.flags) if order.role == "measured" else None,
    )


def _notes(flags: Sequence["Flag"]) -> str | None:
    return json.dumps({flag.code: flag.detail for flag in flags}) if flags else None


SCHEMA = 2
"""Version of the rows' format. Raised when a reader of the old one would misread the new one.

1: each cell had a baseline of its own, in its file.
"""


@dataclass(frozen=True, slots=True)
class Environment:
    """Facts about the machine and the interpreter that a result depends on.

    Names follow pyperf's metadata where it has one. What cannot be read here is None.
    """

    facts: Mapping[str, Any]
    usable_cpus: float


FlagCode = Literal[
    "busy_machine",
    "few_rounds",
    "outliers",
    "trend",
    "processes_disagree",
    "position",
    "methods_disagree",
    "steal",
    "throttled",
    "oversubscribed",
    "library_threads",
    "timer_cost",
    "short_runs",
    "not_steady",
    "time_spent",
    "same_tasks",
    "above_bound",
    "first_calls",
    "equal_draws",
    "leaves_behind",
    "shared_connection",
    "by_name",
    "unguarded",
    "computing_coroutines",
    "loop_threads",
    "open_ports",
]


@dataclass(frozen=True, slots=True)
class Flag:
    """What a reader should know before trusting a cell's numbers; `words.flags` says it in words.

    `detail` is what the code does not say about this cell, as in "4 > 2"; "" if it says all.
    """

    code: FlagCode
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """Core time lost on the step `factor` of the ladder, as a share of what was provided.

    `machine` is the part of it that loops that share nothing lose as well; 0 where nobody asked.
    """

    factor: str
    share: float
    machine: float = 0.0
