"""One run by the clock: only what is timed stands between two readings of it."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple, Self

from runners.child.stacks import note
from runners.child.worker import thread_cpu_ns
from runners.model import MeteredExecutor, Span, Unjoined, in_one_line

clock_ns = time.perf_counter_ns

SLACK_NS = 1_000_000

WITHOUT_JOIN_S = "wall_without_join_s"
Interval = tuple[int, int]
"""Begin and end, in nanoseconds of that clock."""


class Timing(NamedTuple):
    """A run by the clock, and what is to be asked when it has stopped.

    The readings, in nanoseconds: before the executor was made, when it had been entered, when the
    list of its results was there, and when it had ended. `returned` is what its `map` returned, and
    `first` the list that was made of it at once: records (`worker.Wire`), if all is well.
    """

    begin_ns: int
    entered_ns: int
    mapped_ns: int
    end_ns: int
    executor: Any
    returned: Iterable[Any]
    first: list[Any]

    @property
    def wall_s(self) -> float:
        return (self.end_ns - self.begin_ns) / 1e9

    @property
    def setup_s(self) -> float:
        return (self.entered_ns - self.begin_ns) / 1e9

    @property
    def teardown_s(self) -> float:
        return (self.end_ns - self.mapped_ns) / 1e9

    def contains(self, spans: Sequence[Span]) -> bool:
        """Whether spans lie in the run, as they do on the clock that both were timed by."""
        begin, end = self.begin_ns - SLACK_NS, self.end_ns + SLACK_NS
        return all(begin <= span.start_ns and span.end_ns <= end for span in spans)

    def initializing(self, spans: Sequence[Span], ready: Collection[tuple[int, int]]) -> Interval:
        """The longest time that one worker took to make itself ready before the first task began.

        `ready` has that of each worker, from its begin to its end. In that time the run did nothing
        of its work: it waited for this worker, or for others that were as far. What workers do
        when tasks run already is part of the run.
        """
        first = min(span.start_ns for span in spans)
        within = [(max(begin, self.begin_ns), min(end, first)) for begin, end in ready]
        waits = [(begin, end) for begin, end in within if begin < end]
        return max(waits, key=lambda wait: wait[1] - wait[0], default=(first, first))

    def without(self, part: Interval) -> Self:
        """The same run, as if its clock had stood still in that part, which is before all tasks."""
        begin, end = part
        before_entered = max(min(end, self.entered_ns) - begin, 0)
        begin_ns = self.begin_ns + end - begin
        entered_ns = self.entered_ns + (end - begin) - before_entered
        return self._replace(begin_ns=begin_ns, entered_ns=entered_ns)

    def without_records(self) -> Self:
        """The same, for whoever keeps it: the records of very many tasks take their memory."""
        return self._replace(returned=(), first=[])

    def told(self) -> tuple[list[Any], dict[str, float]]:
        """All records, and the executor's metrics.

        An executor that is `Unjoined` may return a list with holes (None), which its workers fill
        later. The metrics then say how many holes there were, and what the time would have been if
        the clock had been stopped at that moment.
        """
        executor, records = self.executor, self.first
        metrics = dict(executor.metrics()) if isinstance(executor, MeteredExecutor) else {}
        missing = sum(record is None for record in records)
        if missing or (isinstance(executor, Unjoined) and executor.unjoined):
            metrics["results_missing"] = missing
            metrics[WITHOUT_JOIN_S] = (self.mapped_ns - self.begin_ns) / 1e9
            records = list(self.returned)
        return records, metrics


class Kept:
    """An executor that stays entered from its first `with` until it is closed or fails."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make
        self.executor: Any = None
        self.stack = ExitStack()

    def __call__(self) -> Self:
        return self

    def __enter__(self) -> Any:
        if self.executor is None:
            self.executor = self.stack.enter_context(self.make())
        return self.executor

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        if kind is not None:
            self.executor = None
            self.stack.__exit__(kind, error, trace)

    def close(self) -> None:
        self.executor = None
        self.stack.close()


def timed(make: Callable[[], Any], function: Callable[[Any], Any], tasks: Sequence[Any]) -> Timing:
    """One run by the clock: `function` mapped over the tasks by the executor that `make` makes.

    It lasts from before the executor is made to after its workers have ended.
    """
    raised: BaseException | None = None
    begin = clock_ns()
    try:
        with make() as executor:
            entered = clock_ns()
            try:
                returned = executor.map(function, tasks)
                first = list(returned)
            except BaseException as error:
                raised = error
                note("Raised", in_one_line(error))  # in case that the executor does not end
                raise
            mapped = clock_ns()
    except BaseException as error:
        # What its end raises, too, does not hide the first.
        raise raised or error  # noqa: B904
    end = clock_ns()
    return Timing(begin, entered, mapped, end, executor, returned, first)


def timer_cost_ns(times: int = 200) -> float:
    """What the clock readings around one task cost."""
    begin = clock_ns()
    for _ in range(times):
        thread_cpu_ns(), clock_ns(), clock_ns(), thread_cpu_ns()
    return (clock_ns() - begin) / times
