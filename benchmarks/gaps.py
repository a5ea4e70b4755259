"""Whether what is read around a task moves the wait for the GIL out of the task.

    python -m benchmarks.gaps [ROUNDS]

Two threads compute, each task as long as in the first column. The part of their time that lies
between two tasks of the same thread is measured in three ways, in turn: by clock readings alone,
with what the program reads around each task, and with a reading that hands over the GIL (opening a
file). The second has to be within two percentage points of the first. Exit status 1 if it is not.
The last column is what all that is done around a task costs: the time of the run over that of the
run with clock readings alone.
"""

import os
import pickle
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from runners.child.counters import keep_gil, read_usage
from runners.child.worker import Wire, adopt, install, run_task
from runners.executors.thread import Thread

MARGIN = 0.02
COUNTS = {0.3: 1000, 3.0: 120, 30.0: 16}
"""Tasks of each run, by their length in ms."""

Seen = tuple[int, int, int]
"""The thread of a task, its start and its end in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Countdown:
    """Holds the GIL until it is taken away."""

    steps: int

    def __call__(self, task: int) -> int:
        left = self.steps
        while left:
            left -= 1
        return task


def clocks_alone(work: Countdown) -> Callable[[int], Seen]:
    def run(task: int) -> Seen:
        start = time.perf_counter_ns()
        work(task)
        return threading.get_ident(), start, time.perf_counter_ns()

    return run


def with_a_file(work: Countdown) -> Callable[[int], Seen]:
    timed = clocks_alone(work)

    def run(task: int) -> Seen:
        seen = timed(task)
        os.close(os.open(os.devnull, os.O_RDONLY))
        return seen

    return run


def as_measured(task: int) -> Seen:
    wire: Wire = run_task(task)
    return wire[0][1], wire[1], wire[2]


def gaps(function: Callable[[int], Seen], count: int, payload: bytes) -> tuple[float, float]:
    """The part of the threads' time, from their first task to their last, between two tasks.

    And the seconds of the whole run.
    """
    began_s = time.perf_counter()
    with Thread(2, initializer=install, initargs=(payload, None)) as executor:
        seen: Sequence[Seen] = executor.map(function, range(count))
    took_s = time.perf_counter() - began_s
    between = whole = 0
    for _, mine in groupby(sorted(seen), key=lambda one: one[0]):
        tasks = list(mine)
        between += sum(later[1] - sooner[2] for sooner, later in pairwise(tasks))
        whole += tasks[-1][2] - tasks[0][1]
    return between / whole, took_s


def steps_in(length_s: float) -> int:
    """How many steps take so long without company: the best of a few tries."""
    tried = 200_000
    walls = []
    for _ in range(10):
        begin = time.perf_counter()
        Countdown(tried)(0)
        walls.append(time.perf_counter() - begin)
    return round(tried * length_s / min(walls))


def main(arguments: list[str]) -> int:
    rounds = int(arguments[0]) if arguments else 10
    keep_gil()
    read_usage()
    wrong = 0
    print(f"Python {sys.version.split()[0]}")
    print("| task | clock readings alone | as measured | difference | with a file opened | time |")
    print("|---|---|---|---|---|---|")
    for length_ms, count in COUNTS.items():
        work = Countdown(steps_in(length_ms / 1000))
        payload = pickle.dumps(work)
        adopt(payload, work)
        ways = (clocks_alone(work), as_measured, with_a_file(work))
        found: list[list[tuple[float, float]]] = [[], [], []]
        for _ in range(rounds):
            for way, values in zip(ways, found, strict=True):
                values.append(gaps(way, count, payload))
        alone, ours, file = (statistics.median(gap for gap, _ in values) for values in found)
        costs = statistics.median(
            ours_s / alone_s for (_, alone_s), (_, ours_s) in zip(found[0], found[1], strict=True)
        )
        wrong += abs(ours - alone) > MARGIN
        gap = f"{alone:.1%} | {ours:.1%} | {ours - alone:+.1%} | {file:.1%}"
        print(f"| {length_ms:g} ms | {gap} | {costs:.3f} |")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
