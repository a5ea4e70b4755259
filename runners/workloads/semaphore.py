"""A bounded semaphore: it lets so many tasks in at once, however many workers there are."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runners.model import WrongResult, at_least, finite_seconds
from runners.workloads.meeting import PATIENCE_S


@dataclass
class Semaphore:
    """Each of `pieces` tasks enters and stays for `dwell_s` seconds; at most `limit` at a time.

    With enough workers the run takes as long as `pieces` / `limit` stays, rounded up. Each task
    also releases a semaphore that nobody entered, once more than is allowed.
    """

    limit: int
    dwell_s: float
    pieces: int
    shared: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least(self, 1, "limit", "pieces")
        finite_seconds(self, "dwell_s")

    def share(self, sync: Any) -> tuple[Any, ...]:
        """The semaphore, one that nobody enters, and the number of tasks inside with its lock."""
        gate, unused = (sync.BoundedSemaphore(self.limit) for _ in range(2))
        return gate, unused, sync.RawValue("i", 0), sync.Lock()

    def attach(self, shared: tuple[Any, ...]) -> None:
        self.shared = shared

    def tasks(self) -> Sequence[int]:
        return range(self.pieces)

    def __call__(self, task: int) -> tuple[int, bool]:
        """How many were inside on entering, and whether a release too many was an error."""
        gate, unused, inside, lock = self.shared
        patience_s = PATIENCE_S + self.pieces * self.dwell_s
        if not gate.acquire(timeout=patience_s):
            raise TimeoutError(f"nobody left the semaphore for {patience_s:g} s")
        with lock:
            inside.value += 1
            crowd = inside.value
        time.sleep(self.dwell_s)
        with lock:
            inside.value -= 1
        gate.release()
        try:
            unused.release()
        except ValueError:
            return crowd, True
        return crowd, False

    def same(self, one: Any, other: Any) -> bool:
        return True  # how many are inside depends on the number of workers

    def metrics(self, results: Sequence[tuple[int, bool]]) -> dict[str, float]:
        """`most_inside` at once; of `extra_releases`, how many were `extra_releases_accepted`.

        Where the system cannot tell a semaphore's value (macOS), those of processes refuse none.
        """
        return {
            "most_inside": max(crowd for crowd, _ in results),
            "extra_releases": len(results),
            "extra_releases_accepted": sum(not refused for _, refused in results),
        }

    def check(self, results: Sequence[tuple[int, bool]]) -> None:
        allowed = range(1, min(self.limit, self.pieces) + 1)
        fitting = [r for r in results if isinstance(r, tuple) and r[0] in allowed]
        if len(fitting) != self.pieces or len(results) != self.pieces:
            raise WrongResult(
                f"{self.pieces} tasks have to see 1 to {allowed[-1]} tasks inside, not {results}"
            )
