"""What the kernel counts about a run: switches, memory, and time that others took away.

Standard library only, because the measuring process and its workers import it.
"""

import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from runners.child.gil import is_on

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB elsewhere
_SCHEDSTAT = "/proc/thread-self/schedstat"
_STAT = "/proc/stat"
_STAT_BYTES = 1 << 18
"""Enough for a line for each of some thousand CPUs, which come first."""
_THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)  # Linux has it


MOST_FILES = 200
"""Files with higher numbers are not kept open: a thousand threads would use up all there are."""


class _Schedstat:
    """The open file of the thread that made it. With the thread, it is closed."""

    def __init__(self, descriptor: int) -> None:
        self.pid = os.getpid()
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)


class _Kept(threading.local):
    """A thread's own; one that was forked has that of the thread that forked it."""

    file: _Schedstat | None = None


_kept = _Kept()


def _read_file(descriptor: int) -> bytes:
    return os.pread(descriptor, 64, 0)


_pread: Callable[[int], bytes] = _read_file


def keep_gil() -> None:
    """From now on, read what is read between tasks without handing over the GIL.

    A thread that reads a file lets another one have the GIL, and then waits for it: after a task
    that wait would lie between two tasks, where without the reading there is none
    (`benchmarks.gaps`). For workers that have threads beside them; others need not load ctypes,
    nor need those that have no GIL to hand over.
    """
    global _pread
    if _pread is not _read_file or not is_on() or not os.access(_SCHEDSTAT, os.R_OK):
        return
    try:
        import ctypes

        pread = ctypes.PyDLL(None).pread
    except (ImportError, OSError, AttributeError):  # an interpreter without ctypes
        return

    def keeping(descriptor: int) -> bytes:
        buffer = ctypes.create_string_buffer(64)
        pread(descriptor, buffer, 63, 0)
        return buffer.value

    _pread = keeping


def run_queue_wait_ns() -> int:
    """Time this thread stood ready without a CPU: schedstat's second field; -1 if unknown."""
    file = _kept.file
    try:
        if file is None or file.pid != os.getpid():
            file = _Schedstat(os.open(_SCHEDSTAT, os.O_RDONLY | os.O_CLOEXEC))
            _kept.file = file if file.descriptor < MOST_FILES else None
        return int(_pread(file.descriptor).split()[1])
    except (OSError, IndexError, ValueError):
        return -1


class Usage(NamedTuple):
    """What the kernel has counted of a worker's thread. What is not known is -1.

    `wait_ns` is the time that it stood ready in the run queue without a CPU, `rss_bytes` the
    largest resident set that its process had so far.
    """

    wait_ns: int
    voluntary_switches: int
    involuntary_switches: int
    rss_bytes: int


def read_usage() -> Usage:
    """What it is now, of the calling thread."""
    wait_ns = run_queue_wait_ns()
    own = resource.getrusage(resource.RUSAGE_SELF if _THREAD is None else _THREAD)
    switches = (-1, -1) if _THREAD is None else (own.ru_nvcsw, own.ru_nivcsw)
    return Usage(wait_ns, *switches, rss_bytes=own.ru_maxrss * RSS_UNIT)


class Counters(NamedTuple):
    """Counters of the kernel that only grow; a run's row has the differences, by these names.

    What cannot be read is None. `cpus` alone does not grow: it is the number of CPUs that this
    process may run on, which `steal_s` and `others_cpu_s` are about. Switches are those of this
    process alone. CPU times are those of this process, of the calling thread, and of the processes
    that descend from it.

    Every worker loads this module, and a named tuple is made in a sixth of a dataclass's time.
    """

    voluntary_switches: int
    involuntary_switches: int
    process_cpu_s: float
    caller_cpu_s: float
    children_cpu_s: float | None
    cpus: int | None
    steal_s: float | None
    throttled_s: float | None
    pressure_s: float | None
    others_cpu_s: float | None

    def since(self, before: "Counters") -> "Counters":
        differences = dict(zip(self._fields, map(_difference, self, before), strict=True))
        return Counters(**differences | {"cpus": self.cpus})


def read_counters(cpu_stat: str | None) -> Counters:
    """What they are now. `cpu_stat` is the control group's file that counts throttling."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)  # those that were waited for
    living_s = living_cpu_s(os.getpid())
    cpus, own, caller_s = _cpus_and_own()
    process_s = own.ru_utime + own.ru_stime
    children_s = others_s = None
    if living_s is not None:
        children_s = ended.ru_utime + ended.ru_stime + living_s
        if cpus is not None:
            others_s = cpus.busy_s - process_s - children_s
    return Counters(
        own.ru_nvcsw,
        own.ru_nivcsw,
        process_s,
        caller_s,
        children_s,
        None if cpus is None else cpus.number,
        None if cpus is None else cpus.steal_s,
        _throttled_s(cpu_stat) if cpu_stat else None,
        _pressure_s(cpu_stat),
        others_s,
    )


def _cpus_and_own() -> tuple["Cpus | None", resource.struct_rusage, float]:
    """What the CPUs did, and the CPU time of this process and of this thread at the same moment.

    At each call of the system a thread hands over the GIL. Where others of its process compute, it
    has it back 5 ms later, and what they had meanwhile would be taken for other programs'. So there
    is one such call before the times are read.
    """
    try:
        file = os.open(_STAT, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        text = None
        own, caller_s = resource.getrusage(resource.RUSAGE_SELF), time.thread_time()
    else:
        try:
            text = os.read(file, _STAT_BYTES)
            own, caller_s = resource.getrusage(resource.RUSAGE_SELF), time.thread_time()
        finally:
            os.close(file)
    return None if text is None else _cpus(text), own, caller_s


def _difference(after: Any, before: Any) -> Any:
    return after - before if after is not None and before is not None else None


class Cpus(NamedTuple):
    """How many CPUs this process may run on, and what they did since the machine was started.

    `busy_s` is the time that they ran programs and the kernel for them, `steal_s` what a hypervisor
    gave to others while one of them was ready.
    """

    number: int
    busy_s: float
    steal_s: float


def read_cpus() -> Cpus | None:
    """What the kernel has counted (proc(5), stat), in its ticks of mostly 10 ms; None: unknown."""
    return _cpus_and_own()[0]


def _cpus(text: bytes) -> Cpus | None:
    """What it says of the CPUs that this process may run on.

    Interrupts are left out of `busy_s`: they serve our own input and output as well as others'.
    """
    try:
        allowed = {b"cpu%d" % number for number in os.sched_getaffinity(0)}
        found = [line.split() for line in text.splitlines() if line.startswith(b"cpu")]
        ticks = [list(map(int, line[1:9])) for line in found if line[0] in allowed]
        second = os.sysconf("SC_CLK_TCK")
        busy = sum(user + nice + system for user, nice, system, *_ in ticks)
        return Cpus(len(ticks), busy / second, sum(line[7] for line in ticks) / second)
    except (AttributeError, OSError, IndexError, ValueError):  # no such call or field
        return None


def living_cpu_s(pid: int) -> float | None:
    """CPU time of all processes that descend from `pid` and have not ended, and of those they had.

    Workers that are kept over several runs are among them. None where the kernel does not list
    children.
    """
    try:
        threads = [entry.name for entry in os.scandir(f"/proc/{pid}/task")]
        children = [
            child
            for thread in threads
            for child in _read(f"/proc/{pid}/task/{thread}/children").split()
        ]
    except OSError:
        return None
    total_s = 0.0
    for child in map(int, children):
        try:
            fields = _read(f"/proc/{child}/stat").rpartition(")")[2].split()
            total_s += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        except OSError:  # it has just ended
            continue
        total_s += living_cpu_s(child) or 0.0
    return total_s


def _throttled_s(path: str) -> float | None:
    """Seconds that the control group's quota held its tasks back: v2 counts in µs, v1 in ns."""
    units = {"throttled_usec": 1e6, "throttled_time": 1e9}
    try:
        for line in _read(path).splitlines():
            name, _, value = line.partition(" ")
            if name in units:
                return int(value) / units[name]
    except (OSError, ValueError):
        pass
    return None


def _pressure_s(cpu_stat: str | None) -> float | None:
    """Seconds in which some task was ready and had no CPU, as the kernel's PSI counts them.

    Those of the control group that has a quota, else of the whole machine.
    """
    paths = ["/proc/pressure/cpu"]
    if cpu_stat is not None:
        paths.insert(0, f"{cpu_stat.rpartition('/')[0]}/cpu.pressure")
    for path in paths:
        try:
            return int(_read(path).partition("total=")[2].split()[0]) / 1e6
        except (OSError, ValueError, IndexError):
            continue
    return None


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def forget_peak() -> None:
    """Let the largest resident set of this process count from now on, where the kernel can."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # proc(5)
    except OSError:
        pass


def max_rss_bytes() -> int:
    """The largest resident set of this process since `forget_peak`, or ever."""
    try:
        status = _read("/proc/self/status")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def library_threads() -> int | None:
    """How many threads of this process are not Python's; None where nobody knows."""
    try:
        with os.scandir("/proc/self/task") as threads:
            return max(sum(1 for _ in threads) - threading.active_count(), 0)
    except OSError:
        return None


def libraries() -> str:
    """Whose threads these are, as threadpoolctl tells; "" if it is not there or knows of none."""
    try:
        import threadpoolctl

        found = threadpoolctl.threadpool_info()
        return ", ".join(sorted({f"{one['internal_api']} {one['num_threads']}" for one in found}))
    except Exception:  # also what it stumbles over: it is asked for a name only
        return ""
