"""The estimates of all cells: those of equally many rounds together, at the price of a single one.

Each is the same as computed alone, to the last digit: the functions go along the last axis.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runners.analysis.estimators import (
    FACTORS,
    hodges_lehmann_ratios,
    ladder_factors,
    median_intervals,
    outliers,
    ratios_of_means_fieller,
)
from runners.analysis.headline import paired_ratios
from runners.analysis.interval import Floats, Interval
from runners.analysis.rounds import LEVELS, Rounds, Rows
from runners.words.many import alike

UNKNOWN = Interval(math.nan, math.nan, math.nan)
SHARES = ("cpu_share", "native_share", "children_share", "held_share", "task_s")

Columns = dict[str, list[Any]]


def estimates(
    rounds: Rounds, ends: Rows, scale: Floats, at_a_time: Floats
) -> list[dict[str, float]]:
    """What follows from the rounds of each cell alone, by the columns of the summary.

    Besides, how many outliers either side has (`baseline_outliers`, `measured_outliers`).

    The rounds of cell k are those from `ends[k]` to `ends[k + 1]`; one without any has nothing.
    `scale` is what its ratios are multiplied with, and `at_a_time` how many of its tasks can wait
    at a time, see `ladder_factors`: both have shape (cells,).
    """
    counts = np.diff(ends)
    interpreter = _numbered(rounds.process, counts)
    found: list[dict[str, float]] = [{} for _ in counts]
    units = [int(interpreter[slice(*e)].max(initial=-1)) + 1 for e in pairwise(ends.tolist())]
    for (n, _), places in alike(zip(counts.tolist(), units, strict=True)).items():
        if not n:
            continue
        own = np.array(places)
        rows = ends[own][:, None] + np.arange(n)
        columns = _columns(rounds, rows, interpreter[rows], scale[own], at_a_time[own])
        for at, values in zip(places, zip(*columns.values(), strict=True), strict=True):
            found[at] = dict(zip(columns, values, strict=True))
    return found


def _numbered(process: NDArray[np.int64], counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """The interpreters of the rounds of each cell, numbered from 0 on in their order."""
    if not len(process):
        return np.zeros(0, np.intp)
    cell = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((process, cell))
    begins = np.zeros(len(cell), bool)
    begins[1:] = np.diff(process[order]) != 0
    first = np.cumsum(counts) - counts
    begins[first[counts > 0]] = False
    number = np.cumsum(begins)
    number -= np.repeat(number[np.minimum(first, len(cell) - 1)], counts)
    found = np.empty(len(cell), np.intp)
    found[order] = number
    return found


def _columns(
    rounds: Rounds, rows: Rows, interpreter: NDArray[np.intp], scale: Floats, at_a_time: Floats
) -> Columns:
    """Of cells whose rounds are `rows`, shape (cells, rounds): each column has a value for each."""
    baseline, measured = rounds.baseline_s[rows], rounds.measured_s[rows]
    levels, own_s = rounds.levels[rows], rounds.serial_own_s[rows]
    # Rounds that happened to have no levels elsewhere are no sample.
    levels[np.isnan(levels[..., :6]).any(axis=(1, 2))] = math.nan
    speedup = paired_ratios(baseline, measured, interpreter)
    rank = _named("hl_ratio", _scaled(hodges_lehmann_ratios(baseline, measured), scale))
    total = _scaled(ratios_of_means_fieller(baseline, measured), scale)
    shares = {name: getattr(rounds, name)[rows] for name in SHARES}
    return {
        **_walls("baseline", baseline),
        **_walls("measured", measured),
        **_named("speedup", _scaled(speedup, scale)),
        **_named("mean_ratio", total),
        **dict(zip(("hl_ratio", "hl_low", "hl_high"), rank.values(), strict=True)),
        **{name: np.median(x, axis=-1).tolist() for name, x in shares.items()},
        **_named("earlier", _earlier(baseline, measured, rounds.earlier[rows])),
        **dict(zip(LEVELS, np.median(levels, axis=1).T.tolist(), strict=True)),
        **_ladder(levels, own_s, at_a_time),
    }


def _scaled(intervals: Sequence[Interval], scale: Floats) -> list[Interval]:
    return [one.scaled(factor) for one, factor in zip(intervals, scale.tolist(), strict=True)]


def _named(name: str, intervals: Sequence[Interval]) -> Columns:
    return {
        name: [one.estimate for one in intervals],
        f"{name}_low": [one.low for one in intervals],
        f"{name}_high": [one.high for one in intervals],
    }


def _walls(side: str, x: Floats) -> Columns:
    middle, low, high = median_intervals(x).T.tolist()
    return {
        f"{side}_median_s": middle,
        f"{side}_low_s": low,
        f"{side}_high_s": high,
        f"{side}_mean_s": x.mean(axis=-1).tolist(),
        f"{side}_p95_s": np.percentile(x, 95, axis=-1).tolist(),
        f"{side}_max_s": x.max(axis=-1).tolist(),
        f"{side}_outliers": outliers(x).sum(axis=-1).tolist(),
    }


def _earlier(baseline: Floats, measured: Floats, earlier: NDArray[np.bool_]) -> list[Interval]:
    """The speedup of the rounds in which the executor ran before the baseline over that of others.

    A round counts as before if its run came before the middle of those of the baseline.
    """
    found = [UNKNOWN] * len(earlier)
    order = np.argsort(~earlier, axis=-1, kind="stable")
    sides = [np.take_along_axis(side, order, axis=-1) for side in (baseline, measured)]
    for count, places in alike(earlier.sum(axis=-1).tolist()).items():
        if min(count, earlier.shape[-1] - count) < 2:
            continue
        before, after = (
            paired_ratios(sides[0][places, part], sides[1][places, part])
            for part in (slice(count), slice(count, None))
        )
        for at, one, other in zip(places, before, after, strict=True):
            found[at] = one.over(other)
    return found


def _ladder(levels: Floats, serial_own_s: Floats, at_a_time: Floats) -> Columns:
    ladder = ladder_factors(levels, serial_own_s, at_a_time[:, None])
    return dict(_steps(ladder.factors, ladder.losses))


def _steps(factors: Floats, losses: Floats) -> Iterator[tuple[str, list[float]]]:
    for step, factor in enumerate(FACTORS):
        ends = median_intervals(factors[..., step]).T.tolist()
        yield from zip((factor, f"{factor}_low", f"{factor}_high"), ends, strict=True)
        yield f"loss_{factor}", median_intervals(losses[..., step])[:, 0].tolist()
