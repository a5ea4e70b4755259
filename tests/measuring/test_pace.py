"""The stopping rule, driven by a clock that only moves when a test says so."""

import time

import pytest

from runners.measuring.pace import Pace
from runners.model import Measure


class Clock:
    """A clock that stands still between the rounds that a test tells it of."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def pace(clock: Clock, **changes: float) -> Pace:
    settings = {
        **{"precision": 0.03, "min_rounds": 10, "max_rounds": 40, "interpreters": 3, "warmup": 10},
        **{"time_budget_s": 1e6, "timeout_s": 1e6, "keep_spans": "median", "seed": 1},
        **{"sweep_budget_s": None, "memory_limit_bytes": None, "force": False},
    }
    return Pace(Measure(**(settings | changes)), clock())  # type: ignore[arg-type]


def spend(pace: Pace, clock: Clock, baseline_s: float, measured_s: float, tasks: int = 8) -> None:
    clock.now_ns += round((baseline_s + measured_s) * 1e9)
    pace.note(baseline_s, measured_s, tasks)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter_ns", clock)
    return clock


def test_warm_up_lasts_until_neither_side_gets_faster(clock: Clock) -> None:
    cell = pace(clock)
    for seconds in (4.0, 3.0, 2.0, 1.0):
        spend(cell, clock, seconds, 1.0)
        assert cell.steady is None
    spend(cell, clock, 1.0, 1.0)
    spend(cell, clock, 1.0, 1.0)
    assert cell.steady is None  # the halves 3, 2 | 1, 1 and then 3, 2 | 1, 1, 1
    while cell.steady is None:
        spend(cell, clock, 1.0, 1.0)
    assert cell.steady is False or len(cell.warm) < 10


def test_warm_up_outlasts_the_calls_that_an_interpreter_needs(clock: Clock) -> None:
    cell = pace(clock)
    for _ in range(3):
        spend(cell, clock, 1.0, 1.0, tasks=2)
        assert cell.steady is None
    spend(cell, clock, 1.0, 1.0, tasks=2)
    assert cell.steady is True


def test_a_cell_that_never_gets_steady_says_so(clock: Clock) -> None:
    cell = pace(clock, warmup=5)
    for k in range(5):
        spend(cell, clock, 0.8**k, 1.0)
    assert cell.steady is False


def test_equal_rounds_end_after_the_pilot_and_unequal_ones_go_on(clock: Clock) -> None:
    rounds = {}
    for name, spread in (("calm", 0.0), ("wild", 0.5)):
        cell = pace(clock)
        for k in range(1000):
            if cell.process_is_over():
                cell.begin_process()
            spend(cell, clock, 1.0 + (spread * (k % 3) if cell.steady is not None else 0), 1.0)
            if cell.ended_by:
                break
        rounds[name] = (len(cell.pairs), cell.ended_by)
    assert rounds["calm"] == (10, "precision")
    assert rounds["wild"] == (40, "rounds")


def test_no_round_starts_that_would_exceed_the_budget(clock: Clock) -> None:
    cell = pace(clock, time_budget_s=20.5, interpreters=1)
    while not cell.ended_by:
        spend(cell, clock, 1.0, 1.0)
    assert cell.ended_by == "time budget"
    assert clock.now_ns <= 20.5e9
    assert clock.now_ns > 18e9


def test_a_round_longer_than_the_budget_still_gives_one_result(clock: Clock) -> None:
    cell = pace(clock, time_budget_s=1.0)
    while not cell.ended_by:
        spend(cell, clock, 5.0, 5.0)
    assert len(cell.pairs) == 1
