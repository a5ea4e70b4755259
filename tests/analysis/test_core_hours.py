"""Core-hours: of a run of the tasks, and of measuring them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runners.analysis.summary import summarise
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic


@pytest.mark.parametrize(
    ("kind", "cores"), [("thread", 4), ("process", 4), ("coroutine", 1), ("caller", 1)]
)
def test_a_run_takes_its_cores_for_its_time(tmp_path: Path, kind: Any, cores: int) -> None:
    for run in synthetic.runs(n=4, worker_kind=kind, serial_s=36.0):
        append(tmp_path, run)
    row = summarise(read_runs(tmp_path)).iloc[0]
    for end, of in {"": "median", "_low": "low", "_high": "high"}.items():
        assert row[f"core_hours{end}"] == pytest.approx(cores * row[f"measured_{of}_s"] / 3600)
        assert row[f"baseline_core_hours{end}"] == pytest.approx(row[f"baseline_{of}_s"] / 3600)
    assert row["core_hours_low"] < row["core_hours"] < row["core_hours_high"]


@pytest.mark.parametrize(("job_cpus", "cpus"), [(None, 2.0), (16, 16.0)])
def test_measuring_takes_the_cpus_of_the_job_or_all_usable_ones(
    tmp_path: Path, job_cpus: int | None, cpus: float
) -> None:
    runs = synthetic.runs(rounds=3, processes=1)
    for run in runs:
        append(tmp_path, replace(run, wall_s=1.0, judging_s=0.5, job_cpus=job_cpus))
    row = summarise(read_runs(tmp_path)).iloc[0]
    assert row["measuring_s"] == pytest.approx(1.5 * len(runs))
    assert row["measuring_core_hours"] == pytest.approx(cpus * 1.5 * len(runs) / 3600)


def test_cells_of_a_panel_share_what_it_has_in_common(tmp_path: Path) -> None:
    runs = synthetic.panel({("pool", 2): 1.8, ("thread", 2): 1.0}, rounds=4)
    for run in runs:
        wall_s = 3.0 if run.executor == "pool" else 1.0
        append(tmp_path / run.cell, replace(run, wall_s=wall_s, judging_s=None))
    summary = summarise(read_runs(tmp_path)).set_index("executor")
    assert summary["measuring_s"].to_dict() == {"pool": 4 * 3.0 + 2, "thread": 4 * 1.0 + 2}


def test_interpreters_of_a_panel_have_their_own_part(tmp_path: Path) -> None:
    speedups = {("thread", 2): 1.0}
    for run in synthetic.pythons({"3.11.9": 1.0, "3.13.1": 1.0}, speedups, rounds=2):
        append(tmp_path / run.cell, replace(run, wall_s=1.0 if run.python == "3.11.9" else 3.0))
    summary = summarise(read_runs(tmp_path)).set_index("python")
    assert summary["measuring_s"].to_dict() == {"3.11.9": 4.0, "3.13.1": 12.0}


def test_cpu_time_of_a_task_is_that_of_all_processes(tmp_path: Path) -> None:
    for run in synthetic.runs(rounds=3):
        own = {"baseline": (1.0, 0.0), "measured": (0.5, 1.5)}[run.role]
        spent = replace(run, tasks=4, process_cpu_s=own[0], children_cpu_s=own[1])
        append(tmp_path, spent)
    row = summarise(read_runs(tmp_path)).iloc[0]
    assert row["baseline_task_cpu_s"] == pytest.approx(0.25)
    assert row["task_cpu_s"] == pytest.approx(0.5)
