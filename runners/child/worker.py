"""The workers' side of a run: what a worker does before its first task, and around each task.

Loaded in every worker, so the standard library alone; `trial` loads it in the measuring process.
"""

import os
import pickle
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Generator
from typing import Any, NamedTuple, Self

from runners.child.counters import run_queue_wait_ns

clock_ns = time.perf_counter_ns
thread_cpu_ns = time.thread_time_ns

WAIT_EVERY_NS = 1_000_000
ERROR_CHARS = 4000

Wire = tuple[tuple[int, int, bool], int, int, int, int, str | None, Any]
"""A record on its way from the worker: a plain tuple, which is pickled sooner than a named one."""


class Record(NamedTuple):
    """What a worker tells of a task: its span as in `Span`, and its error as text or its result.

    `gil` says whether the worker's interpreter has a GIL.
    """

    pid: int
    thread: int
    gil: bool
    start_ns: int
    end_ns: int
    cpu_ns: int
    wait_ns: int
    error: str | None
    result: Any

    @classmethod
    def named(cls, wire: Wire) -> Self:
        """Raises TypeError or ValueError if that is not what `run_task` returned."""
        (pid, thread, gil), start, end, cpu, wait, error, result = wire
        return cls(pid, thread, gil, start, end, cpu, wait, error, result)


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


class NotInstalled(Exception):
    """Raised by the first task of a worker that could not make its workload ready."""


_local = threading.local()
_payload: bytes | None = None
_workload: Any = None
_broken: str | None = None


def adopt(payload: bytes, workload: Callable[[Any], Any]) -> None:
    """Let workers that share this memory use `workload`, where they would unpickle `payload`."""
    global _payload, _workload
    _payload, _workload = payload, workload


def install(payload: bytes, shared: Any = None) -> None:
    """Make the pickled workload ready in this worker: the executors' `initializer`.

    `shared` is what the workload's `share` returned, for its `attach`. Never raises: a pool that
    loses a worker in its initializer starts the next one for ever. What went wrong is told by the
    worker's first task.
    """
    global _payload, _workload, _broken
    if payload is not _payload:  # the same object in threads and forked processes: nothing to do
        try:
            _workload, _broken = pickle.loads(payload), None
        except Exception:
            _workload, _broken = None, f"the workload cannot be loaded here:\n{described()}"
        _payload = payload
    if shared is not None and _workload is not None:
        try:
            _workload.attach(shared)
        except Exception:
            _workload, _broken = None, f"the workload's attach failed:\n{described()}"
    _local.here = _Here()


def run_task(task: Any) -> Wire:
    """Run one task of the installed workload: the function that every executor maps.

    A task's exception is returned as text, so that its span is not lost.
    """
    here = _local.here
    workload = _workload
    if workload is None:
        raise NotInstalled(_broken)
    error = value = None
    cpu = thread_cpu_ns()
    start = clock_ns()
    try:
        value = workload(task)
    except BaseException:  # also SystemExit: a task may not end its worker silently
        error = described()
    end = clock_ns()
    cpu = thread_cpu_ns() - cpu
    return here.identity, start, end, cpu, here.waited(end), error, value


class EitherForm:
    """What executors map for a workload with a coroutine form: `run_task` in both forms."""

    __call__ = staticmethod(run_task)

    async def acall(self, task: Any) -> Wire:
        """As `run_task`, with the workload's coroutine form. Only its own steps are CPU time."""
        here = _local.here
        error = value = None
        steps = _Steps(_workload.acall(task))
        start = clock_ns()
        try:
            value = await steps
        except Exception:  # a cancellation is the executor's own and goes through
            error = described()
        end = clock_ns()
        return here.identity, start, end, steps.cpu_ns, here.waited(end), error, value


class _Steps:
    """A coroutine that counts the CPU time of its steps: between them, others run in its thread."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.coroutine = coroutine
        self.cpu_ns = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        sent: Any = None
        thrown: BaseException | None = None
        while True:
            cpu = thread_cpu_ns()
            try:
                if thrown is None:
                    waits_for = self.coroutine.send(sent)
                else:
                    waits_for = self.coroutine.throw(thrown)
            except StopIteration as end:
                return end.value
            finally:
                self.cpu_ns += thread_cpu_ns() - cpu
            sent = thrown = None
            try:
                sent = yield waits_for
            except BaseException as error:  # a cancellation, or what it waited for has failed
                thrown = error


def described() -> str:
    """The current exception as text, without its outermost frame, cut to a sensible length."""
    kind, error, frames = sys.exc_info()
    inner = frames.tb_next if frames is not None and frames.tb_next is not None else frames
    text = "".join(traceback.format_exception(kind, error, inner)).rstrip()
    return text if len(text) <= ERROR_CHARS else f"...{text[-ERROR_CHARS:]}"
