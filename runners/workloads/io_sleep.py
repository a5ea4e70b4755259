"""Sleeps of random length: tasks that wait, as for a disk or a network, and compute nothing."""

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from runners.model import InvalidParameter, WrongResult, at_least


@dataclass(frozen=True, slots=True)
class IoSleep:
    """`repeat` sleeps of `low` to `high` seconds, uniformly distributed, drawn with `seed`.

    With `step` each is a whole multiple of so many seconds.
    """

    repeat: int
    low: float
    high: float
    seed: int
    step: float | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, "repeat")
        if not self.low >= 0:
            raise InvalidParameter("low", f"must be at least 0 seconds, not {self.low}")
        if not self.low <= self.high < math.inf:
            raise InvalidParameter(
                "high", f"must be finite and at least low, {self.low} seconds, not {self.high}"
            )
        if self.step is not None and not (0 < self.step < math.inf and self._multiples(self.step)):
            raise InvalidParameter(
                "step",
                f"must be finite, above 0 seconds, and have a multiple between low, {self.low} "
                f"seconds, and high, {self.high} seconds; not {self.step}",
            )

    def tasks(self) -> Sequence[float]:
        """The duration of each sleep in seconds."""
        generator = random.Random(self.seed)
        if self.step is not None:
            multiples = self._multiples(self.step)
            return [generator.choice(multiples) * self.step for _ in range(self.repeat)]
        return [generator.uniform(self.low, self.high) for _ in range(self.repeat)]

    def tasks_for(self, count: int) -> Sequence[float]:
        """The same sleeps again: other draws would be more or less work, and there is no data."""
        return [*self.tasks()] * count

    def _multiples(self, step: float) -> range:
        # Rounded, because 0.3 / 0.1 is less than 3.
        low, high = (round(bound / step, 6) for bound in (self.low, self.high))
        return range(math.ceil(low), math.floor(high) + 1)

    def __call__(self, task: float) -> float:
        """Sleep, and return the duration asked for: the true one would differ in every run."""
        time.sleep(task)
        return task

    async def acall(self, task: float) -> float:
        from asyncio import sleep  # only here, to keep the other workers light

        await sleep(task)
        return task

    def check(self, results: Sequence[float]) -> None:
        tasks = self.tasks_for(max(1, len(results) // self.repeat))
        if list(results) != tasks:
            raise WrongResult(f"the sleeps have to take {tasks} seconds, not {results}")
