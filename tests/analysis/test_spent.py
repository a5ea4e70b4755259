"""Where the time went, cell by cell."""

from dataclasses import replace
from pathlib import Path

import pytest

from runners.analysis.rounds import cell_codes
from runners.analysis.spent import spent
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic


def test_the_shares_add_up_and_each_part_is_where_it_belongs(tmp_path: Path) -> None:
    runs = synthetic.runs(rounds=3, processes=1)
    first = True
    for run in runs:
        extra = {"wall_s": 1.0, "judging_s": 0.25, "starting_s": 2.0 if first else None}
        append(tmp_path / run.cell, replace(run, **extra))  # type: ignore[arg-type]
        first = False
    spin = replace(runs[-1], role="spin", wall_s=4.0, judging_s=0.0, ended_by=None)
    append(tmp_path / spin.cell, spin)
    frame = read_runs(tmp_path)
    [found] = spent(frame, cell_codes(frame)).to_dict("records")
    whole = 6 + 2 + 4 + 2 + 8 * 0.25  # counted, cold, loops, the start, judging
    assert found == pytest.approx(
        {
            "counted_share": 6 / whole,
            "warmup_share": 2 / whole,
            "ceiling_share": 4 / whole,
            "starting_share": 2 / whole,
            "judging_share": 2 / whole,
        }
    )


def test_cells_of_a_panel_share_its_time(tmp_path: Path) -> None:
    for run in synthetic.panel({("pool", 2): 1.8, ("thread", 2): 1.0}):
        append(tmp_path / run.cell, replace(run, wall_s=1.0, judging_s=1.0, starting_s=None))
    frame = read_runs(tmp_path)
    shares = spent(frame, cell_codes(frame))
    assert len(shares) == 2
    assert set(shares["counted_share"]) == set(shares["judging_share"]) == {0.5}


def test_cells_of_a_panel_have_the_time_of_their_own_interpreter(tmp_path: Path) -> None:
    for run in synthetic.pythons({"3.11.9": 1.0, "3.13.1": 1.0}, {("thread", 2): 1.0}, rounds=2):
        judging_s = 1.0 if run.python == "3.11.9" else 3.0
        append(tmp_path / run.cell, replace(run, wall_s=1.0, judging_s=judging_s))
    frame = read_runs(tmp_path)
    shares = spent(frame, cell_codes(frame))["counted_share"]
    pythons = frame.loc[cell_codes(frame) >= 0, ["cell", "python"]].drop_duplicates()["python"]
    assert dict(zip(pythons, shares, strict=True)) == {"3.11.9": 0.5, "3.13.1": 0.25}
