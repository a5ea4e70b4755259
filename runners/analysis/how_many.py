"""How many workers an executor needs: the fewest that more of them are not worth having beside."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from runners.analysis.candidate import Candidate, joined, times
from runners.analysis.compare import Comparison
from runners.analysis.interval import Interval

NEAR = 0.95
"""So much of the speedup of what is enough is told of fewer workers, too."""

ERROR_RATE = 0.05
"""Of all that is said of one executor."""


@dataclass(frozen=True, slots=True)
class HowMany:
    """What the n that were measured of one executor show, with an error rate of 5% in all.

    `enough` is the smallest n that no other one is more than `worth` faster than, as far as that is
    shown: 0.03 is 3%. None where it is shown of none. `unsure` are smaller ones, or without it any,
    of which nothing shows whether they are as good. `more` are the larger ones, and `adds` is the
    most that one of them adds to the speedup of `enough`, as a ratio less 1. `below` and `above`
    are the next smaller and the next larger n, if they are shown to be more than `worth` slower.
    `nearly` is the smallest n below `enough` that is shown to reach NEAR of each other one; `far`
    says that none below is, for each is shown not to.
    """

    name: str
    worth: float
    enough: Candidate | None
    unsure: tuple[Candidate, ...]
    more: tuple[Candidate, ...]
    adds: float
    below: Candidate | None
    above: Candidate | None
    nearly: Candidate | None = None
    far: bool = False

    def text(self) -> str:
        """As in "primes, pool: n = 8: 6.7× [6.6, 6.8]; n = 16 adds at most 3%"."""
        if self.enough is None:
            among = "; ".join(f"n = {one.n}: {times(one.speedup)}" for one in self.unsure)
            which = _listed(self.unsure)
            return (
                f"{self.name}: not decided between n = {which}, by {self.worth:.0%}: {among}; "
                "measure longer (measure=thorough)"
            )
        said = [f"n = {self.enough.n}: {times(self.enough.speedup)}{self._cost()}"]
        if self.nearly is not None:
            said.append(f"n = {self.nearly.n} reaches {NEAR:.0%} of it")
        elif self.far:
            said.append(f"no smaller one reaches {NEAR:.0%} of it")
        if self.more:
            verb = "adds" if len(self.more) == 1 else "add"
            what = f"at most {math.ceil(self.adds * 100)}%" if self.adds > 0 else "nothing"
            said.append(f"n = {_listed(self.more)} {verb} {what}")
        else:
            said.append("no larger n was measured")
        if self.unsure:
            said.append(f"not decided whether n = {_listed(self.unsure, 'or')} is as good")
        return f"{self.name}: {'; '.join(said)}"

    def _cost(self) -> str:
        assert self.enough is not None
        cost_s = self.enough.core_s
        return "" if math.isnan(cost_s) else f", {cost_s:.3g} core-seconds a result"


def how_many(
    name: str, candidates: Sequence[Candidate], comparison: Comparison, worth: float
) -> HowMany:
    """Compare at least two candidates that differ in n alone, in their common rounds.

    They differ where it is by more than the baseline was seen to differ from itself.

    To be within `worth` of the best is to be within that of each other one (Hsu, Annals of
    Statistics 12, 1984, 1136). The intervals of their ratios are at 1 - ERROR_RATE / (candidates -
    1) each (Bonferroni), of which every claim uses one end: half of the error rate is for what is
    near the others, the other half for what is short of one. The best is short of none: one that is
    left alone, all others being short of one, is the best.
    """
    ordered = sorted(candidates, key=lambda one: one.n)
    confidence = 1 - ERROR_RATE / (len(ordered) - 1)
    apart = 1 + comparison.margin([one.cell for one in ordered])
    line = 1 / (1 + worth)
    ratios: dict[tuple[int, int], Interval] = {}
    for at, one in enumerate(ordered):
        for other in ordered[:at]:
            found = comparison.ratio(one.cell, other.cell, confidence)
            ratios[one.n, other.n] = found
            ratios[other.n, one.n] = Interval(1.0, 1.0, 1.0).over(found)

    def against(one: Candidate) -> list[Interval]:
        return [ratios[one.n, other.n] for other in ordered if other is not one]

    near = [one for one in ordered if all(ratio.low >= line * apart for ratio in against(one))]
    short = [one for one in ordered if any(ratio.high < line / apart for ratio in against(one))]
    open_ = [one for one in ordered if one not in short]
    if not near and len(open_) == 1:
        near = open_
    enough = near[0] if near else None
    if enough is None:
        return HowMany(name, worth, None, tuple(open_ or ordered), (), math.nan, None, None)
    at = ordered.index(enough)
    fewer, more = ordered[:at], ordered[at + 1 :]
    beside = ordered[at - 1] if at else None, more[0] if more else None
    below, above = (
        one if one and ratios[one.n, enough.n].high < line / apart else None for one in beside
    )
    return HowMany(
        name,
        worth,
        enough,
        unsure=tuple(one for one in open_ if one.n < enough.n),
        more=tuple(more),
        adds=max((ratios[one.n, enough.n].high - 1 for one in more), default=math.nan),
        below=below,
        above=above,
        nearly=next(
            (one for one in fewer if all(r.low >= NEAR * apart for r in against(one))), None
        ),
        far=at > 0
        and all(any(ratio.high < NEAR / apart for ratio in against(one)) for one in fewer),
    )


def _listed(candidates: Sequence[Candidate], last: str = "and") -> str:
    return joined((str(one.n) for one in candidates), last)
