"""Two cells against each other: in the rounds that they have in common, if there are any."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from runners.analysis.headline import paired_ratio
from runners.analysis.interval import Interval
from runners.analysis.rounds import cell_codes, complete_rounds, read_rounds

FEWEST = 2
"""Fewer rounds in common have no interval."""


class Comparison:
    """How many times faster one cell of `runs` is than another; `runs` is that of `read_runs`."""

    def __init__(self, runs: pd.DataFrame) -> None:
        code = cell_codes(runs)
        baseline, measured = complete_rounds(runs, code)
        rounds = read_rounds(runs, baseline, measured, np.ones(len(measured)))
        rows = runs.iloc[measured]
        weak = (rows["scaling"] == "weak").to_numpy(bool)
        frame = pd.DataFrame(
            {
                "cell": rows["cell"].to_numpy(),
                "panel": rows["panel"].to_numpy(),
                "round": rows["round"].to_numpy(),
                "process": rounds.process,
                "baseline_s": rounds.baseline_s,
                # With weak scaling the speedup is scaled: n times the work was done.
                "measured_s": rounds.measured_s / np.where(weak, rows["n"].to_numpy(float), 1.0),
            }
        )
        self.rounds = {
            str(cell): own.set_index(["panel", "round"])
            for cell, own in frame.groupby("cell", sort=False)
        }

    def ratio(self, one: str, other: str, confidence: float = 0.95) -> Interval:
        """The speedup of `one` over that of `other`.

        From the runs of both in their common rounds, whose noise they share; where they have none,
        from two speedups that were measured independently.
        """
        a, b = self.rounds[one], self.rounds[other]
        common = a.index.intersection(b.index)
        if len(common) >= FEWEST:
            a, b = a.loc[common], b.loc[common]
            return paired_ratio(b["measured_s"], a["measured_s"], a["process"], confidence)
        return _speedup(a, confidence).over(_speedup(b, confidence))

    def p_above(self, one: str, other: str, line: float) -> float:
        """The p-value of the claim that `one` is less than `line` times as fast as `other`.

        One-sided: the smallest error rate at which the interval still lies below the line.
        """
        return _p(lambda confidence: self.ratio(one, other, confidence).high < line)

    def p_below(self, one: str, other: str, line: float) -> float:
        """The same of the claim that it is more than `line` times as fast."""
        return _p(lambda confidence: self.ratio(one, other, confidence).low > line)


def _speedup(rounds: pd.DataFrame, confidence: float) -> Interval:
    sides = rounds["baseline_s"], rounds["measured_s"], rounds["process"]
    return paired_ratio(*sides, confidence)


def _p(shown: Callable[[float], bool]) -> float:
    """Bisection over the confidence of a two-sided interval, one end of which is of interest."""
    low, high = 1e-6, 0.5
    if not shown(1 - 2 * high):
        return 1.0
    while high - low > 1e-4 and high > 1.05 * low:
        middle = (low * high) ** 0.5
        if shown(1 - 2 * middle):
            high = middle
        else:
            low = middle
    return high
