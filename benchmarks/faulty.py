"""The workload of the soak: which fault it has is drawn from its number."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from misbehaving import Misbehaving  # type: ignore[import-not-found]

FAULTS = {
    "nothing": {"ok"},
    "raising": {"failed"},
    "dying": {"crashed"},
    "exiting_at_once": {"crashed"},
    "segfaulting": {"crashed"},
    "hanging": {"timeout"},
    "unpicklable": {"failed", "wrong"},
    "unchecked": {"wrong"},
    "closing": {"ok"},
    "leaving_processes": {"ok"},
}
"""What may happen in a cell, and the statuses that tell the truth about it."""


def drawn(seed: int, number: int) -> str:
    """The fault of that number; every other cell has none."""
    chance = random.Random(f"{seed} {number}")
    return chance.choice(["nothing", chance.choice(list(FAULTS))])


@dataclass(frozen=True, slots=True)
class Faulty:
    seed: int
    number: int

    @property
    def inner(self) -> Any:
        return Misbehaving(drawn(self.seed, self.number), 2)

    def tasks(self) -> Sequence[int]:
        return list(self.inner.tasks())

    def __call__(self, task: int) -> Any:
        return self.inner(task)

    def check(self, results: Sequence[Any]) -> None:
        self.inner.check(results)
