"""The plan of the rounds, driven by a clock that only moves when a test says so."""

import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from runners.measuring import pace as module
from runners.measuring.pace import Kind, Pace, Pair
from runners.model import Measure


class Clock:
    """A clock that stands still between the rounds that a test tells it of."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter_ns", clock)
    return clock


def settings(**changes: float) -> Measure:
    values = {
        **{"precision": 0.03, "min_rounds": 20, "max_rounds": 40, "interpreters": 5, "warmup": 1},
        **{"time_budget_s": 1e6, "timeout_s": 1e6, "keep_spans": "median", "seed": 1},
        **{"sweep_budget_s": None, "memory_limit_bytes": None, "force": False},
    }
    return Measure(**(values | changes))  # type: ignore[arg-type]


@dataclass
class Done:
    """What became of a measurement: the rounds of each interpreter, and what ended each cell."""

    pace: Pace
    kinds: list[list[Kind]] = field(default_factory=list)
    ended: dict[int, str] = field(default_factory=dict)

    @property
    def counted(self) -> list[int]:
        return [Counter(kinds)["counted"] for kinds in self.kinds]


def run(
    clock: Clock,
    pace: Pace,
    walls: list[tuple[float, float]],
    *,
    start_s: float = 0.0,
    tasks: int = 8,
    spread: float = 0.0,
    between_s: float = 0.0,
) -> Done:
    """Follow the pace to its end; each round of a candidate takes its baseline and itself.

    Beside what is timed, `between_s` of each round go to judging and storing it.
    """
    done = Done(pace)
    while pace.goes_on:
        pace.begin_processes()
        clock.wait(start_s)
        kinds: list[Kind] = []
        while (kind := pace.next_round()) is not None:
            slower = 1 + spread * (len(pace.pairs[0]) % 3) if kind == "counted" else 1.0
            pairs = {c: Pair(b * slower, m, 0) for c, (b, m) in enumerate(walls)}
            clock.wait(walls[0][0] * slower)
            if kind != "baseline":
                clock.wait(sum(m for _, m in walls))
            clock.wait(between_s)
            for candidate in pairs:
                if (end := pace.ending(candidate)) is not None:
                    done.ended[candidate] = end
            pace.note(kind, {} if kind == "baseline" else pairs, tasks)
            kinds.append(kind)
        done.kinds.append(kinds)
    return done


def test_calm_rounds_end_after_the_pilot_and_wild_ones_go_on(clock: Clock) -> None:
    calm = run(clock, Pace(settings()), [(1.0, 1.0)])
    assert (calm.counted, calm.ended) == ([4] * 5, {0: "precision"})
    wild = run(clock, Pace(settings()), [(1.0, 1.0)], spread=0.5)
    assert (wild.counted, wild.ended) == ([4] * 10, {0: "rounds"})


def test_the_first_rounds_of_each_interpreter_do_not_count(clock: Clock) -> None:
    done = run(clock, Pace(settings(warmup=3)), [(1.0, 1.0)])
    assert done.kinds == [["cold", "warm", "warm", *["counted"] * 4]] * 5


def test_an_interpreter_that_needs_calls_gets_them_from_the_baseline_alone(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SPECIALISING_CALLS", 8)
    done = run(clock, Pace(settings()), [(1.0, 1.0)], tasks=3)
    assert done.kinds == [["cold", "baseline", "baseline", *["counted"] * 4]] * 5
    done = run(clock, Pace(settings()), [(1.0, 1.0)], tasks=8)
    assert done.kinds[0][:2] == ["cold", "counted"]


@pytest.mark.parametrize(
    ("round_s", "counted"),
    [(0.1, [4] * 5), (0.9, [2] * 5), (1.2, [1] * 6), (2.0, [2, 2]), (4.0, [2]), (40.0, [1])],
)
def test_five_interpreters_fit_into_the_budget_if_they_can(
    clock: Clock, round_s: float, counted: list[int]
) -> None:
    done = run(clock, Pace(settings(time_budget_s=15)), [(round_s / 2, round_s / 2)], start_s=0.1)
    assert done.counted == counted
    assert done.ended == {0: "precision" if sum(counted) == 20 else "time budget"}
    assert clock.now_ns <= 15e9 or round_s > 15 / 2


def test_what_happens_between_the_runs_is_in_the_budget(clock: Clock) -> None:
    """Judging very many results takes longer than the run; short runs are no reason for more."""
    done = run(clock, Pace(settings(time_budget_s=10)), [(0.1, 0.1)], between_s=1.8)
    assert clock.now_ns / 1e9 <= 10
    assert sum(done.counted) <= 4
    assert done.ended == {0: "time budget"}


def test_a_round_that_gets_slower_does_not_exceed_the_budget(clock: Clock) -> None:
    pace = Pace(settings(time_budget_s=20.5))
    done = run(clock, pace, [(0.5, 0.5)], spread=0.4)
    assert done.ended == {0: "time budget"}
    assert 15e9 < clock.now_ns <= 21.5e9


@pytest.mark.parametrize("rounds", [1, 2, 5, 7])
def test_the_cap_is_kept(clock: Clock, rounds: int) -> None:
    done = run(clock, Pace(settings(max_rounds=rounds)), [(1.0, 1.0)], spread=0.5)
    assert sum(done.counted) == rounds
    assert done.ended == {0: "rounds"}


def test_a_panel_has_the_time_of_its_cells_and_as_many_rounds_for_each(clock: Clock) -> None:
    pace = Pace(settings(time_budget_s=15), candidates=3)
    done = run(clock, pace, [(0.4, 0.4), (0.4, 0.4), (0.4, 0.4)])
    assert done.counted == [4] * 5
    assert clock.now_ns <= 45e9
    assert done.ended == dict.fromkeys(range(3), "precision")
    assert {len(own) for own in done.pace.pairs.values()} == {20}


def test_a_cell_that_is_continued_has_as_many_rounds_as_all_of_its_rounds_ask_for(
    clock: Clock,
) -> None:
    calm = [Pair(1.0, 1.0, k // 4) for k in range(20)]
    done = run(clock, Pace(settings(), earlier=[calm]), [(1.0, 1.0)])
    assert sum(done.counted) <= 4
    assert done.ended == {0: "precision"}
    wild = [Pair(1.0 + 0.5 * (k % 3), 1.0, k // 4) for k in range(20)]
    done = run(clock, Pace(settings(), earlier=[wild]), [(1.0, 1.0)], spread=0.5)
    assert sum(done.counted) == 20
    assert done.ended == {0: "rounds"}


def test_a_candidate_that_has_ended_no_longer_decides(clock: Clock) -> None:
    pace = Pace(settings(), candidates=2)
    pace.begin_processes()
    assert pace.next_round() == "cold"
    pace.note("cold", {0: Pair(1.0, 1.0, 0), 1: Pair(1.0, 1.0, 0)}, 8)
    pace.drop([1])
    assert pace.goes_on
    done = run(clock, pace, [(1.0, 1.0)])
    assert sum(done.counted) == 20
    pace.drop([0])
    assert not pace.goes_on


def test_every_fresh_round_counts_and_has_interpreters_of_its_own(clock: Clock) -> None:
    calm = run(clock, Pace(settings(fresh=True)), [(1.0, 1.0)])
    assert (calm.kinds, calm.ended) == ([["counted"]] * 20, {0: "precision"})
    wild = run(clock, Pace(settings(fresh=True)), [(1.0, 1.0)], spread=0.5)
    assert (wild.kinds, wild.ended) == ([["counted"]] * 40, {0: "rounds"})


@pytest.mark.parametrize(("round_s", "counted"), [(0.1, 20), (0.9, 16), (2.0, 7), (40.0, 2)])
def test_fresh_rounds_keep_to_the_budget(clock: Clock, round_s: float, counted: int) -> None:
    pace = Pace(settings(fresh=True, time_budget_s=15))
    done = run(clock, pace, [(round_s / 2, round_s / 2)])
    assert done.kinds == [["counted"]] * counted
    assert done.ended == {0: "precision" if counted == 20 else "time budget"}


def test_fresh_interpreters_are_asked_for_the_machine_after_the_first_of_them(
    clock: Clock,
) -> None:
    pace = Pace(settings(fresh=True))
    pace.ask_s = 0.3
    done = run(clock, pace, [(1.0, 1.0)])
    assert done.kinds == [["counted"], *[["ceiling", "counted"]] * 5, *[["counted"]] * 14]


def test_processes_that_run_no_baseline_run_it_once_by_itself(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SPECIALISING_CALLS", 0)
    pace = Pace(settings())
    pace.loops_alone = True
    pace.begin_processes()
    assert pace.next_round() == "cold"
    pace.note("cold", {0: Pair(1.0, 1.0, 0)}, 0)  # its calls were in one of the processes alone
    assert pace.next_round() == "baseline"
    pace.note("baseline", {}, 1)
    assert pace.next_round() == "counted"
