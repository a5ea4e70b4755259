"""Results written to real files: whole lines, whole files, nothing left behind."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from runners.model import Span
from runners.results.columns import SPANS
from runners.results.read import read_runs, read_timelines
from runners.results.write import (
    append,
    append_spans,
    keep_spans,
    write_json,
    write_whole,
)
from tests import synthetic
from tests.synthetic import write


def test_a_run_is_one_line_of_json_and_folders_are_made(tmp_path: Path) -> None:
    runs = synthetic.runs(rounds=2)
    path = write(tmp_path / "deep" / "er", runs)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [r.row() for r in runs]


def test_numbers_that_are_not_finite_become_null(tmp_path: Path) -> None:
    run = replace(synthetic.runs()[0], wall_s=float("nan"), metrics={"rate": float("inf")})
    row = json.loads(write(tmp_path, [run]).read_text())
    assert row["wall_s"] is None
    assert row["metric.rate"] is None


def test_text_survives_whatever_it_contains(tmp_path: Path) -> None:
    error = 'two\nlines, "quotes", \u2028, ÷, \udc80 and \0'
    path = write(tmp_path, [replace(run, error=error) for run in synthetic.runs(rounds=2)])
    assert path.read_bytes().count(b"\n") == 8
    assert set(read_runs(tmp_path)["error"]) == {error.replace("\udc80", "?")}


def test_lines_of_several_writers_stay_whole(tmp_path: Path) -> None:
    runs = synthetic.runs(rounds=100)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda run: append(tmp_path, run), runs))
    assert len(read_runs(tmp_path)) == len(runs)


def test_a_run_appended_after_a_torn_line_is_kept(tmp_path: Path) -> None:
    runs = synthetic.runs(rounds=2)
    path = write(tmp_path, runs)
    path.write_bytes(path.read_bytes()[:-20])
    append(tmp_path, runs[-1])
    with pytest.warns(UserWarning, match="skipped line 8, not a run"):
        assert len(read_runs(tmp_path)) == len(runs)


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "value.json"
    write_json(path, {"old": 1})
    write_json(path, {"ratio": float("nan"), "place": Path("x")})
    assert json.loads(path.read_text()) == {"ratio": None, "place": "x"}
    assert [file.name for file in path.parent.iterdir()] == ["value.json"]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_whole(tmp_path / "taken", b"data")
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]


def test_spans_are_kept_for_the_rounds_asked_for(tmp_path: Path) -> None:
    span = Span(index=0, pid=1, thread=2, start_ns=3, end_ns=4, cpu_ns=1, wait_ns=0)
    runs = [
        replace(run, spans=(span, span), begin_ns=1, setup_s=0.0, teardown_s=0.0)
        for run in synthetic.runs(rounds=3)
    ]
    for run in runs:
        append_spans(tmp_path, run)
    everything = list(read_timelines(tmp_path))
    assert [(t.round, t.role) for t in everything] == [(run.round, run.role) for run in runs]
    assert everything[0].spans == (span, span)
    assert everything[0].wall_s == runs[0].wall_s
    wanted = runs[-1].round
    whole = (tmp_path / SPANS).read_bytes()
    torn = b'{"process": 0, "round": 1, "spa\n[1, 2]\n5\n{}\n{"round": []}\n\xff\x00\n'
    deep = b'{"round": ' + b"[" * 100_000 + b"\n"
    (tmp_path / SPANS).write_bytes(torn + deep + whole)  # torn lines cost themselves alone
    keep_spans(tmp_path, {wanted})
    assert {t.round for t in read_timelines(tmp_path)} == {wanted}
    assert {t.role for t in read_timelines(tmp_path)} == {"baseline", "measured"}
    with (tmp_path / SPANS).open("a") as file:
        file.write('{"torn')
    with pytest.warns(UserWarning, match="skipped line 3"):
        assert len(list(read_timelines(tmp_path))) == 2
    assert list(read_timelines(tmp_path / "nowhere")) == []
