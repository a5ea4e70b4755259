"""Signals: how soon the main thread handles one while tasks compute.

A signal reaches the process at once, but its handler in Python runs in the main thread only: there
between two instructions where the tasks run in the main thread itself, otherwise while it waits for
them, as soon as it gets the GIL.
"""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Literal

from runners.model import InvalidParameter, WrongResult
from runners.workloads.countdown import count

clock_ns = time.perf_counter_ns  # on Linux one clock for all processes


@dataclass
class Signals:
    """`pieces` countdowns from `count`; halfway the first sends the measuring process a signal.

    The process itself is sent it, not its group, so that no worker process gets it.
    """

    signal: Literal["SIGINT", "SIGTERM"]
    count: int
    pieces: int
    _handled_ns: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    _before: Any = field(default=None, init=False, repr=False, compare=False)
    _pid: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("count", "pieces"):
            if getattr(self, name) < 1:
                raise InvalidParameter(name, f"must be at least 1, not {getattr(self, name)}")

    def share(self, sync: Any) -> int:
        """Handle the signal from now on; returns the process that does, which is this one."""
        self._handled_ns = []
        self._before = signal.signal(self._number, self._note)
        return os.getpid()

    def release(self, shared: int) -> None:
        signal.signal(self._number, self._before)

    @property
    def _number(self) -> int:
        return signal.Signals[self.signal]

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._handled_ns.append(clock_ns())

    def attach(self, shared: int) -> None:
        self._pid = shared

    def tasks(self) -> Sequence[int]:
        return range(self.pieces)

    def __call__(self, task: int) -> tuple[int | None, int]:
        """When in ns it sent the signal (None of those that send none), and when it ended."""
        half = self.count // 2
        count(half)
        sent_ns = None
        if task == 0:
            sent_ns = clock_ns()
            os.kill(self._pid, self._number)
        count(self.count - half)
        return sent_ns, clock_ns()

    def same(self, one: Any, other: Any) -> bool:
        return True  # times

    def metrics(self, results: Sequence[tuple[int | None, int]]) -> dict[str, float]:
        """`handled`: 1, or 0 if the signal was not; `delay_s`: from sending it until then.

        `handled_meanwhile` is 1 if it was handled before all tasks had ended.
        """
        if not self._handled_ns:
            return {"handled": 0, "handled_meanwhile": 0}
        sent_ns, handled_ns = results[0][0], self._handled_ns[0]
        assert sent_ns is not None
        return {
            "handled": 1,
            "handled_meanwhile": float(handled_ns < max(end_ns for _, end_ns in results)),
            "delay_s": (handled_ns - sent_ns) / 1e9,
        }

    def check(self, results: Sequence[tuple[int | None, int]]) -> None:
        pairs = [result for result in results if isinstance(result, tuple)]
        sent = [sent_ns for sent_ns, _ in pairs if sent_ns is not None]
        if len(pairs) != len(results) or len(results) != self.pieces or sent != [pairs[0][0]]:
            raise WrongResult(f"{self.pieces} tasks, the first of which sends, not {results}")
        if len(self._handled_ns) > 1 or any(at_ns < sent[0] for at_ns in self._handled_ns):
            raise WrongResult(f"sent once at {sent[0]}, but handled at {self._handled_ns}")
