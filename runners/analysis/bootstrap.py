"""The headline interval and the rule that stops a measurement.

numpy only: the measuring parent computes the rule between runs, where pandas and scipy would cost
more time to import than a round takes.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.unsignedinteger]
Ranks = NDArray[np.intp]


FEWEST_TO_RESAMPLE = 5
"""Medians of fewer rounds have too few different resamples for a bootstrap interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate and its confidence bounds, in the estimate's unit; NaN where undefined."""

    estimate: float
    low: float
    high: float

    def scaled(self, factor: float) -> "Interval":
        """The interval in a unit `factor` times smaller; `factor` is positive."""
        return Interval(self.estimate * factor, self.low * factor, self.high * factor)

    def over(self, other: "Interval") -> "Interval":
        """The ratio of two positive quantities that were measured independently of each other.

        The method of variance estimates recovery, on logarithms: Zou & Donner, Statistics in
        Medicine 27 (2008) 1693, for a difference. A bound that is not positive bounds nothing.
        """
        a, a_low, a_high = map(_log, (self.estimate, self.low, self.high))
        b, b_low, b_high = map(_log, (other.estimate, other.low, other.high))
        return Interval(
            math.exp(a - b),
            math.exp(a - b - math.hypot(a - a_low, b_high - b)),
            math.exp(a - b + math.hypot(a_high - a, b - b_low)),
        )

    @property
    def half_width(self) -> float:
        """Half the width, relative to the estimate."""
        return (self.high - self.low) / 2 / self.estimate


def _log(x: float) -> float:
    return -math.inf if x <= 0 else math.log(x)


def rounds_needed(half_width: float, pilot: int = 10, target: float = 0.03, cap: int = 40) -> int:
    """Rounds to measure in all, given the relative half-width after `pilot` of them.

    Stein's two-stage rule (Ann. Math. Stat. 16, 1945): an interval narrows with the square root of
    the rounds. Between `pilot` and `cap`; a half-width that is not finite asks for the cap.
    """
    if not math.isfinite(half_width):
        return max(pilot, cap)
    return max(pilot, min(cap, math.ceil(pilot * (half_width / target) ** 2)))


def ratio_of_medians(
    baseline: ArrayLike,
    measured: ArrayLike,
    *,
    resamples: int = 9999,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """median(baseline) / median(measured) with the interval of `headline`.

    Both have shape (rounds,), the runs of a round at the same index.
    """
    sides = np.asarray(baseline, float), np.asarray(measured, float)
    return headline(*sides, resampled_medians(*sides, resamples, seed), confidence)


def headline(
    baseline: Floats, measured: Floats, resampled: tuple[Floats, Floats], confidence: float = 0.95
) -> Interval:
    """median(baseline) / median(measured) and its interval, given the resampled medians of both.

    The percentile bootstrap, rounds resampled jointly (Efron & Tibshirani, An Introduction to the
    Bootstrap, 1993, ch. 13), from five rounds on. Of fewer rounds it would cover 51% (two), 74% or
    87% (four) instead of 95%, so they get Student's t on the paired log-ratios: wide, but honest. A
    single round has no spread: its bounds are NaN.
    """
    estimate = float(np.median(baseline) / np.median(measured))
    if len(baseline) >= FEWEST_TO_RESAMPLE:
        return percentile_interval(estimate, resampled[0] / resampled[1], confidence)
    if len(baseline) < 2:
        return Interval(estimate, math.nan, math.nan)
    from scipy.special import stdtrit  # not at the top: rarely needed, and slow to load

    logs = np.log(baseline / measured)
    error = logs.std(ddof=1) / math.sqrt(len(logs))
    reach = stdtrit(len(logs) - 1, (1 + confidence) / 2) * error
    # The ratio of medians need not lie near the mean of the logs.
    low = min(math.exp(logs.mean() - reach), estimate)
    high = max(math.exp(logs.mean() + reach), estimate)
    return Interval(estimate, low, high)


def percentile_interval(estimate: float, resampled: Floats, confidence: float = 0.95) -> Interval:
    """The estimate between the quantiles that leave (1 - confidence)/2 of `resampled` outside.

    The rank is (B+1)q of B values: with 9,999 values and 95%, exactly the 250th from either end.
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], method="weibull")
    return Interval(estimate, float(low), float(high))


def resampled_medians(
    baseline: Floats, measured: Floats, resamples: int = 9999, seed: int = 0
) -> tuple[Floats, Floats]:
    """The medians of both sides in each resample of the rounds, each of shape (resamples,).

    Exact. A resample is known by how often it draws each round, so its median lies at the rank
    where the counts, taken in the order of the values, add up to half of the draws. Which draws
    stand for which round is arbitrary: numbering the rounds by their baseline makes the baseline's
    ranks the same for all cells with as many rounds, and only one side is left to be searched.
    """
    by_baseline = np.argsort(baseline, kind="stable")
    measured = measured[by_baseline]
    by_measured = np.argsort(measured, kind="stable")
    key = (len(baseline), resamples, seed)
    return (
        _at(baseline[by_baseline], _ranks_of_sorted(*key)),
        _at(measured[by_measured], _middle_ranks(_draws(*key), by_measured)),
    )


def _at(ordered: Floats, ranks: tuple[Ranks, Ranks]) -> Floats:
    lower, upper = ranks
    return ordered[lower] if lower is upper else (ordered[lower] + ordered[upper]) / 2


@lru_cache(maxsize=4)
def _draws(rounds: int, resamples: int, seed: int) -> Counts:
    """How often each round is drawn in each resample: shape (rounds, resamples)."""
    drawn = np.random.default_rng(seed).integers(rounds, size=(rounds, resamples))
    drawn *= resamples
    drawn += np.arange(resamples)
    counts = np.bincount(drawn.ravel(), minlength=rounds * resamples)
    # The smallest type that holds a sum of all draws: the search is bound by memory traffic.
    return counts.astype(np.min_scalar_type(rounds)).reshape(rounds, resamples)


@lru_cache(maxsize=4)
def _ranks_of_sorted(rounds: int, resamples: int, seed: int) -> tuple[Ranks, Ranks]:
    return _middle_ranks(_draws(rounds, resamples, seed), np.arange(rounds))


def _middle_ranks(draws: Counts, order: Ranks) -> tuple[Ranks, Ranks]:
    """Ranks in `order` of the lower and upper middle draw of each resample; one array if odd."""
    rounds, resamples = draws.shape
    middles = sorted({(rounds - 1) // 2, rounds // 2})
    ranks = [np.zeros(resamples, draws.dtype) for _ in middles]
    seen = np.zeros(resamples, draws.dtype)
    common = 0  # ranks that lie below the middle of every resample: most of them, and cheap
    for row in order:
        seen += draws[row]
        if seen.max() <= middles[0]:
            common += 1
            continue
        if seen.min() > middles[-1]:
            break
        for rank, middle in zip(ranks, middles, strict=True):
            rank += seen <= middle
    lower, upper = (common + ranks[i].astype(np.intp) for i in (0, -1))
    return lower, lower if len(middles) == 1 else upper
