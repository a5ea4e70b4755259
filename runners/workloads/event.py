"""An event: any number of tasks wait for one flag, and the time until each wakes up is measured."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runners.model import WrongResult, at_least, finite_seconds
from runners.workloads.meeting import PATIENCE_S, meet

clock_ns = time.perf_counter_ns  # on Linux one clock for all processes


@dataclass(frozen=True, slots=True)
class Setting:
    """When the event was set, and whether `is_set` said so before, after, and after `clear`."""

    at_ns: int
    before: bool
    after: bool
    cleared: bool


@dataclass
class Event:
    """One task sets the event, `waiters` tasks wait for it; `repeat` times.

    It is set `pause_s` seconds after all have said that they are about to wait, and cleared when
    all have woken up.
    """

    waiters: int
    repeat: int
    pause_s: float
    shared: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least(self, 1, "waiters", "repeat")
        finite_seconds(self, "pause_s")

    @property
    def minimum_workers(self) -> int:
        return self.waiters + 1

    def share(self, sync: Any) -> tuple[Any, Any]:
        """The event, and the barrier at which all meet before and after."""
        return sync.Event(), sync.Barrier(self.waiters + 1)

    def attach(self, shared: tuple[Any, Any]) -> None:
        self.shared = shared

    def tasks(self) -> Sequence[int]:
        """0 sets the event, the others wait for it."""
        return range(self.waiters + 1)

    def __call__(self, task: int) -> list[Setting] | list[int]:
        """Of each repetition, how the event was set, or the time in ns when this task woke up."""
        return self._wait() if task else self._set()

    def _set(self) -> list[Setting]:
        event, barrier = self.shared
        settings = []
        for _ in range(self.repeat):
            meet(barrier)
            time.sleep(self.pause_s)
            before = event.is_set()
            at_ns = clock_ns()
            event.set()
            after = event.is_set()
            meet(barrier)
            event.clear()
            settings.append(Setting(at_ns, before, after, not event.is_set()))
        return settings

    def _wait(self) -> list[int]:
        event, barrier = self.shared
        woken = []
        for _ in range(self.repeat):
            meet(barrier)
            if not event.wait(PATIENCE_S + self.pause_s):
                raise TimeoutError(f"the event was not set for {PATIENCE_S + self.pause_s:g} s")
            woken.append(clock_ns())
            meet(barrier)
        return woken

    def same(self, one: Any, other: Any) -> bool:
        return True  # times

    def metrics(self, results: Sequence[Any]) -> dict[str, float]:
        """From just before the event is set until a waiter has woken up: median and longest."""
        wakes = sorted(self._wakes_ns(results))
        return {
            "wakes": len(wakes),
            "wake_median_s": (wakes[(len(wakes) - 1) // 2] + wakes[len(wakes) // 2]) / 2e9,
            "wake_max_s": wakes[-1] / 1e9,
        }

    def _wakes_ns(self, results: Sequence[Any]) -> list[int]:
        settings, *waiters = results
        return [
            woken_ns - setting.at_ns
            for waiter in waiters
            for setting, woken_ns in zip(settings, waiter, strict=True)
        ]

    def check(self, results: Sequence[Any]) -> None:
        lengths = [len(part) for part in results if isinstance(part, list)]
        if len(results) != self.waiters + 1 or lengths != [self.repeat] * len(results):
            raise WrongResult(f"{self.waiters + 1} lists of {self.repeat} times, not {results}")
        for setting in results[0]:
            if (setting.before, setting.after, setting.cleared) != (False, True, True):
                raise WrongResult(
                    f"is_set has to be false, true after set, false after clear, not {setting}"
                )
        if min(self._wakes_ns(results)) < 0:
            raise WrongResult("a waiter went on before the event was set")
