"""What the machine gave: the ceiling of loops that share nothing, and what a cell made of it."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runners.analysis.cell import cells
from runners.analysis.headline import paired_ratio
from runners.analysis.summary import summarise
from runners.model import Run, Workers
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic


def summary_of(folder: Path, *measured: list[Run]) -> pd.DataFrame:
    for number, runs in enumerate(measured):
        for run in runs:
            append(folder / str(number), run)
    return summarise(read_runs(folder))


def with_loops(cell: list[Run], ceiling: float, **settings: Any) -> list[Run]:
    """Rows as they are stored: what the machine gave comes before the other runs of the round."""
    return [*synthetic.spins(cell, ceiling, **settings), *cell]


def row_of(folder: Path, cell: list[Run], ceiling: float, **settings: Any) -> "pd.Series[Any]":
    return summary_of(folder, with_loops(cell, ceiling, **settings)).iloc[0]


def codes(row: "pd.Series[Any]") -> list[str]:
    return [flag.code for flag in row["flags"]]


def test_the_ceiling_is_estimated_as_the_speedup_is(tmp_path: Path) -> None:
    cell = synthetic.runs(n=2, speedup=1.6, processes=5, rounds=15)
    loops = synthetic.spins(cell, 1.7)
    row = summary_of(tmp_path, [*loops, *cell]).iloc[0]
    one, two = ([run.wall_s or 0 for run in loops if run.n == n] for n in (1, 2))
    process = [run.process for run in loops if run.n == 1]
    expected = paired_ratio(one, two, process).scaled(2)
    assert row["ceiling"] == pytest.approx(expected.estimate)
    assert row["ceiling_low"] == pytest.approx(expected.low)
    assert row["ceiling_high"] == pytest.approx(expected.high)
    assert row["ceiling_low"] < 1.7 < row["ceiling_high"]
    assert (row["n"], row["rounds"]) == (2, 15)


def test_efficiency_refers_to_it_beside_the_bound(tmp_path: Path) -> None:
    row = row_of(tmp_path, synthetic.runs(speedup=1.6, noise=0), 1.7, noise=0)
    assert row["bound"] == 2
    assert row["attainable"] == pytest.approx(1.7)
    assert row["efficiency"] == pytest.approx(0.8)
    assert row["efficiency_of_ceiling"] == pytest.approx(1.6 / 1.7)


def test_what_is_not_asked_is_missing(tmp_path: Path) -> None:
    row = summary_of(tmp_path, synthetic.runs()).iloc[0]
    assert row[["ceiling", "ceiling_low", "attainable", "machine_off_cpu"]].isna().all()
    assert math.isnan(row["loss_contention_machine"])


def test_a_single_pair_of_loops_has_no_interval(tmp_path: Path) -> None:
    row = row_of(tmp_path, synthetic.runs(processes=1), 1.7, rounds=1)
    assert row["ceiling"] == pytest.approx(1.7, rel=0.1)
    assert math.isnan(row["ceiling_low"])
    assert math.isnan(row["efficiency_of_ceiling_low"])
    assert "above_bound" not in codes(row)


@pytest.mark.parametrize(
    ("kind", "cpu", "attainable"),
    [
        ("process", 1.0, 1.7),
        ("thread", 1.0, 1.7),
        ("process", 0.5, 2.0),  # tasks that leave the CPU to others for half of their time
        ("process", 0.01, math.nan),  # tasks that wait
        ("caller", 1.0, math.nan),
        ("coroutine", 1.0, math.nan),
    ],
)
def test_it_is_no_limit_to_what_needs_no_cpu(
    tmp_path: Path, kind: Workers, cpu: float, attainable: float
) -> None:
    cell = [
        replace(run, levels=(*run.levels[:4], *(run.levels[3] * cpu,) * 2))
        for run in synthetic.runs(worker_kind=kind)
    ]
    found = row_of(tmp_path, cell, 1.7, noise=0)["attainable"]
    assert found == pytest.approx(attainable, nan_ok=True)


@pytest.mark.parametrize(("speedup", "above"), [(1.6, False), (1.7, False), (1.95, True)])
def test_a_speedup_above_it_is_flagged(tmp_path: Path, speedup: float, above: bool) -> None:
    cell = synthetic.runs(speedup=speedup, processes=5, rounds=20)
    row = row_of(tmp_path, cell, 1.7)
    assert ("above_bound" in codes(row)) == above


def test_losses_are_split_into_the_machines_part_and_the_programs(tmp_path: Path) -> None:
    work = {"baseline": 0.8, "measured": 1.0}
    cell = [
        replace(run, levels=(*run.levels[:5], run.levels[5] * work[run.role]))
        for run in synthetic.runs(n=2, speedup=1.0, noise=0)
    ]
    row = row_of(tmp_path, cell, 1.7, contention=0.9, computation=0.95, noise=0)
    assert row["machine_contention"] == pytest.approx(0.9)
    assert row["machine_computation"] == pytest.approx(0.95)
    assert row["loss_contention_machine"] == pytest.approx(0.1 * row["L4_s"] / row["L0_s"])
    assert row["loss_computation_machine"] == pytest.approx(0.05 * row["L5_s"] / row["L0_s"])
    [found] = cells(pd.DataFrame([row]))
    losses = {loss.factor: loss for loss in found.losses}
    assert losses["contention"].machine == row["loss_contention_machine"]
    assert losses["startup"].machine == 0


def test_the_machines_part_is_no_more_than_was_lost(tmp_path: Path) -> None:
    cell = synthetic.runs(n=2, speedup=1.0, noise=0)
    row = row_of(tmp_path, cell, 0.9, contention=0.1, computation=0.1, noise=0)
    assert row["loss_contention_machine"] == pytest.approx(row["loss_contention"])
    assert row["loss_computation_machine"] == pytest.approx(row["loss_computation"])


def test_loops_of_another_process_or_round_are_no_pair(tmp_path: Path) -> None:
    cell = synthetic.runs(processes=2)
    loops = synthetic.spins(cell, 1.7)
    apart = [replace(run, round=run.round + (100 if run.n == 1 else 0)) for run in loops]
    assert math.isnan(summary_of(tmp_path, [*apart, *cell]).iloc[0]["ceiling"])


def test_each_cell_has_the_ceiling_of_its_own_n(tmp_path: Path) -> None:
    two, four = synthetic.runs(n=2, noise=0), synthetic.runs(n=4, noise=0, usable_cpus=4)
    summary = summary_of(
        tmp_path, with_loops(two, 1.7, noise=0), with_loops(four, 3.1, noise=0)
    ).set_index("n")
    assert summary["ceiling"].to_dict() == pytest.approx({2: 1.7, 4: 3.1})


def test_loops_that_failed_do_not_concern_the_cell(tmp_path: Path) -> None:
    cell = synthetic.runs()
    failed = [
        replace(run, status="crashed", wall_s=None, error="has ended", levels=())
        for run in synthetic.spins(cell, 1.7)
    ]
    row = summary_of(tmp_path, [*failed, *cell]).iloc[0]
    assert (row["status"], row["rounds"]) == ("ok", 12)
    assert math.isnan(row["ceiling"])


def others(share: float) -> Callable[[Run], Run]:
    return lambda run: replace(run, others_cpu_s=share * 2 * (run.wall_s or 0))


def test_other_load_makes_a_busy_machine(tmp_path: Path) -> None:
    for share, busy in ((0.05, False), (0.61, True)):
        cell = list(map(others(share), synthetic.runs(rounds=5, n=4)))
        row = summary_of(tmp_path / str(share), cell).iloc[0]
        assert (codes(row)[0] == "busy_machine") == busy  # before all other flags
        if busy:
            assert row["flags"][0].detail == "other load took 61% of the CPUs"


def test_loops_without_a_cpu_make_one_where_the_kernel_tells_of_no_load(tmp_path: Path) -> None:
    quiet = row_of(tmp_path / "quiet", synthetic.runs(), 1.3, computation=0.65, noise=0)
    assert "busy_machine" not in codes(quiet)  # two threads of a core
    cell = synthetic.runs()
    kept_off = [
        replace(run, levels=(*run.levels[:3], *(run.levels[0],) * 2, 0.7 * run.levels[0]))
        for run in synthetic.spins(cell, 1.3)
    ]
    row = summary_of(tmp_path / "busy", [*kept_off, *cell]).iloc[0]
    assert row["machine_off_cpu"] == pytest.approx(0.3)
    assert codes(row)[0] == "busy_machine"


def test_more_loops_than_cpus_do_not_make_one(tmp_path: Path) -> None:
    row = row_of(tmp_path, synthetic.runs(n=4), 2.0, contention=0.5)
    assert "busy_machine" not in codes(row)


@pytest.mark.parametrize(("asked", "second"), [(("3.11.9", "3.13.1"), 1.2), (("3.11.9",), 1.8)])
def test_a_cell_has_the_loops_of_its_own_interpreter_or_those_that_there_are(
    tmp_path: Path, asked: tuple[str, ...], second: float
) -> None:
    cells = synthetic.pythons({"3.11.9": 1.0, "3.13.1": 1.0}, {("thread", 2): 1.0})
    loops = [
        replace(run, cell=run.panel or "", executor="serial", ended_by=None)
        for name, ceiling in (("3.11.9", 1.8), ("3.13.1", 1.2))
        if name in asked
        for run in synthetic.spins(
            [one for one in cells if one.python == name and one.n > 1], ceiling
        )
    ]
    found = summary_of(tmp_path, [*loops, *cells]).set_index("python")["ceiling"]
    assert found["3.11.9"] == pytest.approx(1.8, rel=0.05)
    assert found["3.13.1"] == pytest.approx(second, rel=0.05)
