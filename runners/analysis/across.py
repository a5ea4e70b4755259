"""What another interpreter changes: the plain loop's time on it, and what executors add to that."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from runners.analysis.compare import Comparison
from runners.analysis.estimators import median_interval
from runners.analysis.interval import Interval
from runners.analysis.rounds import Rounds
from runners.analysis.walls import Walls, of_cell, plain_loop
from runners.model import Status
from runners.words.labels import SERIAL, labels
from runners.words.nodes import node_kinds
from runners.words.pythons import Interpreters, interpreters
from runners.words.rounding import in_order

UNKNOWN = Interval(math.nan, math.nan, math.nan)
SAME = Interval(1.0, 1.0, 1.0)
SPEEDUP = ["speedup", "speedup_low", "speedup_high"]


def by_workload(cells: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The cells that have the same tasks, and so plain loops that can be compared.

    Those of results that are kept apart are not, nor are those of several kinds of node. One that
    was refused may not say all of its parameters, nor whether it is about first calls: it is with
    all those that it may belong to.
    """
    names = ["scaling", "baseline", "fresh"]
    names += [name for name in ("placement", "result") if name in cells]
    names += [name for name in cells.columns if name.startswith("workload.")]
    said = cells["fresh"].notna()
    refused = ~said & said.groupby(cells["workload"]).transform("any")
    measured = cells.loc[~refused]
    keys = [measured[name] for name in ("workload", *names)]
    keys.append(node_kinds(cells)[measured.index])
    for _, group in measured.groupby(keys, sort=False, dropna=False):
        first = group.iloc[0]
        also = refused & (cells["workload"] == first["workload"])
        for name in names if also.any() else ():
            same = cells[name].isna()
            if not pd.isna(first[name]):
                same |= (cells[name] == first[name]).fillna(False).astype(bool)
            also &= same
        yield pd.concat([group, cells.loc[also]]) if also.any() else group


def as_named(cells: pd.DataFrame, pythons: Interpreters) -> list[int]:
    """The interpreters of these cells (places in `pythons.known`), the first one named first."""
    of = pythons.of[cells.index]
    order = cells["python_order"].groupby(of).min()
    return sorted((int(at) for at in order.index if at >= 0), key=lambda at: (order[at], at))


def serial_ratios(cells: pd.DataFrame, parts: Sequence[Rounds]) -> list[Interval]:
    """The plain loop's time of each cell's interpreter over that of the first one named.

    `cells` has the identities and a RangeIndex, `parts` the complete rounds of each. The first is
    that of those with the same tasks whose loop was measured; NaN where there is no other one.
    """
    found = [UNKNOWN] * len(cells)
    pythons = interpreters(cells)
    if len(pythons.known) < 2:
        return found
    for group in by_workload(cells):
        loops = _loops(group, pythons, {at: parts[at] for at in group.index})
        for at, ratio in _ratios(loops).items():
            for cell in group.index[pythons.of[group.index] == at]:
                found[cell] = ratio
    return found


def _loops(
    cells: pd.DataFrame, pythons: Interpreters, rounds: Mapping[int, Rounds]
) -> dict[int, Walls]:
    """The plain loop of each interpreter that has one, in the order in which they were named."""
    loops = {}
    for at in as_named(cells, pythons):
        own = [rounds[cell] for cell in cells.index[pythons.of[cells.index] == at]]
        if own := [one for one in own if len(one.process)]:
            loops[at] = plain_loop(own)
    return loops


def _ratios(loops: Mapping[int, Walls]) -> dict[int, Interval]:
    if len(loops) < 2:
        return {}
    first, *others = loops
    return {first: SAME, **{at: loops[at].over(loops[first]) for at in others}}


@dataclass(frozen=True, slots=True)
class Gain:
    """A cell: its speedup, and how many times faster it is than the first interpreter's loop."""

    cell: str
    status: Status
    speedup: Interval
    gain: Interval


@dataclass(frozen=True, slots=True)
class OnOne:
    """One interpreter: its plain loop's median time, and its time over that of the first.

    `gains` are by executor, as `labels` calls it, and n.
    """

    name: str
    loop_s: Interval
    loop: Interval
    gains: Mapping[tuple[str, int], Gain]


@dataclass(frozen=True, slots=True)
class Across:
    """One workload on several interpreters, in the order in which they were named.

    `first` is the name of the one that the others are compared with, and `loop` what is compared:
    the plain loop, or the baseline of tasks that have to meet. `paired` says whether all that is
    compared with it ran in rounds together with it.
    """

    panel: str
    loop: str
    first: str
    paired: bool
    interpreters: tuple[OnOne, ...]

    @property
    def ways(self) -> list[tuple[str, int]]:
        """The executors and n that were tried on any of them."""
        return list(dict.fromkeys(key for one in self.interpreters for key in one.gains))


def across(summary: pd.DataFrame, comparison: Comparison) -> list[Across]:
    """Each workload of which the plain loops of several interpreters are known.

    `summary` is the frame of `summarise`, and `comparison` of the runs behind it.
    """
    pythons = interpreters(summary)
    if len(pythons.known) < 2:
        return []
    cells = summary.assign(**labels(summary))
    found = []
    for group in by_workload(cells):
        loops = loops_of(group, pythons, comparison)
        if len(loops) > 1:
            ordered = group.sort_values(["way", "n"], kind="stable")
            found.append(_across(ordered, pythons, loops, comparison))
    return sorted(found, key=lambda one: in_order(one.panel))


def loop_name(cells: pd.DataFrame) -> str:
    """What the baseline of the cells of one workload is called."""
    return "plain loop" if (cells["baseline"] == SERIAL).all() else "baseline"


def loops_of(
    cells: pd.DataFrame, pythons: Interpreters, comparison: Comparison
) -> dict[int, Walls]:
    """The plain loops of the interpreters of one workload, by their place in `pythons.known`."""
    nothing = next(iter(comparison.rounds.values())).part(slice(0)) if comparison.rounds else None
    if nothing is None:
        return {}
    rounds = {at: comparison.rounds.get(str(cells["cell"][at]), nothing) for at in cells.index}
    return _loops(cells, pythons, rounds)


def _across(
    cells: pd.DataFrame,
    pythons: Interpreters,
    loops: Mapping[int, Walls],
    comparison: Comparison,
) -> Across:
    ratios = _ratios(loops)
    first = next(iter(loops))
    rows = []
    for at in as_named(cells, pythons):
        own = cells.loc[pythons.of[cells.index] == at]
        speedups = [Interval(*row) for row in own[SPEEDUP].to_numpy(float).tolist()]
        gains = [
            speedup if at == first else _gain(cell, loops[first], comparison)
            for cell, speedup in zip(own["cell"], speedups, strict=True)
        ]
        facts = map(Gain, own["cell"], own["status"], speedups, gains)
        rows.append(
            OnOne(
                pythons.known[at].name,
                median_interval(loops[at].rounds["wall_s"]) if at in loops else UNKNOWN,
                ratios.get(at, UNKNOWN),
                dict(zip(zip(own["way"], own["n"].astype(int), strict=True), facts, strict=True)),
            )
        )
    cell_walls = (of_cell(rounds) for rounds in map(comparison.rounds.get, cells["cell"]) if rounds)
    together = all(loops[first].meets(walls) for walls in (*loops.values(), *cell_walls))
    panel = str(cells.loc[cells["rounds"] > 0, "panel"].iloc[0])
    return Across(panel, loop_name(cells), pythons.known[first].name, together, tuple(rows))


def _gain(cell: str, first: Walls, comparison: Comparison) -> Interval:
    """Of a cell on another interpreter than the first, over whose loop it is."""
    rounds = comparison.rounds.get(cell)
    return UNKNOWN if rounds is None else first.over(of_cell(rounds))
