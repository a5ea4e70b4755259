"""Two versions of the code in the same rounds: what is shared by a round is in no ratio."""

from pathlib import Path

import pandas as pd
import pytest

from runners.analysis.compare import Comparison
from runners.analysis.paired import paired
from runners.analysis.summary import summarise
from runners.analysis.two_results import TwoResults
from runners.analysis.versions import against, of_version, versions
from runners.results.read import read_runs
from runners.words.labels import labels
from runners.words.pythons import interpreters
from tests import synthetic

OLD = "HEAD~1 (1a2b3c4)"
WAYS = {("thread", 2): 1.5, ("process", 2): 1.8}


def read(folder: Path, loops: dict[str, float], **how: object) -> pd.DataFrame:
    synthetic.write(folder, synthetic.versions(loops, WAYS, **how))
    return read_runs(folder)


def compared(runs: pd.DataFrame, asked: float | None = None) -> TwoResults:
    return against(summarise(runs), Comparison(runs).rounds, OLD, asked=asked)


def test_ratios_are_above_one_where_what_is_here_is_better(tmp_path: Path) -> None:
    found = compared(read(tmp_path, {"": 1.0, OLD: 1.25}), 0.02)
    assert (found.names, found.leads, found.paired) == ((OLD, "here"), "parallel", 2)
    for cell in found.cells:
        assert cell.outcome == "better"
        for what in ("serial", "parallel"):
            assert cell.ratios[what].estimate == pytest.approx(1.25, rel=0.02)
            assert cell.ratios[what].low < 1.25 < cell.ratios[what].high
        assert cell.ratios["speedup"].low < 1 < cell.ratios["speedup"].high


def test_what_a_round_shares_does_not_matter(tmp_path: Path) -> None:
    """Two results with that noise, which are not paired, would show nothing."""
    loops = {"": 1.1, OLD: 1.0}
    for common in (0.0, 0.5):
        found = compared(read(tmp_path / str(common), loops, common_noise=common), 0.02)
        assert {cell.outcome for cell in found.cells} == {"worse"}
        assert all(cell.ratios["parallel"].half_width < 0.03 for cell in found.cells)


def test_the_speedup_has_both_sides_of_both_versions(tmp_path: Path) -> None:
    runs = [
        *synthetic.versions({"": 1.0}, {("thread", 2): 1.8}),
        *synthetic.versions({OLD: 1.0}, {("thread", 2): 1.5}, seed=1),
    ]
    synthetic.write(tmp_path, runs)
    rounds = Comparison(read_runs(tmp_path)).rounds
    here, there = rounds.values()
    pair = paired(there, here)
    assert pair is None  # they are two panels
    found = compared(read_runs(tmp_path))
    assert found.paired == 0
    assert found.cells[0].ratios["speedup"].estimate == pytest.approx(1.2, rel=0.02)


def test_the_same_code_is_not_told_apart(tmp_path: Path) -> None:
    wrong = 0
    for seed in range(10):
        runs = read(tmp_path / str(seed), {"": 1.0, OLD: 1.0}, seed=seed, rounds=12)
        found = compared(runs, 0.0)
        wrong += any(cell.outcome in ("worse", "better") for cell in found.cells)
    assert wrong <= 3  # of 10, at an error rate of 5%; more than that has a chance of 0.1%
    assert not any(cell.outcome in ("worse", "better") for cell in compared(runs).cells)


def test_the_margin_is_that_of_the_mean_of_all_interpreters(tmp_path: Path) -> None:
    """So that a difference that the rounds show is not below what a single one may be off."""
    runs = read(tmp_path / "a", {"": 1.0, OLD: 1.0}, rounds=40, processes=10)
    more = read(tmp_path / "b", {"": 1.0, OLD: 1.0}, rounds=160, processes=40)
    wide, narrow = (compared(one).margin for one in (runs, more))
    assert 0 < narrow.value < wide.value < 0.02
    assert "two such comparisons" in wide.why


def test_each_version_is_a_host_of_its_own(tmp_path: Path) -> None:
    summary = summarise(read(tmp_path, {"": 1.0, OLD: 2.0}))
    assert versions(summary) == [OLD]
    assert {*of_version(summary, "")["code_version"]} == {""}
    known = interpreters(summary)
    assert [one.name for one in known.known] == ["here", OLD]
    assert [one.code for one in known.known] == ["", OLD]
    assert {*labels(summary)["line"]} == {
        *("thread, here", f"thread, {OLD}", "process, here", f"process, {OLD}")
    }
    old = of_version(summary, OLD)
    assert old["serial_ratio"].tolist() == pytest.approx([2.0, 2.0], rel=0.02)
    assert versions(of_version(summary, OLD)) == []  # there is nothing to compare it with


def test_without_a_second_version_nothing_changes(tmp_path: Path) -> None:
    summary = summarise(read(tmp_path, {"": 1.0}))
    assert versions(summary) == []
    assert [one.name for one in interpreters(summary).known] == ["3.13.1"]
    assert {*labels(summary)["line"]} == {"thread", "process"}
