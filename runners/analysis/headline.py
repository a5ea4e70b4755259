"""The speedup of a typical round, its interval, and how many rounds that interval needs.

numpy only: the measuring parent decides the number of rounds between two runs, and scipy would take
longer to load than a round. docs/method.md has the simulations behind every choice made here.
"""

import math
import sys
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runners.analysis.interval import Floats, Interval

LARGEST = math.log(sys.float_info.max)
FEWEST_INTERPRETERS = 5
"""Of fewer interpreters t has so few degrees of freedom that the interval would say nothing."""


def paired_ratio(
    baseline: ArrayLike,
    measured: ArrayLike,
    process: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Interval:
    """baseline / measured in a typical round: the 20% trimmed mean of the rounds' log ratios.

    All have shape (rounds,), the runs of a round at the same index; `process` is the number of the
    interpreter that ran it, None if a single one did. The interval is the wider of two: Student's t
    over the rounds (Tukey & McLaughlin, Sankhya A 25, 1963), and, from FEWEST_INTERPRETERS on, over
    the interpreters, whose rounds count together: each interpreter has a speed of its own. With
    fewer than five rounds none is trimmed, and a single one has no spread: its bounds are NaN.
    """
    index = None if process is None else np.unique(np.asarray(process), return_inverse=True)[1]
    [found] = paired_ratios(
        np.asarray(baseline, float)[None],
        np.asarray(measured, float)[None],
        None if index is None else index[None],
        confidence,
    )
    return found


def paired_ratios(
    baseline: Floats,
    measured: Floats,
    interpreter: NDArray[np.intp] | None = None,
    confidence: float = 0.95,
) -> list[Interval]:
    """The same of several cells at once, which takes hardly longer than of one.

    All have shape (cells, rounds). `interpreter` numbers those of each cell from 0 on; all cells
    have equally many.
    """
    logs = np.log(baseline) - np.log(measured)
    centre, deviations, kept = _trimmed(logs)
    rounds = logs.shape[-1]
    if rounds < 2:
        return [Interval(math.exp(one), math.nan, math.nan) for one in centre.tolist()]
    reach = student_t(confidence, kept - 1) * _error(deviations, kept, rounds)
    by_process = _sums(deviations, interpreter)
    if (units := by_process.shape[-1]) >= FEWEST_INTERPRETERS:
        between = student_t(confidence, units - 1) * _error(by_process, kept, rounds)
        reach = np.where(between > reach, between, reach)
    return [
        Interval(
            math.exp(middle),
            math.exp(middle - half),
            math.exp(high) if (high := middle + half) < LARGEST else math.inf,
        )
        for middle, half in zip(centre.tolist(), reach.tolist(), strict=True)
    ]


def pseudovalues(ratios: ArrayLike) -> Floats:
    """The rounds' ratios as they count for `paired_ratio`: same shape, (rounds,).

    The mean of their logarithms is that of its estimate, and its standard error nearly the same: a
    least-squares fit to these logarithms is one to the headline.
    """
    logs = np.log(np.asarray(ratios, float))
    centre, deviations, kept = _trimmed(logs)
    return np.exp(centre + deviations * len(logs) / kept)


def rounds_needed(
    baseline: ArrayLike,
    measured: ArrayLike,
    process: ArrayLike | None = None,
    *,
    interpreters: int,
    precision: float,
    fewest: int,
    most: int,
) -> int:
    """Rounds in all, equally many in each of `interpreters`, for a relative half-width `precision`.

    Stein's two-stage rule (Ann. Math. Stat. 16, 1945), from any rounds that there are: an interval
    narrows with the square root of the rounds. (What differs between interpreters does not shrink
    with their rounds, but ten rounds cannot tell that from noise.) At least `fewest` and at most
    `most`, which it is also where the rounds have no interval yet. To be asked once: to ask again
    and again until there are enough stops at lucky moments, and such intervals cover too little.
    """
    half_width = paired_ratio(baseline, measured, process).half_width
    logs = np.log(np.asarray(baseline, float)) - np.log(np.asarray(measured, float))
    _, deviations, kept = _trimmed(logs)
    seen = 1 if process is None else len(np.unique(np.asarray(process)))
    if seen < FEWEST_INTERPRETERS <= interpreters and len(logs) > 1:
        # The rounds still to come are spread over enough interpreters to ask for the wider t.
        reach = student_t(0.95, interpreters - 1) * float(_error(deviations, kept, len(logs)))
        half_width = max(half_width, math.sinh(reach))
    if not math.isfinite(half_width):
        return most
    each = math.ceil(len(logs) * (half_width / precision) ** 2 / interpreters)
    return min(most, max(fewest, each * interpreters))


@lru_cache(maxsize=512)
def student_t(confidence: float, freedom: int) -> float:
    """The t that |Student's t| with `freedom` degrees of freedom exceeds in 1 - confidence.

    By bisection of the distribution as a finite sum of powers: Abramowitz & Stegun, 26.7.3 and 4.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        low, high = (angle, high) if _within(angle, freedom) < confidence else (low, angle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """P(|t| < sqrt(freedom) tan(angle))."""
    odd = freedom % 2
    total = term = math.cos(angle) if odd else 1.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= (k - 1) / k * math.cos(angle) ** 2
        total += term
    if not odd:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + (math.sin(angle) * total if freedom > 1 else 0.0))


def _trimmed(x: Floats) -> tuple[Floats, Floats, int]:
    """The 20% trimmed mean, the deviations of the winsorised values, how many values were kept.

    Along the last axis, which is that of the rounds here and below.
    """
    ordered, count = np.sort(x, axis=-1), x.shape[-1]
    cut = count // 5
    kept = ordered[..., cut : count - cut]
    winsorised = np.clip(x, kept[..., :1], kept[..., -1:])
    deviations = winsorised - winsorised.mean(axis=-1, keepdims=True)
    return kept.mean(axis=-1), deviations, kept.shape[-1]


def _sums(deviations: Floats, interpreter: NDArray[np.intp] | None) -> Floats:
    """The sums of the deviations of each interpreter's rounds, shape (cells, interpreters)."""
    if interpreter is None:
        return deviations.sum(axis=-1, keepdims=True)
    cells, units = len(deviations), int(interpreter.max()) + 1
    place = interpreter + units * np.arange(cells)[:, None]
    return np.bincount(place.ravel(), deviations.ravel()).reshape(cells, units)


def _error(sums: Floats, kept: int, rounds: int) -> Floats:
    """Standard errors of trimmed means whose deviations add up to `sums` in independent units.

    With a unit for each round it is Tukey and McLaughlin's, sqrt(SSD / (h (h - 1))).
    """
    units = sums.shape[-1]
    unbiased = units / (units - 1) * (rounds - 1) / rounds
    return np.asarray(np.sqrt(np.vecdot(sums, sums) * unbiased / (kept * (kept - 1))))
