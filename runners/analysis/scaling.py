"""Scaling laws: Amdahl, Gustafson, Karp-Flatt and Gunther's Universal Scalability Law (USL).

    X(N) = gamma·N / (1 + alpha·(N - 1) + beta·N(N - 1))

alpha is the serial fraction (contention), beta the cost of keeping N workers coherent, gamma the
throughput of one worker. With beta = 0 it is Amdahl's law, f = alpha. N. J. Gunther, Guerrilla
Capacity Planning, Springer 2007, chapters 4 to 6.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from runners.analysis.regression import Floats, Solution, solve_absolute, solve_rounds

Law = Literal["amdahl", "usl"]


def amdahl(n: ArrayLike, f: float) -> Floats:
    """Speedup with n workers where the fraction f of the serial run stays serial (AFIPS 1967)."""
    workers = np.asarray(n, float)
    return np.asarray(1 / (f + (1 - f) / workers))


def gustafson(n: ArrayLike, s: float) -> Floats:
    """Scaled speedup with n workers, the fraction s of the parallel run serial (CACM 31, 1988)."""
    workers = np.asarray(n, float)
    return np.asarray(workers - s * (workers - 1))


def karp_flatt(speedup: ArrayLike, n: ArrayLike) -> Floats:
    """The serial fraction that a speedup with n workers reveals (CACM 33, 1990); NaN at n = 1."""
    workers = np.asarray(n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = (1 / np.asarray(speedup, float) - 1 / workers) / (1 - 1 / workers)
    return np.asarray(np.where(workers > 1, fraction, math.nan))


def usl(n: ArrayLike, alpha: float, beta: float, gamma: float = 1.0) -> Floats:
    """Throughput with n workers in the unit of gamma; with gamma = 1 the speedup."""
    workers = np.asarray(n, float)
    return np.asarray(gamma * workers / _slowdown(workers, alpha, beta))


def _slowdown(n: Floats, alpha: float, beta: float) -> Floats:
    return 1 + alpha * (n - 1) + beta * n * (n - 1)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A fitted parameter with its standard error and t interval, cut to what it can be."""

    estimate: float
    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted law; `gamma` and `asymptote` in the unit of the throughput.

    `peak` is N* = √((1 - alpha)/beta), NaN where beta's interval contains zero; `peak_low` bounds
    it from below, by the upper end of that interval (inf for a law without beta). `asymptote` is
    gamma/alpha, NaN where there is a peak. `covariance` is of (alpha, beta, log gamma).
    A superlinear fit has neither and predicts nothing beyond `largest_n`.
    """

    law: Law
    alpha: Parameter
    beta: Parameter
    gamma: Parameter
    peak: float
    peak_low: float
    asymptote: float
    flags: tuple[str, ...]
    covariance: Floats
    freedom: int
    confidence: float
    largest_n: float

    @property
    def superlinear(self) -> bool:
        """Whether alpha lies below zero: workers are faster together than alone."""
        return self.alpha.high < 0


def fit_amdahl(
    n: ArrayLike,
    throughput: ArrayLike,
    *,
    rounds: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Fit:
    """Fit Amdahl's law (alpha is its serial fraction f); arguments and errors as `fit_usl`."""
    return _fit("amdahl", n, throughput, rounds, confidence)


def fit_usl(
    n: ArrayLike,
    throughput: ArrayLike,
    *,
    rounds: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Fit:
    """Fit the USL by least squares with alpha and beta in [0, 1]; a superlinear alpha is below.

    `n`, `throughput` and `rounds` have one value per measurement. With `rounds`, the labels of the
    rounds that the measurements belong to, residuals are logarithmic and each round has an effect
    of its own, which takes out what slows a whole round; gamma is then the mean over the rounds.
    Without, residuals are absolute: for published data. ValueError without n = 1, with fewer than
    four distinct n, or with too few measurements a round.
    """
    return _fit("usl", n, throughput, rounds, confidence)


def predict(fit: Fit, n: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Fitted throughput at n, and its confidence band (mid, low, high), each of n's shape.

    Delta method on the logarithm. NaN beyond the data of a superlinear fit.
    """
    workers = np.asarray(n, float)
    alpha, beta = fit.alpha.estimate, fit.beta.estimate
    slowdown = _slowdown(workers, alpha, beta)
    gradient = np.stack(
        [-(workers - 1) / slowdown, -workers * (workers - 1) / slowdown, np.ones_like(workers)],
        axis=-1,
    )
    error = np.sqrt(np.einsum("...i,ij,...j", gradient, fit.covariance, gradient))
    reach = special.stdtrit(fit.freedom, (1 + fit.confidence) / 2) * error
    mid = fit.gamma.estimate * workers / slowdown
    if fit.superlinear:
        mid = np.where(workers > fit.largest_n, math.nan, mid)
    return mid, mid * np.exp(-reach), mid * np.exp(reach)


def _fit(
    law: Law, n: ArrayLike, throughput: ArrayLike, rounds: ArrayLike | None, confidence: float
) -> Fit:
    workers, x = np.asarray(n, float), np.asarray(throughput, float)
    distinct = np.unique(workers)
    if 1 not in distinct or len(distinct) < 4:
        found = ", ".join(f"{value:g}" for value in distinct)
        raise ValueError(f"a fit needs n = 1 and at least four distinct n; there are: {found}")
    if not (x > 0).all():
        raise ValueError("a fit needs throughputs above 0")
    terms = np.stack([workers - 1, workers * (workers - 1)], axis=1)
    if law == "amdahl":
        terms = terms[:, :1]

    def fitted(floor: float) -> Fit:
        if rounds is None:
            solution = solve_absolute(terms, workers, x, floor)
        else:
            solution = solve_rounds(terms, workers, x, np.asarray(rounds), floor)
        return _describe(law, solution, floor, distinct, confidence)

    # Only a fit that may go below zero, as far as 1 + alpha·(N - 1) > 0, can notice superlinearity.
    free = fitted(-0.999 / float(distinct[-1] - 1))
    return free if free.superlinear else fitted(0.0)


def _describe(law: Law, solution: Solution, floor: float, n: Floats, confidence: float) -> Fit:
    """The fit in words of the law; `n` are the distinct numbers of workers."""
    reach = float(special.stdtrit(solution.freedom, (1 + confidence) / 2))
    errors = [float(error) for error in np.sqrt(np.diag(solution.covariance))]
    of_theta = [
        Parameter(value, error, max(low, value - reach * error), min(1.0, value + reach * error))
        for value, error, low in zip(map(float, solution.theta), errors, (floor, 0.0), strict=False)
    ]
    alpha, beta = (*of_theta, Parameter(0.0, 0.0, 0.0, 0.0))[:2]
    value, error = math.exp(solution.log_gamma), errors[-1]
    gamma = Parameter(
        value, value * error, value * math.exp(-reach * error), value * math.exp(reach * error)
    )
    covariance = np.zeros((3, 3))
    used = [*range(len(of_theta)), 2]
    covariance[np.ix_(used, used)] = solution.covariance
    superlinear, peaked = alpha.high < 0, beta.low > 0
    peak = peak_low = asymptote = math.nan
    if not superlinear:
        peak_low = math.sqrt((1 - alpha.estimate) / beta.high) if beta.high > 0 else math.inf
        if peaked:
            peak = math.sqrt((1 - alpha.estimate) / beta.estimate)
        else:
            asymptote = value / alpha.estimate if alpha.estimate > 0 else math.inf
    flags = {
        "superlinear": superlinear,
        "only a lower bound for the peak": law == "usl" and not superlinear and not peaked,
        "fewer than 6 distinct n": len(n) < 6,
    }
    return Fit(
        law=law,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        peak=peak,
        peak_low=peak_low,
        asymptote=asymptote,
        flags=tuple(flag for flag, raised in flags.items() if raised),
        covariance=covariance,
        freedom=solution.freedom,
        confidence=confidence,
        largest_n=float(n[-1]),
    )
