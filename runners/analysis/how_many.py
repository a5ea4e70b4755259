"""How many workers an executor needs: its best n, and the fewest that come near it."""

from collections.abc import Sequence
from dataclasses import dataclass

from runners.analysis.candidate import Candidate, joined, times
from runners.analysis.compare import Comparison
from runners.analysis.interval import Interval

NEAR = 0.95
"""So much of the highest speedup is near it."""

ERROR_RATE = 0.05
"""Of all that is said of one executor."""


@dataclass(frozen=True, slots=True)
class HowMany:
    """What the n that were measured of one executor show, with an error rate of 5% in all.

    `best` has the highest speedup, and `rivals` are those of which nothing shows that it beats
    them. `enough` is the smallest n that is shown to reach NEAR of each other one; None where none
    is. Of `unsure`, all smaller, nothing shows whether they do. `least` and `most` are the ends of
    what was measured.
    """

    name: str
    best: Candidate
    rivals: tuple[Candidate, ...]
    enough: Candidate | None
    unsure: tuple[Candidate, ...]
    least: int
    most: int

    def text(self) -> str:
        """As in "primes, pool: best n = 16: 6.9× [6.8, 7.0]; n = 8 reaches 95% of it"."""
        if self.rivals:
            among = sorted([self.best, *self.rivals], key=lambda one: one.n)
            told = f"not decided between n = {_listed(among)}: "
            told += joined(times(one.speedup) for one in among)
        else:
            told = f"best n = {self.best.n}: {times(self.best.speedup)}"
        return "; ".join([f"{self.name}: {told}", *self._near()])

    def _near(self) -> list[str]:
        """What is known of fewer workers than the best, and of more than were measured."""
        reaches = f"reaches {NEAR:.0%} of {'the best of these' if self.rivals else 'it'}"
        said = []
        if self.enough is None:
            said.append(f"no n is shown to reach {NEAR:.0%} of the others")
        elif self.rivals or self.enough is not self.best:
            said.append(f"n = {self.enough.n} {reaches}")
            if self.unsure:
                said.append(f"not decided whether n = {_listed(self.unsure, 'or')} does")
        elif self.unsure:
            said.append(f"not decided whether n = {_listed(self.unsure, 'or')} {reaches}")
        elif self.best.n > self.least:
            said.append(f"no smaller one {reaches}")
        if not self.rivals and self.enough is self.best and self.best.n == self.most:
            said.append("no larger n was measured")
        return said


def how_many(name: str, candidates: Sequence[Candidate], comparison: Comparison) -> HowMany:
    """Compare at least two candidates that differ in n alone, in their common rounds.

    They differ where it is by more than the baseline was seen to differ from itself.

    The intervals of their ratios are at 1 - ERROR_RATE / (candidates - 1) each (Bonferroni), of
    which every claim uses one end: half of the error rate is for what beats what, as the best of
    them is compared with each other one (Hsu, Annals of Statistics 12, 1984, 1136), the other half
    for what reaches NEAR.
    """
    ordered = sorted(candidates, key=lambda one: one.n)
    best = max(ordered, key=lambda one: one.speedup.estimate)
    confidence = 1 - ERROR_RATE / (len(ordered) - 1)
    apart = 1 + comparison.margin([one.cell for one in ordered])
    ratios: dict[tuple[int, int], Interval] = {}
    for at, one in enumerate(ordered):
        for other in ordered[:at]:
            found = comparison.ratio(one.cell, other.cell, confidence)
            ratios[one.n, other.n] = found
            ratios[other.n, one.n] = Interval(1.0, 1.0, 1.0).over(found)

    def against(one: Candidate) -> list[Interval]:
        return [ratios[one.n, other.n] for other in ordered if other is not one]

    near = [one for one in ordered if all(ratio.low >= NEAR * apart for ratio in against(one))]
    short = [one for one in ordered if any(ratio.high < NEAR / apart for ratio in against(one))]
    enough = near[0] if near else None
    fewer = [one for one in ordered if enough is not None and one.n < enough.n]
    return HowMany(
        name,
        best,
        rivals=tuple(
            one for one in ordered if one is not best and not ratios[best.n, one.n].low > apart
        ),
        enough=enough,
        unsure=tuple(one for one in fewer if one not in short),
        least=ordered[0].n,
        most=ordered[-1].n,
    )


def _listed(candidates: Sequence[Candidate], last: str = "and") -> str:
    return joined((str(one.n) for one in candidates), last)
