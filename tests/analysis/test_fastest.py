"""Which interpreter with which executor is the fastest of all, and when that is not decided."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runners.analysis.compare import Comparison
from runners.analysis.fastest import Fastest, fastest
from runners.analysis.recommend import recommend
from runners.analysis.summary import summarise
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic


def told(
    folder: Path,
    loops: Mapping[str, float],
    speedups: Mapping[tuple[str, int], float],
    **how: Any,
) -> Fastest:
    for run in synthetic.pythons(loops, speedups, **how):
        append(folder / run.cell, run)
    runs = read_runs(folder)
    [found] = fastest(summarise(runs), Comparison(runs))
    return found


def test_the_fastest_in_seconds_is_not_that_of_the_highest_speedup(tmp_path: Path) -> None:
    """Processes reach 1.7 on each, the plain loop of the second is faster."""
    speedups = {("thread", 2): 1.0, ("process", 2): 1.7}
    found = told(tmp_path, {"3.11.9": 1.0, "3.15.0": 0.8}, speedups)
    assert found.best == "process n = 2 on 3.15.0"
    assert found.open == (found.best,)
    [line] = found.lines()
    assert line.startswith(
        "primes: the fastest of all interpreters and executors is process n = 2 on 3.15.0: 9"
    )
    assert " ms [" in line
    assert "It beats process n = 2 on 3.11.9 by 1.2" in line


def test_a_plain_loop_may_be_the_fastest(tmp_path: Path) -> None:
    found = told(tmp_path, {"3.11.9": 1.0, "3.15.0": 0.8}, {("thread", 2): 0.5})
    assert found.best == "the plain loop on 3.15.0"
    assert found.next is not None
    assert found.next[0] == "the plain loop on 3.11.9"


@pytest.mark.parametrize("panel", [True, False])
def test_noise_decides_nothing(tmp_path: Path, panel: bool) -> None:
    loops = {"3.11.9": 1.0, "3.13.1": 1.0}
    found = told(tmp_path, loops, {("process", 2): 1.7}, noise=0.03, panel=panel)
    assert set(found.open) == {f"process n = 2 on {name}" for name in loops}
    [line] = found.lines()
    assert "which interpreter and executor is the fastest is not decided between process" in line


def test_each_interpreter_has_a_recommendation_of_its_own(tmp_path: Path) -> None:
    for run in synthetic.pythons(
        {"3.13.1": 1.0, "3.11.9": 3.0}, {("thread", 2): 1.0, ("process", 2): 1.7}
    ):
        append(tmp_path / run.cell, run)
    runs = read_runs(tmp_path)
    found = recommend(summarise(runs), runs)
    assert [one.interpreter for one in found] == ["3.13.1", "3.11.9"]
    for one in found:
        assert one.choice is not None
        assert (one.choice.line, one.choice.n) == ("process", 2)
        assert one.text().startswith(f"primes on {one.interpreter}: use process with n = 2: 1.7")
        assert one.next is not None
        assert one.next[0].line == "thread"
