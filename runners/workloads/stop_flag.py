"""Stopping a worker: no thread can end another, which has to look at a flag and end itself.

Measured is the time from setting the flag until the last worker has seen it.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runners.model import WrongResult, at_least, finite_seconds
from runners.workloads.meeting import PATIENCE_S, meet

clock_ns = time.perf_counter_ns  # on Linux one clock for all processes

ENDINGS = {"cancel", "close", "end", "interrupt", "kill", "stop", "terminate"}
"""Names that a method to end a thread from outside might have."""


@dataclass
class StopFlag:
    """`computing` tasks compute until one more sets the flag, `after_s` seconds from the begin.

    They look at the flag after every `check_every` steps.
    """

    computing: int
    after_s: float
    check_every: int
    _shared: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least(self, 1, "computing", "check_every")
        finite_seconds(self, "after_s")

    @property
    def minimum_workers(self) -> int:
        return self.computing + 1

    def share(self, sync: Any) -> tuple[Any, Any]:
        """The flag, and the barrier at which all meet at the begin."""
        return sync.Event(), sync.Barrier(self.computing + 1)

    def attach(self, shared: tuple[Any, Any]) -> None:
        self._shared = shared

    def tasks(self) -> Sequence[int]:
        """0 sets the flag, the others compute."""
        return range(self.computing + 1)

    def __call__(self, task: int) -> tuple[int, int]:
        """The steps that it computed, and when in ns it asked the others to stop, or stopped."""
        flag, barrier = self._shared
        meet(barrier)
        return self._compute(flag) if task else self._ask(flag)

    def _ask(self, flag: Any) -> tuple[int, int]:
        time.sleep(self.after_s)
        asked_ns = clock_ns()
        flag.set()
        return 0, asked_ns

    def _compute(self, flag: Any) -> tuple[int, int]:
        deadline_ns = clock_ns() + round((self.after_s + PATIENCE_S) * 1e9)
        steps, number = 0, 1
        while not flag.is_set():
            for _ in range(self.check_every):
                number = number * 16_807 % 2_147_483_647
            steps += self.check_every
            if clock_ns() > deadline_ns:
                raise TimeoutError(
                    f"no request to stop came within {self.after_s + PATIENCE_S:g} s"
                )
        return steps, clock_ns()

    def same(self, one: Any, other: Any) -> bool:
        return True  # times

    def metrics(self, results: Sequence[tuple[int, int]]) -> dict[str, float]:
        """`stop_s`: from the request until the last one stopped; `steps` of all until then.

        Threads have `thread_methods_to_end_it`: none.
        """
        (_, asked_ns), *stopped = results
        return {
            "stop_s": (max(at_ns for _, at_ns in stopped) - asked_ns) / 1e9,
            "steps": sum(steps for steps, _ in stopped),
            "thread_methods_to_end_it": len(ENDINGS & set(dir(threading.Thread))),
        }

    def check(self, results: Sequence[tuple[int, int]]) -> None:
        pairs = [result for result in results if isinstance(result, tuple)]
        if len(pairs) != len(results) or len(results) != self.computing + 1:
            raise WrongResult(f"{self.computing + 1} pairs of steps and time, not {results}")
        (asking, asked_ns), *stopped = pairs
        for steps, at_ns in stopped:
            if asking != 0 or steps % self.check_every or at_ns < asked_ns:
                raise WrongResult(f"a task stopped without being asked: {results}")
