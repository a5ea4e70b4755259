"""A cell of the summary as a record has everything that its row says."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runners.analysis import cell as module
from runners.analysis.cell import CellSummary, Metric, cells
from runners.analysis.interval import Interval
from runners.analysis.summary import summarise
from runners.model import Loss
from runners.results.read import read_runs
from runners.results.write import append
from runners.words.causes import TITLES
from tests import synthetic


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[Any, Any]]:
    """A cell with all there can be, and one that was refused."""
    for run in synthetic.runs(parameters={"workload.end": 9, "executor.lazy": True}):
        append(tmp_path / "good", replace(run, metrics={"lost": float(run.round)}))
    refused = synthetic.runs(n=4, rounds=1, status="unsupported", error="needs 3.14")[-1]
    append(tmp_path / "refused", replace(refused, steady=None, gil=None, parameters={}))
    return summarise(read_runs(tmp_path)).to_dict("records")


def cell_of(row: Mapping[Any, Any]) -> CellSummary:
    return module._cell(row, *module._families(row))


def test_intervals_and_families_are_one_value_each(rows: list[dict[Any, Any]]) -> None:
    row = rows[0]
    good = cell_of(row)
    assert good.speedup == Interval(row["speedup"], row["speedup_low"], row["speedup_high"])
    assert good.hl_ratio == Interval(row["hl_ratio"], row["hl_low"], row["hl_high"])
    assert good.times["measured"].median.low == row["measured_low_s"]
    assert good.times["baseline"].p95_s == row["baseline_p95_s"]
    assert good.times["baseline"].cold_s == row["cold_baseline_s"]
    assert good.levels == tuple(row[f"L{k}_s"] for k in range(7))
    assert list(good.factors) == list(TITLES)
    assert good.losses[0] == Loss("startup", row["loss_startup"])
    assert good.parameters == {"workload.end": 9, "executor.lazy": True}
    assert good.metrics == {"lost": Metric(Interval(7.0, 3.0, 11.0), 13.0)}
    assert (good.status, good.error, good.ended_by, good.gil) == ("ok", None, "precision", True)
    assert good.folder == "good"


def test_what_is_missing_is_none_or_not_a_number(rows: list[dict[Any, Any]]) -> None:
    refused = cell_of(rows[1])
    assert (refused.status, refused.error, refused.gil) == ("unsupported", "needs 3.14", None)
    assert refused.parameters == {"workload.end": None, "executor.lazy": None}
    assert all(math.isnan(value) for value in (refused.speedup.low, refused.tasks))
    assert math.isnan(refused.metrics["lost"].largest)
    assert refused.flags == ()


class Watched(dict[Any, Any]):
    """A row that remembers which of its columns were read."""

    def __init__(self, row: Mapping[Any, Any]) -> None:
        super().__init__(row)
        self.read: set[Any] = set()

    def __getitem__(self, name: Any) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: Any, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


def test_no_column_is_left_out(rows: list[dict[Any, Any]]) -> None:
    row = Watched(rows[0])
    cell_of(row)
    assert set(row) - row.read == set()


def test_cells_are_in_the_order_of_the_rows(tmp_path: Path) -> None:
    for n in (4, 1, 2):
        for run in synthetic.runs(n=n):
            append(tmp_path / str(n), run)
    summary = summarise(read_runs(tmp_path))
    assert [cell.cell for cell in cells(summary)] == summary["cell"].tolist()
