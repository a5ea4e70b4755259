"""Two cells against each other: in the rounds that they have in common, if there are any."""

from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

from runners.analysis.headline import paired_ratio
from runners.analysis.interval import Interval
from runners.analysis.rounds import (
    FEWEST,
    Rounds,
    cell_codes,
    complete_rounds,
    in_common,
    python_codes,
    read_rounds,
)


class Comparison:
    """How many times faster one cell of `runs` is than another; `runs` is that of `read_runs`."""

    def __init__(self, runs: pd.DataFrame) -> None:
        code = cell_codes(runs)
        baseline, measured = complete_rounds(runs, code)
        rounds = read_rounds(runs, baseline, measured, np.ones(len(measured)))
        rows = runs.iloc[measured]
        weak = (rows["scaling"] == "weak").to_numpy(bool)
        # With weak scaling the speedup is scaled: n times the work was done.
        work = np.where(weak, rows["n"].to_numpy(float), 1.0)
        rounds = replace(rounds, measured_s=rounds.measured_s / work)
        of_cells = code[measured]
        ends = [0, *(np.flatnonzero(np.diff(of_cells)) + 1), len(of_cells)]
        interpreter = python_codes(rows)
        self.rounds: dict[str, Rounds] = {}
        self.interpreter: dict[str, int] = {}
        self._speedups: dict[tuple[str, float], Interval] = {}
        for start, stop in pairwise(ends):
            if start < stop:
                cell = str(rows["cell"].iloc[start])
                self.rounds[cell] = rounds.part(slice(start, stop))
                self.interpreter[cell] = int(interpreter[start])

    def ratio(self, one: str, other: str, confidence: float = 0.95) -> Interval:
        """The speedup of `one` over that of `other`.

        From the runs of both in their common rounds, whose noise they share; where they have none,
        from two speedups that were measured independently. Those of different interpreters have
        different baselines, which then count as well.
        """
        paired = self.paired(one, other, confidence)
        if paired is not None:
            return paired
        return self._speedup(one, confidence).over(self._speedup(other, confidence))

    def _speedup(self, cell: str, confidence: float) -> Interval:
        """That of a cell by itself, which is asked for with each of the others."""
        key = cell, confidence
        if key not in self._speedups:
            own = self.rounds[cell]
            self._speedups[key] = paired_ratio(
                own.baseline_s, own.measured_s, own.process, confidence
            )
        return self._speedups[key]

    def paired(self, one: str, other: str, confidence: float = 0.95) -> Interval | None:
        """The same from their common rounds alone; None where there are not enough."""
        if not {one, other} <= self.rounds.keys():
            return None
        a, b = self.rounds[one], self.rounds[other]
        if self.interpreter[one] == self.interpreter[other]:
            return paired_speedups(a, b, confidence)
        a, b = in_common(a, b)
        if len(a.process) < FEWEST:
            return None
        mine, its = (rounds.baseline_s / rounds.measured_s for rounds in (a, b))
        return paired_ratio(mine, its, a.process, confidence)

    def paired_times(self, one: str, other: str, confidence: float = 0.95) -> Interval | None:
        """How many times as long `other` takes, in their common rounds, whatever ran them."""
        if not {one, other} <= self.rounds.keys():
            return None
        return paired_speedups(self.rounds[one], self.rounds[other], confidence)

    def margin(self, cells: Collection[str]) -> float:
        """How far the baseline of these cells was seen to differ from itself, as a ratio less 1.

        Where their panels ran it twice a round. 0 where its interval contains 1: what differs by
        chance is in every interval, and this is what does not.
        """
        found = [baseline_ratio(self.rounds[cell]) for cell in cells if cell in self.rounds]
        return max((max(one.low - 1, 1 / one.high - 1, 0.0) for one in found if one), default=0.0)

    def p_above(self, one: str, other: str, line: float, most: float = 0.5) -> float:
        """The p-value of the claim that `one` is less than `line` times as fast as `other`.

        One-sided: the smallest error rate at which the interval still lies below the line. One
        above `most` is 1: what does not matter any more is not searched for.
        """
        return p_value(lambda confidence: self.ratio(one, other, confidence).high < line, most)

    def p_below(self, one: str, other: str, line: float, most: float = 0.5) -> float:
        """The same of the claim that it is more than `line` times as fast."""
        return p_value(lambda confidence: self.ratio(one, other, confidence).low > line, most)


def paired_speedups(one: Rounds, other: Rounds, confidence: float = 0.95) -> Interval | None:
    """The speedup of one cell over that of another, from their common rounds; None: too few.

    Of one interpreter: with the same plain loop it is the ratio of their times.
    """
    a, b = in_common(one, other)
    if len(a.process) < FEWEST:
        return None
    return paired_ratio(b.measured_s, a.measured_s, a.process, confidence)


def baseline_ratio(rounds: Rounds) -> Interval | None:
    """The baseline's first time over its second in the same round; None where it ran once."""
    twice = np.isfinite(rounds.itself)
    if twice.sum() < FEWEST:
        return None
    ratio = rounds.itself[twice]
    return paired_ratio(ratio, np.ones(len(ratio)), rounds.process[twice])


def p_value(shown: Callable[[float], bool], most: float = 0.5) -> float:
    """Bisection over the confidence of a two-sided interval, one end of which is of interest.

    A p-value above `most` is 1.
    """
    low, high = 1e-6, 0.5
    if not shown(1 - 2 * most):
        return 1.0
    while high - low > 1e-4 and high > 1.05 * low:
        middle = (low * high) ** 0.5
        if shown(1 - 2 * middle):
            high = middle
        else:
            low = middle
    return high
