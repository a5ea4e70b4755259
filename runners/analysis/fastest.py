"""Which interpreter with which executor is the fastest of all, as far as noise lets it tell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from runners.analysis.across import by_workload, loops_of
from runners.analysis.candidate import joined
from runners.analysis.compare import Comparison, p_value
from runners.analysis.estimators import holm
from runners.analysis.interval import Interval
from runners.analysis.recommend import ERROR_RATE, eligible
from runners.analysis.walls import Walls, of_cell
from runners.words.labels import SERIAL, labels
from runners.words.pythons import Interpreters, interpreters
from runners.words.rounding import bracketed, duration, in_order

MOST_NAMES = 6
"""Of those that may be the fastest, so many are named."""


@dataclass(frozen=True, slots=True)
class Fastest:
    """What took the least time for one workload that several interpreters ran.

    `best` names it, and `seconds` is its typical time. `open` are those, with it, of which nothing
    shows that it beats them; `next` is the fastest one that it does beat, with how many times as
    long that takes.
    """

    panel: str
    best: str
    seconds: Interval
    open: tuple[str, ...]
    next: tuple[str, Interval] | None

    def lines(self) -> list[str]:
        """What it says: one line."""
        took = duration(self.seconds.estimate, self.seconds.low, self.seconds.high)
        if len(self.open) > 1:
            among, more = self.open[:MOST_NAMES], len(self.open) - MOST_NAMES
            named = [*among, f"{more} more"] if more > 0 else among
            told = "which interpreter and executor is the fastest is not decided between "
            told += f"{joined(named)}; the fastest of these rounds, {self.best}, takes {took}."
        else:
            told = f"the fastest of all interpreters and executors is {self.best}: {took}."
        if self.next is not None:
            name, ratio = self.next
            who = "It" if len(self.open) == 1 else "That"
            told += f" {who} beats {name} by "
            told += f"{bracketed(ratio.estimate, ratio.low, ratio.high, '×')}."
        return [f"{self.panel}: {told}"]


def fastest(summary: pd.DataFrame, comparison: Comparison) -> list[Fastest]:
    """For each workload that ran on several interpreters, the fastest of its cells and plain loops.

    `summary` is the frame of `summarise`, and `comparison` of the runs behind it. Two of them are
    compared in common rounds where they have some, and by more than the baseline was seen to differ
    from itself. What is said of one workload has an error rate of 5% (Holm).
    """
    pythons = interpreters(summary)
    if len(pythons.known) < 2:
        return []
    cells = summary.assign(**labels(summary))
    cells = cells.loc[pythons.of >= 0]
    kept = eligible(cells)
    found = []
    for group in by_workload(cells):
        loops = loops_of(group, pythons, comparison)
        if len(loops) > 1:
            names = dict(_sides(group.loc[kept[group.index]], pythons, loops, comparison))
            margin = comparison.margin(group["cell"].tolist())
            reference = next(iter(loops.values()))
            found.append(_fastest(str(group["panel"].iloc[0]), names, reference, margin))
    return sorted(found, key=lambda one: in_order(one.panel))


def _sides(
    cells: pd.DataFrame, pythons: Interpreters, loops: Mapping[int, Walls], comparison: Comparison
) -> Iterator[tuple[str, Walls]]:
    """Whatever ran the tasks, by its name."""
    base = "the plain loop" if (cells["baseline"] == SERIAL).all() else "the baseline"
    for at, loop in loops.items():
        yield f"{base} on {pythons.known[at].name}", loop
    for row in cells.to_dict("records"):
        if rounds := comparison.rounds.get(str(row["cell"])):
            yield f"{row['way']} n = {row['n']} on {row['interpreter']}", of_cell(rounds)


def _fastest(panel: str, sides: Mapping[str, Walls], reference: Walls, margin: float) -> Fastest:
    """`reference` is what all are held against to find the fastest: the first plain loop."""
    times = {name: walls.over(reference).estimate for name, walls in sides.items()}
    best, *others = sorted(times, key=lambda name: times[name])
    p = {
        name: p_value(
            lambda confidence, name=name: (  # type: ignore[misc]
                sides[name].over(sides[best], confidence).low > 1 + margin
            )
        )
        for name in others
    }
    beaten = [
        name for name, is_one in zip(p, holm(list(p.values()), ERROR_RATE), strict=True) if is_one
    ]
    return Fastest(
        panel,
        best,
        sides[best].typical(),
        open=(best, *(name for name in others if name not in beaten)),
        next=(beaten[0], sides[beaten[0]].over(sides[best])) if beaten else None,
    )
