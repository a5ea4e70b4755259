"""How far a cell has come, and when it has enough rounds."""

import math
import time
from collections.abc import Sequence

from runners.model import Measure

SPECIALISING_CALLS = 8
"""CPython 3.11 runs a function with a loop slowly until it was called so often (gh-93554)."""

STEADY = 0.95
"""A side still warms up while its best recent time is below this part of its best before."""


class Pace:
    """How far a cell has come: warming up or not, in which process, and whether it is enough.

    The number of rounds is decided once, after the pilot. To stop as soon as the interval looks
    narrow enough would stop at lucky moments: simulated, such intervals cover 88% instead of 95%.
    """

    def __init__(
        self, settings: Measure, begin_ns: int, earlier: Sequence[tuple[float, float]] = ()
    ) -> None:
        self.settings = settings
        self.begin_ns = begin_ns
        self.pairs = list(earlier)
        self.wanted = settings.min_rounds
        self.rounds_each = math.ceil(settings.min_rounds / settings.interpreters)
        self.ended_by: str | None = None
        if len(self.pairs) >= settings.min_rounds:
            self._decide()
        self.begin_process()

    def begin_process(self) -> None:
        self.warm: list[tuple[float, float]] = []
        self.steady: bool | None = None  # None: still warming up; False: the cap ended it
        self.kept = 0

    @property
    def cold(self) -> bool:
        """Whether no round has been run in this process."""
        return not self.warm

    def process_is_over(self) -> bool:
        return self.kept >= self.rounds_each

    def note(self, baseline_s: float, measured_s: float, tasks: int) -> None:
        """Take in a complete round; decide what it means for those to come."""
        pair = baseline_s, measured_s
        left_s = self.settings.time_budget_s - (time.perf_counter_ns() - self.begin_ns) / 1e9
        if self.steady is None:
            self.warm.append(pair)
            # Half of what is left is kept for the rounds that count.
            if len(self.warm) >= self.settings.warmup or sum(pair) > left_s / 2:
                self.steady = False
            if _is_steady(self.warm, tasks):
                self.steady = True
            return
        self.pairs.append(pair)
        self.kept += 1
        if len(self.pairs) == self.settings.min_rounds < self.settings.max_rounds:
            self._decide()
        ahead_s = sum(pair) * (1 + len(self.warm) * self.process_is_over())
        if len(self.pairs) >= self.wanted:
            self.ended_by = "rounds" if self.wanted == self.settings.max_rounds else "precision"
        elif ahead_s > left_s:
            self.ended_by = "time budget"

    def _decide(self) -> None:
        """After the pilot: how many rounds in all."""
        from runners.analysis.headline import rounds_needed

        settings = self.settings
        self.wanted = rounds_needed(
            *zip(*self.pairs, strict=True),
            interpreters=settings.interpreters,
            precision=settings.precision,
            fewest=settings.min_rounds,
            most=settings.max_rounds,
        )


def _is_steady(warm: list[tuple[float, float]], tasks: int) -> bool:
    """Whether neither side gets faster any more: its recent half against the half before.

    Minima, because noise only ever adds time. The cold round is left out. `tasks` is what the
    baseline runs in a round.
    """
    if len(warm) < max(3, math.ceil(SPECIALISING_CALLS / max(tasks, 1))):
        return False
    for side in zip(*warm[1:], strict=True):
        half = len(side) // 2
        if min(side[half:]) < STEADY * min(side[:half]):
            return False
    return True
