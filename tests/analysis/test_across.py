"""Interpreters against each other: their plain loops, and what is gained in all."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from runners.analysis.across import Across, across
from runners.analysis.compare import Comparison
from runners.analysis.interval import Interval
from runners.analysis.summary import summarise
from runners.model import Run
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic

LOOPS = {"3.11.9": 1.0, "3.13.1": 0.8}
SPEEDUPS = {("thread", 1): 0.98, ("process", 2): 1.7}
RATIO = ["serial_ratio", "serial_ratio_low", "serial_ratio_high"]


def frames(folder: Path, *workloads: Sequence[Run]) -> tuple[pd.DataFrame, pd.DataFrame]:
    for at, found in enumerate(workloads):
        for run in found:
            append(folder / str(at) / run.cell, run)
    runs = read_runs(folder)
    return summarise(runs), runs


def compared(folder: Path, *workloads: Sequence[Run]) -> list[Across]:
    summary, runs = frames(folder, *workloads)
    return across(summary, Comparison(runs))


def ratios(summary: pd.DataFrame) -> dict[str, Interval]:
    """By interpreter; all of its cells have the same."""
    found = summary[["python", *RATIO]].drop_duplicates()
    assert not found["python"].duplicated().any()
    return {python: Interval(*row) for python, *row in found.itertuples(index=False)}


@pytest.mark.parametrize("hosts", [1, 2])
def test_loops_of_the_same_rounds_are_compared_without_their_noise(
    tmp_path: Path, hosts: int
) -> None:
    runs = synthetic.pythons(LOOPS, SPEEDUPS, noise=0.01, common_noise=0.3, hosts=hosts)
    found = ratios(frames(tmp_path, runs)[0])
    assert found["3.11.9"] == Interval(1.0, 1.0, 1.0)
    assert found["3.13.1"].low < 0.8 < found["3.13.1"].high
    assert found["3.13.1"].half_width < 0.02


def test_without_common_rounds_two_sets_of_times_are_compared(tmp_path: Path) -> None:
    runs = synthetic.pythons(LOOPS, SPEEDUPS, noise=0.01, common_noise=0.1, panel=False)
    summary, _ = frames(tmp_path, runs)
    found = ratios(summary)
    assert found["3.11.9"] == Interval(1.0, 1.0, 1.0)
    assert found["3.13.1"].low < 0.8 < found["3.13.1"].high
    assert found["3.13.1"].half_width > 0.03


def test_the_first_one_is_that_which_was_named_first(tmp_path: Path) -> None:
    found = ratios(frames(tmp_path, synthetic.pythons({"3.13.1": 0.8, "3.11.9": 1.0}, SPEEDUPS))[0])
    assert found["3.13.1"].estimate == 1
    assert found["3.11.9"].estimate == pytest.approx(1 / 0.8, rel=0.02)


def test_one_interpreter_or_none_that_is_known_has_nothing_to_be_compared_with(
    tmp_path: Path,
) -> None:
    one = synthetic.pythons({"3.13.1": 1.0}, SPEEDUPS)
    unknown = synthetic.runs(n=4)
    for at, cells in enumerate(([one], [unknown], [one, unknown])):
        summary, runs = frames(tmp_path / str(at), *cells)
        assert summary[RATIO].isna().all(axis=None)
        assert across(summary, Comparison(runs)) == []


def test_workloads_with_other_parameters_are_not_compared(tmp_path: Path) -> None:
    sizes = [
        synthetic.pythons({name: 1.0}, SPEEDUPS, seed=at, size=at) for at, name in enumerate(LOOPS)
    ]
    assert frames(tmp_path, *sizes)[0][RATIO].isna().all(axis=None)


@pytest.mark.parametrize("panel", [True, False])
def test_what_a_change_of_interpreter_and_executor_gains(tmp_path: Path, panel: bool) -> None:
    runs = synthetic.pythons(LOOPS, SPEEDUPS, common_noise=0.02, panel=panel)
    [found] = compared(tmp_path, runs)
    assert (found.panel, found.first, found.paired) == ("primes", "3.11.9", panel)
    assert found.ways == [("process", 2), ("thread", 1)]
    first, second = found.interpreters
    assert (first.name, second.name) == ("3.11.9", "3.13.1")
    assert first.loop_s.estimate == pytest.approx(0.2, rel=0.05)
    for way, speedup in SPEEDUPS.items():
        assert first.gains[way].gain == first.gains[way].speedup
        gain = second.gains[way].gain
        assert gain.low < speedup / 0.8 < gain.high
        assert second.gains[way].speedup.estimate == pytest.approx(speedup, rel=0.03)


def test_with_weak_scaling_the_gain_is_scaled_too(tmp_path: Path) -> None:
    [found] = compared(tmp_path, synthetic.pythons(LOOPS, {("process", 4): 3.2}, scaling="weak"))
    assert found.interpreters[1].gains["process", 4].gain.estimate == pytest.approx(4, rel=0.03)


@pytest.mark.parametrize("parameters", [{"workload.size": 100}, {}])
def test_a_cell_that_was_refused_keeps_its_place(
    tmp_path: Path, parameters: dict[str, int]
) -> None:
    """It does not say whether it is about first calls, and maybe not its parameters."""
    [*_, refused] = synthetic.runs(
        executor="interpreters",
        parameters=parameters,
        python="3.11.9",
        order=0,
        build=synthetic.BUILD,
        rounds=1,
        status="unsupported",
    )
    runs = [replace(run, fresh=False) for run in synthetic.pythons(LOOPS, SPEEDUPS)]
    [found] = compared(tmp_path, [*runs, refused])
    gain = found.interpreters[0].gains["interpreters", 2]
    assert gain.status == "unsupported"
    assert math.isnan(gain.gain.estimate)
    assert ("interpreters", 2) not in found.interpreters[1].gains
    assert found.ways == [("interpreters", 2), ("process", 2), ("thread", 1)]


def test_cells_of_two_interpreters_are_no_family(tmp_path: Path) -> None:
    """Against n = 1 of the same interpreter; and the ratio of two speedups is not one of times."""
    speedups = {("process", 1): 0.5, ("process", 2): 1.5}
    runs = [
        run
        for run in synthetic.pythons(LOOPS, speedups)
        if (run.python, run.n, run.role) != ("3.13.1", 1, "measured")
    ]
    summary, frame = frames(tmp_path, runs)
    cells = summary.set_index(["python", "n"])
    assert cells["speedup_n1"]["3.11.9", 2] == pytest.approx(3, rel=0.05)
    assert math.isnan(cells["speedup_n1"]["3.13.1", 2])
    comparison = Comparison(frame)
    one, other = (cells["cell"][name, 2] for name in LOOPS)
    assert comparison.ratio(other, one).estimate == pytest.approx(1, rel=0.03)
    times = comparison.paired_times(other, one)
    assert times is not None
    assert times.estimate == pytest.approx(1 / 0.8, rel=0.03)


def test_whether_tasks_wait_is_decided_for_each_interpreter(tmp_path: Path) -> None:
    runs = [
        replace(run, levels=(*run.levels[:4], *(0.01 * level for level in run.levels[4:])))
        if run.python == "3.13.1"
        else run
        for run in synthetic.pythons(LOOPS, SPEEDUPS, rounds=4)
    ]
    waiting = frames(tmp_path, runs)[0].groupby("python")["waiting"].agg(list)
    assert waiting.to_dict() == {"3.11.9": [False, False], "3.13.1": [True, True]}
