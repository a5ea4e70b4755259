"""Whether first calls that are unlike later ones are told, and others are not."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from runners.analysis.first_calls import first_calls
from runners.analysis.summary import summarise
from runners.measuring.measure import measure
from runners.model import Plan, Run, Workers
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic
from tests.conftest import MakePlan

Tasks = Callable[[Run], tuple[float, float, float]]
"""Of a run: the median time of a task, the time of the first one, and that of the whole run."""


def frame(folder: Path, runs: Sequence[Run], tasks: Tasks) -> pd.DataFrame:
    """The frame of these runs, with the columns that `tasks` says."""
    for run in runs:
        append(folder / run.cell, run)
    found = read_runs(folder)
    by_key = {(run.cell, run.round, run.position, run.role): tasks(run) for run in runs}
    keys = zip(*(found[name] for name in ("cell", "round", "position", "role")), strict=True)
    table = pd.DataFrame([by_key[key] for key in keys])
    return found.assign(task_median_s=table[0], first_task_s=table[1], wall_s=table[2])


def alike(run: Run) -> tuple[float, float, float]:
    return 1e-3, 1e-3, 8e-3


@pytest.mark.parametrize(
    ("cold", "later", "told"),
    [
        # (median task, first task, run): a cache, in which each first call has to look
        ((62e-3, 62e-3, 0.5), (3.6e-6, 3.6e-6, 30e-6), "62.0 ms, later ones 3.60 µs"),
        # a model that the first call loads
        ((10e-3, 2.0, 2.1), (10e-3, 10e-3, 80e-3), "2.00 s, later ones 10.0 ms"),
        # CPython 3.11 before it has specialised a loop, and noise
        ((1.5e-3, 1.6e-3, 12e-3), (1e-3, 1e-3, 8e-3), ""),
        # short tasks: whatever a first call costs by itself
        ((30e-6, 90e-6, 300e-6), (2e-6, 2e-6, 40e-6), ""),
        # uneven tasks, the longest of them first
        ((1e-3, 20e-3, 60e-3), (1e-3, 20e-3, 60e-3), ""),
        # a first task that takes longer, but less than what is measured anyway
        ((1e-3, 20e-3, 60e-3), (1e-3, 1e-3, 40e-3), ""),
    ],
)
def test_first_calls_stand_out_where_more_than_warm_up_explains_it(
    cold: tuple[float, float, float], later: tuple[float, float, float], told: str, tmp_path: Path
) -> None:
    runs = synthetic.runs(rounds=6)
    found = frame(tmp_path, runs, lambda run: cold if run.cold else later)
    assert first_calls(found) == [told]
    codes = [flag.code for flag in summarise(found)["flags"][0]]
    assert ("first_calls" in codes) == bool(told)
    # "Give it more work" would be no remedy: more of it would be found ready, too.
    assert not (told and {"short_runs", "timer_cost"} & set(codes))


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_only_the_first_run_of_the_tasks_in_an_interpreter_tells(
    kind: Workers, tmp_path: Path
) -> None:
    """After threads, the baseline finds what they have computed; processes leave nothing there."""
    runs = synthetic.runs(rounds=6, processes=1, worker_kind=kind)
    sides = sorted(runs[:2], key=lambda run: run.role == "baseline")
    runs[:2] = [replace(side, position=k) for k, side in enumerate(sides)]
    assert runs[0].role == "measured"
    told = {"thread": "measured", "process": "baseline"}[kind]

    def tasks(run: Run) -> tuple[float, float, float]:
        return (60e-3, 60e-3, 0.5) if run.cold and run.role == told else (4e-6, 4e-6, 40e-6)

    assert first_calls(frame(tmp_path, runs, tasks)) == ["60.0 ms, later ones 4.00 µs"]


def test_cells_of_a_panel_are_told_what_their_baseline_shows(tmp_path: Path) -> None:
    runs = synthetic.panel({("thread", 2): 1.0, ("pool", 2): 1.8}, rounds=6, processes=2)
    runs = [replace(run, cold=run.round in (0, 3), warmup=run.round in (0, 3)) for run in runs]

    def tasks(run: Run) -> tuple[float, float, float]:
        return (60e-3, 60e-3, 0.5) if run.cold and run.side == 0 else alike(run)

    told = "60.0 ms, later ones 1.00 ms"
    assert first_calls(frame(tmp_path, runs, tasks)) == [told, told]


def test_fresh_runs_and_rows_of_earlier_versions_are_not_told_of(tmp_path: Path) -> None:
    fresh = [
        replace(run, cold=False, warmup=False, fresh=True, process=run.round)
        for run in synthetic.runs(rounds=6)
    ]
    assert first_calls(frame(tmp_path / "fresh", fresh, alike)) == [""]
    found = frame(tmp_path / "old", synthetic.runs(), lambda run: (1.0, 1.0, 1.0))
    old = found.drop(columns=["task_median_s", "first_task_s"])
    assert first_calls(old) == [""]
    assert first_calls(old.iloc[:0]) == []


@pytest.mark.parametrize("executor", ["thread", "process_pool"])
@pytest.mark.parametrize(
    ("own", "told"),
    [
        ((), True),
        (("measure.fresh=true",), False),
        # As each round has other arguments, nobody finds a result.
        (("workload.arguments_from=tests.functions:calls", "workload.arguments=null"), None),
    ],
    ids=["warm", "fresh", "renewed"],
)
def test_a_function_that_remembers_its_results(
    executor: str, own: tuple[str, ...], told: bool | None, make_plan: MakePlan, tmp_path: Path
) -> None:
    more = ("workload.arguments_per_round=true",) if told is None else ()
    plan = make_plan(
        *("workload=callable", "workload.function=tests.functions:remembered", "n=2"),
        *("workload.arguments=[1,2,3]", f"executor={executor}", *own, *more),
    )
    if told:
        assert told_of(plan, tmp_path)
    else:  # a first task that another program holds up once is taken for one: not three times
        assert not all(told_of(plan, tmp_path / name) for name in "abc")


def told_of(plan: Plan, folder: Path) -> str:
    """What is said of the first calls of a plan's only cell, which is measured here."""
    runs = list(measure(plan))
    assert {run.status for run in runs} == {"ok"}, runs[-1].error
    durations = {
        (run.cell, run.round, run.position, run.role): [
            (span.end_ns - span.start_ns) / 1e9 for span in run.spans
        ]
        for run in runs
    }

    def tasks(run: Run) -> tuple[float, float, float]:
        own = durations[run.cell, run.round, run.position, run.role]
        assert run.wall_s is not None
        return statistics.median(own), own[0], run.wall_s

    for run in runs:
        append(folder / run.cell, run)
    found = read_runs(folder)
    keys = zip(*(found[name] for name in ("cell", "round", "position", "role")), strict=True)
    by_key = {(r.cell, r.round, r.position, r.role): tasks(r) for r in runs}
    table = pd.DataFrame([by_key[key] for key in keys])
    found = found.assign(task_median_s=table[0], first_task_s=table[1])
    [detail] = first_calls(found)
    return detail


def test_interpreters_with_one_panel_are_told_apart(tmp_path: Path) -> None:
    """The first calls of one are not held against later ones of another."""
    runs = [
        replace(run, cold=run.round == 0, warmup=run.round == 0)
        for run in synthetic.pythons({"3.11.9": 1.0, "3.15.0": 1.0}, {("thread", 2): 1.0}, rounds=3)
    ]
    slow = (62e-3, 62e-3, 0.5)
    found = frame(
        tmp_path, runs, lambda run: slow if run.cold and run.python == "3.15.0" else alike(run)
    )
    told = dict(zip(summarise(found)["python"], first_calls(found), strict=True))
    assert told == {"3.11.9": "", "3.15.0": "62.0 ms, later ones 1.00 ms"}
