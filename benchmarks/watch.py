"""What `watch` costs the program that it watches: `python -m benchmarks.watch [PAIRS] [SECONDS]`.

The same program is run watched and as it is, PAIRS times each, side by side: in each pair one comes
right after the other, and which comes first is drawn. Pools of two threads and of two forked
processes run tasks that compute, or sleep, for 0.1, 1 and 10 ms, as many as take SECONDS (0.3).

The first ratio, with its 95% interval over pairs, is of the time from the first task given in to
the last result. A machine that others use blurs it. So the CPU time that is added, of the program
and its workers together, follows: for each task, and for a block that has hardly any (making the
folder, the report). A task's includes its part of the report, after its result is there. Exit
status 1 if the program is more than 2% slower, by the whole interval, for tasks from 1 ms on.
"""

import multiprocessing
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

from runners import watch
from runners.analysis.headline import paired_ratio
from runners.words.rounding import bracketed

WORKERS = 2
MOST = 1.02
FROM_MS = 1.0
LENGTHS_MS = (0.1, 1.0, 10.0)

Make = Callable[[], Executor]


def compute(steps: int) -> int:
    left = steps
    while left:
        left -= 1
    return steps


def steps_in(length_s: float) -> int:
    """How many steps take so long without company: the best of a few tries."""
    tried = 200_000
    took_s = []
    for _ in range(10):
        begin_s = time.perf_counter()
        compute(tried)
        took_s.append(time.perf_counter() - begin_s)
    return max(1, round(tried * length_s / min(took_s)))


def program(
    make: Make, function: Callable[[float], object], value: float, tasks: int, watched: bool
) -> tuple[float, float]:
    """Seconds from the first task to the last result, and of CPU time in the whole block.

    That of the processes of the pool is in it, as they have been waited for.
    """
    cpu_s = used_s()
    with watch(make(), quiet=True) if watched else make() as pool:
        list(pool.map(function, [value] * WORKERS))  # workers are there
        first_s = time.perf_counter()
        list(pool.map(function, [value] * tasks))
        last_s = time.perf_counter()
    return last_s - first_s, used_s() - cpu_s


def used_s() -> float:
    """CPU time of this process and of those that it has waited for."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, both))


def main(arguments: list[str]) -> int:
    pairs = int(arguments[0]) if arguments else 40
    seconds = float(arguments[1]) if len(arguments) > 1 else 0.3
    context = multiprocessing.get_context("fork")
    pools: dict[str, Make] = {
        "process": partial(ProcessPoolExecutor, WORKERS, context),
        "thread": partial(ThreadPoolExecutor, WORKERS),
    }
    draw = random.Random(1)
    for make in pools.values():  # what is loaded once
        program(make, time.sleep, 1e-3, WORKERS, True)
    slow = 0
    print(f"Python {sys.version.split()[0]}, {pairs} pairs, watched over not watched")
    print("| pool | tasks | length | time | CPU time added to a task | to a block |")
    print("|---|---|---|---|---|---|")
    for kind, make in pools.items():
        for does in ("compute", "sleep"):
            for length_ms in LENGTHS_MS:
                at_once = 1 if kind == "thread" and does == "compute" else WORKERS
                tasks = max(WORKERS, round(seconds * at_once / length_ms * 1e3))
                function: Callable[[float], object] = time.sleep
                value: float = length_ms / 1e3
                if does == "compute":
                    function, value = compute, steps_in(value)  # type: ignore[assignment]
                found: dict[tuple[int, bool], list[tuple[float, float]]] = {}
                for _ in range(pairs):
                    for count in (tasks, 0):
                        for watched in draw.sample((True, False), 2):
                            took = program(make, function, value, count, watched)
                            found.setdefault((count, watched), []).append(took)
                ours, plain = ([one[0] for one in found[tasks, w]] for w in (True, False))
                ratio = paired_ratio(ours, plain)
                if length_ms >= FROM_MS:
                    slow += ratio.low > MOST
                many, few = (
                    statistics.median(
                        a[1] - b[1]
                        for a, b in zip(found[count, True], found[count, False], strict=True)
                    )
                    for count in (tasks, 0)
                )
                said = bracketed(ratio.estimate, ratio.low, ratio.high)
                each_us = (many - few) / tasks * 1e6
                part = each_us / length_ms / 1e3
                added = f"{each_us:.0f} µs ({part:.1%}) | {few * 1e3:.1f} ms"
                print(f"| {kind} | {does} | {length_ms:g} ms | {said} | {added} |", flush=True)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
