"""How often the intervals contain the truth, under noise of known kinds: docs/method.md, proof 1.

    python -m benchmarks.coverage [EXPERIMENTS]

prints a markdown table. An experiment is the measurement of one cell whose true speedup is SPEEDUP,
with rounds of both sides in random order, four rounds a process, as the standard preset does it.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runners.analysis.bootstrap import Interval, ratio_of_medians, rounds_needed
from runners.analysis.estimators import hodges_lehmann_ratio, ratio_of_means_fieller

Floats = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Floats]

SPEEDUP = 2.0
PILOT, CAP = 10, 40


def lognormal(rng: np.random.Generator, runs: int) -> Floats:
    return rng.lognormal(0, 0.03, runs)


def loud_lognormal(rng: np.random.Generator, runs: int) -> Floats:
    return rng.lognormal(0, 0.05, runs)


def exponential_tail(rng: np.random.Generator, runs: int) -> Floats:
    return 1 + rng.exponential(0.05, runs)


def spikes(rng: np.random.Generator, runs: int) -> Floats:
    """One run in eight is disturbed and takes up to twice as long."""
    disturbed = rng.random(runs) < 0.125
    return lognormal(rng, runs) * (1 + disturbed * rng.uniform(0.2, 1, runs))


def bimodal(rng: np.random.Generator, runs: int) -> Floats:
    """Two CPU speeds, 8% apart, taken at random by three runs in ten."""
    return rng.lognormal(0, 0.02, runs) * np.where(rng.random(runs) < 0.3, 1.08, 1.0)


def drift(rng: np.random.Generator, runs: int) -> Floats:
    """The machine's speed wanders: AR(1) with coefficient 0.95 and a deviation of 6%."""
    speed = np.empty(runs)
    state = rng.normal(0, 0.06)
    for run in range(runs):
        speed[run] = state
        state = 0.95 * state + math.sqrt(1 - 0.95**2) * rng.normal(0, 0.06)
    return np.exp(speed) * rng.lognormal(0, 0.02, runs)


def drift_with_spikes(rng: np.random.Generator, runs: int) -> Floats:
    return drift(rng, runs) * spikes(rng, runs)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Noise by which runs, one after the other, are slower; `process` is the standard deviation of
    a side's speed between processes, `rounds_a_process` how many rounds share one."""

    name: str
    noise: Noise
    process: float = 0.0
    rounds_a_process: int = 4

    def measure(
        self, rng: np.random.Generator, rounds: int, *, interleaved: bool = True
    ) -> tuple[Floats, Floats]:
        """Seconds of the baseline and the measured side, each of shape (rounds,)."""
        slowdown = self.noise(rng, 2 * rounds)
        if interleaved:
            sides = rng.permuted(slowdown.reshape(rounds, 2), axis=1).T
        else:
            sides = slowdown.reshape(2, rounds)
        process = np.arange(rounds) // self.rounds_a_process
        effects = rng.lognormal(0, self.process, (2, process[-1] + 1))[:, process]
        baseline, measured = sides * effects
        return SPEEDUP * baseline, measured


SCENARIOS = (
    Scenario("lognormal 3%", lognormal),
    Scenario("exponential tail", exponential_tail),
    Scenario("spikes in 12.5%", spikes),
    Scenario("bimodal speed", bimodal),
    Scenario("AR(1) drift", drift),
    Scenario("drift with spikes", drift_with_spikes),
    Scenario("process effect 1%", lognormal, process=0.01),
)

PROCESSES = tuple(
    Scenario(
        f"process effect 1%, noise {level}, pilot in {processes}",
        noise,
        process=0.01,
        rounds_a_process=PILOT // processes,
    )
    for level, noise in (("3%", lognormal), ("5%", loud_lognormal))
    for processes in (1, 2, 5)
)


def two_stage(baseline: Floats, measured: Floats) -> Interval:
    """The interval after as many of the CAP rounds as the pilot of PILOT asks for."""
    pilot = ratio_of_medians(baseline[:PILOT], measured[:PILOT])
    rounds = rounds_needed(pilot.half_width, PILOT, cap=CAP)
    return ratio_of_medians(baseline[:rounds], measured[:rounds])


def covers(interval: Interval, truth: float = SPEEDUP) -> bool:
    return interval.low <= truth <= interval.high


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of experiments whose interval held the truth; the half-widths are relative means."""

    headline: float
    half_width: float
    two_stage: float
    two_stage_half_width: float
    fieller: float
    hodges_lehmann: float


def simulate(scenario: Scenario, experiments: int, seed: int = 1) -> Coverage:
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(experiments):
        baseline, measured = scenario.measure(rng, CAP)
        pilot = baseline[:PILOT], measured[:PILOT]
        headline, final = ratio_of_medians(*pilot), two_stage(baseline, measured)
        rows.append(
            (
                covers(headline),
                headline.half_width,
                covers(final),
                final.half_width,
                covers(ratio_of_means_fieller(*pilot)),
                covers(hodges_lehmann_ratio(*pilot)),
            )
        )
    return Coverage(*(float(share) for share in np.mean(rows, axis=0)))


def main() -> None:
    experiments = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    print(
        f"| {experiments} experiments | headline, 10 rounds | half-width | two-stage | half-width "
        "| Fieller | Hodges-Lehmann |"
    )
    print("|---|---|---|---|---|---|---|")
    for scenario in (*SCENARIOS, *PROCESSES):
        c = simulate(scenario, experiments)
        cells = (
            f"{c.headline:.1%}",
            f"{c.half_width:.2%}",
            f"{c.two_stage:.1%}",
            f"{c.two_stage_half_width:.2%}",
            f"{c.fieller:.1%}",
            f"{c.hodges_lehmann:.1%}",
        )
        print(f"| {scenario.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
