"""A workload and an executor whose speedup is known: the plug-ins of `benchmarks.honesty`.

A module of their own, because the measuring process imports it and has to stay light.
"""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

SPEEDUP = 2.0


@dataclass(frozen=True, slots=True)
class Nap:
    """One sleep of `seconds`, in the median; its length varies like a run on a noisy machine."""

    seconds: float
    noise: float

    def tasks(self) -> Sequence[float]:
        return [self.seconds]

    def __call__(self, task: float) -> None:
        time.sleep(task * random.lognormvariate(0, self.noise))

    def check(self, results: Sequence[None]) -> None:
        pass


class Shorter:
    """Runs its tasks one by one, each with SPEEDUP times less to sleep."""

    worker_kind = "caller"

    def __init__(self, initializer: Callable[..., object], initargs: tuple[Any, ...]) -> None:
        self.initializer = initializer
        self.initargs = initargs

    def __enter__(self) -> Self:
        self.initializer(*self.initargs)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        pass

    def map(self, function: Callable[[Any], Any], tasks: Iterable[float], /) -> list[Any]:
        return [function(task / SPEEDUP) for task in tasks]
