"""The summary has the columns that are declared, whatever was measured."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from runners.analysis.columns import COLUMNS, arranged
from runners.analysis.estimators import FACTORS
from runners.analysis.summary import summarise
from runners.model import Run
from runners.results.read import read_runs
from runners.results.write import append
from runners.words.causes import TITLES
from tests import synthetic

FIXED = [column for column in COLUMNS if "*" not in column.name]
(NEVER,) = synthetic.runs(rounds=1, processes=1, status="unsupported", error="needs 3.14")[-1:]
CELLS: dict[str, Sequence[Sequence[Run]]] = {
    "good": [synthetic.runs(n=n) for n in (1, 2, 4)],
    "failed": [synthetic.runs(status="timeout", error="longer than 60 s")],
    "without a round": [[NEVER]],
    "good and bad": [synthetic.runs(), [replace(NEVER, executor="pool", steady=None)]],
    "without a ladder": [[replace(run, levels=()) for run in synthetic.runs()]],
    "with metrics": [
        [
            replace(run, metrics={"lost": 2.0, "delay_s": 0.1}, parameters={"executor.lazy": True})
            for run in synthetic.runs()
        ],
        synthetic.runs(n=4, parameters={"workload.end": None, "workload.names": ["a", 1]}),
    ],
}


def summary_of(folder: Path, cells: Sequence[Sequence[Run]]) -> pd.DataFrame:
    for number, runs in enumerate(cells):
        for run in runs:
            append(folder / str(number), run)
    return summarise(read_runs(folder))


@pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS)
def test_every_summary_has_the_declared_columns_and_types(
    tmp_path: Path, cells: Sequence[Sequence[Run]]
) -> None:
    summary = summary_of(tmp_path, cells)
    fixed = [name for name in summary.columns if "." not in name]
    assert fixed == [column.name for column in FIXED]
    dtypes = summary.dtypes.astype(str)
    assert {column.name: dtypes[column.name] for column in FIXED} == {
        column.name: column.dtype for column in FIXED
    }
    pd.testing.assert_frame_equal(arranged(summary), summary)


def test_parameters_and_metrics_are_in_their_places(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, CELLS["with metrics"])
    names = summary.columns.tolist()
    at = names.index("scaling") + 1
    parameters = ["workload.end", "workload.names", "executor.lazy", "usable_cpus"]
    assert names[at : at + 4] == parameters
    assert names[names.index("loss_computation_machine") + 1 : -3] == [
        f"metric.{name}{end}"
        for name in ("lost", "delay_s")
        for end in ("", "_low", "_high", "_max")
    ]


def test_a_column_that_an_older_version_did_not_have_is_missing(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, CELLS["good"])
    names = [name for name in reversed(summary.columns) if name not in ("folder", "start_s")]
    old = arranged(summary[names])
    assert old.columns.tolist() == summary.columns.tolist()
    assert old[["folder", "start_s"]].isna().all(axis=None)


def test_columns_are_declared_once_with_meaning_and_unit() -> None:
    names = [column.name for column in COLUMNS]
    assert len(names) == len(set(names))
    for column in COLUMNS:
        assert column.meaning, column.name
        assert "\n" not in column.meaning
        if column.dtype == "float64":
            assert column.unit, column.name
        for end, unit in (("_s", "s"), ("_bytes", "bytes")):
            if column.name.endswith(end):
                assert column.unit.endswith(unit), column.name


def test_every_step_of_the_ladder_has_its_columns_and_its_title() -> None:
    assert tuple(TITLES) == FACTORS
