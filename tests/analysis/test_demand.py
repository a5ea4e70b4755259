"""What a demand on a speedup comes to."""

import math
from dataclasses import replace
from typing import Any

import pytest

from runners.analysis.cell import CellSummary
from runners.analysis.demand import (
    Demand,
    Impossible,
    Outcome,
    agreed,
    at_least,
    at_most,
    efficiency_at_least,
    no_slower,
    refuse,
)
from runners.analysis.interval import Interval
from tests import synthetic

NONE = Interval(math.nan, math.nan, math.nan)


def of(low: float, high: float, **columns: object) -> CellSummary:
    """A cell with that interval of its speedup, on a machine that gives two CPUs."""
    known: dict[str, Any] = {
        **{"speedup": Interval((low * high) ** 0.5, low, high), "n": 2, "bound": 2.0},
        **{"usable_cpus": 2.0, "worker_kind": "process", "rounds": 30},
        **{"others_share": 0.0, "steal_share": 0.0},
        **{"ceiling": Interval(1.95, 1.9, 2.0), "attainable": 1.95},
        "efficiency_of_ceiling": NONE,
    }
    return replace(synthetic.cell(), **known | columns)


@pytest.mark.parametrize(
    ("low", "high", "least", "outcome", "words"),
    [
        (1.6, 1.8, 1.5, "passed", "1.60–1.80 is above 1.5"),
        (1.5, 1.8, 1.5, "passed", "above"),
        (1.38, 1.61, 1.5, "inconclusive", "the interval 1.38–1.61 contains 1.5"),
        (1.2, 1.4, 1.5, "failed", "1.20–1.40 is below 1.5"),
        (math.nan, math.nan, 1.5, "inconclusive", "30 rounds only"),
    ],
)
def test_a_speedup_is_judged_by_its_whole_interval(
    low: float, high: float, least: float, outcome: Outcome, words: str
) -> None:
    found = at_least(of(low, high), least)
    assert found.outcome == outcome
    assert words in found.reason


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"ceiling": Interval(1.3, 1.2, 1.4), "attainable": 1.3}, "this machine gave 1.3 CPUs"),
        ({"ceiling": Interval(1.6, 1.4, 1.8), "attainable": 1.6}, "this machine gave 1.6 CPUs"),
        ({"n": 4, "bound": 1.4, "usable_cpus": 1.4}, "1.4 usable CPUs, n = 4"),
    ],
)
def test_what_the_machine_has_not_given_is_no_failure(
    columns: dict[str, object], words: str
) -> None:
    found = at_least(of(1.1, 1.2, **columns), 1.5)
    assert found.outcome == "inconclusive"
    assert found.reason.startswith(words)
    # What passes passes on any machine.
    assert at_least(of(1.6, 1.7, **columns), 1.5).outcome == "passed"


def test_what_others_took_is_no_failure() -> None:
    busy = at_least(of(1.2, 1.4, others_share=0.2, steal_share=0.0), 1.5)
    assert busy.outcome == "inconclusive"
    assert busy.reason.startswith("other programs or guests took 20% of the CPUs; 1.20–1.40")
    assert at_least(of(0.8, 0.88, others_share=0.2), 1.5).outcome == "failed"  # not by that much
    assert no_slower(of(0.8, 0.9, others_share=0.2), 0.05).outcome == "inconclusive"
    assert efficiency_at_least(of(1.2, 1.4, others_share=0.2), 0.8).outcome == "inconclusive"
    unknown = of(1.2, 1.4, others_share=math.nan, steal_share=math.nan)
    assert at_least(unknown, 1.5).outcome == "failed"


def test_few_rounds_tell_nothing() -> None:
    found = at_least(of(1.6, 1.8, rounds=29), 1.5)
    assert found.outcome == "inconclusive"
    assert "29 rounds only, a verdict takes 30" in found.reason


def test_what_passes_only_just_is_not_sure() -> None:
    assert at_least(of(1.6, 1.8), 1.5).sure
    assert not at_least(of(1.52, 1.8), 1.5).sure
    assert not at_least(of(1.2, 1.4), 1.5).sure
    assert at_most(of(1.0, 1.1), 1.2).sure
    assert not at_most(of(1.0, 1.19), 1.2).sure


def test_two_measurements_have_to_agree() -> None:
    passed, failed = at_least(of(1.52, 1.8), 1.5), at_least(of(1.2, 1.4), 1.5)
    unclear = at_least(of(1.4, 1.6), 1.5)
    assert agreed(passed, passed).outcome == "passed"
    assert agreed(failed, failed).outcome == "failed"
    for first, second in ((passed, failed), (failed, passed), (failed, unclear), (passed, unclear)):
        found = agreed(first, second)
        assert found.outcome == "inconclusive"
        assert first.reason in found.reason
        assert second.reason in found.reason


def test_tasks_that_wait_are_not_limited_by_cpus() -> None:
    waiting = of(1.1, 1.2, ceiling=NONE, attainable=math.nan, bound=2.0)
    assert at_least(waiting, 1.5).outcome == "failed"


def test_a_demand_that_nothing_could_meet_is_a_mistake() -> None:
    with pytest.raises(Impossible, match=r"takes more than 2 workers: raise n"):
        at_least(of(1.6, 1.8), 2.5)
    with pytest.raises(Impossible, match="more than 1 worker:"):
        at_least(of(1.0, 1.1, worker_kind="caller"), 1.5)
    for least in (0, -1, 1.1):
        with pytest.raises(Impossible):
            efficiency_at_least(of(1.6, 1.8), least)
    with pytest.raises(Impossible):
        no_slower(of(1.6, 1.8), -0.1)


def test_at_most_is_the_other_way_round() -> None:
    assert at_most(of(0.9, 1.1), 1.2).outcome == "passed"
    assert at_most(of(1.3, 1.4), 1.2).outcome == "failed"
    assert at_most(of(1.1, 1.4), 1.2).outcome == "inconclusive"


def test_no_slower_than_serial_within_a_margin() -> None:
    assert no_slower(of(0.97, 1.02), 0.05).outcome == "passed"
    assert no_slower(of(0.90, 0.94), 0.05).outcome == "failed"
    assert no_slower(of(0.90, 0.97), 0.05).outcome == "inconclusive"


def test_efficiency_is_that_of_the_measured_ceiling() -> None:
    measured = of(1.0, 1.2, efficiency_of_ceiling=Interval(0.85, 0.82, 0.88))
    assert efficiency_at_least(measured, 0.8).outcome == "passed"
    assert efficiency_at_least(measured, 0.9).outcome == "failed"
    assert efficiency_at_least(measured, 0.85).outcome == "inconclusive"
    assert efficiency_at_least(of(1.7, 1.8), 0.8).outcome == "passed"
    assert efficiency_at_least(of(1.7, 1.8, bound=math.inf), 0.8).outcome == "failed"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("at_least", 3, "a speedup of 3 takes more than 2 workers: raise n"),
        ("at_least", 0, "has to be above 0"),
        ("at_least", "2", "'2': it takes a number"),
        ("at_most", math.nan, "nan: it takes a number"),
        ("no_slower", -1, "margin=-1: it has to be 0 or more"),
        ("efficiency_at_least", 1.2, "an efficiency of 1.2: it has to be above 0 and at most 1"),
    ],
)
def test_what_nothing_could_ever_meet_is_refused_before_it_is_measured(
    name: Demand, value: float, told: str
) -> None:
    with pytest.raises(Impossible, match=told):
        refuse(name, value, 2)
    refuse(name, 0.5, 2)


def test_more_workers_than_cpus_are_told_of_what_cannot_be_told() -> None:
    few = {"n": 4, "bound": 2.0, "usable_cpus": 2.0}
    told = "the interval 1.40–1.60 contains 1.5"
    assert at_least(of(1.4, 1.6, **few), 1.5).reason == f"{told}; 2 usable CPUs, n = 4"
    waits = {**few, "bound": 4.0}  # tasks that need no CPU of their own
    assert at_least(of(1.4, 1.6, **waits), 1.5).reason == told
