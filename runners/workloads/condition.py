"""Producers and consumers that hand over numbers through a condition variable.

Whoever finds the buffer empty or full waits for a predicate, until another has changed the buffer
and notifies. In the end each consumer waits for a predicate that never comes true, with a time
limit.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from runners.model import WrongResult, at_least, finite_seconds
from runners.workloads.meeting import PATIENCE_S, meet

clock_ns = time.perf_counter_ns  # on Linux one clock for all processes

MADE, TAKEN = 0, 1


@dataclass(frozen=True, slots=True)
class Made:
    """A producer's work: how many numbers, and when it began."""

    count: int
    begin_ns: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A consumer's work: its numbers, when it had the last, and how its wait without end ended."""

    numbers: list[int]
    end_ns: int
    timed_out: bool
    timed_wait_s: float


@dataclass
class Condition:
    """`producers` tasks hand the numbers below `items` to `consumers` tasks, each number once.

    The buffer is a ring of `capacity` numbers. The wait without end lasts `timeout_s` seconds.
    """

    items: int
    capacity: int
    producers: int
    consumers: int
    timeout_s: float
    shared: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least(self, 1, "items", "capacity", "producers", "consumers")
        finite_seconds(self, "timeout_s")

    @property
    def minimum_workers(self) -> int:
        return self.producers + self.consumers

    def share(self, sync: Any) -> tuple[Any, ...]:
        """The ring, how many went in and came out, two conditions on one lock, and a barrier.

        At the barrier all meet first: how long workers take to start is not part of the rate.
        """
        lock = sync.Lock()
        return (
            sync.RawArray("q", self.capacity),
            sync.RawArray("q", 2),
            sync.Condition(lock),
            sync.Condition(lock),
            sync.Barrier(self.minimum_workers),
        )

    def attach(self, shared: tuple[Any, ...]) -> None:
        self.shared = shared

    def tasks(self) -> Sequence[int]:
        """The producers' numbers, from 0, then the consumers'."""
        return range(self.minimum_workers)

    def __call__(self, task: int) -> Made | Taken:
        return self._produce(task) if task < self.producers else self._consume()

    def _produce(self, task: int) -> Made:
        ring, done, not_empty, not_full, barrier = self.shared
        meet(barrier)
        begin_ns = clock_ns()
        own = range(task, self.items, self.producers)
        for number in own:
            with not_full:
                _await(not_full, lambda: done[MADE] - done[TAKEN] < self.capacity)
                ring[done[MADE] % self.capacity] = number
                done[MADE] += 1
                not_empty.notify()
        return Made(len(own), begin_ns)

    def _consume(self) -> Taken:
        ring, done, not_empty, not_full, barrier = self.shared
        meet(barrier)
        numbers = []
        end_ns = 0
        while True:
            with not_empty:
                _await(not_empty, lambda: done[TAKEN] < done[MADE] or done[TAKEN] == self.items)
                if done[TAKEN] == self.items:
                    break
                numbers.append(ring[done[TAKEN] % self.capacity])
                done[TAKEN] += 1
                if done[TAKEN] == self.items:
                    not_empty.notify_all()  # the other consumers have nothing to wait for
                not_full.notify()
            end_ns = clock_ns()
        with not_empty:
            begin = time.perf_counter()
            came_true = not_empty.wait_for(lambda: False, self.timeout_s)
            timed_wait_s = time.perf_counter() - begin
        return Taken(numbers, end_ns, not came_true, timed_wait_s)

    def same(self, one: Any, other: Any) -> bool:
        return True  # who takes which number is chance

    def metrics(self, results: Sequence[Any]) -> dict[str, float]:
        """The numbers handed over, how many a second from the first to the last, and the wait.

        `timed_out` is 1 if all waits without end ended at the limit, `timed_wait_s` the longest.
        """
        made, taken = results[: self.producers], results[self.producers :]
        lasted_ns = max(part.end_ns for part in taken) - min(part.begin_ns for part in made)
        return {
            "handovers": self.items,
            "handovers_per_s": self.items / (lasted_ns / 1e9),
            "timed_out": float(all(part.timed_out for part in taken)),
            "timed_wait_s": max(part.timed_wait_s for part in taken),
        }

    def check(self, results: Sequence[Any]) -> None:
        made = [part for part in results[: self.producers] if isinstance(part, Made)]
        taken = [part for part in results[self.producers :] if isinstance(part, Taken)]
        if (len(made), len(taken)) != (self.producers, self.consumers):
            raise WrongResult(
                f"{self.producers} producers and {self.consumers} consumers, not {results}"
            )
        numbers = sorted(chain.from_iterable(part.numbers for part in taken))
        if numbers != list(range(self.items)) or sum(part.count for part in made) != self.items:
            raise WrongResult(f"each number below {self.items} has to arrive once, not {numbers}")
        if not all(part.timed_out for part in taken):
            raise WrongResult("a wait for what is never true ended before its time limit")


def _await(condition: Any, predicate: Any) -> None:
    if not condition.wait_for(predicate, PATIENCE_S):
        raise TimeoutError(f"nobody changed the buffer for {PATIENCE_S:g} s")
