"""Products of matrices with numpy: limited by the CPUs, for which BLAS has threads of its own.

n workers have n times as many BLAS threads. If there are more of them than CPUs, they slow each
other down. `blas_threads` caps them; the serial baseline has the same cap. A worker's CPU time is
that of its own thread, so the ladder takes what BLAS's other threads compute for waiting.
"""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from runners.model import InvalidParameter, WrongResult, at_least

Result = tuple[list[float], int]


@dataclass(frozen=True, slots=True)
class Matmul:
    """In each of `pieces` tasks, two square matrices of `size` rows are multiplied `repeat` times.

    BLAS has `blas_threads` threads in each process, or as many as it likes if that is None.
    """

    size: int
    blas_threads: int | None
    repeat: int
    pieces: int

    def __post_init__(self) -> None:
        at_least(self, 1, "size", "repeat", "pieces")
        if self.blas_threads is not None and self.blas_threads < 1:
            raise InvalidParameter(
                "blas_threads", f"must be at least 1, or null for no cap, not {self.blas_threads}"
            )

    def tasks(self) -> Sequence[int]:
        return range(self.pieces)

    def __call__(self, task: int) -> Result:
        """The sum of each row of the product, and the number of BLAS threads in effect."""
        threads = _cap(self.blas_threads)
        left, right = _matrices(self.size)
        for _ in range(self.repeat):
            product = left @ right
        return product.sum(axis=1).tolist(), threads

    def check(self, results: Sequence[Result]) -> None:
        """The sums of rows follow from integers alone, (A B) 1 = A (B 1), without BLAS."""
        expected = _row_sums(self.size)
        if [sums for sums, *_ in results] != [expected] * self.pieces:
            raise WrongResult(f"the products are not {self.pieces} times the right one")

    def same(self, a: Result, b: Result) -> bool:
        """Whether the sums agree; workers may have another number of BLAS threads."""
        return a[0] == b[0]

    def metrics(self, results: Sequence[Result]) -> dict[str, float]:
        """`blas_threads`: in effect in a worker; 0 where it cannot be told."""
        return {"blas_threads": float(max(threads for _, threads in results))}


@cache
def _matrices(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Small whole numbers: their product is exact, whatever the order of its additions."""
    left, right = np.random.default_rng(1).integers(0, 8, (2, size, size)).astype(float)
    return left, right


@cache
def _row_sums(size: int) -> list[float]:
    left, right = (matrix.astype(np.int64) for matrix in _matrices(size))
    return [float(total) for total in left @ right.sum(axis=1)]


@cache
def _blas() -> ThreadpoolController:
    """The BLAS libraries of this process; to find them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")


_here = threading.local()


def _cap(threads: int | None) -> int:
    """Cap the threads of BLAS at the first call in each worker; the number in effect, 0: unknown.

    In each thread, because a BLAS built on OpenMP counts by thread; in each process, because a
    forked one starts the threads anew.
    """
    asked = os.getpid(), threads
    if getattr(_here, "asked", None) != asked:
        if threads not in (None, _in_effect()):
            _blas().limit(limits=threads)
        _here.asked, _here.threads = asked, _in_effect()
    count: int = _here.threads
    return count


def _in_effect() -> int:
    return max((library["num_threads"] for library in _blas().info()), default=0)
