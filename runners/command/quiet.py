"""Whether the machine is quiet before a cell is measured, and the wait until it is."""

import time
from collections.abc import Callable

from runners.analysis.attainable import BUSY
from runners.child.counters import read_counters
from runners.model import Plan

LOOK_S = 0.2
SURE_S = 0.5
"""A first look may have met a program that was about to end: a second one is longer."""


def others_share(usable_cpus: float, duration_s: float) -> float:
    """The share of the usable CPUs that other programs take while this one sleeps for so long.

    Of this program nothing must run meanwhile. 0 where the kernel does not tell.
    """
    before, began_s = read_counters(None), time.perf_counter()
    time.sleep(duration_s)
    found, elapsed_s = read_counters(None).since(before), time.perf_counter() - began_s
    if found.others_cpu_s is None or found.cpus is None:
        return 0.0
    spare = max(found.cpus - usable_cpus, 0)
    taken = (found.others_cpu_s / elapsed_s - spare) / min(found.cpus, usable_cpus)
    return min(max(taken, 0.0), 1.0)


def wait_for_quiet(
    plan: Plan,
    say: Callable[[str], None],
    look: Callable[[float, float], float] | None = None,
) -> None:
    """Say at once that a cell begins on a busy machine, or wait for quiet, as `plan` asks.

    `look` tells others' share of that many CPUs over so many seconds: `others_share`.
    """
    look = look or others_share
    cpus, wait_s = plan.usable_cpus, plan.measure.wait_quiet_s
    if look(cpus, LOOK_S) <= BUSY or (share := look(cpus, SURE_S)) <= BUSY:
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
