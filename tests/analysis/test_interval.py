"""An interval in other units, and the ratio of two."""

import math

import pytest

from runners.analysis.interval import Interval


def test_the_bounds_of_a_ratio_are_those_of_zou_and_donner() -> None:
    above = Interval(math.exp(3), math.exp(2), math.exp(6))
    ratio = above.over(Interval(math.exp(1), math.exp(-3), math.exp(1.5)))
    assert math.log(ratio.estimate) == pytest.approx(2)
    assert math.log(ratio.low) == pytest.approx(2 - math.sqrt(1 + 0.25))
    assert math.log(ratio.high) == pytest.approx(2 + 5)  # 3, 4, 5


def test_symmetric_errors_of_logarithms_add_in_squares() -> None:
    ratio = Interval(2.0, 2 / 1.03, 2 * 1.03).over(Interval(4.0, 4 / 1.04, 4 * 1.04))
    assert ratio.estimate == 0.5
    reach = math.hypot(math.log(1.03), math.log(1.04))
    assert math.log(ratio.high / ratio.estimate) == pytest.approx(reach)


def test_a_ratio_to_what_has_no_interval_has_none() -> None:
    ratio = Interval(2.0, 1.9, 2.1).over(Interval(1.0, math.nan, math.nan))
    assert ratio.estimate == 2
    assert math.isnan(ratio.low)
    assert math.isnan(ratio.high)


def test_a_unit_changes_the_numbers_and_not_the_relative_width() -> None:
    interval = Interval(2.0, 1.8, 2.4)
    assert interval.half_width == pytest.approx(0.15)
    assert interval.scaled(1000) == Interval(2000, 1800, 2400)
    assert interval.scaled(1000).half_width == pytest.approx(0.15)
