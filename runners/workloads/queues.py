"""Queues between producers and consumers: limited by the queue's lock, and by pickling if between
processes.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, NamedTuple

from runners.model import Unsupported, WrongResult, at_least
from runners.workloads.meeting import meet, taker

CLASSES = {
    "fifo": "Queue",
    "lifo": "LifoQueue",
    "priority": "PriorityQueue",
    "simple": "SimpleQueue",
}

NUMBERS = Random(1).sample(range(1000), 100)
"""What is put and then taken to see the queue's order; few enough for the buffer of a pipe."""


class Part(NamedTuple):
    """What one task did, and when by `time.perf_counter_ns`.

    `order` are the numbers as the first consumer took them out again.
    """

    begin_ns: int
    end_ns: int
    order: list[int]
    items: list[int]


@dataclass
class Queues:
    """`producers` tasks put `items` numbers into a queue, `consumers` tasks take them out.

    Beforehand one producer puts 100 numbers, and when they are all in, one consumer takes them.
    """

    kind: Literal["fifo", "lifo", "priority", "simple"]
    producers: int
    consumers: int
    items: int
    shared: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least(self, 1, "producers", "consumers", "items")

    @property
    def minimum_workers(self) -> int:
        return self.producers + self.consumers

    def share(self, sync: Any) -> Any:
        make = getattr(sync, CLASSES[self.kind], None)
        if make is None:
            raise Unsupported(
                f"multiprocessing has no {CLASSES[self.kind]}; "
                "set workload.kind=fifo or simple, or use threads"
            )
        return make(), sync.Barrier(self.minimum_workers)

    def attach(self, shared: Any) -> None:
        self.shared = shared

    def tasks(self) -> Sequence[int]:
        """The producers, then the consumers."""
        return range(self.minimum_workers)

    def __call__(self, task: int) -> Part:
        queue, barrier = self.shared
        take = taker(queue)
        order: list[int] = []
        items: list[int] = []
        meet(barrier)
        if task == 0:
            for number in NUMBERS:
                queue.put(number)
        meet(barrier)
        if task == self.producers:
            order = [take() for _ in NUMBERS]
        meet(barrier)
        begin = time.perf_counter_ns()
        if task < self.producers:
            for item in range(task, self.items, self.producers):
                queue.put(item)
        else:
            share = range(task - self.producers, self.items, self.consumers)
            items = [take() for _ in share]
        return Part(begin, time.perf_counter_ns(), order, items)

    def same(self, one: Part, other: Part) -> bool:
        return True  # who gets which item is up to chance

    def metrics(self, results: Sequence[Part]) -> dict[str, float]:
        begin = min(part.begin_ns for part in results)
        end = max(part.end_ns for part in results)
        return {"items_per_s": self.items / (end - begin) * 1e9}

    def check(self, results: Sequence[Part]) -> None:
        """The queue keeps its order, and every item comes out once.

        A FIFO queue also keeps, for each consumer, the items of a producer in their order.
        """
        if [isinstance(part, Part) for part in results] != [True] * self.minimum_workers:
            raise WrongResult(f"the results of {self.minimum_workers} tasks are {results}")
        expected = {"lifo": NUMBERS[::-1], "priority": sorted(NUMBERS)}.get(self.kind, NUMBERS)
        if (order := results[self.producers].order) != expected:
            raise WrongResult(f"a {self.kind} queue gives {expected}, not {order}")
        if sorted(item for part in results for item in part.items) != [*range(self.items)]:
            raise WrongResult(f"not every one of {self.items} items came out once")
        if self.kind in ("fifo", "simple"):
            for part in results:
                for producer in range(self.producers):
                    own = [item for item in part.items if item % self.producers == producer]
                    if own != sorted(own):
                        raise WrongResult(f"items of producer {producer} overtook each other")
