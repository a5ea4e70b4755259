"""Results read from real files: what was written comes back, and damage costs only itself."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runners.model import Environment, UsageError
from runners.results import checked
from runners.results import read as module
from runners.results.columns import ENVIRONMENT, RUNS
from runners.results.read import read_environments, read_runs
from runners.results.write import (
    append,
    write_environment,
)
from tests import synthetic
from tests.synthetic import write


def test_the_measuring_parent_loads_neither_pandas_nor_pyarrow() -> None:
    heavy = "{'pandas', 'pyarrow', 'numpy'}"
    code = f"import sys, runners.results.read; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_last_level_is_the_cpu_time_of_the_baseline_of_the_round(tmp_path: Path) -> None:
    for n in (1, 2):
        write(tmp_path / str(n), synthetic.runs(n=n))
    frame = read_runs(tmp_path)
    rounds = frame.groupby(["cell", "round"])
    assert (rounds["L6_s"].nunique() == 1).all()
    baseline = frame[frame["role"] == "baseline"]
    assert (baseline["L6_s"] == baseline["L5_s"]).all()


def test_of_two_baselines_in_a_round_the_last_level_is_the_geometric_mean(tmp_path: Path) -> None:
    runs = synthetic.runs(rounds=2)
    for run in runs:
        append(tmp_path, run)
        if run.role == "baseline" and run.levels is not None:
            append(tmp_path, replace(run, side=9, levels=[4 * level for level in run.levels]))
    frame = read_runs(tmp_path)
    once = frame[(frame["role"] == "baseline") & (frame["side"] != 9)].set_index("round")["L5_s"]
    measured = frame[frame["role"] == "measured"].set_index("round")["L6_s"]
    pd.testing.assert_series_equal(measured, 2 * once, check_names=False, check_like=True)


def test_the_last_level_is_missing_where_the_baseline_is(tmp_path: Path) -> None:
    write(tmp_path, [run for run in synthetic.runs() if run.role == "measured"])
    assert read_runs(tmp_path)["L6_s"].isna().all()


@pytest.mark.parametrize("metrics", [{}, {"lost": 1.5}])
def test_a_file_that_is_parsed_at_once_says_the_same_as_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metrics: dict[str, float]
) -> None:
    for n in (1, 2):
        parameters = {"workload.size": n, "workload.names": ["a", "b"], "executor.lazy": None}
        runs = synthetic.runs(n=n, parameters=parameters)
        write(tmp_path / str(n), [replace(r, metrics=metrics if r.round % 2 else {}) for r in runs])
        assert checked.alike(tmp_path / str(n) / RUNS) is not None
    at_once = read_runs(tmp_path)
    monkeypatch.setattr(checked, "alike", lambda path: None)
    pd.testing.assert_frame_equal(at_once, read_runs(tmp_path), check_exact=True)


@pytest.mark.parametrize(
    "changed",
    [
        {"n": 3},  # another cell's
        {"workload.size": 101},
        {"cell": "0123456789ab"},
        {"wall_s": -1.0},
        {"notes": "no flags"},
        {"started_at": "1850-01-01T00:00:00+00:00"},
        {"of_another_program": 1},
        {"schema": 99},
        {"metric.x": "text"},
        {"workload.deep": [[[[]]]] * 20},
    ],
)
def test_a_file_with_an_odd_row_is_read_line_by_line(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    rows = [run.row() for run in synthetic.runs()]
    rows[5] |= changed
    (tmp_path / RUNS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert checked.alike(tmp_path / RUNS) is None


def test_small_files_share_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(1, 8):
        write(tmp_path / str(n), synthetic.runs(n=n, rounds=2))
    made: list[int] = []
    table = module._table

    def counting(files: Sequence[Any]) -> Any:
        made.append(len(files))
        return table(files)

    monkeypatch.setattr(module, "_table", counting)
    whole = read_runs(tmp_path)
    assert made == [7]
    monkeypatch.setattr(module, "AT_ONCE", 20)
    assert read_runs(tmp_path).equals(whole)
    assert len(made) > 3


def test_folders_are_named_relative_to_the_given_ones(tmp_path: Path) -> None:
    write(tmp_path / "a" / "0", synthetic.runs(n=1))
    write(tmp_path / "b", synthetic.runs(n=2))
    assert set(read_runs(tmp_path / "a")["folder"]) == {"0"}
    assert set(read_runs([tmp_path / "a", tmp_path / "b"])["folder"]) == {"a/0", "b"}


def test_several_folders_are_several_arguments_or_one_list(tmp_path: Path) -> None:
    for n, name in ((1, "a"), (2, "b"), (4, "c")):
        write(tmp_path / name, synthetic.runs(n=n))
    a, b, c = (tmp_path / name for name in "abc")
    for read in (read_runs(a, str(b)), read_runs([a, str(b)]), read_runs((a,), b)):
        assert sorted(set(read["n"])) == [1, 2]
    pd.testing.assert_frame_equal(read_runs(a, b, c), read_runs(tmp_path))
    with pytest.raises(UsageError, match="name one that holds results"):
        read_runs()


def test_folders_that_overlap_are_read_once(tmp_path: Path) -> None:
    runs = synthetic.runs()
    write(tmp_path / "a", runs)
    assert len(read_runs([tmp_path, tmp_path / "a"])) == len(runs)


def test_a_cell_measured_again_is_a_cell_of_its_own(tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        write(tmp_path / str(seed), synthetic.runs(seed=seed))
    frame = read_runs(tmp_path)
    cell = synthetic.runs()[0].cell
    named = frame.groupby("folder")["cell"].agg(set).to_dict()
    assert named == {"1": {cell}, "2": {f"{cell}#2"}, "3": {f"{cell}#3"}}
    assert not frame.duplicated(["cell", "round", "role"]).any()


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ([1, 2.5], [1.0, 2.5]),
        ([1, None], [1, None]),
        ([1, "a"], ["1", "a"]),
        ([True, 3], ["true", "3"]),
        ([[1, "a"], [2]], ['[1, "a"]', "[2]"]),
        ([[1, "a"], "b"], ['[1, "a"]', "b"]),
        ([4, {"a": [1]}], ["4", '{"a": [1]}']),
        (["2024-01-01", "soon"], ["2024-01-01", "soon"]),
        ([None, None], [None, None]),
    ],
)
def test_parameters_may_differ_in_type_between_cells(
    tmp_path: Path, values: list[Any], read: list[Any]
) -> None:
    for at, value in enumerate(values):
        write(tmp_path / str(at), synthetic.runs(n=at + 1, parameters={"workload.p": value}))
    first = read_runs(tmp_path).groupby("n")["workload.p"].agg(lambda p: p.iloc[0])
    assert [None if pd.isna(value) else value for value in first] == read


def test_a_type_may_change_within_a_file(tmp_path: Path) -> None:
    for value in (1, "a"):
        write(tmp_path, synthetic.runs(parameters={"workload.p": value}))
    assert set(read_runs(tmp_path)["workload.p"]) == {"1", "a"}


def test_a_folder_without_runs_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such folder; name one"):
        read_runs(tmp_path / "nowhere")
    (tmp_path / RUNS).touch()
    with pytest.raises(UsageError, match=rf"{tmp_path.name}: no runs here; name a folder"):
        read_runs(tmp_path)


@pytest.mark.parametrize("more", [b"", b'{"schema": 3, "n": {"changed": "its type"}}'])
def test_rows_of_another_schema_are_refused_by_name(tmp_path: Path, more: bytes) -> None:
    path = write(tmp_path, synthetic.runs())
    path.write_bytes(path.read_bytes().replace(b'"schema": 2', b'"schema": 3') + more)
    with pytest.raises(UsageError, match=rf"{RUNS}: rows of schema 3, .* reads schemas 1 to 2"):
        read_runs(tmp_path)


def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    runs = synthetic.runs(rounds=2)
    path = write(tmp_path, runs)
    whole = path.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    for kept in (1, 2, last // 2, last - 2):
        path.write_bytes(whole[: len(whole) - last + kept])
        with pytest.warns(UserWarning, match=rf"{RUNS}: dropped .* last line \({kept} bytes"):
            assert len(read_runs(tmp_path)) == len(runs) - 1
    path.write_bytes(whole[:-1])
    assert len(read_runs(tmp_path)) == len(runs)


def test_many_runs_with_little_damage_are_all_kept(tmp_path: Path) -> None:
    runs = synthetic.runs(rounds=200)
    path = write(tmp_path, runs)
    lines = path.read_bytes().splitlines()
    for at in (0, 77, 78, 300):
        lines[at] = lines[at][:-3]
    path.write_bytes(b"\n".join(lines))
    with pytest.warns(UserWarning, match="skipped line") as caught:
        frame = read_runs(tmp_path)
    named = [str(warning.message).split("skipped ")[1].split(",")[0] for warning in caught]
    assert named == ["line 1", "line 78", "line 79", "line 301"]
    kept = [run.wall_s for at, run in enumerate(runs) if at not in (0, 77, 78, 300)]
    assert frame["wall_s"].tolist() == kept


@pytest.mark.parametrize("line", [b"{]", b"[1]", b"3", b"\0\0", b'{"n": "\xff"}', b'{"n": "four"}'])
def test_a_corrupt_line_costs_only_itself(tmp_path: Path, line: bytes) -> None:
    runs = synthetic.runs()
    path = write(tmp_path, runs)
    first, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(b"\n".join([first, line, rest]))
    with pytest.warns(UserWarning, match=rf"{RUNS}: skipped line 2, not a run"):
        frame = read_runs(tmp_path)
    assert frame["wall_s"].tolist() == [run.wall_s for run in runs]


@pytest.mark.parametrize("text", ['{"name": "x"}\n{"name": "y"}\n', "not JSON\nat all\n"])
def test_a_foreign_file_is_named_and_left_out(tmp_path: Path, text: str) -> None:
    runs = synthetic.runs()
    write(tmp_path / "mine", runs)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / RUNS).write_text(text)
    with pytest.warns(UserWarning, match=rf"foreign/{RUNS}"):
        assert len(read_runs(tmp_path)) == len(runs)


def test_environments_are_found_below_the_folders(tmp_path: Path) -> None:
    environments = [Environment({"hostname": name}, 1.5) for name in "ab"]
    for at, environment in enumerate(environments):
        write_environment(tmp_path / str(at), environment)
    assert read_environments(tmp_path) == environments


@pytest.mark.parametrize("text", ["{torn", "[1]", '{"name": "conda"}'])
def test_a_foreign_environment_is_named_and_left_out(tmp_path: Path, text: str) -> None:
    (tmp_path / ENVIRONMENT).write_text(text)
    with pytest.warns(UserWarning, match=rf"{ENVIRONMENT}: skipped"):
        assert read_environments(tmp_path) == []


def test_l6_of_weak_scaling_counts_the_tasks_of_every_worker(tmp_path: Path) -> None:
    for run in synthetic.runs(n=4, scaling="weak"):
        append(tmp_path, run)
    runs = read_runs(tmp_path)
    serial, measured = (runs[runs["role"] == role] for role in ("baseline", "measured"))
    assert (serial["L6_s"] == serial["L5_s"]).all()
    expected = 4 * serial.set_index("round")["L5_s"]
    pd.testing.assert_series_equal(
        measured.set_index("round")["L6_s"], expected, check_names=False, check_like=True
    )
