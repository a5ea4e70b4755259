"""Estimates and diagnostics of one cell: functions of plain arrays, one value per round.

`baseline` and `measured` are the walls of both sides, paired by round. Where an interval of the
asked confidence does not exist, its bounds are NaN.
"""

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from runners.analysis.interval import Floats, Interval

Key = TypeVar("Key", bound=Hashable)

FACTORS = ("startup", "dispatch", "balance", "blocking", "contention", "computation")
"""The ladder's steps, L0 to L6."""


def ratio_of_means_fieller(
    baseline: ArrayLike, measured: ArrayLike, confidence: float = 0.95
) -> Interval:
    """mean(baseline) / mean(measured) with the paired Fieller interval (Fieller, JRSS B 16, 1954).

    Where the measured mean is not distinguishable from zero the set is unbounded and the bounds
    are -inf and inf. A single round gives NaN bounds.
    """
    top, bottom = np.asarray(baseline, float), np.asarray(measured, float)
    n = len(top)
    mean_top, mean_bottom = float(top.mean()), float(bottom.mean())
    if n < 2:
        return Interval(mean_top / mean_bottom, math.nan, math.nan)
    spread = special.stdtrit(n - 1, (1 + confidence) / 2) ** 2 / n * np.cov(top, bottom)
    # The ratios r that satisfy (mean_top - r·mean_bottom)² ≤ t²·var(mean of top - r·bottom).
    a = mean_bottom**2 - spread[1, 1]
    b = mean_top * mean_bottom - spread[0, 1]
    c = mean_top**2 - spread[0, 0]
    if a <= 0:
        return Interval(mean_top / mean_bottom, -math.inf, math.inf)
    root = math.sqrt(max(b**2 - a * c, 0.0))
    return Interval(mean_top / mean_bottom, float(b - root) / a, float(b + root) / a)


def hodges_lehmann_ratio(
    baseline: ArrayLike, measured: ArrayLike, confidence: float = 0.95
) -> Interval:
    """Pseudomedian of the rounds' ratios, with the Wilcoxon signed-rank interval.

    The median of all pairwise means (Walsh averages) of the log-ratios, exponentiated
    (Hodges & Lehmann, Ann. Math. Stat. 34, 1963). Memory grows with the square of the rounds.
    """
    logs = np.log(np.asarray(baseline, float)) - np.log(np.asarray(measured, float))
    n = len(logs)
    walsh = (np.add.outer(logs, logs) / 2)[np.tri(n, dtype=bool)]
    rank, middles = _signed_rank(n, confidence), [(len(walsh) - 1) // 2, len(walsh) // 2]
    walsh.partition(sorted({*middles, max(rank - 1, 0), len(walsh) - max(rank, 1)}))
    centre = math.exp(float(walsh[middles].mean()))
    if rank == 0:
        return Interval(centre, math.nan, math.nan)
    return Interval(centre, math.exp(walsh[rank - 1]), math.exp(walsh[-rank]))


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
    # Not by scipy itself, which the tests hold it against: that takes 200 times as long, a report
    # of 1,000 cells 1.6 times.
    values = np.sort(np.asarray(x, float))
    values = values[np.isfinite(values)]
    n = len(values)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan)
    middle = float(values[(n - 1) // 2] + values[n // 2]) / 2
    rank = _binomial_rank(n, confidence)
    if rank == 0:
        return Interval(middle, math.nan, math.nan)
    return Interval(middle, float(values[rank - 1]), float(values[n - rank]))


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
    distance = np.abs(values - np.median(values))
    deviation = np.median(distance)
    return np.asarray((deviation > 0) & (distance > 14.826 * deviation))


def trend(*series: ArrayLike) -> float:
    """The p-value of any of the series, in order of time, to rise or fall (Kendall, Bonferroni).

    NaN where there is nothing to test: even the order 1, 2, 3, 4, 5 has p = 0.017.
    """
    if min(len(np.asarray(x)) for x in series) < 6:
        return math.nan
    from scipy import stats  # not at the top: it takes half a second to load

    p = [stats.kendalltau(np.arange(len(np.asarray(x))), x).pvalue for x in series]
    return min(1.0, float(np.nanmin([*p, 1.0])) * len(series))


def fall(walls: Floats, process: ArrayLike) -> float:
    """The p-value of times to fall so much by chance from round to round of their process.

    `walls` has shape (rounds, sides). Kendall's score of each process, added up (a stratified
    Mann-Kendall test: Hirsch & Slack, Water Resources Research 20, 1984, 727), one-sided,
    Bonferroni over the sides. NaN where no process has two rounds.
    """
    index = np.asarray(process)
    score, variance = np.zeros(walls.shape[1]), 0.0
    for one in np.unique(index):
        own = walls[index == one]
        n = len(own)
        later, sooner = np.tril_indices(n, -1)
        score += np.sign(own[later] - own[sooner]).sum(axis=0)
        variance += n * (n - 1) * (2 * n + 5) / 18
    if not variance:
        return math.nan
    z = (score + 1) / math.sqrt(variance)  # with a correction for continuity
    return min(1.0, len(z) * float(special.ndtr(z).min()))


def disagreement(x: ArrayLike, process: ArrayLike) -> float:
    """The p-value of the processes' means to differ so much by chance (F, one-way).

    By values and not by ranks, of which 20 cannot give the small p that a report of many cells
    asks for. Noise with spikes only makes F smaller. NaN where there is nothing to test.
    """
    values, processes = np.asarray(x, float), np.asarray(process)
    groups = [values[processes == one] for one in np.unique(processes)]
    if not 1 < len(groups) < len(values) or not np.ptp(values):
        return math.nan
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    freedom = len(groups) - 1, len(values) - len(groups)
    between = float(((values - values.mean()) ** 2).sum()) - within
    if within == 0:
        return 0.0
    return float(special.fdtrc(*freedom, between / freedom[0] / (within / freedom[1])))


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


def ladder_factors(levels: ArrayLike, serial_own_s: ArrayLike, at_a_time: float = 1.0) -> Ladder:
    """The ladder of docs/method.md from L0 … L6, shape (rounds, 7), in core-seconds.

    `serial_own_s`, shape (rounds,), is the time of the same tasks in the baseline without their
    wait for a CPU. What they wait there, for anything else, is no loss: it is added to the last
    three levels. So the losses add up to 1 - `serial_own_s` / L0, and never say more than the
    efficiency does. `at_a_time` coroutines can wait at a time, all of them in one worker.
    """
    steps, own = np.array(levels, float), np.asarray(serial_own_s, float)
    waited = np.maximum(own / at_a_time - steps[:, 6], 0)
    steps[:, 4:] += waited[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = steps[:, 1:] / steps[:, :-1]
        losses = -np.diff(steps, axis=1) / steps[:, :1]
    return Ladder(factors, losses)
