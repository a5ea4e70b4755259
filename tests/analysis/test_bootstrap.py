"""The headline interval and the rule that stops a measurement."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from runners.analysis import bootstrap
from runners.analysis.bootstrap import (
    percentile_interval,
    ratio_of_medians,
    resampled_medians,
    rounds_needed,
)
from tests.synthetic import lognormal

SECONDS = st.floats(1e-6, 1e6)


@pytest.mark.parametrize("rounds", [2, 3, 10, 41, 300])
@pytest.mark.parametrize("ties", [False, True])
def test_resampled_medians_are_those_of_the_naive_bootstrap(rounds: int, ties: bool) -> None:
    baseline, measured = lognormal(rounds).round(1 if ties else 9)
    found = resampled_medians(baseline, measured, resamples=199, seed=3)
    by_baseline = np.argsort(baseline, kind="stable")
    draws = bootstrap._draws(rounds, 199, 3)
    for resample in range(199):
        drawn = np.repeat(by_baseline, draws[:, resample])
        assert len(drawn) == rounds
        assert found[0][resample] == np.median(baseline[drawn])
        assert found[1][resample] == np.median(measured[drawn])


@pytest.mark.parametrize("rounds", [5, 10, 41])
@pytest.mark.parametrize("ties", [False, True])
def test_the_headline_is_the_paired_percentile_bootstrap_of_scipy(rounds: int, ties: bool) -> None:
    baseline, noise = lognormal(rounds, seed=rounds)
    # Slow rounds are slow on both sides, so that to resample the sides apart would be seen.
    sides = [side.round(1 if ties else 9) for side in (baseline, baseline * noise**0.3)]
    reference = scipy_stats.bootstrap(
        sides,
        lambda b, m, axis: np.median(b, axis) / np.median(m, axis),
        paired=True,
        method="percentile",
        n_resamples=9999,
        rng=np.random.default_rng(1),
    ).bootstrap_distribution
    b, m = resampled_medians(sides[0], sides[1])
    assert scipy_stats.ks_2samp(b / m, reference, method="asymp").pvalue > 1e-4
    # Both draw at random: a share of 2.5% differs by 0.9% only once in ten thousand times.
    interval = ratio_of_medians(sides[0], sides[1])
    for outside, or_on_the_bound in (
        (reference < interval.low, reference <= interval.low),
        (reference > interval.high, reference >= interval.high),
    ):
        assert np.mean(outside) <= 0.025 + 0.009
        assert np.mean(or_on_the_bound) >= 0.025 - 0.009


def test_every_round_is_drawn_equally_often() -> None:
    draws = bootstrap._draws(8, 20_000, 0)
    assert scipy_stats.chisquare(draws.sum(axis=1)).pvalue > 1e-4
    assert draws.var() == pytest.approx(1 - 1 / 8, rel=0.05)  # binomial, as for the multinomial


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=2, max_size=30), st.floats(1e-3, 1e3))
def test_the_headline_interval_follows_the_unit_and_holds_the_estimate(
    pairs: list[tuple[float, float]], factor: float
) -> None:
    baseline, measured = np.array(pairs).T
    interval = ratio_of_medians(baseline, measured, resamples=499)
    scaled = ratio_of_medians(baseline * factor, measured, resamples=499)
    assert interval.low <= interval.high
    assert scaled.low == pytest.approx(interval.low * factor)
    assert scaled.high == pytest.approx(interval.high * factor)
    assert interval.estimate == np.median(baseline) / np.median(measured)


def test_rounds_are_resampled_jointly() -> None:
    baseline, _ = lognormal(20)
    interval = ratio_of_medians(2 * baseline, baseline)
    assert (interval.low, interval.high) == pytest.approx((2, 2))


def test_the_bounds_are_the_250th_resample_from_either_end() -> None:
    interval = percentile_interval(0.0, np.arange(1, 10_000)[::-1].astype(float))
    assert (interval.low, interval.high) == pytest.approx((250, 9750))


def test_one_round_has_no_interval() -> None:
    assert math.isnan(ratio_of_medians([2.0], [1.0]).low)


@pytest.mark.parametrize(
    ("half_width", "rounds"),
    [(0.0, 10), (0.03, 10), (0.031, 11), (0.045, 23), (0.06, 40), (9, 40), (math.nan, 40)],
)
def test_rounds_needed(half_width: float, rounds: int) -> None:
    assert rounds_needed(half_width) == rounds


def test_rounds_needed_is_never_below_the_pilot() -> None:
    assert rounds_needed(1.0, pilot=10, cap=5) == 10


def test_few_rounds_get_an_interval_that_is_wide_enough() -> None:
    """The bootstrap of three rounds would hold the truth in three of four cases only."""
    random = np.random.default_rng(3)
    held = {2: 0, 3: 0, 4: 0}
    for rounds in held:
        for _ in range(400):
            sides = random.lognormal(0, 0.05, (2, rounds))
            interval = ratio_of_medians(*sides, resamples=99)
            assert interval.low <= interval.estimate <= interval.high
            held[rounds] += interval.low <= 1 <= interval.high
    # 400 tries of 95%: below 92% only once in three hundred.
    assert min(held.values()) >= 0.92 * 400
