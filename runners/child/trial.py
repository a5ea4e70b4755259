"""The measuring process: runs one side of one round when told to, and nothing else.

It and its workers' side, `worker`, alone time runs and tasks. It runs in a fresh
interpreter and imports the standard library only: what is loaded here is loaded in every forked
worker and between any two clock reads.
"""

import gc
import multiprocessing
import operator
import os
import pickle
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Self

from runners.child.counters import max_rss_bytes, read_counters
from runners.child.sync import thread_sync
from runners.child.worker import NotInstalled, adopt, described, install, run_task, thread_cpu_ns
from runners.model import (
    Incomplete,
    Order,
    Plan,
    Role,
    Run,
    Span,
    Status,
    Unsupported,
    WorkerDied,
    Workload,
    WrongResult,
    locate,
    run_of,
)

clock_ns = time.perf_counter_ns

SLACK_NS = 1_000_000


class Trial:
    """One cell's two sides in this process, ready to be run any number of times. To be closed.

    Raises Unsupported where the workload cannot be served here.
    """

    def __init__(self, plan: Plan) -> None:
        workload: Workload = pickle.loads(plan.payload)
        self.plan = plan
        self.workload = workload
        self.open = ExitStack()
        if isinstance(workload, AbstractContextManager):
            self.open.enter_context(workload)
        self.tasks = list(workload.tasks())
        self.copies = {"baseline": 1, "measured": plan.n if plan.scaling == "weak" else 1}
        self.factories = {"baseline": plan.baseline_as, "measured": plan.executor_as}
        # Imported before any clock runs.
        self.classes = {role: locate(factory.target) for role, factory in self.factories.items()}
        self.kept: Kept | None = None
        self.reference: list[Any] | None = None
        self.timer_ns = _timer_cost_ns()
        adopt(plan.payload, workload)

    def close(self) -> None:
        """End what was kept over the runs: the executor, then what the workload has open."""
        if self.kept is not None:
            self.kept.close()
        self.open.close()

    def run(self, order: Order) -> Run:
        """Run one side once. Whatever goes wrong is in the returned run."""
        tasks = self.tasks * self.copies[order.role]
        started_at = datetime.now(UTC).isoformat(timespec="microseconds")
        status: Status = "ok"
        error: str | None = None
        records: list[Any] = []
        clock: dict[str, Any] = {}
        metrics: dict[str, float] = {}
        gc.collect()  # the garbage of earlier runs is not this run's cost
        shared = None
        given = _pickled(self.tasks) if order.cold else None
        before = read_counters(self.plan.cpu_stat)
        try:
            shared = self._share(order.role)
            make = self._maker(order.role, shared)
            before = read_counters(self.plan.cpu_stat)
            records, clock, metrics = timed(make, tasks)
        except Unsupported as reason:
            status, error = "unsupported", str(reason)
        except Incomplete as reason:
            status, error = "incomplete", str(reason)
        except WorkerDied as death:
            status, error = "crashed", str(death)
        except Exception as problem:
            status = "crashed" if _is_broken(problem) else "failed"
            error = _unpicklable(problem) or described()
        after = read_counters(self.plan.cpu_stat)
        spans: list[Span] = []
        if status == "ok" and clock["wall_s"] < 0:
            status, error, clock = "failed", "the clock went back during the run", {}
        if status == "ok":
            spans, results, status, error = self._judge(records, len(tasks))
        if status == "ok" and given is not None and _changed(given, self.tasks):
            status = "failed"
            error = (
                "a task changes its argument in place, so that later runs would do other work; "
                "let it work on a copy"
            )
        gil = records[0][0][2] if spans else None
        if any(not _within(clock, span) for span in spans):
            spans = []  # on another machine's clock: they cannot be put on this one
        try:
            if status == "ok":
                metrics |= self._metrics(results)
            if shared is not None and hasattr(self.workload, "release"):
                self.workload.release(shared)
        except Exception:
            if status == "ok":
                status = "failed"
                error = f"the workload's metrics or release failed:\n{described()}"
        return run_of(
            self.plan,
            order,
            status,
            started_at,
            error=error,
            **clock,
            tasks=len(tasks),
            **{name: after[name] - before[name] for name in before if before[name] is not None},
            max_rss_bytes=max_rss_bytes(),
            timer_s=self.timer_ns * len(spans) / 1e9,
            gil=gil,
            metrics=metrics,
            spans=spans,
        )

    def _maker(self, role: Role, shared: Any) -> Callable[[], Any]:
        """What makes the executor of that side; for one that is kept, always the same."""
        make = partial(
            self.classes[role],
            **self.factories[role].parameters,
            initializer=install,
            initargs=(self.plan.payload, shared),
        )
        if role == "baseline" or not self.plan.reuse:
            return make
        if self.kept is None:
            self.kept = Kept(make)
        return self.kept

    def _share(self, role: Role) -> Any:
        """What the workload shares between the workers of that side, made anew for each run."""
        if not hasattr(self.workload, "share"):
            return None
        kind = getattr(self.classes[role], "worker_kind", "unknown")
        method = self.factories[role].parameters.get("start_method")
        if kind in ("caller", "thread", "coroutine"):
            return self.workload.share(thread_sync())
        if kind == "process" and method in multiprocessing.get_all_start_methods():
            return self.workload.share(multiprocessing.get_context(method))
        raise Unsupported(
            f"{self.plan.workload} shares locks or queues between its workers, which those of "
            f"{self.plan.executor} cannot; use threads or processes of the standard library"
        )

    def _judge(
        self, records: list[Any], count: int
    ) -> tuple[list[Span], list[Any], Status, str | None]:
        """Spans and results of the tasks, and whether the results can be believed."""
        if len(records) != count:
            text = f"the executor returned {len(records)} results for {count} tasks"
            return [], [], "wrong", text
        if never := sum(record is None for record in records):
            return [], [], "incomplete", f"{never} of {count} results never came"
        try:
            spans = [
                Span(index, pid, thread, start, end, cpu, wait)
                for index, ((pid, thread, _), start, end, cpu, wait, _, _) in enumerate(records)
            ]
        except (TypeError, ValueError):
            return [], [], "wrong", "the executor did not return what the tasks returned"
        errors = [(index, record[5]) for index, record in enumerate(records) if record[5]]
        if errors:
            index, text = errors[0]
            return (
                spans,
                [],
                "failed",
                f"{len(errors)} of {count} tasks failed; task {index}:\n{text}",
            )
        results = [record[6] for record in records]
        try:
            self._check(results)
        except WrongResult as wrong:
            return spans, results, "wrong", str(wrong)
        except Exception:
            return spans, results, "failed", f"the results could not be checked:\n{described()}"
        return spans, results, "ok", None

    def _check(self, results: list[Any]) -> None:
        """Raise `WrongResult` unless the results are true and the same as all others so far."""
        size = len(self.tasks)
        same = getattr(self.workload, "same", operator.eq)
        for start in range(0, max(len(results), 1), max(size, 1)):
            part = results[start : start + size]
            self.workload.check(part)
            if self.reference is None:
                self.reference = part
            for index, (mine, other) in enumerate(zip(part, self.reference, strict=True)):
                if not same(mine, other):
                    self._blame_the_task(index, same)
                    raise WrongResult(
                        f"serial and parallel results differ, first at task {start + index}: "
                        f"{_short(mine)} is not {_short(other)}"
                    )

    def _blame_the_task(self, index: int, same: Callable[[Any, Any], bool]) -> None:
        """Raise `WrongResult` if the plain loop itself does not repeat the result of that task."""
        if hasattr(self.workload, "share"):  # its tasks cannot be run on their own
            return
        one, two = (self.workload(self.tasks[index]) for _ in range(2))
        if not same(one, two):
            remedy = (
                "set workload.compare=none to leave them uncompared"
                if "workload.compare" in self.plan.parameters
                else "give the workload a method same(a, b)"
            )
            raise WrongResult(
                f"not deterministic: called twice in the plain loop, task {index} gives "
                f"{_short(one)} and {_short(two)}; {remedy}"
            )

    def _metrics(self, results: Sequence[Any]) -> dict[str, float]:
        metrics = getattr(self.workload, "metrics", None)
        return dict(metrics(results)) if metrics is not None else {}


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


def timed(
    make: Callable[[], Any], tasks: Sequence[Any]
) -> tuple[list[Any], dict[str, Any], dict[str, float]]:
    """The records of all tasks, the row's times `begin_ns`, `wall_s` and its two ends, and metrics.

    The wall time lasts from before the executor is made to after its workers have ended. Where an
    executor returned a list with holes (None) that its workers filled only later, or where its own
    metrics name `results_missing`, the metrics say how many holes there were, and what the time
    would have been by a clock that was stopped then.
    """
    begin = clock_ns()
    with make() as executor:
        ready = clock_ns()
        returned = executor.map(run_task, tasks)
        records = list(returned)
        done = clock_ns()
    end = clock_ns()
    own = getattr(executor, "metrics", None)
    metrics: dict[str, float] = dict(own()) if own is not None else {}
    if missing := sum(record is None for record in records):
        metrics["results_missing"] = missing
    if "results_missing" in metrics:
        metrics["wall_without_join_s"] = (done - begin) / 1e9
        records = list(returned)
    clock = {
        "begin_ns": begin,
        "wall_s": (end - begin) / 1e9,
        "setup_s": (ready - begin) / 1e9,
        "teardown_s": (end - done) / 1e9,
    }
    return records, clock, metrics


def _pickled(tasks: list[Any]) -> bytes | None:
    """The tasks as they are; None if they cannot be pickled."""
    try:
        return pickle.dumps(tasks)
    except Exception:
        return None


def _changed(before: bytes, tasks: list[Any]) -> bool:
    """Whether tasks are other than when they were pickled, not only differently written."""
    if _pickled(tasks) == before:
        return False
    try:
        return bool(pickle.loads(before) != tasks)
    except Exception:  # arrays, say, have no one answer to that
        return True


def _within(clock: Mapping[str, Any], span: Span) -> bool:
    """Whether a span lies in its run, as it does on the clock that both were timed by."""
    end_ns = clock["begin_ns"] + clock["wall_s"] * 1e9
    return bool(clock["begin_ns"] - SLACK_NS <= span.start_ns and span.end_ns <= end_ns + SLACK_NS)


def _is_broken(error: Exception) -> bool:
    """Whether a pool of `concurrent.futures`, which need not be loaded here, lost a worker."""
    return any(kind.__name__ == "BrokenExecutor" for kind in type(error).__mro__)


def _unpicklable(error: Exception) -> str:
    """What to do about arguments or results that cannot travel; nothing for another error."""
    told = str(error)
    if isinstance(error, NotInstalled) or not (
        isinstance(error, pickle.PickleError) or "pickle" in told
    ):
        return ""
    return (
        f"{type(error).__name__}: {_cut(told, 200)}; what travels to another process and "
        "back has to be picklable: plain data, and functions and classes at the top level of a "
        "module; or use threads"
    )


def _timer_cost_ns(times: int = 200) -> float:
    """What the clock readings around one task cost."""
    begin = clock_ns()
    for _ in range(times):
        thread_cpu_ns(), clock_ns(), clock_ns(), thread_cpu_ns()
    return (clock_ns() - begin) / times


def _short(value: Any) -> str:
    return _cut(repr(value), 80)


def _cut(text: str, size: int) -> str:
    """The text, without its middle if it is longer than that."""
    return text if len(text) <= size else f"{text[: size // 2 - 3]} ... {text[-size // 2 + 2 :]}"


def main(descriptor: int) -> None:
    """Serve orders from the parent until it closes its end."""
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)

    def leave() -> None:
        # A forked worker must not hold this end open, or the parent would not see that this
        # process died. Closed once only: the number may be another file's by a later fork.
        if not connection.closed:
            connection.close()

    os.register_at_fork(after_in_child=leave)
    plan: Plan = connection.recv()
    limit = plan.measure.memory_limit_bytes
    if limit is not None:  # inherited by every worker
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    broken: tuple[Status, str] | None = None
    try:
        trial = Trial(plan)
    except Unsupported as reason:
        broken = "unsupported", str(reason)
    except Exception:
        broken = "failed", f"the measuring process cannot load the plugins:\n{described()}"
    connection.send(None)  # ready: the interpreter's start is over
    while True:
        try:
            order: Order = connection.recv()
        except EOFError:
            break
        if broken is None:
            connection.send(trial.run(order))
        else:
            now = datetime.now(UTC).isoformat(timespec="microseconds")
            status, error = broken
            connection.send(run_of(plan, order, status, now, error=error))
    if broken is None:
        trial.close()
