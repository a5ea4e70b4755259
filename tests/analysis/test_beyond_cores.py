"""More workers than physical cores: what is told of it, and that it is not taken for more."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes

from runners.analysis.beyond_cores import beyond_cores
from runners.analysis.scaling import amdahl
from runners.analysis.summary import summarise
from runners.report import figures
from runners.results.read import read_runs
from runners.results.write import append
from runners.words.labels import labels
from tests import synthetic

SMT = {1: 1.0, 2: 1.97, 4: 3.85, 8: 4.9}
SERIAL = {n: float(amdahl(n, 0.12)) for n in (1, 2, 4, 8)}


def summarised(folder: Path, speedups: Mapping[int, float], **facts: Any) -> pd.DataFrame:
    """A line on a machine of four cores with two threads each, unless the facts say else."""
    known: dict[str, Any] = {"usable_cpus": 8.0, "physical_cores": 4, "placement": "none"} | facts
    loops = known.pop("loops", {})
    for n, speedup in speedups.items():
        made = synthetic.runs(n=n, speedup=speedup, executor="pool", worker_kind="process")
        made += synthetic.spins(made, loops[n]) if n in loops else []
        for run in made:
            name = f"{n:04x}{len(known['placement']):08x}"
            append(folder / name, replace(run, **known, cell=name, tasks=32))
    return summarise(read_runs(folder))


def flagged(summary: pd.DataFrame) -> list[str | None]:
    return [
        next((flag.detail for flag in found if flag.code == "beyond_cores"), None)
        for found in summary.sort_values("n")["flags"]
    ]


def test_a_line_that_breaks_at_the_cores_is_smt(tmp_path: Path) -> None:
    summary = summarised(tmp_path, SMT, loops={4: 3.8, 8: 5.0})
    [told] = beyond_cores(summary)
    assert told.startswith("primes, pool: n = 8 reaches 4.")
    assert "on 4 physical cores, where a serial share would leave at least" in told
    assert "by what n = 4 reaches: SMT, not a serial share alone: loops that share nothing" in told
    assert flagged(summary) == [None, None, None, "8 > 4"]


@pytest.mark.parametrize(
    ("loops", "told"),
    [
        ({4: 3.9, 8: 7.7}, "neither SMT nor a serial share alone: loops that share nothing"),
        ({4: 2.6, 8: 5.2}, "neither SMT nor a serial share alone"),  # a clock that falls
        ({}, "more than a serial share, as SMT or workers that disturb each other"),
        ({4: 3.9, 8: 7.0}, "more than a serial share, as SMT or workers"),
    ],
)
def test_it_is_smt_only_if_loops_that_share_nothing_lose_as_well(
    tmp_path: Path, loops: Mapping[int, float], told: str
) -> None:
    [line] = beyond_cores(summarised(tmp_path, SMT, loops=loops))
    assert told in line


@pytest.mark.parametrize(
    ("speedups", "facts"),
    [
        (SERIAL, {}),  # has bent before
        ({n: float(n) * 0.98 for n in (2, 4, 8)}, {}),  # goes on
        (SMT, {"physical_cores": None}),  # nobody knows
        (SMT, {"physical_cores": 8}),
        (SMT, {"usable_cpus": 4.0}),  # a quota: 8 workers take turns
        (SMT, {"placement": "siblings"}),  # they never had cores of their own
        ({1: 1.0, 8: 4.9}, {}),  # no n within them shows a serial share
        ({2: 1.97, 4: 3.85}, {}),
    ],
)
def test_nothing_is_said_where_it_is_not_shown(
    tmp_path: Path, speedups: Mapping[int, float], facts: Mapping[str, Any]
) -> None:
    assert beyond_cores(summarised(tmp_path, speedups, **facts)) == []


def test_more_workers_than_usable_cpus_is_another_flag(tmp_path: Path) -> None:
    summary = summarised(tmp_path, {8: 3.0, 16: 3.0})
    assert flagged(summary) == ["8 > 4", None]
    codes = [[flag.code for flag in found] for found in summary.sort_values("n")["flags"]]
    assert ["oversubscribed" in found for found in codes] == [False, True]


def test_the_cores_of_the_placement_count(tmp_path: Path) -> None:
    summary = summarised(tmp_path, {2: 1.2}, placement="siblings", worker_cores=1)
    assert flagged(summary) == ["2 > 1"]
    assert flagged(summarised(tmp_path / "2", {4: 3.0}, placement="cores", worker_cores=4)) == [
        None
    ]


def test_lines_are_told_apart_by_their_placement(tmp_path: Path) -> None:
    summarised(tmp_path, SMT)
    both = summarised(tmp_path, SMT, placement="cores")
    assert sorted(set(labels(both)["line"])) == ["pool, placement=cores", "pool, placement=none"]
    assert both["speedup_n1"].notna().all()  # each with its own n = 1
    assert len(beyond_cores(both)) == 2


def test_the_figure_marks_cores_and_cpus_where_they_differ(tmp_path: Path) -> None:
    def vertical(axes: Axes) -> list[float]:
        found: list[Any] = [line.get_xdata() for line in axes.lines]
        return sorted(float(x[0]) for x in found if len(x) == 2 and x[0] == x[1])

    def words(figure: Any) -> set[str]:
        return {text.get_text() for legend in figure.legends for text in legend.get_texts()}

    figure = figures.speedup(summarised(tmp_path / "smt", SMT))
    assert vertical(figure.axes[0]) == [4.0, 8.0]
    assert {"physical cores: 4", "usable CPUs: 8"} <= words(figure)
    figure = figures.speedup(summarised(tmp_path / "hidden", SMT, physical_cores=None))
    assert vertical(figure.axes[0]) == []
    assert not any("cores" in text for text in words(figure))
