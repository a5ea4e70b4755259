"""The program as a user runs it: one cell, a sweep, a sweep in which something fails."""

import json
from pathlib import Path

import pandas as pd
import pytest

from runners.analysis.summary import summarise
from runners.results.columns import DTYPES
from runners.results.read import read_runs
from tests.conftest import run_program

SMALL = ("measure=quick", "measure.min_rounds=3", "measure.max_rounds=3")


def test_one_cell_is_measured_stored_and_printed(tmp_path: Path) -> None:
    done = run_program("workload=primes", "workload.end=2000", "n=2", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for word in ("primes on pool, n = 2", "median", "95% interval", "speedup", "efficiency"):
        assert word in done.stdout
    assert "equal to serial" in done.stdout
    [saved] = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("saved")]
    folder = tmp_path / saved
    assert "\x1b" not in done.stdout  # no colours in a pipe
    runs = read_runs(folder)
    assert set(runs["status"]) == {"ok"}
    assert runs.dtypes.astype(str)[list(DTYPES)].to_dict() == DTYPES
    assert len(summarise(runs)) == 1
    facts = json.loads((folder / "environment.json").read_text())["facts"]
    assert facts["python_version"]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of 6 cells: `unpicklable` cannot be planned, with `dying` a worker dies."""
    cwd = tmp_path_factory.mktemp("sweep")
    done = run_program(
        *("-m", "workload=misbehaving,unpicklable", "workload.what=dying,nothing", "n=1,2"),
        *("executor=process", *SMALL, "hydra.sweep.dir=results"),
        cwd=cwd,
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:6]] == [f"{k}/6" for k in range(1, 7)]
    assert sum("crashed" in line for line in lines[:6]) == 2
    assert sum("cannot be pickled" in line for line in lines[:6]) == 2
    assert "Traceback" not in done.stderr
    return cwd / "results"


def test_every_cell_of_a_sweep_is_in_its_summary(sweep: Path) -> None:
    summary = pd.read_parquet(sweep / "summary.parquet")
    statuses = summary.groupby(["n", "workload.what"], dropna=False)["status"].agg(list)
    assert statuses[1, "dying"] == statuses[2, "dying"] == ["crashed"]
    assert statuses[1, "nothing"] == statuses[2, "nothing"] == ["ok"]
    broken = summary["workload"] == "unpicklable"
    assert list(summary.loc[broken, "status"]) == ["failed", "failed"]
    ok = summary[summary["status"] == "ok"]
    assert (ok["speedup_low"] <= ok["speedup"]).all()
    assert (ok["rounds"] == 3).all()
    assert len(pd.read_csv(sweep / "summary.csv")) == len(summary) == 6


def test_a_sweep_leaves_figures_and_a_report_that_names_what_failed(sweep: Path) -> None:
    assert (sweep / "speedup.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (sweep / "speedup.svg").read_text()
    report = (sweep / "report.md").read_text()
    assert "crashed" in report
    assert "workload=unpicklable: it cannot be pickled" in report
    cells = [path.parent for path in sweep.glob("[!p]*/runs.jsonl")]
    assert len(cells) == 6
    assert len(list(sweep.glob("*/environment.json"))) == 4
    assert (sweep / "environment.json").is_file()


def test_the_report_can_be_made_again_elsewhere(sweep: Path, tmp_path: Path) -> None:
    done = run_program(str(sweep), "--output", "again", cwd=tmp_path, module="runners.report")
    assert done.returncode == 0, done.stderr
    again = tmp_path / "again/summary.csv"
    assert again.read_text() == (sweep / "summary.csv").read_text()
