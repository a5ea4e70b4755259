"""What an empty task costs through us: `python -m benchmarks.overhead [REPEATS] [TASKS]`.

Each executor runs TASKS empty tasks as the measuring process has it run them, spans and all, and
so does the bare construct that it wraps, with as many workers and the same chunks; both in random
order, REPEATS times. Two constructs that hand over each task singly show what that costs against
it. A run with one task a worker shows what the run itself costs. The times of a task are those of
a whole run divided by TASKS; brackets are 95% intervals.
"""

import gc
import multiprocessing
import pickle
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

from runners.child.timing import timed
from runners.child.worker import install, run_task
from runners.model import Factory, locate

WORKERS = 2
FORK = multiprocessing.get_context("fork")

Runner = Callable[[Sequence[int]], object]


def nothing(task: int) -> object:
    pass


class Nothing:
    """The same as a workload."""

    def __call__(self, task: int) -> object:
        pass


PAYLOAD = pickle.dumps(Nothing())


def serial(tasks: Sequence[int]) -> object:
    return [nothing(task) for task in tasks]


def thread(tasks: Sequence[int]) -> object:
    parts: list[object] = [None] * WORKERS

    def work(k: int) -> None:
        parts[k] = serial(tasks[k::WORKERS])

    workers = [threading.Thread(target=work, args=(k,)) for k in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return parts


def process(tasks: Sequence[int]) -> object:
    def work(share: Sequence[int], sender: Connection) -> None:
        sender.send(serial(share))

    receivers, workers = [], []
    for k in range(WORKERS):
        receiver, sender = FORK.Pipe(duplex=False)
        worker = FORK.Process(target=work, args=(tasks[k::WORKERS], sender))
        worker.start()
        sender.close()
        receivers.append(receiver)
        workers.append(worker)
    parts = [receiver.recv() for receiver in receivers]
    for worker in workers:
        worker.join()
    return parts


def pool(tasks: Sequence[int], chunksize: int | None = None) -> object:
    with FORK.Pool(WORKERS) as workers:
        results = workers.map(nothing, tasks, chunksize)
        workers.close()
        workers.join()
    return results


def pool_singly(tasks: Sequence[int]) -> object:
    return pool(tasks, chunksize=1)


def thread_pool(tasks: Sequence[int]) -> object:
    with ThreadPoolExecutor(WORKERS) as workers:
        return list(workers.map(nothing, tasks))


@dataclass(frozen=True, slots=True)
class Pair:
    """A bare construct and the executor that wraps it."""

    name: str
    bare: Runner
    executor: Factory

    def ours(self, tasks: Sequence[int]) -> object:
        make = partial(
            locate(self.executor.target),
            **self.executor.parameters,
            initializer=install,
            initargs=(PAYLOAD,),
        )
        return timed(make, run_task, tasks)


THREADS: dict[str, Any] = {"max_workers": WORKERS}
PROCESSES = THREADS | {"start_method": "fork"}
POOL = "runners.executors.pool.Pool"
PAIRS = (
    Pair("serial", serial, Factory("runners.executors.serial.Serial", {})),
    Pair("thread", thread, Factory("runners.executors.thread.Thread", THREADS)),
    Pair("process", process, Factory("runners.executors.process.Process", PROCESSES)),
    Pair("pool", pool, Factory(POOL, PROCESSES)),
    Pair("pool, chunks of 1", pool_singly, Factory(POOL, PROCESSES | {"chunksize": 1})),
    Pair("thread pool", thread_pool, Factory("concurrent.futures.ThreadPoolExecutor", THREADS)),
)


def seconds(run: Runner, tasks: Sequence[int]) -> float:
    gc.collect()
    begin = time.perf_counter()
    run(tasks)
    return time.perf_counter() - begin


def main() -> None:
    repeats, count = (int(a) for a in (*sys.argv[1:], *("40", "10000")[len(sys.argv) - 1 :]))
    install(PAYLOAD)  # as the measuring process has it before its first run
    sizes = {"task": list(range(count)), "run": list(range(WORKERS))}
    walls: dict[tuple[str, str, str], list[float]] = {}
    for repeat in range(-1, repeats):
        for pair in PAIRS:
            for size, tasks in sizes.items():
                sides = [("bare", pair.bare), ("ours", pair.ours)]
                random.shuffle(sides)
                for side, run in sides:
                    wall = seconds(run, tasks)
                    if repeat >= 0:  # the one before is warm-up
                        walls.setdefault((pair.name, size, side), []).append(wall)

    # numpy only now: its threads would make the forks slower than those of a measuring process.
    from runners.analysis.headline import paired_ratio

    print("| executor | bare µs a task | through us | extra | ratio | bare ms a run | through us |")
    print("|---|---|---|---|---|---|---|")
    for pair in PAIRS:
        bare, ours = (walls[pair.name, "task", side] for side in ("bare", "ours"))
        a_task = [median(side) / count * 1e6 for side in (bare, ours)]
        a_run = [median(walls[pair.name, "run", side]) * 1e3 for side in ("bare", "ours")]
        ratio = paired_ratio(ours, bare)
        cells = (
            pair.name,
            *(f"{value:.2f}" for value in (*a_task, a_task[1] - a_task[0])),
            f"{ratio.estimate:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]",
            *(f"{value:.3f}" for value in a_run),
        )
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
