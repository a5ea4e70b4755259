"""One run by the clock: only what is timed stands between two readings of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple, Self

from runners.child.worker import thread_cpu_ns
from runners.model import MeteredExecutor, Span, Unjoined

clock_ns = time.perf_counter_ns

SLACK_NS = 1_000_000


class Timing(NamedTuple):
    """A run by the clock, what its executor returned, and that executor's metrics.

    It lasted `wall_s` seconds from `begin_ns`; its first `setup_s` and last `teardown_s` seconds
    went into making and ending the executor. `records` are of `worker.Wire`, if all is well.
    """

    begin_ns: int
    wall_s: float
    setup_s: float
    teardown_s: float
    records: Sequence[Any]
    metrics: Mapping[str, float]

    def contains(self, span: Span) -> bool:
        """Whether a span lies in the run, as it does on the clock that both were timed by."""
        end_ns = self.begin_ns + self.wall_s * 1e9 + SLACK_NS
        return self.begin_ns - SLACK_NS <= span.start_ns and span.end_ns <= end_ns


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

    The wall time lasts from before the executor is made to after its workers have ended. Where an
    executor returned a list with holes (None) that its workers filled only later, or is one that
    may do so, the metrics say how many holes there were, and what the time would have been by a
    clock that was stopped then.
    """
    begin = clock_ns()
    with make() as executor:
        ready = clock_ns()
        returned = executor.map(function, tasks)
        records = list(returned)
        done = clock_ns()
    end = clock_ns()
    metrics = dict(executor.metrics()) if isinstance(executor, MeteredExecutor) else {}
    missing = sum(record is None for record in records)
    if missing or (isinstance(executor, Unjoined) and executor.unjoined):
        metrics |= {"results_missing": missing, "wall_without_join_s": (done - begin) / 1e9}
        records = list(returned)
    return Timing(
        begin_ns=begin,
        wall_s=(end - begin) / 1e9,
        setup_s=(ready - begin) / 1e9,
        teardown_s=(end - done) / 1e9,
        records=records,
        metrics=metrics,
    )


def timer_cost_ns(times: int = 200) -> float:
    """What the clock readings around one task cost."""
    begin = clock_ns()
    for _ in range(times):
        thread_cpu_ns(), clock_ns(), clock_ns(), thread_cpu_ns()
    return (clock_ns() - begin) / times
