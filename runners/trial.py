"""The measuring process: runs one side of one round when told to, and nothing else.

The only module that reads clocks. It runs in a fresh interpreter and in the workers that this
interpreter starts, so it imports the standard library and `runners.model` only: what is loaded here
is loaded in every forked worker and between any two clock reads.
"""

import gc
import importlib
import operator
import os
import pickle
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from runners.counters import max_rss_bytes, read_counters, run_queue_wait_ns
from runners.model import (
    Factory,
    Order,
    Plan,
    Run,
    Span,
    Status,
    Unsupported,
    WorkerDied,
    Workload,
    WrongResult,
)

clock_ns = time.perf_counter_ns
thread_cpu_ns = time.thread_time_ns

WAIT_EVERY_NS = 1_000_000
ERROR_CHARS = 4000


# In the workers


class _Here:
    """What a worker knows of itself: its identity, and how long it had waited when."""

    __slots__ = ("identity", "read_ns", "waited_ns")

    def __init__(self) -> None:
        gil = getattr(sys, "_is_gil_enabled", None)
        self.identity = (os.getpid(), threading.get_native_id(), gil() if gil else True)
        self.waited_ns = run_queue_wait_ns()
        self.read_ns = clock_ns()

    def waited(self, now_ns: int) -> int:
        """Run-queue wait in ns since the last reading; 0 if that was under a millisecond ago."""
        if now_ns - self.read_ns < WAIT_EVERY_NS:
            return 0
        before, self.waited_ns = self.waited_ns, run_queue_wait_ns()
        self.read_ns = now_ns
        return self.waited_ns - before if self.waited_ns >= 0 else -1


_local = threading.local()
_payload: bytes | None = None
_workload: Callable[[Any], Any] | None = None
_broken: str | None = None


def install(payload: bytes) -> None:
    """Make the pickled workload ready in this worker: the executors' `initializer`.

    Never raises: a pool that loses a worker in its initializer starts the next one for ever. What
    went wrong is told by the worker's first task.
    """
    global _payload, _workload, _broken
    if payload is not _payload:  # the same object in threads and forked processes: nothing to do
        try:
            _workload, _broken = pickle.loads(payload), None
        except Exception:
            _workload, _broken = None, f"the workload cannot be loaded here:\n{_traceback()}"
        _payload = payload
    _local.here = _Here()


def run_task(task: Any) -> tuple[Any, ...]:
    """Run one task of the installed workload: the function that every executor maps.

    Returns (worker identity, start, end, CPU time, run-queue wait, error text or None, result);
    times in nanoseconds. A task's exception is returned as text, so that its span is not lost.
    """
    here = _local.here
    workload = _workload
    if workload is None:
        raise RuntimeError(_broken)
    error = value = None
    cpu = thread_cpu_ns()
    start = clock_ns()
    try:
        value = workload(task)
    except BaseException:  # also SystemExit: a task may not end its worker silently
        error = _traceback()
    end = clock_ns()
    cpu = thread_cpu_ns() - cpu
    return here.identity, start, end, cpu, here.waited(end), error, value


def _traceback() -> str:
    """The current exception as text, without this module's own frame, cut to a sensible length."""
    kind, error, frames = sys.exc_info()
    inner = frames.tb_next if frames is not None and frames.tb_next is not None else frames
    text = "".join(traceback.format_exception(kind, error, inner)).rstrip()
    return text if len(text) <= ERROR_CHARS else f"...{text[-ERROR_CHARS:]}"


# In the measuring process


def locate(target: str) -> Any:
    """The object of that dotted name. Raises ImportError, saying which part is missing."""
    module, _, name = target.rpartition(".")
    if not module:
        raise ImportError(f"{target!r} is not of the form package.module.Name")
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError:
        raise ImportError(f"module {module!r} has no {name!r}") from None


class Trial:
    """One cell's two sides in this process, ready to be run any number of times."""

    def __init__(self, plan: Plan) -> None:
        global _payload, _workload
        workload: Workload = pickle.loads(plan.payload)
        self.plan = plan
        self.workload = workload
        self.tasks = list(workload.tasks())
        self.copies = {"baseline": 1, "measured": plan.n if plan.scaling == "weak" else 1}
        self.factories = {"baseline": plan.baseline_as, "measured": plan.executor_as}
        # Imported before any clock runs; `locate` then finds it loaded.
        self.classes = {role: locate(factory.target) for role, factory in self.factories.items()}
        self.reference: list[Any] | None = None
        self.timer_ns = _timer_cost_ns()
        _payload, _workload = plan.payload, workload

    def run(self, order: Order) -> Run:
        """Run one side once. Whatever goes wrong is in the returned run."""
        tasks = self.tasks * self.copies[order.role]
        started_at = datetime.now(UTC).isoformat(timespec="microseconds")
        status: Status = "ok"
        error: str | None = None
        records: list[Any] = []
        clock: dict[str, Any] = {}
        gc.collect()  # the garbage of earlier runs is not this run's cost
        before = read_counters(self.plan.cpu_stat)
        try:
            records, clock = timed(
                self.classes[order.role], self.factories[order.role], self.plan.payload, tasks
            )
        except Unsupported as reason:
            status, error = "unsupported", str(reason)
        except WorkerDied as death:
            status, error = "crashed", str(death)
        except Exception:
            status, error = "failed", _traceback()
        after = read_counters(self.plan.cpu_stat)
        spans: list[Span] = []
        metrics: dict[str, float] = {}
        if status == "ok" and clock["wall_s"] < 0:
            status, error, clock = "failed", "the clock went back during the run", {}
        if status == "ok":
            spans, results, status, error = self._judge(records, len(tasks))
            if status == "ok":
                metrics = self._metrics(results)
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
            gil=records[0][0][2] if spans else None,
            metrics=metrics,
            spans=spans,
        )

    def _judge(
        self, records: list[Any], count: int
    ) -> tuple[list[Span], list[Any], Status, str | None]:
        """Spans and results of the tasks, and whether the results can be believed."""
        if len(records) != count:
            text = f"the executor returned {len(records)} results for {count} tasks"
            return [], [], "wrong", text
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
            return spans, results, "failed", f"the results could not be checked:\n{_traceback()}"
        return spans, results, "ok", None

    def _check(self, results: list[Any]) -> None:
        """Raise `WrongResult` unless the results are true and the same as all others so far."""
        size = len(self.tasks)
        for start in range(0, max(len(results), 1), max(size, 1)):
            part = results[start : start + size]
            self.workload.check(part)
            if self.reference is None:
                self.reference = part
            elif not all(map(operator.eq, part, self.reference)):
                index = next(
                    i for i, (a, b) in enumerate(zip(part, self.reference, strict=True)) if a != b
                )
                raise WrongResult(
                    f"serial and parallel results differ, first at task {start + index}: "
                    f"{_short(part[index])} is not {_short(self.reference[index])}"
                )

    def _metrics(self, results: Sequence[Any]) -> dict[str, float]:
        metrics = getattr(self.workload, "metrics", None)
        return dict(metrics(results)) if metrics is not None else {}


def timed(
    make: Callable[..., Any], factory: Factory, payload: bytes, tasks: Sequence[Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The records of all tasks, and the row's times: `begin_ns`, `wall_s` and its two ends.

    The wall time lasts from before the executor is made to after its workers have ended.
    """
    begin = clock_ns()
    with make(**factory.parameters, initializer=install, initargs=(payload,)) as executor:
        ready = clock_ns()
        records = list(executor.map(run_task, tasks))
        done = clock_ns()
    end = clock_ns()
    return records, {
        "begin_ns": begin,
        "wall_s": (end - begin) / 1e9,
        "setup_s": (ready - begin) / 1e9,
        "teardown_s": (end - done) / 1e9,
    }


def _timer_cost_ns(times: int = 200) -> float:
    """What the clock readings around one task cost."""
    begin = clock_ns()
    for _ in range(times):
        thread_cpu_ns(), clock_ns(), clock_ns(), thread_cpu_ns()
    return (clock_ns() - begin) / times


def run_of(plan: Plan, order: Order, status: Status, started_at: str, **facts: Any) -> Run:
    """A row of this cell: what every row says, and the `facts` of this one."""
    return Run(
        cell=plan.cell,
        workload=plan.workload,
        executor=plan.executor,
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
        **facts,
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


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
    broken = None
    try:
        trial = Trial(plan)
    except Exception:
        broken = f"the measuring process cannot load the plugins:\n{_traceback()}"
    connection.send(None)  # ready: the interpreter's start is over
    while True:
        try:
            order: Order = connection.recv()
        except EOFError:
            return
        if broken is None:
            connection.send(trial.run(order))
        else:
            now = datetime.now(UTC).isoformat(timespec="microseconds")
            connection.send(run_of(plan, order, "failed", now, error=broken))
