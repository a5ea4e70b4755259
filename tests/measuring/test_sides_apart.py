"""Sides that have processes of their own: first calls (`measure.fresh`), and arguments per round.

The function of a user that is measured here remembers its results, and notes in a file what it had
to compute, and in which process.
"""

import os
import signal
import uuid
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from runners.analysis.cell import cells
from runners.analysis.summary import summarise
from runners.measuring.measure import LOOP_S, measure
from runners.measuring.pace import SPECIALISING_CALLS
from runners.model import Panel, Plan, Run
from runners.results.read import read_runs
from runners.results.write import append
from tests.command.test_resume import left_over, rows, until
from tests.conftest import PLUGINS, MakePlan, run_program, start_program

SOURCE = """
import os
import random
from functools import lru_cache
from pathlib import Path

LOG = Path(__file__).with_name("log.txt")

@lru_cache(maxsize=None)
def price(number):
    with LOG.open("a") as file:
        file.write(f"{os.getpid()} {number}\\n")
    return 2 * number

def fixed():
    return [0, 1, 2]

def calls(number):
    return [3 * number + k for k in range(3)]

def careless(number):
    return [random.SystemRandom().random() for _ in range(3)]

def elsewhere(number):
    return os.getpid()

def smallest(numbers):
    numbers.sort()
    return numbers[0]

def unknown(number):
    return lambda: number
"""


class Computed(NamedTuple):
    """What the function computed, and where."""

    pid: int
    number: int


class Prices:
    """The file with that function in it."""

    def __init__(self, folder: Path, make_plan: MakePlan) -> None:
        self.folder = folder
        self.make_plan = make_plan
        self.file = folder / f"prices_{uuid.uuid4().hex}.py"  # a module that no other test has
        self.file.write_text(SOURCE)

    def function(self, name: str) -> str:
        return f"{self.file}:{name}"

    def plan(self, *overrides: str, function: str = "price", arguments: str = "fixed") -> Plan:
        return self.make_plan(
            *("workload=callable", f"workload.function={self.function(function)}", "n=2"),
            f"workload.arguments_from={self.function(arguments)}",
            *overrides,
        )

    def computed(self) -> list[Computed]:
        log = self.folder / "log.txt"
        lines = log.read_text().splitlines() if log.exists() else []
        return [Computed(*map(int, line.split())) for line in lines]


@pytest.fixture(autouse=True)
def _plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.fixture
def prices(tmp_path: Path, make_plan: MakePlan) -> Prices:
    return Prices(tmp_path, make_plan)


FRESH = "measure.fresh=true"
PER_ROUND = "workload.arguments_per_round=true"


def measured(*plans: Plan) -> list[Run]:
    """The runs, all of them ok, without the loops that ask the machine."""
    runs = list(measure(*plans))
    assert {run.status for run in runs} == {"ok"}, runs[-1].error
    return [run for run in runs if run.role != "spin"]


@pytest.mark.parametrize("executor", ["thread", "process_pool"])
def test_every_fresh_run_is_the_first_of_an_interpreter(prices: Prices, executor: str) -> None:
    runs = measured(prices.plan(FRESH, f"executor={executor}"))
    assert len(runs) == 4
    assert all(run.fresh and not run.cold and not run.warmup for run in runs)
    assert all(run.starting_s is not None for run in runs)
    # Both sides of a round are paired by it, and no two rounds share an interpreter.
    assert [(run.round, run.process) for run in runs] == [(0, 0), (0, 0), (1, 1), (1, 1)]
    assert [run.ended_by for run in runs] == [None, None, None, "rounds"]
    assert {run.warmth for run in runs if run.role == "measured"} == {"fresh"}
    # Nobody found a result of another run.
    assert len(prices.computed()) == 4 * 3
    assert len(set(prices.computed())) == 4 * 3


def test_without_it_later_calls_find_what_the_first_ones_computed(prices: Prices) -> None:
    runs = measured(prices.plan("executor=thread"))
    assert not any(run.fresh for run in runs)
    assert len(runs) >= 6
    assert len(prices.computed()) == 3


def test_sides_of_a_fresh_panel_share_one_baseline(prices: Prices) -> None:
    plans = [prices.plan(FRESH, f"executor={name}") for name in ("thread", "pool", "thread_pool")]
    plans[1] = replace(plans[1], apart=True)  # as one that loads more than the standard library
    runs = measured(*plans)
    panel = Panel(tuple(plans))
    assert panel.name is not None
    runs_of = {panel.name: 4} | dict.fromkeys([plan.cell for plan in plans], 2)
    assert Counter(run.cell for run in runs) == runs_of
    for number in {run.round for run in runs}:
        own = [run for run in runs if run.round == number]
        assert [run.position for run in own] == [0, 1, 2, 3, 4]
        assert sorted(run.side for run in own) == [0, 1, 2, 3, 4]
        assert len({run.process for run in own}) == 1
        assert all(run.starting_s is not None for run in own)
    assert len({run.process for run in runs}) == 2
    assert len(prices.computed()) == len(set(prices.computed())) == 10 * 3


def test_a_fresh_side_that_fails_ends_its_cell_and_the_others_go_on(make_plan: MakePlan) -> None:
    bad, good, other = (
        make_plan("workload=misbehaving", f"executor={name}", "n=2", FRESH)
        for name in ("dropping", "thread", "process")
    )
    runs = list(measure(bad, good, other))
    last = {plan.cell: [run for run in runs if run.cell == plan.cell][-1] for plan in (bad, good)}
    assert (last[bad.cell].status, last[bad.cell].ended_by) == ("wrong", "failure")
    assert (last[good.cell].status, last[good.cell].ended_by) == ("ok", "rounds")


@pytest.mark.parametrize("what", ["raising", "dying", "hanging"])
def test_a_fresh_baseline_that_fails_ends_all_cells(make_plan: MakePlan, what: str) -> None:
    plans = [
        make_plan(
            *("workload=misbehaving", f"workload.what={what}", f"executor={name}", "n=2", FRESH),
            "measure.timeout_s=2",
        )
        for name in ("thread", "process")
    ]
    runs = list(measure(*plans))
    status = {"raising": "failed", "dying": "crashed", "hanging": "timeout"}[what]
    for plan in plans:
        last = [run for run in runs if run.cell == plan.cell][-1]
        assert (last.status, last.ended_by) == (status, "failure")


@pytest.mark.parametrize("executor", ["thread", "process_pool"])
@pytest.mark.parametrize("own", [(FRESH,), (PER_ROUND, "measure.max_rounds=2")])
def test_results_of_other_processes_are_compared(
    prices: Prices, executor: str, own: tuple[str, ...]
) -> None:
    arguments = "calls" if PER_ROUND in own else "fixed"
    plan = prices.plan(*own, f"executor={executor}", function="elsewhere", arguments=arguments)
    *_, last = measure(plan)
    assert last.status == "wrong"
    assert "results differ, first at task 0" in str(last.error)
    uncompared = replace(plan, compared=False)
    assert measured(uncompared)[-1].ended_by == "rounds"


def test_results_that_cannot_be_kept_for_the_other_side_are_told_in_one_line(
    prices: Prices,
) -> None:
    *_, last = measure(prices.plan(FRESH, "executor=thread", function="unknown"))
    assert last.status == "failed"
    [line] = str(last.error).splitlines()
    assert "set workload.compare=none" in line


def test_a_fresh_run_may_change_its_arguments_unless_they_are_there_twice(prices: Prices) -> None:
    def plan(*more: str) -> Plan:
        given = ("workload.arguments_from=null", "workload.arguments=[[[3,1,2]]]")
        return prices.plan(*given, "executor=thread", *more, function="smallest")

    assert "changes its argument in place" in str(list(measure(plan()))[-1].error)
    assert measured(plan(FRESH))[-1].ended_by == "rounds"
    *_, last = measure(plan(FRESH, "scaling=weak"))
    assert "changes its argument in place" in str(last.error)


def test_the_machine_is_asked_in_a_process_of_its_own(make_plan: MakePlan, tmp_path: Path) -> None:
    many = ("measure.min_rounds=4", "measure.max_rounds=4", "measure.interpreters=3")
    cell = ("workload=countdown", "workload.count=200000", "executor=thread", "n=2")
    runs = list(measure(make_plan(*cell, FRESH, *many, "measure.time_budget_s=60")))
    assert {run.status for run in runs} == {"ok"}
    # Not before it is known that the tasks do not wait, and once in each of so many rounds.
    assert "spin" not in {run.role for run in runs[:2]}
    spins = [run for run in runs if run.role == "spin"]
    assert {run.fresh for run in spins} == {False}
    for run in spins:  # each loop as long as the parent says
        assert run.workers is not None
        assert LOOP_S / 5 < run.levels[5] / run.workers < 5 * LOOP_S
    assert len({run.process for run in spins}) == 3
    assert sum(run.starting_s is not None for run in spins) == 3
    assert all(run.fresh and run.starting_s for run in runs if run.role != "spin")
    for run in runs:
        append(tmp_path / "out", run)
    [cell_] = cells(summarise(read_runs(tmp_path / "out")))
    assert (cell_.rounds, cell_.processes) == (4, 4)
    assert cell_.ceiling.low > 0


def test_fresh_runs_make_a_cell_like_others(prices: Prices, tmp_path: Path) -> None:
    for run in measure(prices.plan(FRESH, "executor=thread", "scaling=weak")):
        append(tmp_path / "out", run)
    summary = summarise(read_runs(tmp_path / "out"))
    assert summary["fresh"].tolist() == [True]
    assert (summary["rounds"].tolist(), summary["processes"].tolist()) == ([2], [2])
    assert summary["cold_speedup"].isna().all()
    assert not {flag.code for flag in summary["flags"][0]} & {"first_calls", "time_spent"}


def test_a_fresh_cell_is_printed_stopped_and_continued(tmp_path: Path) -> None:
    cell = (
        *("workload=callable", "workload.function=time:sleep", "workload.arguments=[0.2,0.2]"),
        *("executor=thread", "n=2", FRESH, "hydra.run.dir=out"),
        *("measure.min_rounds=4", "measure.max_rounds=4", "measure.time_budget_s=0.5"),
    )
    done = run_program(*cell, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first = rows(tmp_path / "out")
    assert first[-1]["ended_by"] == "time budget"
    assert len(first) in (2, 4)  # a round is not begun where a stall has used up the time
    assert "first calls (" in done.stdout
    assert "a new one for each run" in done.stdout
    assert "nan" not in done.stdout
    done = run_program(*cell, cwd=tmp_path)
    assert "continued, short of its precision" in done.stdout
    both = rows(tmp_path / "out")
    assert both[: len(first)] == first
    assert (both[-1]["ended_by"], len(both)) == ("rounds", 8)
    assert sorted((row["round"], row["process"]) for row in both) == [
        *((0, 0), (0, 0), (1, 1), (1, 1), (2, 2), (2, 2), (3, 3), (3, 3))
    ]
    assert "reused" in run_program(*cell, cwd=tmp_path).stdout


def test_a_request_to_stop_ends_a_fresh_cell_and_leaves_nothing(
    prices: Prices, tmp_path: Path
) -> None:
    with start_program(
        *("workload=callable", f"workload.function={prices.function('price')}", FRESH, "n=2"),
        *("workload.arguments=[1,2,3]", "executor=process_pool", "hydra.run.dir=out"),
        *("measure.min_rounds=9999", "measure.max_rounds=9999", "measure.time_budget_s=600"),
        cwd=tmp_path,
        SPEEDUP_LAB_TEST="fresh",
    ) as program:
        until(lambda: len(rows(tmp_path / "out")) > 3, "some runs are done")
        os.kill(program.pid, signal.SIGINT)
        done = program.ended(timeout_s=30)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert left_over("fresh") == []
    last = rows(tmp_path / "out")[-1]
    assert (last["status"], last["ended_by"]) == ("interrupted", "interrupted")


@pytest.mark.parametrize("executor", ["thread", "process_pool"])
def test_each_round_has_other_arguments_and_its_sides_the_same(
    prices: Prices, executor: str
) -> None:
    runs = measured(prices.plan(PER_ROUND, f"executor={executor}", arguments="calls"))
    assert {run.tasks for run in runs} == {3}
    own = {number: [run for run in runs if run.round == number] for number in range(4)}
    roles = {number: sorted(run.role for run in sides) for number, sides in own.items()}
    # After the cold round each process runs the plain loop once, so that both are as warm.
    assert roles[0] == ["baseline", "measured"]
    assert roles[1] == ["baseline", "baseline"]
    assert all(run.warmup for run in own[1])
    asked = Counter(computed.number for computed in prices.computed())
    numbers = {run.round for run in runs}
    assert asked == {3 * number + k: 2 for number in numbers for k in range(3)}
    assert len({run.process for run in runs}) == 1
    assert runs[-1].ended_by in ("rounds", "time budget")  # under load


def test_a_process_calls_the_function_so_often_before_its_rounds_count(prices: Prices) -> None:
    runs = measured(prices.plan(PER_ROUND, "executor=thread", arguments="calls"))
    before = [run for run in runs if run.warmup and not run.cold]
    needed = max(1, -(-SPECIALISING_CALLS // 3))
    assert Counter(run.role for run in before) == {"baseline": 2 * needed}


def test_weak_scaling_gives_the_workers_of_a_round_arguments_of_their_own(prices: Prices) -> None:
    weak = (PER_ROUND, "scaling=weak")
    plans = [
        prices.plan(*weak, "executor=thread", f"n={n}", "workload.compare=equal", arguments="calls")
        for n in (2, 3)
    ]
    runs = measured(*plans)
    tasks = {plan.cell: {run.tasks for run in runs if run.cell == plan.cell} for plan in plans}
    assert [tasks[plan.cell] for plan in plans] == [{6}, {9}]
    assert {run.task_copies for run in runs} == {1}
    asked = Counter(computed.number for computed in prices.computed())
    full = {run.round for run in runs if run.role == "measured"}
    for number in full:  # of the baseline and both cells, of both cells, of the larger one
        of_round = [asked[9 * number + k] for k in range(9)]
        assert of_round == [3, 3, 3, 2, 2, 2, 1, 1, 1]


def test_both_together(prices: Prices) -> None:
    runs = measured(prices.plan(FRESH, PER_ROUND, "executor=thread", arguments="calls"))
    assert [run.fresh for run in runs] == [True] * 4
    assert Counter(c.number for c in prices.computed()) == dict.fromkeys(range(6), 2)


def test_arguments_that_differ_between_the_sides_are_told_from_wrong_results(
    prices: Prices,
) -> None:
    own = (PER_ROUND, "executor=thread", "workload.keywords={}")
    plan = prices.plan(*own, function="elsewhere", arguments="careless")
    *_, last = measure(plan)
    assert last.status == "wrong"
    assert "the arguments for number 0 are others whenever they are made" in str(last.error)


def test_nothing_of_a_measurement_is_left_in_temporary_files(
    prices: Prices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    measured(prices.plan(FRESH, "executor=thread"))
    assert list((tmp_path / "temporary").iterdir()) == []
