"""Two results side by side: their cells joined, their ratios, and a verdict on each."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import pandas as pd

from runners.analysis.across import by_workload
from runners.analysis.compare import baseline_ratio
from runners.analysis.interval import Interval
from runners.analysis.matching import Matched
from runners.analysis.paired import paired, paired_margin
from runners.analysis.rounds import Rounds
from runners.analysis.verdicts import (
    QUANTITIES,
    Margin,
    Pair,
    Quantity,
    Times,
    Verdict,
    drift,
    margin,
    simultaneous,
    verdicts,
    why,
)
from runners.words.causes import reason
from runners.words.labels import SERIAL, labels
from runners.words.pythons import interpreters
from runners.words.rounding import in_order

Outcome = Literal["worse", "failed", "inconclusive", "not worse", "better", "not compared"]
"""What became of a cell: a verdict; or it failed in the later result, or has no times before."""

Frames = tuple[pd.DataFrame, pd.DataFrame]
"""The summaries of both results, the earlier one first."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A cell in both results: `name` tells it from the others.

    `ratios` are above 1 where the later result is better: of the plain loops' times, of the
    parallel times, of the speedups. Their intervals hold for all cells together with 95%. `why` is
    what changed the speedup, or why there is no verdict. `speedups` and `seconds`, of the parallel
    side, are those of both results. Of a cell that was measured again, `again` is what became of it
    then, and its ratios.
    """

    name: str
    n: int
    cells: tuple[str, str]
    outcome: Outcome
    ratios: Mapping[Quantity, Interval]
    speedups: tuple[Interval, Interval]
    seconds: tuple[Interval, Interval]
    rounds: tuple[int, int]
    why: str = ""
    again: tuple[Outcome, Mapping[Quantity, Interval]] | None = None

    def with_again(self, second: "Compared") -> "Compared":
        """This cell, which was worse, and measured again: it is worse only if it is worse again."""
        found, why = second.outcome, self.why
        if found == "failed":
            why = second.why
        elif found != "worse":
            found, why = "inconclusive", f"worse at first; measured again it is {second.outcome}"
        return replace(self, outcome=found, why=why, again=(second.outcome, second.ratios))


def loudest(cells: Sequence[Compared], most: int) -> list[Compared]:
    """At most so many, in their order: those that are worse rather than others."""
    rank = {outcome: at for at, outcome in enumerate(get_args(Outcome))}
    ranked = sorted(range(len(cells)), key=lambda k: (rank[cells[k].outcome], k))
    return [cells[k] for k in sorted(ranked[:most])]


@dataclass(frozen=True, slots=True)
class TwoResults:
    """Two results by their names, the earlier one first.

    The verdicts are on the ratio of `leads`, beyond the `margin`. `same` says that both hold the
    very same runs. `only` are the cells that one of them has, with their names. So many cells are
    `paired`: compared round by round.
    """

    names: tuple[str, str]
    leads: Quantity
    margin: Margin
    cells: tuple[Compared, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]]
    same: bool
    paired: int = 0

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many cells have each outcome, the worst one first."""
        found = Counter(cell.outcome for cell in self.cells)
        return {outcome: found[outcome] for outcome in get_args(Outcome) if found[outcome]}


def compare(
    names: tuple[str, str],
    summaries: Frames,
    rounds: tuple[Mapping[str, Rounds], Mapping[str, Rounds]],
    found: Matched,
    leads: Quantity,
    asked: float | None = None,
    together: bool = False,
) -> TwoResults:
    """Compare the cells of two results that were `found` to match; others are only listed.

    `summaries` are frames of `summarise`, `rounds` the complete rounds of their cells by name.
    `asked` is a margin; without one it is that of `verdicts.margin`, or of `paired_margin`. Where
    both were measured `together`, cells are compared by their common rounds, if there are some.
    """
    told = [_names(summaries[at], [pair[at] for pair in found.pairs]) for at in (0, 1)]
    own: dict[int, tuple[Rounds, Rounds]] = {}
    for number, rows in enumerate(found.pairs):
        cells = [summaries[at].iloc[row] for at, row in enumerate(rows)]
        both = [rounds[at].get(str(cell["cell"])) for at, cell in enumerate(cells)]
        if both[0] is not None and both[1] is not None and all(c["status"] == "ok" for c in cells):
            own[number] = both[0], both[1]
    in_rounds = {
        number: pair
        for number, (one, other) in own.items()
        if together and (pair := paired(one, other)) is not None
    }
    times = {number: (Times.of(one), Times.of(other)) for number, (one, other) in own.items()}
    wander = drift(
        (
            loop
            for summary, known in zip(summaries, rounds, strict=True)
            for loop in _loops(summary, known)
        ),
        (side for both in times.values() for side in both),
    )
    pairs = {number: in_rounds.get(number) or Pair(*both, wander) for number, both in times.items()}
    if asked is None:
        panels = {
            (at, str(one.panel[0])): one for both in own.values() for at, one in enumerate(both)
        }
        twice = [ratio for one in panels.values() if (ratio := baseline_ratio(one)) is not None]
        if len(in_rounds) == len(pairs) > 0:
            limit = paired_margin(in_rounds.values(), twice, leads)
        else:
            limit = margin(pairs.values(), twice, leads)
    else:
        limit = Margin(asked, "as asked for", asked=True)
    verdict = verdicts(pairs, leads, limit)
    confidence = simultaneous(len(pairs))
    compared = [
        _compared(
            *(told[1][number], rows, summaries),
            *(pairs.get(number), verdict.get(number), confidence),
        )
        for number, rows in enumerate(found.pairs)
    ]
    same = bool(own) and all(
        one.measured_s.tolist() == other.measured_s.tolist()
        and one.baseline_s.tolist() == other.baseline_s.tolist()
        for one, other in own.values()
    )
    rest = tuple(
        tuple(sorted(_names(summary, rows), key=in_order))
        for summary, rows in zip(summaries, (found.only_before, found.only_after), strict=True)
    )
    return TwoResults(
        *(names, leads, limit),
        tuple(sorted(compared, key=lambda cell: in_order(cell.name))),
        (rest[0], rest[1]),
        same,
        paired=len(in_rounds),
    )


def _loops(summary: pd.DataFrame, known: Mapping[str, Rounds]) -> Iterator[list[Times]]:
    """The measurements of each plain loop of a result: a panel has measured it once."""
    if summary.empty:
        return
    pythons = interpreters(summary).of
    for group in by_workload(summary):
        for _, own in group.groupby(pythons[group.index]):
            panels: dict[str, Times] = {}
            for cell in own["cell"].astype(str):
                if cell in known and len(known[cell].process):
                    panels.setdefault(str(known[cell].panel[0]), Times.of(known[cell]))
            yield list(panels.values())


def _names(summary: pd.DataFrame, rows: Collection[int]) -> list[str]:
    """What tells these cells apart: `primes, thread, n = 2`."""
    cells = summary.iloc[list(rows)].reset_index(drop=True)
    if cells.empty:
        return []
    named = labels(cells)
    parts = zip(named["panel"], named["line"], cells["n"], strict=True)
    return [f"{panel}, {line}, n = {n}" for panel, line, n in parts]


FAILURES = ("failed", "wrong", "timeout", "crashed", "incomplete", "interrupted", "left out")
"""Statuses of a cell of which there should be a result and is none."""


def _compared(
    name: str,
    rows: tuple[int, int],
    summaries: Frames,
    pair: Pair | None,
    verdict: Verdict | None,
    confidence: float,
) -> Compared:
    before, after = (summary.iloc[row] for summary, row in zip(summaries, rows, strict=True))
    outcome: Outcome = verdict or "not compared"
    told = ""
    ratios: dict[Quantity, Interval] = {}
    if pair is not None:
        ratios = {what: pair.ratio(what, confidence) for what in QUANTITIES}
        is_loop = after["baseline"] == SERIAL
        told = why(ratios, "plain loop" if is_loop else "baseline")
        if math.isnan(ratios["speedup"].low):
            told = "too few rounds for an interval"
    elif after["status"] in FAILURES or (after["status"] != "ok" and before["status"] == "ok"):
        outcome = "failed"
        told = f"{after['status']}: {reason(after['error'])}"
    elif before["status"] != "ok":
        told = f"{before['status']} before: {reason(before['error'])}"
    else:
        told = "no complete round"
    nothing = Interval(math.nan, math.nan, math.nan)
    times = (pair.before, pair.after) if pair is not None else ()
    speedups = [each.typical("speedup") for each in times] or [nothing, nothing]
    seconds = [each.typical("parallel") for each in times] or [nothing, nothing]
    if after["scaling"] == "weak":  # whose rounds have the parallel time of one task's worth
        seconds = [one.scaled(int(after["n"])) for one in seconds]
    return Compared(
        *(name, int(after["n"]), (str(before["cell"]), str(after["cell"])), outcome, ratios),
        speedups=(speedups[0], speedups[1]),
        seconds=(seconds[0], seconds[1]),
        rounds=(int(before["rounds"]), int(after["rounds"])),
        why=told,
    )
