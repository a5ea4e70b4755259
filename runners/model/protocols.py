"""The seams where plugins fit in, with a small one for each thing that one may be able to do."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

from runners.model.names import Flag, Workers
from runners.model.plan import Launch


class Workload(Protocol):
    """What is computed: usually a frozen dataclass of parameters. Pickled to the workers.

    It may be `Sharing`, `Releasing`, `Initializing`, `Meeting`, `Coroutine`, `OnlyCoroutine`,
    `Comparable`, `Lenient`, `Metered`, `Fresh`, `Renewing`, `Sourced`, `Naming` or `Cautious`
    besides, and a context manager, which is entered once in each measuring process.
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

    It may be `Declared`, `Multiprocessing`, `Chunking`, `Inheriting`, `Unjoined`, `Choosing`,
    `MeteredExecutor` or `Launching` besides.
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
class Initializing(Protocol):
    """A workload that makes each worker ready: it opens a connection there, or loads a model."""

    def initialize(self) -> None:
        """Called once in each worker before its first task, and by the plain loop before its first.

        The workers of a run are new ones, so it is called in each run, but for those that are kept.
        What it raises is the error of the run.
        """
        ...

    @property
    def initializer_timed(self) -> bool:
        """Whether the run's time includes it: see `child.timing.Timing.without`."""
        ...


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

    def cautions(self, workers: Workers, start_method: str | None, /) -> Sequence[Flag]:
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
class Nearby(Protocol):
    """An executor of `remote` workers that may all be on this machine.

    `is_here` says so. They can then be pinned to CPUs, as those of other kinds (`placement`).
    """

    @property
    def is_here(self) -> bool: ...


@runtime_checkable
class Launching(Protocol):
    """An executor whose workers may have to be started together with the measuring process."""

    def launching(self, earlier: Launch | None = None, /) -> Launch:
        """How that is done on this machine. May take some seconds, and start processes.

        Asked before anything is measured, in a process that measures nothing, and again for another
        number of workers unless it was said `for_any`; `earlier` is what was said then.
        """
        ...


@runtime_checkable
class Unjoined(Protocol):
    """An executor that may return a list with holes (None) from `map` and fill them by its end.

    Metrics of the run then say how many there were (`results_missing`), and what the time would
    have been if the clock had been stopped at that moment (`wall_without_join_s`).
    """

    @property
    def unjoined(self) -> bool: ...


@runtime_checkable
class Choosing(Protocol):
    """An executor on workers that were there before, which has chosen some of them."""

    @property
    def chosen_workers(self) -> str | None:
        """Which ones, in one line; it is asked after its end. None where it started its own."""
        ...


@runtime_checkable
class MeteredExecutor(Protocol):
    """An executor with named figures of its own, which it is asked for after its end."""

    def metrics(self) -> Mapping[str, float]: ...
