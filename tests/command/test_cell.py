"""A cell that is left out, on a folder that holds something of it or nothing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from runners.command.cell import Candidate, Measured, leave_out, measure_cells
from runners.command.progress import Place, Terminal
from runners.command.quiet import Watch
from runners.command.resume import begin, look
from runners.model import Plan, Run
from runners.results.read import baseline_folder
from runners.results.write import append, write_json
from tests import synthetic
from tests.conftest import MakePlan

REASON = "of measure.sweep_budget_s=2 only 0.1 s are left"


def without(plan: Plan, folder: Path) -> Measured:
    place = Place(3, 12, "primes on pool, n = 2")
    return leave_out(Candidate(plan, folder, Terminal(plan, folder, place)), REASON)


def rows(folder: Path) -> list[dict[str, object]]:
    return list(map(json.loads, (folder / "runs.jsonl").read_text().splitlines()))


def held(plan: Plan, folder: Path, runs: list[Run]) -> list[dict[str, object]]:
    """The rows of an earlier measurement of that cell, which are put into the folder."""
    write_json(folder / "cell.json", plan.identity)
    for run in runs:
        append(folder, replace(run, cell=plan.cell))
    return rows(folder)


def test_a_cell_of_which_there_is_nothing_gets_a_row(
    tmp_path: Path, make_plan: MakePlan, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = make_plan("workload.end=500")
    assert without(plan, tmp_path).status == "left out"
    assert capsys.readouterr().out.split() == (
        f"3/12 primes on pool, n = 2 left out: {REASON}".split()
    )
    [row] = rows(tmp_path)
    assert (row["cell"], row["status"], row["error"]) == (plan.cell, "left out", REASON)
    assert (row["ended_by"], row["workload.end"]) == (None, 500)


def test_it_is_new_to_whoever_goes_on_and_has_one_row_however_often(
    tmp_path: Path, make_plan: MakePlan
) -> None:
    plan = make_plan()
    without(plan, tmp_path)
    without(plan, tmp_path)
    assert len(rows(tmp_path)) == 1
    earlier = look(tmp_path, plan)
    assert (earlier.outcome, earlier.status) == ("new", "left out")
    begin(tmp_path, plan, earlier)
    assert not (tmp_path / "runs.jsonl").exists()
    assert len((tmp_path / "runs.jsonl.1").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("runs", "status"),
    [
        (synthetic.runs(ended_by="time budget"), "ok"),
        (synthetic.runs()[:-1], "interrupted"),
        (synthetic.runs(status="crashed", error="signal SIGKILL"), "crashed"),
    ],
)
def test_a_result_that_is_there_stays_as_it_is(
    runs: list[Run],
    status: str,
    tmp_path: Path,
    make_plan: MakePlan,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = make_plan()
    before = held(plan, tmp_path, runs)
    assert without(plan, tmp_path).status == status
    assert rows(tmp_path) == before
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith(f"stays as it is, {REASON}")
    assert "left out" not in second


def test_a_cell_reads_its_own_file_and_nothing_below(tmp_path: Path, make_plan: MakePlan) -> None:
    plan = make_plan()
    held(plan, tmp_path / "a", synthetic.runs())
    held(plan, tmp_path, synthetic.runs(status="crashed", error="signal SIGKILL"))
    assert without(plan, tmp_path).status == "crashed"


def test_a_panel_above_the_sweep_of_a_cell_is_another_ones(tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    for folder in (tmp_path, sweep):
        append(folder / "panel-a", synthetic.runs()[0])
    write_json(sweep / "sweep.json", {"cells": 1})
    assert baseline_folder(sweep / "deep/cell", "panel-a") == sweep / "panel-a"
    (sweep / "panel-a").rename(tmp_path / "elsewhere")
    assert baseline_folder(sweep / "deep/cell", "panel-a") == sweep / "deep/cell"


@pytest.mark.parametrize("name", ["runs.jsonl", "cell.json"])
def test_a_cell_that_cannot_be_read_is_said_to_be_so_and_left_alone(
    name: str, tmp_path: Path, make_plan: MakePlan, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = make_plan()
    held(plan, tmp_path, synthetic.runs())
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    before = sorted(tmp_path.iterdir())
    candidate = Candidate(plan, tmp_path, Terminal(plan, tmp_path, Place(3, 12, "primes")))
    [found] = measure_cells([candidate], tmp_path, Watch())
    assert found.status == without(plan, tmp_path).status == "unreadable"
    told = f"not measured, it cannot be read: {tmp_path / name} ("
    assert capsys.readouterr().out.count(told) == 2
    assert sorted(tmp_path.iterdir()) == before


def test_rows_that_do_not_stand_are_set_aside(tmp_path: Path, make_plan: MakePlan) -> None:
    held(make_plan("measure.seed=2"), tmp_path, synthetic.runs())
    assert without(make_plan(), tmp_path).status == "left out"
    assert len(rows(tmp_path)) == 1
    assert (tmp_path / "runs.jsonl.1").exists()
