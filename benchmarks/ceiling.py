"""Is the machine's ceiling true beside other load? `python -m benchmarks.ceiling [--windows 40]`.

As many loops as there are CPUs (`runners.child.ceiling`) are run alone and at once, beside 0, 1 and
more busy processes of this program, the neighbours. What the loops got is known without asking
them, by what the neighbours did not get, for work is not lost: c neighbours on c CPUs keep all of
them busy and show what they do in a second, X. Where the CPUs stay busy, loops beside b neighbours
that did h in a second did X - h, and

    truth = (X - h beside n loops) / (X - h beside one loop)

One loop beside fewer than c - 1 neighbours leaves CPUs idle: without any, it does as much as a
single neighbour does alone; other such numbers of neighbours are left out. What programs of
somebody else take in a window is read from the kernel and taken off there. The neighbours count
their steps in memory that this program reads. Both sides are medians over windows that take turns.

The status is 0 if every ceiling is within 5% of its truth.
"""

import argparse
import mmap
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from runners.analysis.headline import paired_ratio
from runners.child.ceiling import Ceiling, Spin
from runners.child.counters import read_counters
from runners.report.markdown import table
from runners.words.rounding import bracketed

STEPS = 2000
"""Steps of the loop that a neighbour counts at a time: some tens of microseconds."""
ALONE_S = 0.2
SETTLE_S = 0.01
WITHIN = 0.05

NEIGHBOUR = f"""
import mmap, sys, time
from runners.child.spin import spin
with open(sys.argv[1], "r+b") as file:
    shared = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
mine = int(sys.argv[2])
while True:
    if mine < shared[0]:
        spin({STEPS})
        shared[mine + 1] += {STEPS}
    else:
        time.sleep(0.001)
"""


class Neighbours:
    """Busy processes, of which the first `active` run and the others sleep."""

    def __init__(self, shared: memoryview) -> None:
        self.shared = shared

    def activate(self, count: int) -> None:
        self.shared[0] = count
        time.sleep(SETTLE_S)

    def steps(self) -> int:
        return sum(self.shared[1:])


@contextmanager
def neighbours(count: int) -> Iterator[Neighbours]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(8 * (count + 1)))
        file.flush()
        started = [
            subprocess.Popen([sys.executable, "-c", NEIGHBOUR, file.name, str(k)])
            for k in range(count)
        ]
        try:
            yield Neighbours(memoryview(mmap.mmap(file.fileno(), 0)).cast("Q"))
        finally:
            for process in started:
                process.kill()
                process.wait()


@dataclass(slots=True)
class Windows:
    """Windows of one kind: the neighbours' steps in each, and the CPU time of somebody else."""

    steps: list[int] = field(default_factory=list)
    elapsed_s: list[float] = field(default_factory=list)
    others_cpu_s: list[float] = field(default_factory=list)
    walls_s: list[float] = field(default_factory=list)

    def add(self, beside: Neighbours, action: Callable[[], Spin | None]) -> None:
        counters, steps, began_s = read_counters(None), beside.steps(), time.perf_counter()
        spin = action()
        elapsed_s, done = time.perf_counter() - began_s, beside.steps() - steps
        self.others_cpu_s.append(read_counters(None).since(counters).others_cpu_s or 0.0)
        self.elapsed_s.append(elapsed_s)
        self.steps.append(done)
        if spin is not None:
            self.walls_s.append(spin.wall_s)

    @property
    def others(self) -> float:
        """CPUs that others took."""
        return sum(self.others_cpu_s) / sum(self.elapsed_s)

    @property
    def rate(self) -> float:
        """Steps in a second, over all windows."""
        return sum(self.steps) / sum(self.elapsed_s)


def nothing() -> None:
    time.sleep(ALONE_S)


def measured(cpus: int, beside: Sequence[int], windows: int) -> list[list[str]]:
    """A row of the table for each number of neighbours."""
    kinds = [("full", cpus), ("single", 1), *((kind, b) for b in beside for kind in ("one", "n"))]
    found = {kind: Windows() for kind in kinds}
    chance = random.Random(1)
    with Ceiling(cpus) as ceiling, neighbours(max(cpus, *beside)) as processes:
        actions: dict[str, Callable[[], Spin | None]] = {
            "full": nothing,
            "single": nothing,
            "one": lambda: ceiling.run(1),
            "n": lambda: ceiling.run(cpus),
        }
        for _ in range(windows):
            for kind in chance.sample(kinds, len(kinds)):
                processes.activate(kind[1])
                found[kind].add(processes, actions[kind[0]])
    return [row_of(cpus, b, found) for b in beside]


def row_of(cpus: int, b: int, found: dict[tuple[str, int], Windows]) -> list[str]:
    full, single, one, n = (
        found[key] for key in (("full", cpus), ("single", 1), ("one", b), ("n", b))
    )
    speed = full.rate / (cpus - full.others)  # of one busy CPU

    def got(windows: Windows) -> float:
        """What loops did in a second of the median window."""
        elapsed_s = np.array(windows.elapsed_s)
        free_s = cpus * elapsed_s - np.array(windows.others_cpu_s)
        return float(np.median((speed * free_s - np.array(windows.steps)) / elapsed_s))

    alone = got(one) if b >= cpus - 1 else single.rate
    truth = got(n) / alone
    ceiling = paired_ratio(one.walls_s, n.walls_s).scaled(cpus)
    off = ceiling.estimate / truth - 1
    return [
        *(str(b), bracketed(ceiling.estimate, ceiling.low, ceiling.high), f"{truth:.3f}"),
        *(f"{off:+.1%}", f"{(one.others + n.others) / 2 / cpus:.0%}"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=40, help="windows of each kind")
    parser.add_argument("--beside", default="0,1,2,6", help="numbers of busy neighbours")
    options = parser.parse_args()
    cpus = len(os.sched_getaffinity(0))
    beside = [b for b in map(int, options.beside.split(",")) if b == 0 or b >= cpus - 1]
    rows = measured(cpus, beside, options.windows)
    head = ["busy neighbours", f"ceiling of {cpus} loops", "truth", "off", "CPUs that others took"]
    print(table(head, rows))
    return 0 if all(abs(float(row[3].rstrip("%")) / 100) <= WITHIN for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
