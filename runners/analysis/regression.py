"""Least squares for throughput laws X(N) = gamma·N / (1 + theta·terms(N)), on either residual.

`terms` has shape (measurements, parameters): the columns N - 1 and, for the USL, N(N - 1). theta
lies in [0, 1], its first member in [floor, 1]. ValueError where the residuals have no freedom left.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Solution:
    """Estimates of theta and log gamma, their joint covariance, the residuals' freedom."""

    theta: Floats
    log_gamma: float
    covariance: Floats
    freedom: int


def solve_absolute(terms: Floats, n: Floats, x: Floats, floor: float) -> Solution:
    """Least squares of the throughputs x at n workers, arrays of shape (measurements,)."""
    count = terms.shape[1]

    def model(p: Floats) -> Floats:
        return np.asarray(n * np.exp(p[count]) / (1 + terms @ p[:count]))

    def jacobian(p: Floats) -> Floats:
        slopes = -terms / (1 + terms @ p[:count])[:, None]
        return np.asarray(model(p)[:, None] * np.column_stack([slopes, np.ones_like(n)]))

    p = _minimise(lambda p: model(p) - x, jacobian, terms, floor, [math.log(np.max(x / n))])
    freedom = len(x) - count - 1
    covariance = _covariance(model(p) - x, jacobian(p), freedom)
    return Solution(p[:count], float(p[count]), covariance, freedom)


def solve_rounds(
    terms: Floats, n: Floats, x: Floats, rounds: NDArray[np.generic], floor: float
) -> Solution:
    """Least squares of log x with one effect for each of the labels in `rounds`."""
    # The effects of the rounds are linear and drop out when each round's mean is taken away
    # (Frisch-Waugh-Lovell), so that only theta is left to search.
    _, label, sizes = np.unique(rounds, return_inverse=True, return_counts=True)

    def means(y: Floats) -> Floats:
        total = np.zeros((len(sizes), *y.shape[1:]))
        np.add.at(total, label, y)
        return np.asarray((total.T / sizes).T)

    def within(y: Floats) -> Floats:
        return np.asarray(y - means(y)[label])

    def excess(theta: Floats) -> Floats:
        return np.asarray(np.log(n / (1 + terms @ theta)) - np.log(x))

    def slopes(theta: Floats) -> Floats:
        return np.asarray(-terms / (1 + terms @ theta)[:, None])

    theta = _minimise(lambda t: within(excess(t)), lambda t: within(slopes(t)), terms, floor, [])
    freedom = len(x) - len(sizes) - len(theta)
    residual = within(excess(theta))
    inner = _covariance(residual, within(slopes(theta)), freedom)
    # log gamma is the mean of the rounds' effects, which depend on theta through the mean slope.
    lever = means(slopes(theta)).mean(axis=0)
    level = residual @ residual / freedom * np.mean(1 / sizes) / len(sizes)
    covariance = np.block(
        [
            [inner, -(inner @ lever)[:, None]],
            [-(inner @ lever)[None, :], np.array([[level + lever @ inner @ lever]])],
        ]
    )
    return Solution(theta, -float(means(excess(theta)).mean()), covariance, freedom)


def _minimise(
    residual: Callable[[Floats], Floats],
    jacobian: Callable[[Floats], Floats],
    terms: Floats,
    floor: float,
    rest: list[float],
) -> Floats:
    """theta, started at alpha = .01 and beta = 1e-4, followed by the unbounded `rest`."""
    from scipy import optimize  # not at the top: it is slow to load, and rarely is there a fit

    count = terms.shape[1]
    low = [*[floor, 0.0][:count], *[-math.inf for _ in rest]]
    high = [*[1.0] * count, *[math.inf for _ in rest]]
    start = [*[0.01, 1e-4][:count], *rest]
    found = optimize.least_squares(
        residual, start, jacobian, (low, high), x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15
    ).x
    # The search stops just inside a bound; a term that changes nothing at the largest N is zero.
    found[:count][np.abs(found[:count]) * terms.max(axis=0) < 1e-9] = 0.0
    return np.asarray(found)


def _covariance(residual: Floats, jacobian: Floats, freedom: int) -> Floats:
    if freedom < 1:
        raise ValueError("a fit needs more measurements than parameters, in most rounds several")
    return np.asarray(np.linalg.inv(jacobian.T @ jacobian) * (residual @ residual) / freedom)
