"""Two versions of the code that were measured in the same rounds: one cell of each, held together.

What the machine did meanwhile it did to both, and cancels in the ratio of each round.
"""

import math
from collections.abc import Collection, Iterable

import numpy as np

from runners.analysis.interval import Interval
from runners.analysis.rounds import Rounds, in_common
from runners.analysis.verdicts import REPEATABILITY, Margin, Pair, Quantity, Times, spread


class Paired(Pair):
    """One cell in both versions, by their common rounds: of these alone are its times."""

    def __init__(self, before: Rounds, after: Rounds) -> None:
        super().__init__(Times.of(before), Times.of(after))
        one, other = self.before, self.after
        self.together = Times(
            one.baseline_s / other.baseline_s, one.measured_s / other.measured_s, one.process
        )

    @property
    def parts(self) -> int:
        """Of how many interpreters' ratios its own is the mean; of a single one, rounds'."""
        process = self.together.process
        count = len(np.unique(process))
        return count if count > 1 else len(process)

    def ratio(self, what: Quantity, confidence: float = 0.95) -> Interval:
        """That of the rounds' own ratios, with the headline's interval."""
        key = what, confidence
        if key not in self._known:
            found = self.together.typical(what, confidence)
            if what == "speedup":  # which is better where it is larger, unlike times
                found = Interval(1 / found.estimate, 1 / found.high, 1 / found.low)
            self._known[key] = found
        return self._known[key]


def paired(before: Rounds, after: Rounds) -> Paired | None:
    """The two, if they have rounds in common."""
    one, other = in_common(before, after)
    return Paired(one, other) if len(one.process) else None


def paired_margin(pairs: Collection[Paired], itself: Iterable[Interval], what: Quantity) -> Margin:
    """By how much two such comparisons of the same would differ.

    The larger of two: how far the ratio of a baseline that ran twice in a round (`itself`) may be
    from 1, and the repeatability limit of a mean of as many interpreters' ratios as each cell has.
    NaN where nothing is known of either.
    """
    found = {
        "as far as a baseline may be from itself in the same rounds": max(
            (max(one.high, 1 / one.low) - 1 for one in itself), default=math.nan
        ),
        "within which two such comparisons of the same would lie, 95 of 100": math.expm1(
            REPEATABILITY
            * spread((pair.together for pair in pairs), what)
            / math.sqrt(min((pair.parts for pair in pairs), default=1))
        ),
    }
    known = {told: value for told, value in found.items() if math.isfinite(value)}
    if not known:
        return Margin(math.nan, "no cell has two rounds to tell it from; give one with --margin")
    told = max(known, key=lambda name: known[name])
    return Margin(known[told], told)
