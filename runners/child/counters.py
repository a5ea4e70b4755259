"""What the kernel counts about a run: switches, memory, and time that others took away.

Standard library only, because the measuring process and its workers import it.
"""

import os
import resource
import sys
from typing import NamedTuple

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB elsewhere


def run_queue_wait_ns() -> int:
    """Time this thread stood ready without a CPU: schedstat's second field; -1 if unknown."""
    try:
        descriptor = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    except OSError:
        return -1
    try:
        return int(os.read(descriptor, 64).split()[1])
    finally:
        os.close(descriptor)


class Counters(NamedTuple):
    """Counters of the kernel that only grow; a run's row has the differences, by these names.

    What cannot be read is None. `cpus` alone does not grow: it is the number of CPUs that this
    process may run on, which `steal_s` and `others_cpu_s` are about.

    Every worker loads this module, and a named tuple is made in a sixth of a dataclass's time.
    """

    voluntary_switches: int
    involuntary_switches: int
    cpus: int | None
    steal_s: float | None
    throttled_s: float | None
    pressure_s: float | None
    others_cpu_s: float | None

    def since(self, before: "Counters") -> "Counters":
        return Counters(
            self.voluntary_switches - before.voluntary_switches,
            self.involuntary_switches - before.involuntary_switches,
            self.cpus,
            *map(_difference, self[3:], before[3:]),
        )


def read_counters(cpu_stat: str | None) -> Counters:
    """What they are now. `cpu_stat` is the control group's file that counts throttling."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)  # those that were waited for
    living_s = living_cpu_s(os.getpid())
    cpus = read_cpus()
    others_s = None
    if cpus is not None and living_s is not None:
        mine_s = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime + living_s
        others_s = cpus.busy_s - mine_s
    return Counters(
        own.ru_nvcsw + ended.ru_nvcsw,
        own.ru_nivcsw + ended.ru_nivcsw,
        None if cpus is None else cpus.number,
        None if cpus is None else cpus.steal_s,
        _throttled_s(cpu_stat) if cpu_stat else None,
        _pressure_s(cpu_stat),
        others_s,
    )


def _difference(after: float | None, before: float | None) -> float | None:
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
    """What the kernel has counted (proc(5), stat), in its ticks of mostly 10 ms; None: unknown.

    Interrupts are left out of `busy_s`: they serve our own input and output as well as others'.
    """
    try:
        allowed = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        with open("/proc/stat") as lines:
            found = [line.split() for line in lines if line.startswith("cpu")]
        ticks = [list(map(int, line[1:9])) for line in found if line[0] in allowed]
        second = os.sysconf("SC_CLK_TCK")
        busy = sum(user + nice + system for user, nice, system, *_ in ticks)
        return Cpus(len(ticks), busy / second, sum(line[7] for line in ticks) / second)
    except (AttributeError, OSError, IndexError, ValueError):  # no such call, file or field
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


def max_rss_bytes() -> int:
    """The largest resident set so far of this process or of any one that it waited for."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(w).ru_maxrss for w in who) * _RSS_UNIT
