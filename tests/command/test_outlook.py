"""What a command would do, told before it: `--dry-run`, and sweeps of more than a day."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from runners.command.cells import Cell
from runners.command.outlook import accept_time, days, seconds_a_cell
from runners.command.resume import Earlier
from runners.model import UsageError
from runners.results.write import append
from tests.command.test_grid import MakeGrid, make_grid  # noqa: F401
from tests.conftest import ROOT, MakePlan, run_program
from tests.synthetic import START, runs

SMALL = (
    *("-m", "workload=io_sleep", "workload.high=0.01", "measure=quick", "sweep.report=false"),
    *("measure.min_rounds=1", "measure.max_rounds=1", "measure.warmup=1"),
)


def test_nothing_is_written(tmp_path: Path) -> None:
    for words in (["--dry-run"], ["-m", "n=1,2", "dry_run=true", "profile=true"]):
        done = run_program(*words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("nothing was measured or written\n")
        assert list(tmp_path.iterdir()) == []
    assert "profiles     of two cells besides" in done.stdout


def test_it_says_of_each_cell_what_becomes_of_it(tmp_path: Path) -> None:
    words = (*SMALL, "executor=thread,process", "n=1")
    assert run_program(*words, "hydra.sweep.dir=out", cwd=tmp_path).returncode == 0
    [gone] = tmp_path.glob("out/*process*/runs.jsonl")
    gone.unlink()
    before = sorted(path.stat().st_mtime_ns for path in tmp_path.glob("out/**/*"))
    asked = (*words, "workload.repeat=8,9", "resume=out", "--dry-run")
    done = run_program(*asked, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    fates = [line.split("   ")[-1].strip() for line in done.stdout.splitlines()[:4]]
    assert "there already: ended by rounds" in fates
    assert fates.count("to be measured") == 3
    assert "four cells: " in done.stdout
    assert "about 0:0" in done.stdout
    assert "(one cell)" in done.stdout
    told = run_program(*asked, "sweep.progress=json", cwd=tmp_path).stdout.splitlines()
    assert sorted(json.loads(line)["fate"] for line in told) == sorted(
        fate.partition(":")[0] for fate in fates
    )
    assert sorted(path.stat().st_mtime_ns for path in tmp_path.glob("out/**/*")) == before


def test_what_cannot_be_is_named_with_its_reason(tmp_path: Path) -> None:
    words = ("-m", "executor=thread", "workload=event", "scaling=weak", "n=1,2", "--dry-run")
    done = run_program(*words, cwd=tmp_path)
    assert done.returncode == 0
    assert "unsupported: " in done.stdout
    assert "two cells: 2 unsupported\nnothing" in done.stdout


def test_jobs_of_a_cluster_have_the_cells_dealt_out(tmp_path: Path) -> None:
    words = ("executor=thread", "cluster=slurm", "cluster.jobs=2", "sweep.panel=false")
    done = run_program("-m", "n=1,2,3,4", *words, "--dry-run", cwd=tmp_path)
    assert "jobs         2, the longest 0:30; the limit of each is 1:00:00" in done.stdout
    assert "core-hours   0.017 times the CPUs that a job gets" in done.stdout


def test_a_sweep_of_more_than_a_day_has_to_be_meant() -> None:
    def accept(cells: int, budget_s: float, **settings: object) -> None:
        usual = {"dry_run": False, "yes": False, "measure": {"sweep_budget_s": None}}
        hydra = {"runtime": {"choices": {"cluster": "none"}}}
        accept_time(OmegaConf.create({**usual, "hydra": hydra, **settings}), cells, budget_s)

    accept(5000, 86_400)
    with pytest.raises(UsageError, match=r"^9,000 cells would take up to two days 2 h, by"):
        accept(9000, 180_000)
    accept(9000, 180_000, yes=True)
    accept(9000, 180_000, dry_run=True)
    accept(9000, 180_000, measure={"sweep_budget_s": 600})
    jobs = {
        "hydra": {"runtime": {"choices": {"cluster": "local"}}},
        "cluster": OmegaConf.merge(OmegaConf.load(ROOT / "conf/cluster/local.yaml"), {"jobs": 3}),
    }
    accept(9000, 180_000, **jobs)
    with pytest.raises(UsageError, match="up to one day 1 h in each of 3 jobs"):
        accept(9000, 270_000, **jobs)


@pytest.mark.parametrize(("seconds", "told"), [(59, "0:59"), (86_399, "23:59:59")])
def test_less_than_a_day_is_told_as_a_clock_shows_it(seconds: float, told: str) -> None:
    assert days(seconds) == told


def test_the_time_budgets_of_all_kinds_of_cells_count(make_grid: MakeGrid) -> None:  # noqa: F811
    grid = make_grid()
    cells = grid.combinations({}, ["n=1,2,3", "measure=quick", "measure.time_budget_s=5,7"])
    assert grid.budget_s(cells) == 3 * (5 + 7)


def test_more_cells_than_can_be_listed_are_refused(make_grid: MakeGrid) -> None:  # noqa: F811
    with pytest.raises(UsageError, match=r"^2,000,000 cells: .* \(n has 2,000 values, .* 1,000 v"):
        make_grid().combinations({}, ["n=range(2000)", "workload.end=range(1000)"])


def test_an_interruption_is_no_part_of_what_cells_took(make_plan: MakePlan, tmp_path: Path) -> None:
    """Two cells of one panel share their time; between the two halves of it lies a night."""
    plan = make_plan("measure.time_budget_s=10")
    cells = [Cell(at, "", (), tmp_path / str(at), plan) for at in (0, 1, 2)]
    for cell, seconds in zip(cells, ((0, 4, 50_000), (2, 50_001), ()), strict=True):
        for at, run in zip(seconds, runs(), strict=False):
            started = (START + timedelta(seconds=at)).isoformat(timespec="microseconds")
            append(cell.folder, replace(run, started_at=started, panel="panel-0123456789ab"))
    there = {0: Earlier("reused"), 1: Earlier("continued"), 2: Earlier("new")}
    assert seconds_a_cell(cells, there) == (2.5, "two cells")
    assert seconds_a_cell(cells[2:], there) is None
