"""A point whose two coordinates change together: without a lock, readers see half a change.

Threads share a plain object with two attributes, processes a structure in shared memory.

`lock=rlock` is the textbook's class: `move` takes the mutex and calls the two setters, which take
it again. With a plain lock that would wait for itself for ever, so the setters leave it alone.
That the setters are calls matters to threads: CPython gives the GIL away at calls and at the end of
a loop's body, so that of two plain assignments in a row nobody ever sees only the first.
"""

import ctypes
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from multiprocessing.context import BaseContext
from types import SimpleNamespace
from typing import Any, Literal

from runners.model import WrongResult, at_least


class Coordinates(ctypes.Structure):
    """The two attributes of a point, in memory that processes can share."""

    _fields_ = (("x", ctypes.c_double), ("y", ctypes.c_double))


class Guarded:
    """A point; `nested` guards each setter and `mutex` all that belongs together."""

    def __init__(self, at: Any, mutex: Any, nested: Any) -> None:
        self.at = at
        self.mutex = mutex
        self.nested = nested

    def set_x(self, x: float) -> None:
        with self.nested:
            self.at.x = x

    def set_y(self, y: float) -> None:
        with self.nested:
            self.at.y = y

    def move(self, x: float, y: float) -> None:
        with self.mutex:
            self.set_x(x)
            self.set_y(y)

    def read(self) -> tuple[float, float]:
        with self.mutex:
            return self.at.x, self.at.y


@dataclass
class Point:
    """`writers` tasks move the point along the diagonal, `readers` tasks look where it is.

    Each writer makes `moves` moves, each reader `reads` readings. A reading whose coordinates
    differ is torn.
    """

    lock: Literal["none", "lock", "rlock"]
    writers: int
    readers: int
    moves: int
    reads: int
    _point: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least(self, 1, "writers", "readers", "moves", "reads")

    def share(self, sync: Any) -> tuple[Any, Any]:
        """Where the point is, and its mutex."""
        at = sync.RawValue(Coordinates) if isinstance(sync, BaseContext) else SimpleNamespace()
        at.x = at.y = 0.0
        return at, {"none": nullcontext, "lock": sync.Lock, "rlock": sync.RLock}[self.lock]()

    def attach(self, shared: tuple[Any, Any]) -> None:
        at, mutex = shared
        self._point = Guarded(at, mutex, nullcontext() if self.lock == "lock" else mutex)

    def tasks(self) -> Sequence[str]:
        return ["write"] * self.writers + ["read"] * self.readers

    def __call__(self, task: str) -> tuple[str, int]:
        """The task, and the number of its moves or of its torn readings."""
        point: Guarded = self._point
        if task == "write":
            for k in range(self.moves):
                point.move(k, k)
            return task, self.moves
        torn = 0
        for _ in range(self.reads):
            x, y = point.read()
            torn += x != y
        return task, torn

    def same(self, one: Any, other: Any) -> bool:
        return True  # what is torn is chance

    def metrics(self, results: Sequence[tuple[str, int]]) -> dict[str, float]:
        return {
            "reads": self.readers * self.reads,
            "torn_reads": sum(torn for _, torn in results[self.writers :]),
        }

    def check(self, results: Sequence[tuple[str, int]]) -> None:
        written, read = list(results[: self.writers]), list(results[self.writers :])
        if written != [("write", self.moves)] * self.writers:
            raise WrongResult(f"{self.writers} times {self.moves} moves, not {written}")
        allowed = range(1 if self.lock != "none" else self.reads + 1)
        fitting = [("read", torn) for task, torn in _pairs(read) if torn in allowed]
        if fitting != read or len(read) != self.readers:
            raise WrongResult(
                f"with lock={self.lock}, {self.readers} readers may see at most {allowed[-1]} torn "
                f"readings each, not {read}"
            )


def _pairs(results: Sequence[Any]) -> list[tuple[Any, Any]]:
    return [result for result in results if isinstance(result, tuple)]
