"""A producer and its consumers: numbers of one file become squares in another, through a queue."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Self

from runners.model import WrongResult, at_least
from runners.workloads.meeting import meet, taker

STOP = "stop"
Task = tuple[str, str]


@dataclass
class Squares:
    """A producer reads `numbers` numbers and queues them; `consumers` write down their squares.

    When all of them are done, each consumer gets the stop word. The files, with a number a line,
    exist while this is entered.
    """

    numbers: int
    consumers: int
    shared: Any = field(default=None, init=False, repr=False, compare=False)
    _folder: "tempfile.TemporaryDirectory[str] | None" = field(
        default=None, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        at_least(self, 1, "numbers", "consumers")

    @property
    def minimum_workers(self) -> int:
        return 1 + self.consumers

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._path("input.txt").write_text("".join(f"{k}\n" for k in _numbers(self.numbers)))
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._folder is not None
        self._folder.cleanup()
        self._folder = None

    def _path(self, name: str) -> Path:
        if self._folder is None:
            raise RuntimeError("there are no files: enter the workload before its tasks")
        return Path(self._folder.name, name)

    def share(self, sync: Any) -> Any:
        self._path("output.txt").write_text("")
        return sync.JoinableQueue(), sync.Lock(), sync.Barrier(self.minimum_workers)

    def attach(self, shared: Any) -> None:
        self.shared = shared

    def tasks(self) -> Sequence[Task]:
        """What to do, and the path of the file to do it with."""
        produce = "produce", str(self._path("input.txt"))
        return [produce] + [("consume", str(self._path("output.txt")))] * self.consumers

    def __call__(self, task: Task) -> int | float:
        """The seconds till all was done, of the producer; the numbers squared, of a consumer."""
        role, path = task
        return self._produce(path) if role == "produce" else self._consume(path)

    def _produce(self, path: str) -> float:
        queue, _, barrier = self.shared
        with open(path) as file:
            meet(barrier)
            begin = time.perf_counter_ns()
            for line in file:
                queue.put(int(line))
        # It has no time limit, and needs none: a consumer does not give up before the stop word.
        queue.join()
        end = time.perf_counter_ns()
        for _ in range(self.consumers):
            queue.put(STOP)
        return (end - begin) / 1e9

    def _consume(self, path: str) -> int:
        queue, lock, barrier = self.shared
        take = taker(queue)
        done = 0
        failure: OSError | None = None
        with open(path, "a", buffering=1) as file:
            meet(barrier)
            while (number := take()) != STOP:
                try:
                    with lock:
                        file.write(f"{number * number}\n")
                    done += 1
                except OSError as error:
                    failure = error
                finally:
                    queue.task_done()
        if failure is not None:
            raise failure
        return done

    def same(self, one: int | float, other: int | float) -> bool:
        return True  # which consumer squares how many is up to chance

    def metrics(self, results: Sequence[int | float]) -> dict[str, float]:
        return {"numbers_per_s": self.numbers / results[0]}

    def check(self, results: Sequence[int | float]) -> None:
        """Compare the output with the squares: in their order, if there is one consumer."""
        kinds = [type(result) for result in results]
        if kinds != [float] + [int] * self.consumers or sum(results[1:]) != self.numbers:
            raise WrongResult(f"{self.consumers} consumers for {self.numbers} numbers: {results}")
        expected = [str(number * number) for number in _numbers(self.numbers)]
        found = self._path("output.txt").read_text().splitlines()
        if self.consumers > 1:
            expected, found = sorted(expected), sorted(found)
        if found != expected:
            raise WrongResult(f"the {len(found)} lines of the output are not the squares")


@cache
def _numbers(count: int) -> list[int]:
    return Random(1).choices(range(1_000_000), k=count)
