"""Counting down: equal tasks that do nothing but hold the GIL, in a build that has one."""

from collections.abc import Sequence
from dataclasses import dataclass

from runners.model import WrongResult, at_least


def count(c: int) -> int:
    """Count down from `c` and return where that ended: 0."""
    while c > 0:
        c -= 1
    return c


@dataclass(frozen=True, slots=True)
class Countdown:
    """`repeat` countdowns, each from `count`."""

    count: int
    repeat: int

    def __post_init__(self) -> None:
        at_least(self, 1, "count", "repeat")

    def tasks(self) -> Sequence[int]:
        return self.tasks_for(1)

    def tasks_for(self, count: int) -> Sequence[int]:
        """A countdown has no data: no two have any in common."""
        return [self.count] * (self.repeat * count)

    def __call__(self, task: int) -> int:
        return count(task)

    def check(self, results: Sequence[int]) -> None:
        times, rest = divmod(len(results), self.repeat)
        if rest or not times or any(result != 0 for result in results):
            raise WrongResult(f"{self.repeat} countdowns have to end at 0, not at {results}")
