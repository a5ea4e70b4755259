"""Numbers and times for readers."""

import math

import pytest

from runners.words.rounding import UNITS, bracketed, duration, time_unit


@pytest.mark.parametrize(
    ("seconds", "unit"),
    [(60.0, "s"), (1.0, "s"), (0.999, "ms"), (1e-3, "ms"), (9e-4, "µs"), (1e-9, "µs"), (0, "µs")],
)
def test_the_unit_is_the_largest_that_is_not_too_large(seconds: float, unit: str) -> None:
    assert time_unit(seconds) == (unit, dict(UNITS)[unit])


def test_all_of_an_interval_is_in_the_unit_of_the_estimate() -> None:
    assert duration(0.000213, 0.000198, 0.00123) == "213 µs [198, 1230]"
    assert duration(1.5, 0.9, 2.0) == "1.50 s [0.90, 2.00]"


def test_what_is_not_finite_is_left_out() -> None:
    assert bracketed(1.8, 1.7, math.inf, "×") == "1.80×"
    assert bracketed(math.nan, 1.0, 2.0) == ""
    assert duration(math.nan) == ""
