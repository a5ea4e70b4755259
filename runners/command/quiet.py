"""Whether the machine is quiet before a cell is measured, and the wait until it is."""

import time
from collections.abc import Callable

from runners.analysis.attainable import BUSY
from runners.child.counters import read_counters
from runners.model import Plan

LOOK_S = 0.5


class Watch:
    """What other programs take of the CPUs, since it was made or asked last; it takes no time."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.before, self.began_s = read_counters(None), time.perf_counter()

    def __setstate__(self, _: object) -> None:
        self._begin()  # in another process, whose own time is another

    def share(self, usable_cpus: float) -> float:
        """The share of that many CPUs; 0 where the kernel does not tell."""
        found = read_counters(None).since(self.before)
        elapsed_s = time.perf_counter() - self.began_s
        self._begin()
        if found.others_cpu_s is None or found.cpus is None:
            return 0.0
        spare = max(found.cpus - usable_cpus, 0)
        taken = (found.others_cpu_s / elapsed_s - spare) / min(found.cpus, usable_cpus)
        return min(max(taken, 0.0), 1.0)


def others_share(usable_cpus: float, duration_s: float) -> float:
    """The share of the usable CPUs that other programs take while this one sleeps for so long."""
    watch = Watch()
    time.sleep(duration_s)
    return watch.share(usable_cpus)


def wait_for_quiet(
    plan: Plan,
    watch: Watch,
    say: Callable[[str], None],
    look: Callable[[float, float], float] | None = None,
) -> None:
    """Say at once that a cell begins on a busy machine, or wait for quiet, as `plan` asks.

    `watch` has seen the time before. Where others took CPU time in it, `look` tells whether they
    still do, others' share of so many CPUs over so many seconds: `others_share`.
    """
    look = look or others_share
    cpus, wait_s = plan.usable_cpus, plan.measure.wait_quiet_s
    if watch.share(cpus) <= BUSY or (share := look(cpus, LOOK_S)) <= BUSY:
        return
    busy = f"busy machine: other load takes {share:.0%} of the CPUs"
    if wait_s == 0:
        say(f"{busy}; measure.wait_quiet_s=60 would wait a minute for quiet")
        return
    say(f"{busy}; waiting up to {wait_s:g} s for quiet")
    began_s = time.monotonic()
    while (waited_s := time.monotonic() - began_s) < wait_s:
        if (share := look(cpus, min(1.0, wait_s - waited_s))) <= BUSY:
            return
    say(f"not quiet after {wait_s:g} s: other load takes {share:.0%} of the CPUs")
