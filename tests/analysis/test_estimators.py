"""The estimators behind the summary and its flags."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from runners.analysis.estimators import (
    _signed_rank,
    disagreement,
    hodges_lehmann_ratio,
    holm,
    ladder_factors,
    median_interval,
    outliers,
    ratio_of_means_fieller,
    trend,
)
from tests.synthetic import lognormal


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(1, 2), st.floats(1, 2)), min_size=3, max_size=20))
def test_the_bounds_of_fieller_are_where_the_paired_t_test_turns(
    pairs: list[tuple[float, float]],
) -> None:
    baseline, measured = np.array(pairs).T
    interval = ratio_of_means_fieller(baseline, measured)
    assume(interval.high - interval.low > 1e-3)
    if math.isinf(interval.high):
        assert scipy_stats.ttest_1samp(measured, 0).pvalue >= 0.05
        return
    for bound in (interval.low, interval.high):
        difference = baseline - bound * measured
        assert scipy_stats.ttest_1samp(difference, 0).pvalue == pytest.approx(0.05, abs=1e-4)


def test_one_round_has_no_interval_of_fieller() -> None:
    assert math.isnan(ratio_of_means_fieller([2.0], [1.0]).high)


def test_fieller_is_unbounded_where_the_measured_mean_may_be_zero() -> None:
    interval = ratio_of_means_fieller([1, 1.1, 1.2], [0.001, 10, 0.001])
    assert (interval.low, interval.high) == (-math.inf, math.inf)


@pytest.mark.parametrize("rounds", [6, 11, 40])
def test_the_bounds_of_hodges_lehmann_are_where_wilcoxon_turns(rounds: int) -> None:
    baseline, measured = lognormal(rounds)
    interval = hodges_lehmann_ratio(baseline, measured)

    def p(ratio: float) -> float:
        log_ratios = np.log(baseline / measured / ratio)
        return float(scipy_stats.wilcoxon(log_ratios, method="exact").pvalue)

    assert p(interval.low * (1 - 1e-9)) <= 0.05 < p(interval.low * (1 + 1e-9))
    assert p(interval.high * (1 + 1e-9)) <= 0.05 < p(interval.high * (1 - 1e-9))


def test_hodges_lehmann_hands_over_to_the_normal_approximation_smoothly() -> None:
    assert _signed_rank(101, 0.95) - _signed_rank(100, 0.95) == pytest.approx(
        _signed_rank(100, 0.95) - _signed_rank(99, 0.95), abs=3
    )


@pytest.mark.parametrize("rounds", [*range(1, 26), 50, 100])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_the_rank_of_the_bounds_is_that_of_wilcoxon_in_scipy(
    rounds: int, confidence: float
) -> None:
    rank = _signed_rank(rounds, confidence)
    assert p_of_signed_rank_below(rank, rounds) <= (1 - confidence) / 2
    assert p_of_signed_rank_below(rank + 1, rounds) > (1 - confidence) / 2


@pytest.mark.parametrize("rounds", [101, 300])
def test_the_normal_approximation_is_near_wilcoxon_in_scipy(rounds: int) -> None:
    rank = _signed_rank(rounds, 0.95)
    assert p_of_signed_rank_below(rank, rounds) == pytest.approx(0.025, rel=0.02)


def p_of_signed_rank_below(sum_of_ranks: int, rounds: int) -> float:
    """P(W < sum_of_ranks): the p-value of values whose positive ones have ranks of one less."""
    if sum_of_ranks < 1:
        return 0.0
    values, left = -np.arange(1.0, rounds + 1), sum_of_ranks - 1
    for rank in range(rounds, 0, -1):
        if rank <= left:
            values[rank - 1], left = rank, left - rank
    return float(scipy_stats.wilcoxon(values, alternative="less", method="exact").pvalue)


@given(
    st.lists(st.integers(1, 9) | st.floats(0.1, 10), min_size=1, max_size=60),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_the_median_interval_is_that_of_scipy(x: list[float], confidence: float) -> None:
    interval = median_interval(x, confidence)
    reference = scipy_stats.quantile_test(x, p=0.5).confidence_interval(confidence)
    assert interval.estimate == np.median(x)
    np.testing.assert_equal((interval.low, interval.high), (reference.low, reference.high))


def test_five_values_have_no_interval_of_ranks() -> None:
    assert math.isnan(median_interval([1, 2, 3, 4, 5]).low)
    assert median_interval([1, 2, 3, 4, 5, math.nan]).estimate == 3
    assert math.isnan(hodges_lehmann_ratio([1, 2, 3, 4, 5], [1, 1, 1, 1, 1]).low)


def test_outliers_are_counted_from_the_median_absolute_deviation() -> None:
    x = np.array([1.0, 1.1, 0.9, 1.05, 0.95, 1 + 14.7 * 0.1, 1 + 0.1 * 14.9])
    median, deviation = np.median(x), np.median(np.abs(x - np.median(x)))
    expected = [abs(value - median) > 14.826 * deviation for value in x]
    assert outliers(x).tolist() == expected
    assert outliers([1, 1, 1, 1, 5]).sum() == 0
    assert outliers([*lognormal(20)[0], 9.0]).tolist() == [False] * 20 + [True]


def test_a_trend_is_seen_in_any_series() -> None:
    still, rising = lognormal(20)[0], lognormal(20)[0] + np.linspace(0, 1, 20)
    assert trend(still, rising) < 0.001
    assert trend(still, still[::-1]) > 0.1
    assert trend(np.ones(20)) == 1
    assert math.isnan(trend([1.0]))


def test_a_trend_must_be_clearer_where_more_series_are_tested() -> None:
    x = [2, 1, 4, 3, 5, 6, 7, 8, 9, 10, 11, 0]
    alone = float(scipy_stats.kendalltau(range(12), x).pvalue)
    assert trend(x) == pytest.approx(alone)
    assert trend(x, x, x) == pytest.approx(3 * alone)


def test_a_trend_needs_values_enough() -> None:
    """Of fewer than six, in the clearest order, it would be looked for in vain."""
    assert scipy_stats.kendalltau(range(5), range(5)).pvalue > 0.01
    assert math.isnan(trend(range(5)))
    assert trend(range(6)) < 0.01


def test_processes_disagree_as_the_analysis_of_variance_says() -> None:
    process = np.repeat([0, 1, 2], 6)
    for seed in range(30):
        x = lognormal(18, seed)[0] + 0.05 * process
        expected = scipy_stats.f_oneway(*(x[process == k] for k in range(3))).pvalue
        assert disagreement(x, process) == pytest.approx(expected)
    assert math.isnan(disagreement(process, np.zeros(18)))
    assert math.isnan(disagreement(np.ones(18), process))
    assert math.isnan(disagreement(process, np.arange(18)))


def test_spikes_do_not_make_processes_disagree_more_often() -> None:
    rng, process = np.random.default_rng(4), np.repeat(np.arange(5), 4)
    found = [
        disagreement(rng.lognormal(0, 0.03, 20) + (rng.random(20) < 0.125), process) < 0.05
        for _ in range(300)
    ]
    assert np.mean(found) < 0.09  # a true 5% is above in one case of 1,000


def test_holm_holds_the_smallest_against_the_whole_number_of_tests() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005], 0.05).tolist() == [True, False, False, True]
    assert holm([0.013, 0.2, 0.9, 0.013], 0.05).tolist() == [False] * 4
    assert holm([0.04], 0.05).tolist() == [True]
    assert holm([], 0.05).tolist() == []


LEVELS = st.lists(st.floats(0.01, 1), min_size=7, max_size=7)


@given(LEVELS, st.floats(1, 50))
def test_the_ladder_multiplies_and_adds_up(levels: list[float], slower: float) -> None:
    own = levels[6] * slower  # with what the tasks wait one by one
    ladder = ladder_factors([levels], [own])
    assert ladder.factors.prod() == pytest.approx(own / levels[0])
    assert ladder.losses.sum() == pytest.approx(1 - own / levels[0])


def test_what_tasks_wait_one_by_one_is_no_loss() -> None:
    """Eight seconds provided for tasks that take six, of which they compute half a second."""
    ladder = ladder_factors([[8, 7, 7, 6.5, 0.6, 0.6, 0.5]], [6])
    lost = [round(float(loss) * 8, 6) for loss in ladder.losses[0]]
    assert lost == [1, 0, 0.5, 0.4, 0, 0.1]


@pytest.mark.parametrize("cpu_s", [0.1, 0.3, 0.31, 3.0, 5.9])
def test_losses_say_the_same_as_the_efficiency_whatever_tasks_do(cpu_s: float) -> None:
    """There is no limit on one side of which all waiting is lost."""
    levels = [8, 8, 8, 8, cpu_s + 0.2, cpu_s + 0.1, cpu_s]
    assert ladder_factors([levels], [7.7]).losses.sum() == pytest.approx(1 - 7.7 / 8)


def test_coroutines_wait_in_one_worker_together() -> None:
    """Four of them, 8 s of waiting one by one; the loop took 2.5 s, 0.1 of it CPU time."""
    ladder = ladder_factors([[2.5, 2.5, 2.5, 2.5, 0.1, 0.1, 0.1]], [8.0], at_a_time=4)
    assert ladder.losses.sum() == pytest.approx(1 - 2 / 2.5)
