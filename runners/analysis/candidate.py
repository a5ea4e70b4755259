"""An executor with n workers as one of several that could be used."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from runners.analysis.interval import Interval
from runners.words.causes import bytes_text
from runners.words.rounding import bracketed

SIMPLEST = (
    *("thread_pool", "thread", "process_pool", "pool", "process"),
    *("interpreters", "asyncio", "loky", "dask", "mpi", "ray"),
)
"""Executors from the simplest to use on; those of others come after them."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An executor with n workers, and its speedup. `line` is its name beside the others.

    `core_s` are the core-seconds that a result takes, `memory_bytes` what all processes need; NaN
    where that is not known.
    """

    cell: str
    executor: str
    line: str
    n: int
    speedup: Interval
    coroutine: bool = False
    core_s: float = math.nan
    memory_bytes: float = math.nan

    @property
    def cost(self) -> tuple[int, int]:
        """What is simpler costs less: fewer workers first, then the simpler executor."""
        if self.coroutine:  # coroutines have no simpler home
            return self.n, -1
        known = self.executor in SIMPLEST
        return self.n, SIMPLEST.index(self.executor) if known else len(SIMPLEST)

    @property
    def told(self) -> str:
        """Its speedup, and its memory if that is known: "1.80× [1.75, 1.85] with 60 MB"."""
        memory = f" with {bytes_text(self.memory_bytes)}" if self.memory_bytes > 0 else ""
        return f"{times(self.speedup)}{memory}"


def times(interval: Interval) -> str:
    """As in "1.80× [1.75, 1.85]"."""
    return bracketed(interval.estimate, interval.low, interval.high, "×")


def joined(names: Iterable[str], last: str = "and") -> str:
    """As in "8", "8 and 16", "4, 8 and 16"."""
    *others, final = names
    return f" {last} ".join(filter(None, [", ".join(others), final]))
