"""Estimates and diagnostics of one cell: functions of plain arrays, one value per round.

`baseline` and `measured` are the walls of both sides, paired by round. Where an interval of the
asked confidence does not exist, its bounds are NaN.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from runners.analysis.interval import Floats, Interval
from runners.words.many import alike

Key = TypeVar("Key", bound=Hashable)

FACTORS = ("startup", "dispatch", "balance", "blocking", "contention", "computation")
"""The ladder's steps, L0 to L6."""
MOST_AT_ONCE = 2**21
"""Pairs of rounds of several cells that are in memory at a time."""
MOST_RANKED = 64
"""The p-values of orders of up to so many rounds are kept for other cells."""


def ratio_of_means_fieller(
    baseline: ArrayLike, measured: ArrayLike, confidence: float = 0.95
) -> Interval:
    """mean(baseline) / mean(measured) with the paired Fieller interval (Fieller, JRSS B 16, 1954).

    Where the measured mean is not distinguishable from zero the set is unbounded and the bounds
    are -inf and inf. A single round gives NaN bounds.
    """
    [found] = ratios_of_means_fieller(
        np.asarray(baseline, float)[None], np.asarray(measured, float)[None], confidence
    )
    return found


def ratios_of_means_fieller(
    baseline: Floats, measured: Floats, confidence: float = 0.95
) -> list[Interval]:
    """The same of several cells at once: arrays of shape (cells, rounds)."""
    n = baseline.shape[-1]
    sides = np.stack([baseline, measured], axis=1)
    means = sides.mean(axis=-1)
    if n < 2:
        return [Interval(top / bottom, math.nan, math.nan) for top, bottom in means.tolist()]
    centred = sides - means[..., None]
    covariance = np.matmul(centred, centred.swapaxes(-1, -2)) * np.true_divide(1, n - 1)
    spreads = special.stdtrit(n - 1, (1 + confidence) / 2) ** 2 / n * covariance
    return [
        _fieller(top, bottom, spread)
        for (top, bottom), spread in zip(means.tolist(), spreads.tolist(), strict=True)
    ]


def _fieller(top: float, bottom: float, spread: Sequence[Sequence[float]]) -> Interval:
    """Of two means, and `spread`, t² times the covariance of them."""
    # The ratios r that satisfy (top - r·bottom)² ≤ t²·var(mean of top - r·bottom).
    a = bottom**2 - spread[1][1]
    b = top * bottom - spread[0][1]
    c = top**2 - spread[0][0]
    if a <= 0:
        return Interval(top / bottom, -math.inf, math.inf)
    root = math.sqrt(max(b**2 - a * c, 0.0))
    return Interval(top / bottom, (b - root) / a, (b + root) / a)


def hodges_lehmann_ratio(
    baseline: ArrayLike, measured: ArrayLike, confidence: float = 0.95
) -> Interval:
    """Pseudomedian of the rounds' ratios, with the Wilcoxon signed-rank interval.

    The median of all pairwise means (Walsh averages) of the log-ratios, exponentiated
    (Hodges & Lehmann, Ann. Math. Stat. 34, 1963). Memory grows with the square of the rounds.
    """
    [found] = hodges_lehmann_ratios(
        np.asarray(baseline, float)[None], np.asarray(measured, float)[None], confidence
    )
    return found


def hodges_lehmann_ratios(
    baseline: Floats, measured: Floats, confidence: float = 0.95
) -> list[Interval]:
    """The same of several cells at once: arrays of shape (cells, rounds)."""
    n = baseline.shape[-1]
    several = max(1, MOST_AT_ONCE // n**2)
    if len(baseline) > several:
        parts = (slice(at, at + several) for at in range(0, len(baseline), several))
        found = (hodges_lehmann_ratios(baseline[p], measured[p], confidence) for p in parts)
        return [*chain.from_iterable(found)]
    logs = np.log(baseline) - np.log(measured)
    walsh = ((logs[:, :, None] + logs[:, None, :]) / 2)[:, np.tri(n, dtype=bool)]
    count = walsh.shape[-1]
    rank, middles = _signed_rank(n, confidence), [(count - 1) // 2, count // 2]
    walsh.partition(sorted({*middles, max(rank - 1, 0), count - max(rank, 1)}), axis=-1)
    centres = walsh[:, middles].mean(axis=-1).tolist()
    if rank == 0:
        return [Interval(math.exp(centre), math.nan, math.nan) for centre in centres]
    ends = zip(walsh[:, rank - 1].tolist(), walsh[:, -rank].tolist(), strict=True)
    return [
        Interval(math.exp(centre), math.exp(low), math.exp(high))
        for centre, (low, high) in zip(centres, ends, strict=True)
    ]


@lru_cache(maxsize=64)
def _signed_rank(n: int, confidence: float) -> int:
    """Walsh averages to count from either end: the greatest k with P(W < k) ≤ (1-confidence)/2.

    `scipy.stats.wilcoxon` has the test but not this rank; the tests hold it against that.
    """
    tail, total = (1 - confidence) / 2, n * (n + 1) // 2
    if n > 100:
        deviation = math.sqrt(total * (2 * n + 1) / 12)
        return math.floor(total / 2 + float(special.ndtri(tail)) * deviation)
    mass = np.zeros(total + 1)
    mass[0] = 1.0
    for rank in range(1, n + 1):
        mass[rank:] += mass[:-rank].copy()
        mass /= 2
    return int(np.searchsorted(np.cumsum(mass), tail, side="right"))


def median_interval(x: ArrayLike, confidence: float = 0.95) -> Interval:
    """The median between two order statistics, their ranks from the binomial distribution.

    Exact for any continuous distribution (Conover, Practical Nonparametric Statistics, 3.2; as
    `scipy.stats.quantile_test`). Below six values no two of them enclose a median with 95%. Values
    that are not finite are left out.
    """
    [found] = median_intervals(np.asarray(x, float)[None], confidence).tolist()
    return Interval(*found)


def median_intervals(x: Floats, confidence: float = 0.95) -> Floats:
    """The same of each row of `x`: estimate, low and high, shape (rows, 3)."""
    # Not by scipy itself, which the tests hold it against: that takes 200 times as long, a report
    # of 1,000 cells 1.6 times.
    ordered = np.sort(x, axis=-1)
    is_finite = np.isfinite(ordered)
    found = np.full((len(x), 3), math.nan)
    counts = is_finite.sum(axis=-1)
    for n in (int(count) for count in np.unique(counts) if count):
        which = np.flatnonzero(counts == n)
        values = ordered[which]
        if n < x.shape[-1]:
            values = values[is_finite[which]].reshape(len(which), n)
        found[which, 0] = (values[:, (n - 1) // 2] + values[:, n // 2]) / 2
        if rank := _binomial_rank(n, confidence):
            found[which, 1:] = values[:, [rank - 1, n - rank]]
    return found


@lru_cache(maxsize=64)
def _binomial_rank(n: int, confidence: float) -> int:
    below = special.bdtr(np.arange(n + 1), n, 0.5)  # P(B ≤ k) of n fair coins
    return int(np.searchsorted(below, (1 - confidence) / 2))


def outliers(x: ArrayLike) -> NDArray[np.bool_]:
    """Which values lie more than 14.826 median absolute deviations from the median.

    That is ten standard deviations of a normal distribution, and hyperfine's threshold.
    None where more than half of the values are equal: the deviation is then no measure of spread.
    """
    values = np.asarray(x, float)
    distance = np.abs(values - np.median(values, axis=-1, keepdims=True))
    deviation = np.median(distance, axis=-1, keepdims=True)
    return np.asarray((deviation > 0) & (distance > 14.826 * deviation))


def trend(*series: ArrayLike) -> float:
    """The p-value of any of the series, in order of time, to rise or fall (Kendall, Bonferroni).

    NaN where there is nothing to test: even the order 1, 2, 3, 4, 5 has p = 0.017.
    """
    return trends(np.stack([np.asarray(x, float) for x in series])[None])[0]


def trends(series: Floats) -> list[float]:
    """The same of several cells at once: shape (cells, series, rounds)."""
    cells, several, n = series.shape
    if n < 6:
        return [math.nan] * cells
    unlike, ties = np.zeros((2, cells, several), int)
    ties += n > MOST_RANKED
    for k in range(1, n if n <= MOST_RANKED else 1):
        unlike += (series[..., :-k] > series[..., k:]).sum(axis=-1)
        ties += (series[..., :-k] == series[..., k:]).sum(axis=-1)
    ties += ~np.isfinite(series).all(axis=-1)
    p = np.array(
        [
            _kendall(x) if tie else _kendall_of(n, pairs)
            for x, pairs, tie in zip(
                series.reshape(-1, n), unlike.ravel().tolist(), ties.ravel().tolist(), strict=True
            )
        ]
    ).reshape(cells, several)
    least = np.fmin.reduce(p, axis=-1, initial=1.0)
    return [min(1.0, one * several) for one in least.tolist()]


def _kendall(x: ArrayLike) -> float:
    from scipy import stats  # not at the top: it takes half a second to load

    values = np.asarray(x)
    return float(stats.kendalltau(np.arange(len(values)), values).pvalue)


@lru_cache(maxsize=2**14)
def _kendall_of(n: int, unlike: int) -> float:
    """The p-value of n values of which no two are equal and so many pairs are in the other order.

    Nothing else matters to it, and cells of equally many rounds have few such numbers.
    """
    order: list[int] = []
    for value in range(n):  # each may stand before as many of those below it as there are
        before = min(value, unlike)
        order.insert(value - before, value)
        unlike -= before
    return _kendall(order)


def falls(walls: Floats, process: NDArray[np.int64]) -> list[float]:
    """For each cell the p-value of times to fall so much by chance within their processes.

    `walls` has shape (cells, rounds, sides), `process` (cells, rounds). Kendall's score of each
    process, added up (a stratified Mann-Kendall test: Hirsch & Slack, Water Resources Research 20,
    1984, 727), one-sided, Bonferroni over the sides. NaN where no process has two rounds.
    """
    cells, n, sides = walls.shape
    score = np.zeros((cells, sides))
    for k in range(1, n):
        same = process[:, :-k] == process[:, k:]
        score += (np.sign(walls[:, k:] - walls[:, :-k]) * same[..., None]).sum(axis=1)
    variance = np.zeros(cells)
    ordered = np.sort(process, axis=-1)
    for at in range(cells):
        counts = np.unique(ordered[at], return_counts=True)[1]
        variance[at] = sum(c * (c - 1) * (2 * c + 5) / 18 for c in counts.tolist())
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (score + 1) / np.sqrt(variance)[:, None]  # with a correction for continuity
    least = special.ndtr(z).min(axis=-1)
    return [
        min(1.0, sides * p) if known else math.nan
        for p, known in zip(least.tolist(), variance.tolist(), strict=True)
    ]


def disagreement(x: ArrayLike, process: ArrayLike) -> float:
    """The p-value of the processes' means to differ so much by chance (F, one-way).

    By values and not by ranks, of which 20 cannot give the small p that a report of many cells
    asks for. Noise with spikes only makes F smaller. NaN where there is nothing to test.
    """
    return disagreements(np.asarray(x, float)[None], np.asarray(process)[None])[0]


def disagreements(x: Floats, process: NDArray[Any]) -> list[float]:
    """The same of several cells at once: both have shape (cells, rounds)."""
    order = np.argsort(process, axis=-1, kind="stable")
    values, processes = (np.take_along_axis(each, order, axis=-1) for each in (x, process))
    begins = np.ones(x.shape, bool)
    begins[:, 1:] = processes[:, 1:] != processes[:, :-1]
    found = [math.nan] * len(x)
    for pattern, which in alike(one.tobytes() for one in begins).items():
        starts = np.flatnonzero(np.frombuffer(pattern, bool)).tolist()
        if 1 < len(starts) < x.shape[-1]:
            p = _disagreements(x[which], values[which], [*pairwise([*starts, x.shape[-1]])])
            for at, one in zip(which, p, strict=True):
                found[at] = one
    return found


def _disagreements(x: Floats, values: Floats, groups: Sequence[tuple[int, int]]) -> Iterator[float]:
    """Of cells whose values are in these groups; `x` are the same values in their own order."""
    within = sum(
        ((group - group.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
        for group in (values[:, start:stop] for start, stop in groups)
    )
    freedom = len(groups) - 1, x.shape[-1] - len(groups)
    between = ((x - x.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1) - within
    with np.errstate(divide="ignore", invalid="ignore"):
        p = special.fdtrc(*freedom, between / freedom[0] / (within / freedom[1]))
    p = np.where(within == 0, 0.0, p)
    return iter(np.where(np.ptp(x, axis=-1) == 0, math.nan, p).tolist())


def holm(p: ArrayLike, level: float) -> NDArray[np.bool_]:
    """Which of the p-values are significant if all together may err with probability `level`.

    Holm, Scandinavian Journal of Statistics 6 (1979): the smallest is held against level / m, the
    next against level / (m - 1), until one is not below.
    """
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    below = values[order] < level / np.arange(len(values), 0, -1)
    found = np.zeros(len(values), bool)
    found[order] = np.logical_and.accumulate(below)
    return found


def holm_by_intervals(
    shown: Callable[[Key, float], bool], claims: Iterable[Key], level: float
) -> set[Key]:
    """The same for claims that two-sided intervals show: `shown(claim, confidence)`.

    A claim is one that an interval lies on one side of a line, so that each side errs with half of
    `level`. That spares the p-values, for which the confidence would have to be searched.
    """
    left, found = list(claims), set[Key]()
    while left:
        now = {claim for claim in left if shown(claim, 1 - level / len(left))}
        if not now:
            break
        found |= now
        left = [claim for claim in left if claim not in found]
    return found


@dataclass(frozen=True, slots=True)
class Ladder:
    """A cell's core-second ladder: a column for each of FACTORS, a row for each round.

    `factors` are the ratios of neighbouring levels, `losses` their differences as a share of L0.
    """

    factors: Floats
    losses: Floats


def ladder_factors(
    levels: ArrayLike, serial_own_s: ArrayLike, at_a_time: ArrayLike = 1.0
) -> Ladder:
    """The ladder of docs/method.md from L0 … L6, shape (..., rounds, 7), in core-seconds.

    `serial_own_s`, shape (..., rounds), is the time of the same tasks in the baseline without their
    wait for a CPU. What they wait there, for anything else, is no loss: it is added to the last
    three levels. So the losses add up to 1 - `serial_own_s` / L0, and never say more than the
    efficiency does. `at_a_time` coroutines can wait at a time, all of them in one worker.
    """
    steps, own = np.array(levels, float), np.asarray(serial_own_s, float)
    waited = np.maximum(own / at_a_time - steps[..., 6], 0)
    steps[..., 4:] += waited[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = steps[..., 1:] / steps[..., :-1]
        losses = -np.diff(steps, axis=-1) / steps[..., :1]
    return Ladder(factors, losses)
