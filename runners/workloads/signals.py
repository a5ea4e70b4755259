"""Signals: how soon the main thread handles one while tasks compute.

A signal reaches the process at once, but its handler in Python runs in the main thread only: there
between two instructions where the tasks run in the main thread itself, otherwise while it waits for
them, as soon as it gets the GIL.
"""

import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Literal

from runners.model import WrongResult, at_least
from runners.workloads.countdown import count

clock_ns = time.perf_counter_ns  # on Linux one clock for all processes


@dataclass
class Signals:
    """`pieces` countdowns from `count`; halfway the first sends the measuring process a signal.

    The process itself is sent it, not its group, so that no worker process gets it. Meanwhile
    `beside` more threads of the measuring process compute, so that its main thread, where it
    computes itself, does not have the GIL to itself.
    """

    signal: Literal["SIGINT", "SIGTERM"]
    count: int
    pieces: int
    beside: int
    _threads: list[threading.Thread] = field(
        default_factory=list, init=False, repr=False, compare=False
    )
    _handled_ns: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    _stop: bool = field(default=False, init=False, repr=False, compare=False)
    _before: Any = field(default=None, init=False, repr=False, compare=False)
    _pid: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least(self, 1, "count", "pieces")
        at_least(self, 0, "beside")

    def share(self, sync: Any) -> int:
        """Handle the signal from now on; returns the process that does, which is this one."""
        self._handled_ns = []
        self._before = signal.signal(self._number, self._note)
        self._stop = False
        self._threads = [threading.Thread(target=self._compute) for _ in range(self.beside)]
        for thread in self._threads:
            thread.start()
        return os.getpid()

    def release(self, shared: int) -> None:
        self._stop = True
        for thread in self._threads:
            thread.join()
        self._threads = []
        signal.signal(self._number, self._before)

    def _compute(self) -> None:
        while not self._stop:
            count(1000)

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
        """Of `signals` those `signals_lost`; `delay_s`: from sending one until it was handled.

        `handled_meanwhile` is 1 if it was handled before all tasks had ended.
        """
        if not self._handled_ns:
            return {"signals": 1, "signals_lost": 1, "handled_meanwhile": 0}
        sent_ns, handled_ns = results[0][0], self._handled_ns[0]
        assert sent_ns is not None
        return {
            "signals": 1,
            "signals_lost": 0,
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
