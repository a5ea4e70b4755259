"""The workers' side of a run: what a worker does before its first task, and around each task.

Loaded in every worker, so the standard library alone; `trial` loads it in the measuring process.
"""

import os
import pickle
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any

from runners.child import gil
from runners.child.counters import keep_gil, read_usage
from runners.child.stacks import listen
from runners.child.stops import tell_stops

if TYPE_CHECKING:
    from runners.child.pinning import Places

clock_ns = time.perf_counter_ns
thread_cpu_ns = time.thread_time_ns
thread_id = threading.get_ident

READ_EVERY_NS = 5_000_000
"""Each reading may take 50 µs, where the caches have been used for something else meanwhile."""
ERROR_CHARS = 4000
HERE = __file__.rpartition(os.sep)[0]
MOST_TRACEBACKS, SHORT_CHARS = 100, 200
"""Of so many failed tasks a worker tells where; of a hundred thousand it would take minutes."""
REFUSED = re.compile(r"module (\S+) does not support loading in subinterpreters")
"""What CPython says of an extension module that is not made for them (`Python/import.c`)."""

OFFSET = "/proc/self/ns/time"

Used = tuple[int, int, int, int] | None
"""A `Usage` since the last one: a plain tuple, or None where that was just now."""
Ready = tuple[int, int] | None
"""When a worker began to make itself ready for the workload, and when it was; None where there is
nothing to do."""
Identity = tuple[int, int, bool, str | None, Ready, str | None]
"""A worker's process, its thread, whether its GIL is on, what has switched that on (`gil`), when it
made itself ready, and the machine's name where it has another clock than the measuring process."""
Wire = tuple[Identity, int, int, int, int, Used, str | None, Any]
"""What a worker tells of a task: a plain tuple, which is pickled sooner than a named one.

Who its worker is; the parts of its `Span` from `start_ns` to `cpu_ns`; how many nanoseconds a
coroutine had the event loop to itself, the steps between its awaits (-1 for a plain function); what
the kernel counted of the worker since its last reading; the task's error as text, or its result.
`records` takes it apart.
"""


class Here:
    """What a worker knows of itself: its identity, and what it had used of the machine when."""

    __slots__ = ("away", "broken", "identity", "read_ns", "ready", "usage")

    def __init__(
        self,
        ready: Ready = None,
        broken: Exception | None = None,
        away: str | None = None,
    ) -> None:
        self.ready = ready
        self.broken = broken
        self.away = away
        self.identity = self._identity()
        self.usage = read_usage()
        self.read_ns = clock_ns()

    def used(self, now_ns: int) -> Used:
        """What was used since the last reading; None if that was just now."""
        if not self.identity[2] and gil.is_on():  # a task has loaded what switches it on
            self.identity = self._identity()
        if now_ns - self.read_ns < READ_EVERY_NS:
            return None
        before, self.usage = self.usage, read_usage()
        self.read_ns = now_ns
        wait, voluntary, involuntary = (
            now - then if now >= 0 else -1
            for now, then in zip(self.usage[:3], before[:3], strict=True)
        )
        return wait, voluntary, involuntary, self.usage.rss_bytes

    def _identity(self) -> Identity:
        process, thread = os.getpid(), threading.get_native_id()
        return process, thread, gil.is_on(), gil.enabled_by(), self.ready, self.away


class NotInstalled(Exception):
    """Raised by the first task of a worker that could not make its workload ready."""


_here: dict[int, Here] = {}
"""By thread. Not a `threading.local`: the calls of another interpreter have a new one each."""
_payload: bytes | None = None
_workload: Any = None
_broken: Exception | None = None
_failed = 0
_clock: str | None = None
_loaded: dict[str, str] = {}
_versions: dict[str, str] = {}


def adopt(payload: bytes, workload: Callable[[Any], Any]) -> None:
    """Let workers that share this memory use `workload`, where they would unpickle `payload`."""
    global _payload, _workload
    _payload, _workload = payload, workload


def clock_name() -> str:
    """Stands for what `clock_ns` reads: two processes may put their times on one line if it is the
    same.

    The clock counts from the start of the kernel, but for a time namespace, which has an offset of
    its own. Containers of one kernel share it, whatever they call their machine.
    """
    global _clock
    if _clock is None:
        try:
            with open("/proc/sys/kernel/random/boot_id") as file:
                _clock = file.read().strip()
        except OSError:
            _clock = ""
        try:
            _clock = _clock and f"{_clock} {os.readlink(OFFSET)}"  # noqa: PTH115 - not loaded here
        except OSError:  # a kernel without them
            pass
        _clock = _clock or machine_name()
    return _clock


def machine_name() -> str:
    return os.uname().nodename


def install(
    payload: bytes, shared: Any = None, places: "Places | None" = None, clock: str | None = None
) -> None:
    """Make the pickled workload ready in this worker: the executors' `initializer`.

    `shared` is what the workload's `share` returned, for its `attach`. With `places` the worker is
    pinned first: what the workload loads may start threads, and count the CPUs. `clock` is the name
    of the measuring process's. Never raises: a pool that loses a worker in its initializer starts
    the next one for ever. What went wrong is told by the worker's first task.
    """
    global _payload, _workload, _broken, _failed
    unpinned: Exception | None = None
    if places is not None:
        from runners.child.pinning import take

        try:
            take(places)
        except OSError as error:
            unpinned = NotInstalled(f"the worker cannot be pinned to its CPU: {error}")
    gil.watch()
    listen()  # a forked worker does already
    _failed = 0
    tell_stops()
    if threading.active_count() > 1:
        keep_gil()
    if payload != _payload:  # in threads and forked processes there is nothing to do
        try:
            _workload, _broken = pickle.loads(payload), None
        except Exception as error:
            _workload, _broken = None, _not_ready("the workload cannot be loaded here", error)
        _payload = payload
    if shared is not None and _workload is not None:
        try:
            _workload.attach(shared)
        except Exception as error:
            _workload, _broken = None, _not_ready("the workload's attach failed", error)
    ready, broken = None, None
    if (initialize := getattr(_workload, "initialize", None)) is not None:
        begin = clock_ns()
        try:
            initialize()
        except BaseException as error:  # also SystemExit: see above
            # This worker's own affair: a server may have refused the fifth connection.
            broken = _refusal(error) or NotInstalled(_why_not_ready(error))
        ready = begin, clock_ns()
    away = None if clock in (None, clock_name()) else machine_name()
    _here[thread_id()] = Here(ready, unpinned or broken, away)


def survey(payload: bytes, *_: Any) -> tuple[str | None, dict[str, str], dict[str, str]]:
    """What this process has of what `install` needs, for executors whose workers may lack it.

    Why the workload cannot be loaded, or None, a digest of each module that a worker runs, but for
    those that are installed, and the versions of the packages behind them. A process that goes on
    keeps the code that it has loaded: the answers are those of when it was asked first.
    """
    from runners.child.interpreter import packages  # for these alone
    from runners.child.sources import Code
    from runners.model import in_one_line

    try:
        workload = pickle.loads(payload)
    except Exception as error:
        return in_one_line(error), {}, {}
    named = workload.sources() if hasattr(workload, "sources") else ()
    code = Code(packages(sys.path))
    reached = code.reached([__name__, type(workload).__module__, *named])
    digests = {name: _loaded.setdefault(name, one.digest) for name, one in reached.items()}
    behind = code.packages(reached)
    return None, digests, {name: _versions.setdefault(name, behind[name]) for name in behind}


install.survey = survey  # type: ignore[attr-defined]  # beside what it is about


def run_task(task: Any) -> Wire:
    """Run one task of the installed workload: the function that every executor maps.

    A task's exception is returned as text, so that its span is not lost.
    """
    here = _here[thread_id()]
    workload = _workload
    if workload is None or here.broken is not None:
        raise here.broken or _broken or NotInstalled()
    error = value = None
    # All readings are within the span: between two spans they would be gaps, and so would the time
    # in which another thread has taken the GIL meanwhile.
    start = clock_ns()
    cpu = thread_cpu_ns()
    try:
        value = workload(task)
    except BaseException as problem:  # also SystemExit: a task may not end its worker silently
        if (refusal := _refusal(problem)) is not None:
            raise refusal from None
        error = _told(problem)
    used = here.used(clock_ns())
    cpu = thread_cpu_ns() - cpu
    return here.identity, start, clock_ns(), cpu, -1, used, error, value


class EitherForm:
    """What executors map for a workload with a coroutine form: `run_task` in both forms."""

    __call__ = staticmethod(run_task)

    async def acall(self, task: Any) -> Wire:
        """As `run_task`, with the workload's coroutine form. Only its own steps are CPU time."""
        here = _here[thread_id()]
        if here.broken is not None:
            raise here.broken
        error = value = None
        steps = _Steps(_workload.acall(task))
        start = clock_ns()
        try:
            value = await steps
        except Exception as problem:  # a cancellation is the executor's own and goes through
            error = _told(problem)
        used = here.used(clock_ns())
        return here.identity, start, clock_ns(), steps.cpu_ns, steps.held_ns, used, error, value


class _Steps:
    """A coroutine that times its steps: between them, others run in its thread."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.coroutine = coroutine
        self.cpu_ns = 0
        self.held_ns = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        sent: Any = None
        thrown: BaseException | None = None
        while True:
            cpu, start = thread_cpu_ns(), clock_ns()
            try:
                if thrown is None:
                    waits_for = self.coroutine.send(sent)
                else:
                    waits_for = self.coroutine.throw(thrown)
            except StopIteration as end:
                return end.value
            finally:
                self.held_ns += clock_ns() - start
                self.cpu_ns += thread_cpu_ns() - cpu
            sent = thrown = None
            try:
                sent = yield waits_for
            except BaseException as error:  # a cancellation, or what it waited for has failed
                thrown = error


def _why_not_ready(error: BaseException) -> str:
    """What the user is told of what `initialize` raised: its first line says what to do."""
    from runners.model import UsageError  # loaded where it is needed

    if isinstance(error, UsageError):  # it says so itself, in one line
        return str(error)
    return f"the workload's initialize failed:\n{described()}"


def _not_ready(what: str, error: Exception) -> Exception:
    """What the first task raises where its workload could not be made ready."""
    return _refusal(error) or NotInstalled(f"{what}:\n{described()}")


def _refusal(error: BaseException | None) -> Exception | None:
    """Unsupported if an extension module refused to be loaded in one of several interpreters."""
    while error is not None:
        if isinstance(error, ImportError) and (found := REFUSED.search(str(error))):
            from runners.model import Unsupported  # loaded where it is needed

            return Unsupported(
                f"the module {found[1]} cannot be used in several interpreters of one process; use "
                "threads or processes"
            )
        error = error.__cause__ or error.__context__
    return None


def _told(problem: BaseException) -> str:
    """What is told of the task whose exception is being handled."""
    global _failed
    _failed += 1
    if _failed <= MOST_TRACEBACKS:
        return described()
    return "".join(traceback.format_exception_only(problem)).rstrip()[:SHORT_CHARS]


def described() -> str:
    """The current exception as text, without the frames of ours that lead to it, cut to a sensible
    length."""
    kind, error, frames = sys.exc_info()
    while frames is not None and frames.tb_next is not None:
        if frames.tb_frame.f_code.co_filename.rpartition(os.sep)[0] != HERE:
            break
        frames = frames.tb_next
    text = "".join(traceback.format_exception(kind, error, frames)).rstrip()
    return text if len(text) <= ERROR_CHARS else f"...{text[-ERROR_CHARS:]}"
