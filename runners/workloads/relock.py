"""Taking a lock that one already holds: a plain lock blocks, a reentrant one does not.

The second `acquire` has a time limit, without which a plain lock would wait for itself for ever.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from runners.model import WrongResult, at_least, finite_seconds


@dataclass
class Relock:
    """Each of `pieces` tasks takes its own lock twice; the second attempt waits for `timeout_s`."""

    lock: Literal["lock", "rlock"]
    timeout_s: float
    pieces: int
    shared: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        finite_seconds(self, "timeout_s")
        at_least(self, 1, "pieces")

    def share(self, sync: Any) -> list[Any]:
        """A lock for each task."""
        make = {"lock": sync.Lock, "rlock": sync.RLock}[self.lock]
        return [make() for _ in range(self.pieces)]

    def attach(self, shared: list[Any]) -> None:
        self.shared = shared

    def tasks(self) -> Sequence[int]:
        return range(self.pieces)

    def __call__(self, task: int) -> tuple[bool, float]:
        """Whether the lock was obtained a second time, and how many seconds that took."""
        lock = self.shared[task]
        with lock:
            begin = time.perf_counter()
            obtained = lock.acquire(timeout=self.timeout_s)
            waited_s = time.perf_counter() - begin
            if obtained:
                lock.release()
        return obtained, waited_s

    def same(self, one: Any, other: Any) -> bool:
        return bool(one[0] == other[0])

    def metrics(self, results: Sequence[tuple[bool, float]]) -> dict[str, float]:
        """`blocked`: 1 if the second time failed, 0 if not; `waited_s`: the longest wait for it."""
        return {
            "blocked": float(not results[0][0]),
            "waited_s": max(waited_s for _, waited_s in results),
        }

    def check(self, results: Sequence[tuple[bool, float]]) -> None:
        expected = self.lock == "rlock"
        fitting = [r for r in results if isinstance(r, tuple) and r[0] is expected]
        if len(fitting) != self.pieces or len(results) != self.pieces:
            raise WrongResult(
                f"in {self.pieces} tasks, taking the {self.lock} a second time has to give "
                f"{expected}, not {results}"
            )
