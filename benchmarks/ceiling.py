"""Is the machine's ceiling true beside other load? `python -m benchmarks.ceiling [--windows 40]`.

As many loops as there are CPUs (`runners.child.ceiling`) are run alone and at once, beside 0, 1 and
more busy processes of this program, the neighbours. What the loops got is known without asking
them: the kernel says how much CPU time they had, and the neighbours, which run the same loop and
count its steps in memory that this program reads, how much is done in a second of it. With
r = CPU time of the loops / seconds of the window x steps in a second of CPU time,

    truth = r of n loops / r of one loop

A CPU is slower where its neighbour is busy too, so the steps are those of neighbours in windows of
the same kind. Without any, they are those of c neighbours on c CPUs for n loops, and those of a
single one for one loop; between none and c - 1 nobody knows, and such numbers are left out. Windows
of all kinds take turns, and both sides have the estimator of the speedup.

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
from dataclasses import astuple, dataclass, field
from pathlib import Path

import numpy as np

from runners.analysis.headline import paired_ratio
from runners.analysis.interval import Floats
from runners.child.ceiling import Ceiling, Spin
from runners.child.counters import read_counters
from runners.measuring.measure import LOOP_S
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
        shared[2 * mine + 1] += {STEPS}
        shared[2 * mine + 2] = time.thread_time_ns()
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

    def done(self) -> tuple[int, float]:
        """Steps so far, and the CPU time that they took."""
        return sum(self.shared[1::2]), sum(self.shared[2::2]) / 1e9


@contextmanager
def neighbours(count: int) -> Iterator[Neighbours]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(8 * (2 * count + 1)))
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
    """Windows of one kind: steps and CPU time of the neighbours in all, the rest in each."""

    steps: int = 0
    steps_cpu_s: float = 0.0
    others_cpu_s: float = 0.0
    elapsed_s: list[float] = field(default_factory=list)
    loops_cpu_s: list[float] = field(default_factory=list)
    walls_s: list[float] = field(default_factory=list)

    def add(
        self, beside: Neighbours, loops: Sequence[int], action: Callable[[], Spin | None]
    ) -> None:
        counters, (steps, cpu_s), loops_s = read_counters(None), beside.done(), cpu_time_s(loops)
        began_s = time.perf_counter()
        spin = action()
        self.elapsed_s.append(time.perf_counter() - began_s)
        after = beside.done()
        self.loops_cpu_s.append(cpu_time_s(loops) - loops_s)
        self.others_cpu_s += read_counters(None).since(counters).others_cpu_s or 0.0
        self.steps += after[0] - steps
        self.steps_cpu_s += after[1] - cpu_s
        if spin is not None:
            self.walls_s.append(spin.wall_s)

    @property
    def speed(self) -> float:
        """Steps of the neighbours in a second of CPU time."""
        return self.steps / self.steps_cpu_s

    @property
    def got(self) -> Floats:
        """CPUs that the loops had, in each window."""
        return np.asarray(np.array(self.loops_cpu_s) / np.array(self.elapsed_s), float)


def cpu_time_s(pids: Sequence[int]) -> float:
    """CPU time of processes that sleep, as the kernel has it (its schedstat, to the nanosecond)."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e9


def nothing() -> None:
    time.sleep(ALONE_S)


def measured(cpus: int, beside: Sequence[int], windows: int) -> list[list[str]]:
    """A row of the table for each number of neighbours."""
    kinds = [("full", cpus), ("single", 1), *((kind, b) for b in beside for kind in ("one", "n"))]
    found = {kind: Windows() for kind in kinds}
    chance = random.Random(1)
    with Ceiling(cpus, LOOP_S) as ceiling, neighbours(max(cpus, *beside)) as processes:
        loops = [spinner.pid for spinner in ceiling.spinners]
        actions: dict[str, Callable[[], Spin | None]] = {
            "full": nothing,
            "single": nothing,
            "one": lambda: ceiling.run(1),
            "n": lambda: ceiling.run(cpus),
        }
        for _ in range(windows):
            for kind in chance.sample(kinds, len(kinds)):
                processes.activate(kind[1])
                found[kind].add(processes, loops, actions[kind[0]])
    return [row_of(cpus, b, found) for b in beside]


def row_of(cpus: int, b: int, found: dict[tuple[str, int], Windows]) -> list[str]:
    full, single, one, n = (
        found[key] for key in (("full", cpus), ("single", 1), ("one", b), ("n", b))
    )
    speeds = (one.speed, n.speed) if b else (single.speed, full.speed)
    truth = paired_ratio(n.got, one.got).scaled(speeds[1] / speeds[0])
    ceiling = paired_ratio(one.walls_s, n.walls_s).scaled(cpus)
    off = ceiling.estimate / truth.estimate - 1
    return [
        *(str(b), *(bracketed(*astuple(found)) for found in (ceiling, truth))),
        *(f"{off:+.1%}", f"{n.others_cpu_s / sum(n.elapsed_s) / cpus:.0%}"),
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
