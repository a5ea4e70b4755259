"""How far estimates of a speedup lie off and how often their intervals hold the truth, under noise
of known kinds: docs/method.md, proof 1.

    python -m benchmarks.coverage [EXPERIMENTS]

prints Markdown tables. An experiment is the measurement of one cell whose true speedup is SPEEDUP,
with rounds of both sides in random order. Where noise differs between the sides, estimators mean
different things: the truth of each is what it gives for very many rounds.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from runners.analysis.estimators import hodges_lehmann_ratio, ratio_of_means_fieller
from runners.analysis.headline import (
    FEWEST_INTERPRETERS,
    paired_ratio,
    rounds_needed,
    student_t,
)
from runners.analysis.interval import Floats, Interval

Labels = NDArray[np.intp]
Noise = Callable[[np.random.Generator, int], Floats]
Estimate = Callable[[Floats, Floats, Labels], Interval]

SPEEDUP = 2.0
PILOT, CAP, TARGET, INTERPRETERS = 10, 40, 0.03, 5


def lognormal(rng: np.random.Generator, runs: int, deviation: float = 0.03) -> Floats:
    return rng.lognormal(0, deviation, runs)


def exponential_tail(rng: np.random.Generator, runs: int, mean: float = 0.05) -> Floats:
    return 1 + rng.exponential(mean, runs)


def spikes(rng: np.random.Generator, runs: int) -> Floats:
    """One run in eight is disturbed and takes up to twice as long."""
    disturbed = rng.random(runs) < 0.125
    return lognormal(rng, runs) * (1 + disturbed * rng.uniform(0.2, 1, runs))


def two_speeds(rng: np.random.Generator, runs: int) -> Floats:
    """Two CPU speeds, 8% apart, taken at random by three runs in ten."""
    return lognormal(rng, runs, 0.02) * np.where(rng.random(runs) < 0.3, 1.08, 1.0)


def often_slower(rng: np.random.Generator, runs: int, share: float = 0.35) -> Floats:
    """Some runs find a CPU whose other half is busy, or at a lower frequency: 15% slower."""
    return lognormal(rng, runs) * np.where(rng.random(runs) < share, 1.15, 1.0)


def drift(rng: np.random.Generator, runs: int) -> Floats:
    """The machine's speed wanders: AR(1) with coefficient 0.95 and a deviation of 6%."""
    speed = np.empty(runs)
    state = rng.normal(0, 0.06)
    for run in range(runs):
        speed[run] = state
        state = 0.95 * state + math.sqrt(1 - 0.95**2) * rng.normal(0, 0.06)
    return np.exp(speed) * lognormal(rng, runs, 0.02)


def drift_with_spikes(rng: np.random.Generator, runs: int) -> Floats:
    return drift(rng, runs) * spikes(rng, runs)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Noise by which runs, one after the other, are slower than they could be.

    `measured` is that of the measured side where it is another, `shared` that of whole rounds, and
    `process` the standard deviation of each side's speed between `interpreters`.
    """

    name: str
    noise: Noise = lognormal
    measured: Noise | None = None
    shared: Noise | None = None
    process: float = 0.0
    interpreters: int = INTERPRETERS

    def measure(
        self, rng: np.random.Generator, process: Labels, *, interleaved: bool = True
    ) -> tuple[Floats, Floats]:
        """Seconds of the baseline and the measured side, each of the shape of `process`."""
        rounds = len(process)
        slowdown = self.noise(rng, 2 * rounds)
        if interleaved:
            baseline, measured = rng.permuted(slowdown.reshape(rounds, 2), axis=1).T
        else:
            baseline, measured = slowdown.reshape(2, rounds)
        if self.measured is not None:
            measured = self.measured(rng, rounds)
        if self.shared is not None:
            together = self.shared(rng, rounds)
            baseline, measured = baseline * together, measured * together
        effects = rng.lognormal(0, self.process, (2, process.max() + 1))[:, process]
        return SPEEDUP * baseline * effects[0], measured * effects[1]


SCENARIOS = (
    Scenario("lognormal 3%"),
    Scenario("exponential tail", exponential_tail),
    Scenario("spikes in 12.5%", spikes),
    Scenario("two speeds, both sides", two_speeds),
    Scenario("sides correlated", shared=partial(lognormal, deviation=0.06)),
    Scenario("process effect 1%, two interpreters", process=0.01, interpreters=2),
    Scenario("process effect 1%, five interpreters", process=0.01),
    Scenario(
        *("one side's tail three times longer", exponential_tail),
        measured=partial(exponential_tail, mean=0.15),
    ),
    Scenario("measured side 15% slower in 35%", measured=often_slower),
    Scenario("measured side 15% slower in 45%", measured=partial(often_slower, share=0.45)),
    Scenario("AR(1) drift", drift),
    Scenario("drift with spikes", drift_with_spikes),
)


def medians(baseline: Floats, measured: Floats, process: Labels) -> Interval:
    """The ratio of medians with its percentile bootstrap, as version 0.2 had it."""
    rounds = len(baseline)
    drawn = np.random.default_rng(0).integers(rounds, size=(999, rounds))
    ratios = np.median(baseline[drawn], axis=1) / np.median(measured[drawn], axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975], method="weibull")
    return Interval(float(np.median(baseline) / np.median(measured)), float(low), float(high))


def hodges_lehmann(baseline: Floats, measured: Floats, process: Labels) -> Interval:
    return hodges_lehmann_ratio(baseline, measured)


def biweight(baseline: Floats, measured: Floats, process: Labels) -> Interval:
    """Tukey's biweight of the log ratios (Mosteller & Tukey 1977, chapter 10)."""
    logs = np.log(baseline / measured)
    centre = float(np.median(logs))
    scale = 6 * float(np.median(np.abs(logs - centre)))
    for _ in range(5):
        weights = np.clip(1 - ((logs - centre) / scale) ** 2, 0, None) ** 2
        centre = float(weights @ logs / weights.sum())
    square = np.clip(((logs - centre) / scale) ** 2, None, 1)
    slope = abs(float(((1 - square) * (1 - 5 * square)).sum()))
    error = math.sqrt(float((logs - centre) ** 2 @ (1 - square) ** 4) / (slope * max(1, slope - 1)))
    return around(centre, student_t(0.95, max(1, round(0.7 * (len(logs) - 1)))) * error)


def over_rounds(baseline: Floats, measured: Floats, process: Labels) -> Interval:
    return paired_ratio(baseline, measured)


def over_means(baseline: Floats, measured: Floats, process: Labels) -> Interval:
    """The wider of the t over rounds and that over the plain means of the interpreters."""
    interval, logs = paired_ratio(baseline, measured), np.log(baseline / measured)
    of_each = np.bincount(process, logs) / np.bincount(process)
    if len(of_each) < FEWEST_INTERPRETERS:
        return interval
    error = float(of_each.std(ddof=1)) / math.sqrt(len(of_each))
    centre = math.log(interval.estimate)
    reach = max(math.log(interval.high) - centre, student_t(0.95, len(of_each) - 1) * error)
    return around(centre, reach)


def around(centre: float, reach: float) -> Interval:
    return Interval(math.exp(centre), math.exp(centre - reach), math.exp(centre + reach))


ESTIMATORS: dict[str, Estimate] = {
    "ratio of medians, bootstrap": medians,
    "Hodges–Lehmann, Wilcoxon ranks": hodges_lehmann,
    "biweight c = 6, t(0.7(n − 1))": biweight,
    "trimmed 20%, t over rounds": over_rounds,
    "the same, or plain means of interpreters": over_means,
    "**headline**": paired_ratio,
}


@cache
def truth(scenario: Scenario, estimate: Estimate) -> float:
    """What the estimator gives in the end: the typical one of several very long cells."""
    if scenario.measured is None:
        return SPEEDUP
    rng, process = np.random.default_rng(0), np.repeat(np.arange(20), 100)
    found = [estimate(*scenario.measure(rng, process), process).estimate for _ in range(20)]
    return float(np.exp(np.mean(np.log(found))))


def covers(interval: Interval, value: float = SPEEDUP) -> bool:
    return bool(interval.low <= value <= interval.high)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Root mean square error and mean half-width, relative, and the share that held the truth."""

    error: float
    half_width: float
    cover: float

    def __str__(self) -> str:
        return f"{self.error:.1%}, {self.half_width:.1%}, {self.cover:.1%}"


def outcome(intervals: Sequence[Interval], value: float) -> Outcome:
    errors = [math.log(interval.estimate / value) for interval in intervals]
    return Outcome(
        math.sqrt(float(np.mean(np.square(errors)))),
        float(np.mean([interval.half_width for interval in intervals])),
        float(np.mean([covers(interval, value) for interval in intervals])),
    )


def simulate(
    scenario: Scenario,
    rounds: int,
    estimators: Mapping[str, Estimate],
    experiments: int,
    seed: int = 1,
) -> dict[str, Outcome]:
    """Of cells with so many rounds, spread equally over the scenario's interpreters."""
    rng = np.random.default_rng(seed)
    process = np.arange(rounds) * scenario.interpreters // rounds
    cells = [scenario.measure(rng, process) for _ in range(experiments)]
    return {
        name: outcome([estimate(*cell, process) for cell in cells], truth(scenario, estimate))
        for name, estimate in estimators.items()
    }


def two_stage(scenario: Scenario, experiments: int, seed: int = 1) -> tuple[Outcome, float]:
    """Of cells whose pilot of PILOT rounds decides how many of CAP there are; the mean number.

    Any number of rounds is spread equally over the interpreters.
    """
    rng = np.random.default_rng(seed)
    process = np.arange(CAP) % scenario.interpreters
    intervals, numbers = [], []
    for _ in range(experiments):
        sides = np.stack([*scenario.measure(rng, process), process])
        rounds = rounds_needed(
            *sides[:, :PILOT],
            interpreters=scenario.interpreters,
            precision=TARGET,
            fewest=PILOT,
            most=CAP,
        )
        intervals.append(paired_ratio(*sides[:, :rounds]))
        numbers.append(rounds)
    return outcome(intervals, truth(scenario, paired_ratio)), float(np.mean(numbers))


def total(baseline: Floats, measured: Floats, process: Labels) -> Interval:
    return ratio_of_means_fieller(baseline, measured)


def print_row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def main() -> None:
    experiments = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    print(f"{experiments} experiments: error, half-width, cover\n")
    for rounds in (PILOT, 2 * PILOT):
        print_row(f"{rounds} rounds in five interpreters", *ESTIMATORS)
        print_row(*["---"] * (1 + len(ESTIMATORS)))
        for scenario in SCENARIOS:
            print_row(scenario.name, *simulate(scenario, rounds, ESTIMATORS, experiments).values())
        print()
    print_row("", f"headline, {PILOT} to {CAP} rounds", "rounds", f"total, {2 * PILOT} rounds")
    print_row(*["---"] * 4)
    for scenario in SCENARIOS:
        found, number = two_stage(scenario, experiments)
        of_total = simulate(scenario, 2 * PILOT, {"total": total}, experiments)
        print_row(scenario.name, found, f"{number:.0f}", of_total["total"])


if __name__ == "__main__":
    main()
