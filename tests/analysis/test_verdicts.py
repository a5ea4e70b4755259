"""Verdicts on ratios, from rounds whose truth is known."""

import math

import numpy as np
import pytest

from runners.analysis.interval import Interval
from runners.analysis.verdicts import (
    MOST,
    STEADY,
    Margin,
    Pair,
    Times,
    Verdict,
    drift,
    margin,
    simultaneous,
    verdicts,
    why,
)

ROUNDS, INTERPRETERS = 20, 5
PROCESS = np.arange(ROUNDS) * INTERPRETERS // ROUNDS


def times(
    chance: np.random.Generator, *, serial: float = 1.0, parallel: float = 0.5, noise: float = 0.01
) -> Times:
    """Rounds whose sides share no noise."""
    baseline, measured = chance.lognormal(0, noise, (2, ROUNDS))
    return Times(serial * baseline, parallel * measured, PROCESS)


def pair(seed: int = 1, serial: float = 1.0, parallel: float = 1.0, noise: float = 0.01) -> Pair:
    """Both sides so many times slower than before."""
    chance = np.random.default_rng(seed)
    before = times(chance, noise=noise)
    return Pair(before, times(chance, serial=serial, parallel=0.5 * parallel, noise=noise))


def asked(value: float) -> Margin:
    return Margin(value, "", asked=True)


def test_ratios_are_above_1_where_it_is_better() -> None:
    found = pair(serial=1.2, parallel=0.8)
    assert found.ratio("serial").estimate == pytest.approx(1 / 1.2, rel=0.02)
    assert found.ratio("parallel").estimate == pytest.approx(1 / 0.8, rel=0.02)
    speedup = found.ratio("speedup")
    assert speedup.low < 1.5 < speedup.high
    assert speedup.estimate == pytest.approx(
        found.ratio("parallel").estimate / found.ratio("serial").estimate, rel=0.02
    )


@pytest.mark.parametrize(
    ("slower", "limit", "expected"),
    [
        (1.10, 0.0, "worse"),
        (1.10, 0.05, "worse"),
        (1.01, 0.05, "not worse"),
        (1.00, 0.05, "not worse"),
        (1.05, 0.05, "inconclusive"),
        (1.00, 0.0, "inconclusive"),
        (0.90, 0.05, "better"),
        (0.98, 0.05, "not worse"),
    ],
)
def test_each_verdict(slower: float, limit: float, expected: Verdict) -> None:
    found = verdicts({"cell": pair(parallel=slower, noise=0.008)}, "parallel", asked(limit))
    assert found == {"cell": expected}


def test_without_a_margin_nothing_is_concluded() -> None:
    one = Times(np.ones(1), np.ones(1), np.zeros(1, int))
    limit = margin([Pair(one, one)], [], "parallel")
    assert math.isnan(limit.value)
    assert "--margin" in limit.why
    assert verdicts({0: Pair(one, one)}, "parallel", limit) == {0: "inconclusive"}


def test_a_margin_that_says_little_is_not_claimed() -> None:
    loud = [pair(seed, noise=0.5) for seed in range(3)]
    limit = margin(loud, [], "parallel")
    assert limit.value > 0.5
    assert limit.claims == MOST
    assert asked(0.5).claims == 0.5


def test_the_margin_is_the_largest_that_is_known() -> None:
    quiet = [pair(seed, noise=0.001) for seed in range(3)]
    assert margin(quiet, [], "parallel").value == pytest.approx(0.0014, rel=0.5)
    limit = margin(quiet, [Interval(1, 0.99, 1.02), Interval(1, 0.96, 1.01)], "parallel")
    assert limit.value == pytest.approx(1 / 0.96 - 1)
    assert "baseline" in limit.why


def test_what_drifts_between_measurements_is_in_the_interval() -> None:
    """Of ten measurements of one loop, five a result, each at another speed of the machine."""
    chance = np.random.default_rng(2)
    speeds = chance.lognormal(0, 0.05, (2, 5))
    sides = [[times(chance, serial=speed, parallel=0.5 * speed) for speed in own] for own in speeds]
    wander = drift(sides, [])
    assert wander.freedom == 8
    assert 0.02 < wander.deviations["serial"] < 0.1
    before, after = (own[0] for own in sides)
    assert Pair(before, after, wander).ratio("parallel").half_width > 0.05
    assert Pair(before, after).ratio("parallel").half_width < 0.02


def test_what_nothing_was_measured_twice_for_drifts_as_the_parts_of_a_measurement_do() -> None:
    """Cells that shared their rounds, on a machine whose speed wanders: all are the same code."""
    chance = np.random.default_rng(4)
    wrong = without = 0
    for _ in range(200):
        sides = []
        for _ in range(2):
            # Slow for one measurement or the other, and for parts of it.
            logs = chance.normal(0, 0.1) + np.repeat(chance.normal(0, 0.05, INTERPRETERS), 4)
            speed = np.exp(logs)
            own = [times(chance) for _ in range(4)]
            sides.append([Times(speed * t.baseline_s, speed * t.measured_s, PROCESS) for t in own])
        wander = drift([[side[0]] for side in sides], [t for side in sides for t in side])
        assert wander.freedom == 2 * 4 * (INTERPRETERS - 1)
        for known in (wander, STEADY):
            both = zip(*sides, strict=True)
            pairs = {cell: Pair(one, other, known) for cell, (one, other) in enumerate(both)}
            worse = "worse" in verdicts(pairs, "parallel", asked(0.0)).values()
            wrong += worse and known is wander
            without += worse and known is STEADY
    assert wrong <= 10 < 30 < without


@pytest.mark.parametrize(("processes", "units"), [(1, 5), (2, 5), (5, 5), (10, 10)])
def test_a_measurement_has_five_parts_at_least(processes: int, units: int) -> None:
    one = times(np.random.default_rng(5))
    one = Times(one.baseline_s, one.measured_s, np.arange(ROUNDS) * processes // ROUNDS)
    assert drift([], [one]).freedom == units - 1


@pytest.mark.parametrize("scale", [1.0, 0.02])
def test_identical_results_are_rarely_worse_and_a_slowdown_is_found(scale: float) -> None:
    """`benchmarks.compare` on recorded rounds, here on made-up ones: 200 comparisons of 10 cells.

    Each cell is measured at a speed of the machine of its own, as on a busy one.
    """
    chance = np.random.default_rng(3)
    wrong = found = not_worse = 0
    for _ in range(200):
        speeds = np.exp(scale * chance.normal(0, 0.05, (2, 10)))
        sides = [
            [
                times(
                    *(chance,),
                    serial=speed,
                    parallel=0.5 * speed * (1.1 if slower and cell == 0 else 1),
                    noise=0.1 * scale,
                )
                for cell, speed in enumerate(own)
            ]
            for slower, own in enumerate(speeds)
        ]
        wander = drift(sides, [])
        pairs = {cell: Pair(sides[0][cell], sides[1][cell], wander) for cell in range(10)}
        told = verdicts(pairs, "parallel", asked(0.0))
        found += told.pop(0) == "worse"
        wrong += "worse" in told.values()
        not_worse += verdicts(pairs, "parallel", asked(0.05))[1] == "not worse"
    assert wrong <= 10
    if scale < 1:
        assert found >= 190
        assert not_worse >= 190


def test_intervals_hold_for_all_cells_together() -> None:
    assert simultaneous(1) == 0.95
    assert simultaneous(10) == pytest.approx(0.995)


UP, DOWN, SAME = Interval(1.2, 1.1, 1.3), Interval(0.8, 0.7, 0.9), Interval(1.0, 0.9, 1.1)


@pytest.mark.parametrize(
    ("serial", "parallel", "speedup", "words"),
    [
        (DOWN, SAME, UP, "the speedup rose because the plain loop got slower"),
        (UP, SAME, DOWN, "the speedup fell because the plain loop got faster"),
        (SAME, UP, UP, "the speedup rose because the parallel runs got faster"),
        (SAME, DOWN, DOWN, "the speedup fell because the parallel runs got slower"),
        (UP, UP, SAME, "both sides got faster alike"),
        (SAME, SAME, SAME, ""),
        (SAME, SAME, UP, "the speedup rose; which side changed is not clear"),
        (
            *(DOWN, DOWN, UP),
            "the speedup rose because the plain loop got slower, more than the parallel runs did",
        ),
        (
            *(DOWN, UP, UP),
            "the speedup rose because the plain loop got slower and the parallel runs got faster",
        ),
    ],
)
def test_what_changed_a_speedup_is_said(
    serial: Interval, parallel: Interval, speedup: Interval, words: str
) -> None:
    assert why({"serial": serial, "parallel": parallel, "speedup": speedup}) == words
