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
    """Counters of the kernel that only grow; a run's row has the differences. None: unknown.

    Every worker loads this module, and a named tuple is made in a sixth of a dataclass's time.
    """

    voluntary_switches: int
    involuntary_switches: int
    steal_s: float | None
    throttled_s: float | None

    def since(self, before: "Counters") -> "Counters":
        return Counters(
            self.voluntary_switches - before.voluntary_switches,
            self.involuntary_switches - before.involuntary_switches,
            _difference(self.steal_s, before.steal_s),
            _difference(self.throttled_s, before.throttled_s),
        )


def read_counters(cpu_stat: str | None) -> Counters:
    """What they are now. `cpu_stat` is the control group's file that counts throttling."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)  # those that were waited for
    return Counters(
        own.ru_nvcsw + ended.ru_nvcsw,
        own.ru_nivcsw + ended.ru_nivcsw,
        _steal_s(),
        _throttled_s(cpu_stat) if cpu_stat else None,
    )


def _difference(after: float | None, before: float | None) -> float | None:
    return after - before if after is not None and before is not None else None


def _steal_s() -> float | None:
    """Seconds that a hypervisor gave to others while a CPU here was ready (proc(5), stat)."""
    try:
        with open("/proc/stat") as lines:
            return int(lines.readline().split()[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None


def _throttled_s(path: str) -> float | None:
    """Seconds that the control group's quota held its tasks back: v2 counts in µs, v1 in ns."""
    units = {"throttled_usec": 1e6, "throttled_time": 1e9}
    try:
        with open(path) as lines:
            for line in lines:
                name, _, value = line.partition(" ")
                if name in units:
                    return int(value) / units[name]
    except (OSError, ValueError):
        pass
    return None


def max_rss_bytes() -> int:
    """The largest resident set so far of this process or of any one that it waited for."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(w).ru_maxrss for w in who) * _RSS_UNIT
