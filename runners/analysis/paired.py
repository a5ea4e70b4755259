"""Two versions of the code that were measured in the same rounds: one cell of each, held together.

What the machine did meanwhile it did to both, and cancels in the ratio of each round.
"""

import math
from collections.abc import Collection, Mapping

import pandas as pd

from runners.analysis.interval import Interval
from runners.analysis.matching import match
from runners.analysis.rounds import Rounds, in_common
from runners.analysis.two_results import TwoResults, compare
from runners.analysis.verdicts import Pair, Quantity, Times
from runners.model import HERE
from runners.words.pythons import code_versions


class Paired(Pair):
    """One cell in both versions, by their common rounds: of these alone are its times."""

    def __init__(self, before: Rounds, after: Rounds) -> None:
        super().__init__(Times.of(before), Times.of(after))
        one, other = self.before, self.after
        self.together = Times(
            one.baseline_s / other.baseline_s, one.measured_s / other.measured_s, one.process
        )

    @property
    def spread(self) -> tuple[Times, ...]:
        """A ratio spreads as much as both its sides do: each of them by this much."""
        root, both = math.sqrt(0.5), self.together
        return (Times(both.baseline_s**root, both.measured_s**root, both.process),)

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


def versions(summary: pd.DataFrame) -> list[str]:
    """The versions of the code beside the one that is here, in the order in which they were named.

    None where there is nothing here that they could be compared with.
    """
    code = code_versions(summary)
    order = summary["python_order"].fillna(0).groupby(code).min().sort_values(kind="stable")
    return [str(name) for name in order.index if name] if "" in order.index else []


def of_version(summary: pd.DataFrame, name: str) -> pd.DataFrame:
    """The cells of that version; "" is the one here."""
    return summary.loc[code_versions(summary) == name].reset_index(drop=True)


def against(
    summary: pd.DataFrame,
    rounds: Mapping[str, Rounds],
    version: str,
    leads: Quantity = "parallel",
    asked: float | None = None,
    ignored: Collection[str] = (),
) -> TwoResults:
    """What is here against another version: that one is the earlier result.

    `summary` is the frame of `summarise`, `rounds` are the complete rounds of its cells by name,
    `asked` is a margin. `ignored` parameters may be others in the two.
    """
    before, after = of_version(summary, version), of_version(summary, "")
    names, frames = (version, HERE), (before, after)
    return compare(names, frames, (rounds, rounds), match(*frames, ignored), leads, asked, paired)
