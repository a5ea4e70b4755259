"""The columns of a run: declared once, and so in every frame."""

from dataclasses import fields, replace
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from runners.model import Run
from runners.results.columns import COLUMNS, DTYPES, FILLED_IN
from runners.results.read import read_runs
from tests import synthetic
from tests.synthetic import write


def test_every_fixed_column_of_a_run_has_a_dtype() -> None:
    row = synthetic.runs(parameters={})[0].row()
    assert {*row, *FILLED_IN} == set(DTYPES)


def test_columns_are_declared_once_and_explained() -> None:
    names = [column.name for column in COLUMNS]
    assert len(names) == len(set(names))
    assert all(column.dtype and column.meaning for column in COLUMNS)
    for column in COLUMNS:  # a unit in the name is the unit that is declared
        for end, unit in (("_s", "s"), ("_bytes", "bytes"), ("_ns", "ns")):
            if column.name.endswith(end):
                assert column.unit.endswith(unit), column.name


def test_the_frame_has_the_declared_columns_in_order(tmp_path: Path) -> None:
    runs = synthetic.runs(parameters={"workload.end": 9, "executor.lazy": True})
    write(tmp_path, [replace(run, metrics={"rate": 2.0}) for run in runs])
    found = read_runs(tmp_path).columns.tolist()
    assert found == [*DTYPES, "workload.end", "executor.lazy", "metric.rate"]
    patterns = [column.name for column in COLUMNS]
    assert all(any(fnmatch(name, pattern) for pattern in patterns) for name in found)


def test_columns_have_the_documented_dtypes(tmp_path: Path) -> None:
    parameters = {"workload.end": 9, "workload.share": 0.5, "executor.lazy": True}
    runs = synthetic.runs(parameters=parameters)
    write(tmp_path, [replace(run, metrics={"rate": 2.0}) for run in runs])
    frame = read_runs(tmp_path)
    dtypes = frame.dtypes.astype(str)
    assert dict(dtypes[list(DTYPES)]) == DTYPES
    assert list(dtypes[[*parameters, "metric.rate"]]) == ["Int64", "float64", "boolean", "float64"]
    assert frame["wall_s"].tolist() == [run.wall_s for run in runs]
    assert frame["started_at"].iloc[0] == pd.Timestamp(synthetic.START)


def test_dtypes_hold_where_every_value_is_missing(tmp_path: Path) -> None:
    run = synthetic.runs()[0]
    needed = [field.name for field in fields(Run) if field.default is field.default_factory]
    write(tmp_path, [Run(**{name: getattr(run, name) for name in needed})])
    frame = read_runs(tmp_path)
    assert dict(frame.dtypes.astype(str)[list(DTYPES)]) == DTYPES
    assert frame[["wall_s", "gil", "error", "L6_s"]].isna().all(axis=None)


def test_what_was_called_incomplete_too_has_its_own_status(tmp_path: Path) -> None:
    """A cell for which its sweep had no time, as an older version wrote it."""
    skipped = "skipped: of measure.sweep_budget_s=2.5 only 0.1 s are left"
    never = "1 of 2 results never came"
    for number, error in enumerate((skipped, never)):
        write(tmp_path / str(number), synthetic.runs(status="incomplete", error=error)[-1:])
    frame = read_runs(tmp_path)
    assert frame["status"].tolist() == ["left out", "incomplete"]
    assert frame["error"].tolist() == [skipped, never]
