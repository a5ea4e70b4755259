"""The headline, its interval, and the number of rounds that it asks for."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from runners.analysis.headline import paired_ratio, pseudovalues, rounds_needed, student_t
from runners.analysis.interval import Floats, Interval
from tests.synthetic import lognormal

ROUNDS = st.lists(
    st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.integers(0, 6)),
    min_size=2,
    max_size=30,
)


def logs(interval: Interval) -> list[float]:
    return [math.log(x) for x in (interval.estimate, interval.low, interval.high)]


def test_a_worked_example_of_tukey_and_mclaughlin() -> None:
    """Ten values: of 1, 2, …, 9, 100 the middle six are 3, …, 8, and the fifth at either end is
    winsorised to 3, 3, 3, 4, …, 7, 8, 8, 8, whose squared deviations from 5.5 are
    6 × 2.5² + 2 × 1.5² + 2 × 0.5² = 42.5."""
    x = np.array([9, 1, 100, 2, 8, 3, 7, 4, 6, 5]) / 100
    interval = paired_ratio(np.exp(x), np.ones(10))
    reach = 2.5706 * math.sqrt(42.5 / (6 * 5)) / 100  # t of 95% with 5 degrees of freedom
    assert logs(interval) == pytest.approx([0.055, 0.055 - reach, 0.055 + reach], abs=1e-6)


def test_with_interpreters_a_worked_example() -> None:
    """Two rounds in each of five: the deviations of the winsorised values add up to -5 (3 and 3),
    -4 (3 and 4), 0 (5 and 6), 4 (7 and 8) and 5 (8 and 8); 25 + 16 + 0 + 16 + 25 = 82."""
    x = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 100]) / 100
    interval = paired_ratio(np.exp(x), np.ones(10), np.repeat(np.arange(5), 2))
    reach = 2.7764 * math.sqrt(82 * 5 / 4 * 9 / 10 / (6 * 5)) / 100  # 4 degrees of freedom
    assert logs(interval) == pytest.approx([0.055, 0.055 - reach, 0.055 + reach], abs=1e-6)


@settings(deadline=None)
@given(ROUNDS)
def test_the_estimate_is_the_trimmed_mean_of_scipy(rounds: list[tuple[float, float, int]]) -> None:
    baseline, measured, process = np.array(rounds).T
    expected = scipy_stats.trim_mean(np.log(baseline / measured), 0.2)
    assert math.log(paired_ratio(baseline, measured, process).estimate) == pytest.approx(
        expected, abs=1e-9
    )


@pytest.mark.parametrize("rounds", [2, 3, 4])
def test_few_rounds_have_students_t(rounds: int) -> None:
    baseline, measured = lognormal(rounds)
    x = np.log(baseline / measured)
    low, high = scipy_stats.t.interval(0.95, rounds - 1, x.mean(), scipy_stats.sem(x))
    assert logs(paired_ratio(baseline, measured))[1:] == pytest.approx([low, high])


def test_few_rounds_get_an_interval_that_is_wide_enough() -> None:
    random = np.random.default_rng(3)
    held = {2: 0, 3: 0, 4: 0}
    for rounds in held:
        for _ in range(400):
            interval = paired_ratio(*random.lognormal(0, 0.05, (2, rounds)))
            held[rounds] += interval.low <= 1 <= interval.high
    # 400 tries of 95%: below 92% only once in three hundred.
    assert min(held.values()) >= 0.92 * 400


def test_one_round_has_an_estimate_and_no_interval() -> None:
    interval = paired_ratio([2.0], [1.0], [7])
    assert interval.estimate == pytest.approx(2)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


@settings(max_examples=50, deadline=None)
@given(ROUNDS, st.floats(1e-3, 1e3), st.randoms())
def test_swapped_sides_other_units_and_another_order_change_nothing(
    rounds: list[tuple[float, float, int]], factor: float, random: np.random.RandomState
) -> None:
    baseline, measured, process = np.array(rounds).T
    interval = paired_ratio(baseline, measured, process)
    center, low, high = logs(interval)
    assert low <= center <= high
    swapped = logs(paired_ratio(measured, baseline, process))
    assert swapped == pytest.approx([-center, -high, -low], abs=1e-9)
    scaled = logs(paired_ratio(baseline * factor, measured, process))
    assert scaled == pytest.approx(np.add([center, low, high], math.log(factor)), abs=1e-9)
    random.shuffle(rounds)
    baseline, measured, process = np.array(rounds).T
    shuffled = logs(paired_ratio(baseline, measured, process * 10 + 3))
    assert shuffled == pytest.approx([center, low, high], abs=1e-9)


def test_two_rounds_may_be_so_far_apart_that_nothing_bounds_the_ratio() -> None:
    ratio = paired_ratio([1e100, 1.0], [1.0, 1e100])
    assert (ratio.estimate, ratio.low, ratio.high) == (1.0, 0.0, math.inf)


@settings(max_examples=50, deadline=None)
@given(ROUNDS)
def test_more_confidence_is_a_wider_interval(rounds: list[tuple[float, float, int]]) -> None:
    baseline, measured, process = np.array(rounds).T
    widths = [
        paired_ratio(baseline, measured, process, confidence).high
        for confidence in (0.5, 0.8, 0.95, 0.99)
    ]
    assert widths == sorted(widths)


def apart(by: float, interpreters: int, each: int) -> tuple[Floats, Floats, Floats]:
    """Rounds of interpreters of which every second one is faster, so many in each."""
    process = np.repeat(np.arange(float(interpreters)), each)
    baseline, measured = lognormal(len(process))
    return baseline * np.exp(by * (process % 2)), measured, process


def test_five_interpreters_that_differ_widen_the_interval_and_four_cannot() -> None:
    for interpreters, wider in ((4, False), (5, True)):
        baseline, measured, process = apart(0.5, interpreters, 8)
        alone, grouped = paired_ratio(baseline, measured), paired_ratio(baseline, measured, process)
        assert grouped.estimate == alone.estimate
        assert (grouped.half_width > 1.5 * alone.half_width) == wider


def test_interpreters_of_a_round_each_are_rounds() -> None:
    """Then both ways have the same standard error, and the one over rounds fewer freedoms."""
    baseline, measured = lognormal(20)
    grouped = paired_ratio(baseline, measured, np.arange(20))
    assert logs(grouped) == pytest.approx(logs(paired_ratio(baseline, measured)))


def test_interpreters_need_not_have_equally_many_rounds() -> None:
    baseline, measured, process = apart(0.3, 6, 6)
    kept = np.flatnonzero((process != 1) | (np.arange(36) % 6 == 0))
    interval = paired_ratio(baseline[kept], measured[kept], process[kept])
    assert math.isfinite(interval.high)
    assert interval.half_width > paired_ratio(baseline[kept], measured[kept]).half_width


def test_an_extreme_round_hardly_moves_the_headline_or_its_interval() -> None:
    baseline, measured = lognormal(20)
    process = np.arange(20) // 4
    calm = paired_ratio(baseline, measured, process)
    measured[3] *= 1000
    spiked = paired_ratio(baseline, measured, process)
    assert spiked.estimate == pytest.approx(calm.estimate, rel=0.05)
    assert spiked.half_width < 1.5 * calm.half_width


def test_the_t_quantiles_are_those_of_scipy() -> None:
    for confidence in (0.5, 0.8, 0.95, 0.99, 0.999):
        for freedom in (*range(1, 40), 99, 100, 1000):
            expected = scipy_stats.t.ppf((1 + confidence) / 2, freedom)
            assert student_t(confidence, freedom) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("rounds", [3, 10, 40])
def test_pseudovalues_have_the_headline_as_their_mean(rounds: int) -> None:
    baseline, measured = lognormal(rounds)
    interval = paired_ratio(baseline, measured)
    values = np.log(pseudovalues(baseline / measured))
    assert values.mean() == pytest.approx(math.log(interval.estimate))
    reach = student_t(0.95, rounds - 2 * (rounds // 5) - 1) * scipy_stats.sem(values)
    assert reach == pytest.approx(math.log(interval.high / interval.estimate), rel=0.05)


def needed(
    baseline: Floats, measured: Floats, process: Floats | None, precision: float, most: int = 1000
) -> int:
    return rounds_needed(
        *(baseline, measured, process),
        interpreters=5,
        precision=precision,
        fewest=10,
        most=most,
    )


def test_rounds_grow_with_the_square_of_the_precision_and_fill_the_interpreters() -> None:
    rounds = apart(0.0, 5, 4)
    half_width = paired_ratio(*rounds).half_width
    assert needed(*rounds, half_width * 1.001) == 20
    assert needed(*rounds, half_width * 0.999) == 25
    assert needed(*rounds, half_width / 2 * 1.001) == 80
    assert needed(*rounds, half_width / 2, most=37) == 37
    assert needed(*rounds, 9.0) == 10


def test_rounds_of_few_interpreters_foresee_the_wider_interval_of_five() -> None:
    baseline, measured = lognormal(10)
    seen = paired_ratio(baseline, measured).half_width
    few = needed(baseline, measured, None, seen)
    assert few > 10
    assert few == needed(baseline, measured, np.repeat([0, 1], 5), seen)


def test_a_single_round_asks_for_the_most() -> None:
    one = np.ones(1)
    assert needed(one, one, None, 0.03, most=40) == 40
    assert needed(one, one, None, 0.03, most=5) == 5
