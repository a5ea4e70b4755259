"""Results written to real files: whole lines, whole files, nothing left behind."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from runners.model import Span
from runners.results import write as write_module
from runners.results.columns import RUNS, SPANS
from runners.results.read import read_runs, read_timelines
from runners.results.write import (
    SYNC_SHARE,
    append,
    append_spans,
    keep_spans,
    write_json,
    write_whole,
)
from tests import synthetic
from tests.conftest import ROOT
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


class Disk:
    """A clock, and a disk whose fsync takes `cost_s`; what was put on it, by name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cost_s: float) -> None:
        self.now_s, self.cost_s = 1000.0, cost_s
        self.synced: list[str] = []
        monkeypatch.setattr(write_module, "_disk", write_module._Disk())
        monkeypatch.setattr("time.monotonic", lambda: self.now_s)
        monkeypatch.setattr(write_module, "_sync", self.sync)

    def sync(self, path: Path) -> None:
        self.synced.append(path.name)
        self.now_s += self.cost_s


def test_a_row_that_took_longer_than_its_sync_is_on_the_disk_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, cost_s=0.01)
    for run in synthetic.runs(rounds=10)[:-1]:
        disk.now_s += 0.5  # the first one has its folder on the disk as well
        append(tmp_path, run)
        assert RUNS in disk.synced
        disk.synced.clear()


def test_short_rows_wait_for_one_another_but_not_for_the_end_of_their_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, cost_s=0.01)
    runs = synthetic.runs(rounds=498)
    began_s = disk.now_s
    for run in runs[:-1]:
        disk.now_s += 0.001
        append(tmp_path, run)
    share = disk.cost_s * len(disk.synced) / (disk.now_s - began_s)
    assert 0.5 * SYNC_SHARE < share <= 1.1 * SYNC_SHARE
    disk.synced.clear()
    append(tmp_path, runs[-1])
    assert disk.synced == [RUNS]


def test_all_files_that_wait_are_put_on_the_disk_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, cost_s=0.01)
    runs = synthetic.runs()
    append(tmp_path / "a", runs[0])
    disk.synced.clear()
    append(tmp_path / "b", runs[0])
    assert not disk.synced
    disk.now_s += 10
    append(tmp_path / "a", runs[1])
    assert sorted(disk.synced) == ["b", RUNS, RUNS]


def test_a_whole_file_has_its_folder_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, cost_s=0.0)
    write_json(tmp_path / "value.json", {})
    assert disk.synced == [tmp_path.name]


def test_torn_spans_are_of_no_round(tmp_path: Path) -> None:
    (tmp_path / SPANS).write_bytes(b'{"round": 1}\n{"round": 2}\n[1]\n5\n{"rou\n' + b"[" * 99_999)
    keep_spans(tmp_path, {2})
    assert (tmp_path / SPANS).read_bytes() == b'{"round": 2}\n'


def test_a_file_that_has_no_room_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from runners.results.write import unwritten, write_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_whole(Path(sys.argv[1]), bytes(5000))\n"
        "except OSError as error: print(unwritten(error))\n"
    )
    file = tmp_path / "report.md"
    file.write_text("as it was")
    done = subprocess.run(
        [sys.executable, "-c", code, file], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told = "File too large; make room, or name another folder with --output"
    assert done.stdout == f"{file}: {told}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]
    assert file.read_text() == "as it was"
