"""An estimate with its confidence bounds."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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
