"""Files of results that somebody else has written: what is wrong is named and left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from runners.command import resume
from runners.model import UsageError
from runners.results import checked
from runners.results.columns import ENVIRONMENT, FIXED, IDENTITY, RUNS, SPANS, SWEEP
from runners.results.read import planned_cells, read_environments, read_runs, read_timelines
from runners.results.write import write_json
from tests import synthetic
from tests.synthetic import write

ROWS = [run.row() for run in synthetic.runs(rounds=3)]
WALLS_S = [row["wall_s"] for row in ROWS]


def read_with(folder: Path, line: bytes) -> str:
    """What is said of that line among others, which are all read."""
    lines = [json.dumps(row).encode() for row in ROWS]
    path = folder / RUNS
    path.write_bytes(b"\n".join([lines[0], line, *lines[1:]]) + b"\n")
    faults = checked.Faults(path)
    assert [row.facts["wall_s"] for row in checked.rows(path, faults)] == WALLS_S
    with pytest.warns(UserWarning, match=rf"{RUNS}: skipped line 2, not a run: ") as caught:
        faults.warn()
    [told] = caught
    text = str(told.message)
    assert text.isprintable()
    return text.partition("not a run: ")[2]


def test_what_is_wrong_is_said_and_the_rest_is_used(tmp_path: Path) -> None:
    read_with(tmp_path, b"x")
    with pytest.warns(UserWarning, match="skipped line 2, not a run: it is not JSON"):
        assert read_runs(tmp_path)["wall_s"].tolist() == [row["wall_s"] for row in ROWS]
    assert resume.following(tmp_path) == (ROWS[-1]["round"] + 1, ROWS[-1]["process"] + 1)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("wall_s", [0, -5, 1e308, 1e-300, "1", True, [1], 10**400]),
        ("n", [0, -1, 2.5, "2", True, 10**12, 10**400, None]),
        ("process", [-1, 2**63]),
        ("round", [-1, None]),
        ("tasks", [-1, 1.5]),
        ("max_rss_bytes", [-1]),
        ("L0_s", [-1, "x"]),
        ("largest_task_share", [1.5, -0.1]),
        ("usable_cpus", [0, None]),
        ("status", ["made up", 5, None]),
        ("role", ["king"]),
        ("scaling", [None, "strange"]),
        ("worker_kind", ["x"]),
        ("ended_by", ["boredom"]),
        ("cell", ["a/b", "a\nb", "../..", None, 5]),
        ("panel", ["../../x", "panel-../x", "/etc"]),
        ("workload", ["", "a\nb", "x" * 300, None]),
        ("started_at", ["soon", "9999-12-31T23:59:59+00:00", "2026-01-01T00:00:00+99:99", 5]),
        ("started_at", ["2026-01-01T00:00:00"]),
        ("notes", ["{", "[1]", '{"trend": 1}', "[" * 5000]),
        ("schema", [0, -1, "2", True, 10**30]),
        ("cold", [1, "no", None]),
        ("error", [5]),
        ("metric.x", ["abc", [1], 1e300, 10**400]),
    ],
)
def test_a_value_out_of_its_range_is_named(tmp_path: Path, name: str, values: list[Any]) -> None:
    for value in values:
        told = read_with(tmp_path, json.dumps(ROWS[1] | {name: value}).encode())
        assert told.startswith(f"{name}: "), value


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"a": ' + b"[" * 3000 + b"]" * 3000 + b"}", "nested more than 32 deep"),
        (b'{"a":' * 100_000, "nested more than 32 deep"),
        (b"[1]", "it is not a mapping"),
        (b"5", "it is not a mapping"),
        (b'{"n": NaN}', "it is not JSON"),
        (b'{"n": 1e999}', "it is not JSON"),
        (b'{"n": 1' + b"0" * 10_000 + b"}", "it is not JSON"),
        (b'{"n": "\\ud800"}', "it is not JSON"),
        (b'{"n": "\xff"}', "it is not JSON"),
        (b"\0\0\0", "it is not JSON"),
        (b"\x1f\x8b\x08\x00gzip", "it is not JSON"),
        ('{"n": 2}'.encode("utf-16"), "it is not JSON"),
        (b"{}", "missing required field"),
        (json.dumps({str(k): k for k in range(10_000)}).encode(), "more than 1000 columns"),
        (
            json.dumps(ROWS[0] | {f"workload.{k}": k for k in range(200)}).encode(),
            "more than 100 parameters",
        ),
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: bytes, why: str) -> None:
    assert why in read_with(tmp_path, line)


def test_a_long_line_is_not_read_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checked, "LINE_BYTES", 2**20)
    assert "longer than 1 MiB" in read_with(tmp_path, b"x" * (3 * 2**20 + 5))


def test_a_file_that_is_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, synthetic.runs())
    monkeypatch.setattr(checked, "FILE_BYTES", 1000)
    with (
        pytest.warns(UserWarning, match=rf"{RUNS}: left out: it is larger than"),
        pytest.raises(UsageError, match="no runs here"),
    ):
        read_runs(tmp_path)
    assert resume.last_status(path.parent) == "unreadable"


def test_of_many_wrong_lines_the_first_are_named_and_the_others_counted(tmp_path: Path) -> None:
    path = write(tmp_path, synthetic.runs())
    path.write_bytes(b"x\n" * 10_000 + path.read_bytes())
    with pytest.warns(UserWarning, match=r"skipped \d+ more|not a run") as caught:
        read_runs(tmp_path)
    assert len(caught) == checked.TOLD + 1
    assert "skipped 9995 more lines" in str(caught[-1].message)


@pytest.mark.parametrize(
    ("name", "value"), [("n", 3), ("workload", "other"), ("workload.size", 5), ("workload.y", 5)]
)
def test_a_row_that_makes_its_cell_another_one_is_left_out(
    tmp_path: Path, name: str, value: Any
) -> None:
    told = read_with(tmp_path, json.dumps(ROWS[1] | {name: value}).encode())
    assert told == f"{name}: it is not that of the earlier rows of {ROWS[0]['cell']}"


def test_columns_that_are_not_known_are_ignored(tmp_path: Path) -> None:
    strange = {"__class__": 1, "folder": "/etc", "L6_s": "x", "shape": 2, "workload.": 1}
    (tmp_path / RUNS).write_text("\n".join(json.dumps(row | strange) for row in ROWS))
    frame = read_runs(tmp_path)
    assert set(frame["folder"]) == {"."}
    assert frame["L6_s"].notna().all()
    assert not {"__class__", "shape", "workload."} & set(frame)


def test_what_editors_do_to_a_file_costs_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, synthetic.runs())
    plain = read_runs(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\n \n")
    assert read_runs(tmp_path).equals(plain)


def test_a_difference_of_the_kernels_counters_may_be_below_zero(tmp_path: Path) -> None:
    (tmp_path / RUNS).write_text(json.dumps(ROWS[0] | {"others_cpu_s": -1.25}))
    assert read_runs(tmp_path)["others_cpu_s"].tolist() == [-1.25]


def test_every_column_takes_the_ends_of_its_range(tmp_path: Path) -> None:
    for column in FIXED:
        if column.dtype in ("Int64", "float64") and column.name not in ("L6_s", "gil"):
            kind = int if column.dtype == "Int64" else float
            rows = [ROWS[0] | {column.name: kind(end)} for end in (column.least, column.most)]
            (tmp_path / RUNS).write_text("\n".join(map(json.dumps, rows)))
            found = [row.facts[column.name] for row in checked.rows(tmp_path / RUNS)]
            assert found == [column.least, column.most]


@pytest.mark.parametrize("content", [b'{"cells": "x"}', b"[1]", b"{", b'{"cells": -1}', b"{}"])
def test_a_sweep_file_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    write_json(tmp_path / "good" / SWEEP, {"cells": 3})
    (tmp_path / SWEEP).write_bytes(content)
    with pytest.warns(UserWarning, match=rf"{SWEEP}: skipped, not the size of a sweep: "):
        assert planned_cells(tmp_path) == 3


@pytest.mark.parametrize(
    "content", [b'{"facts": 5}', b'{"facts": 5, "usable_cpus": 2}', b'{"facts": {}}', b"[" * 9999]
)
def test_an_environment_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ENVIRONMENT).write_bytes(content)
    with pytest.warns(UserWarning, match=rf"{ENVIRONMENT}: skipped, not the facts of a machine: "):
        assert read_environments(tmp_path) == []


@pytest.mark.parametrize("content", [b"[1, 2]", b"5", b"{" * 5000, b"", b"\xff"])
def test_an_identity_that_is_none_is_no_mapping(tmp_path: Path, content: bytes) -> None:
    (tmp_path / IDENTITY).write_bytes(content)
    with pytest.raises(ValueError, match=r"it is not|nested"):
        checked.mapping(tmp_path / IDENTITY)


SPAN = [0, 1, 2, 10, 20, 5, -1]
TIMELINE = {"process": 0, "round": 1, "role": "measured", "begin_ns": 1, "wall_s": 1.0}
TIMELINE |= {"setup_s": 0.0, "teardown_s": 0.0, "spans": [SPAN]}


@pytest.mark.parametrize(
    "change",
    [
        {"role": "spin"},
        {"spans": []},
        {"spans": [SPAN[:-1]]},
        {"spans": [[0, 1, 2, 20, 10, 5, -1]]},
        {"spans": [[0, 1, 2, 10, 20, 5, -2]]},
        {"spans": [[0, 1, 2, 10, 2**64, 5, -1]]},
        {"spans": [["0", 1, 2, 10, 20, 5, -1]]},
        {"wall_s": 0},
        {"wall_s": None},
        {"round": "1"},
        {"begin_ns": -1},
    ],
)
def test_spans_that_are_none_are_named(tmp_path: Path, change: dict[str, Any]) -> None:
    lines = [json.dumps(TIMELINE | change), json.dumps(TIMELINE)]
    (tmp_path / SPANS).write_text("\n".join(lines))
    with pytest.warns(UserWarning, match=rf"{SPANS}: skipped line 1, not a run: "):
        [timeline] = read_timelines(tmp_path)
    assert timeline.spans[0].end_ns == 20
