"""What a sweep has left of its time, and how long it will take."""

import time
from collections.abc import Sequence
from dataclasses import replace

from runners.command.progress import clock
from runners.model import Plan


class OutOfTime(Exception):
    """A cell does not fit into what is left of the time of its sweep; the message says so."""


class Pace:
    """How long a sweep has taken and will take, from the time budgets of its cells."""

    def __init__(self, began_s: float, budgets_s: Sequence[float]) -> None:
        self.began_s = began_s
        self.measuring_began_s = self.panel_began_s = time.monotonic()
        self.budgets_s = list(budgets_s)
        self.panel_cells = 1
        self.longest_s = 0.0

    def fitted(self, plans: Sequence[Plan]) -> list[Plan]:
        """The plans of a panel, their time cut to what the sweep has left.

        Raises OutOfTime at too little: as much as a cell took at most so far is enough for each;
        before the first one, anything is.
        """
        self.panel_began_s, self.panel_cells = time.monotonic(), len(plans)
        budget_s = plans[0].measure.sweep_budget_s if plans else None
        if budget_s is None:
            return list(plans)
        left_s = self.measuring_began_s + budget_s - self.panel_began_s
        if left_s <= self.longest_s * len(plans):
            raise OutOfTime(
                f"of measure.sweep_budget_s={budget_s:g} only {max(left_s, 0):.1f} s are left"
            )
        each_s = min(plans[0].measure.time_budget_s, left_s / len(plans))
        return [
            replace(plan, measure=replace(plan.measure, time_budget_s=each_s)) for plan in plans
        ]

    def ended(self, done: int) -> tuple[float, float]:
        """So many cells have ended; seconds since the sweep began, and seconds left."""
        now_s = time.monotonic()
        each_s = (now_s - self.panel_began_s) / max(self.panel_cells, 1)
        self.longest_s = max(self.longest_s, each_s)
        spent_s, planned_s = now_s - self.measuring_began_s, sum(self.budgets_s[:done])
        # The budgets of what is left, in the proportion in which those so far were used up.
        left_s = sum(self.budgets_s[done:]) * (spent_s / planned_s if planned_s else 1.0)
        return now_s - self.began_s, left_s

    def told(self, done: int) -> str:
        """The same in words, for the line of a cell."""
        elapsed_s, left_s = self.ended(done)
        return f"{clock(elapsed_s)}, {clock(left_s)} left at this pace" if left_s else ""

    def left(self, done: int) -> str:
        """The same while cells are measured, so many having ended before.

        Until some have, that is what all of them may take.
        """
        spent_s, planned_s = self.panel_began_s - self.measuring_began_s, sum(self.budgets_s[:done])
        now_s = time.monotonic()
        left_s = sum(self.budgets_s[done:]) * (spent_s / planned_s if planned_s else 1.0)
        left = clock(max(left_s - (now_s - self.panel_began_s), 0))
        told = f"{left} left at this pace" if planned_s else f"at most {left} left"
        return f"{clock(now_s - self.began_s)} gone, {told}"
