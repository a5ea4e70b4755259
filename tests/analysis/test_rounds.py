"""Which rounds count is the same for the frame and for the rows of a file."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runners.analysis.rounds import complete_rounds, round_ratios
from runners.model import Run
from runners.results.columns import RUNS, counts
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic

LEFT_OUT: dict[str, Callable[[Run], Run]] = {
    "cold": lambda run: replace(run, cold=True),
    "warm-up": lambda run: replace(run, warmup=True),
    "failed": lambda run: replace(run, status="failed"),
    "without a time": lambda run: replace(run, wall_s=None),
}


@pytest.mark.parametrize("role", ["baseline", "measured"])
@pytest.mark.parametrize("why", LEFT_OUT)
def test_a_round_counts_if_both_of_its_runs_do(tmp_path: Path, role: str, why: str) -> None:
    runs = [run for run in synthetic.runs(rounds=6, processes=1) if not run.cold]
    damaged = runs[4].round
    for run in runs:
        spoilt = (run.round, run.role) == (damaged, role)
        append(tmp_path, LEFT_OUT[why](run) if spoilt else run)
    frame = read_runs(tmp_path)
    baselines, measured = complete_rounds(frame, np.zeros(len(frame), int))
    baseline, same = baselines.T
    assert list(baseline) == list(same)
    found = frame["round"].iloc[measured].tolist()
    assert found == frame["round"].iloc[baseline].tolist()
    assert found == sorted({run.round for run in runs} - {damaged})
    rows = [json.loads(line) for line in (tmp_path / RUNS).read_text().splitlines()]
    assert [row["round"] for row in rows if not counts(row)] == [damaged]
    assert len(round_ratios(frame)) == 5


def test_the_ratio_of_a_round_is_that_of_its_two_runs(tmp_path: Path) -> None:
    for n in (1, 2):
        for run in synthetic.runs(n=n, rounds=3):
            append(tmp_path / str(n), run)
    frame = read_runs(tmp_path)
    ratios = round_ratios(frame)
    assert len(ratios) == 6
    for cell, own in frame[~frame["warmup"]].groupby("cell"):
        walls = own.pivot(index="round", columns="role", values="wall_s")
        expected = (walls["baseline"] / walls["measured"]).tolist()
        assert ratios.loc[ratios["cell"] == cell, "ratio"].tolist() == expected
