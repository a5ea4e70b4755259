"""Which folders results may go to, and which may be gone on in."""

import os
import re
from pathlib import Path

import pytest

from runners.command.folders import Kind, accept, accept_cell, accept_resumed, within
from runners.model import UsageError
from runners.results.claim import CLAIM, Claimed, claimed
from tests.conftest import run_program

SWEEP = "hydra:\n  mode: null\nworkload:\n  end: 1\n"


def made(folder: Path, *names: str) -> Path:
    """A folder with files of those names, and folders where they end in a slash."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.write_text(SWEEP)
    return folder


def refused(folder: Path, kind: Kind = "cell") -> str:
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(UsageError) as caught:
        accept(folder, kind)
    assert sorted(folder.parent.rglob("*")) == before
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        (),
        (".hydra/config.yaml",),
        (".hydra/config.yaml", "program.log"),
        ("runs.jsonl", "notes.txt"),
        ("cell.json",),
        ("runs.jsonl.1", "cell.json.1"),
        ("a/runs.jsonl", "b/c/cell.json", "d/sweep.json", "e/"),
    ],
    ids=str,
)
def test_a_cell_goes_where_there_is_nothing_but_results(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    accept(made(tmp_path / "out", *names), "cell", "program.log")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    accept(tmp_path / "link", "cell", "program.log")


def test_a_new_folder_may_be_anywhere(tmp_path: Path) -> None:
    accept(tmp_path / "new/and/deep", "sweep")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "names",
    [
        ("notes.txt",),
        (".hydra/config.yaml", "other.log"),
        ("a/runs.jsonl", "b/notes.txt"),
        ("spans.jsonl.old",),
        ("a/b/c/d/e/f/g/h/i/j/k/",),
    ],
    ids=str,
)
def test_it_does_not_go_where_there_is_something_else(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    out = made(tmp_path / "out", *names)
    assert "holds something else than results" in refused(out)
    assert "holds something else than results" in refused(out, "sweep")


def test_another_programs_sweep_is_none_of_ours(tmp_path: Path) -> None:
    out = made(tmp_path / "out", "multirun.yaml", "0/notes.txt")
    accept(out, "sweep")
    (out / "multirun.yaml").write_text("hydra:\n  mode: MULTIRUN\n")
    assert "holds something else than results (0)" in refused(out, "sweep")


def test_what_is_no_folder_or_cannot_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    assert "it is a file" in refused(tmp_path / "file")
    assert "file is a file" in refused(tmp_path / "file/below")
    for name in ("dangling", "dangling/below", "loop", "x/" + "y" * 300):
        assert "results cannot go there" in refused(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert "something else" in refused(Path())
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    made(tmp_path / "empty")
    for name in ("empty", "new/folder"):
        assert "cannot be written to" in refused(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("sweep.json", "cell", "this folder is a sweep's; go on there with -m"),
        ("multirun.yaml", "cell", "this folder is a sweep's; go on there with -m"),
        ("runs.jsonl", "sweep", "this folder is a single cell's; go on there without -m"),
        ("cell.json", "lecture", "this folder is a single cell's; go on there without -m"),
        ("lecture.html", "sweep", "that of experiments; go on there with python -m experiments"),
    ],
)
def test_a_cell_and_a_sweep_do_not_share_a_folder(
    name: str, kind: Kind, told: str, tmp_path: Path
) -> None:
    assert told in refused(made(tmp_path / "out", name), kind)


def test_nothing_goes_into_a_sweep_that_is_running(tmp_path: Path) -> None:
    out = made(tmp_path / "out", "sweep.json", "1/runs.jsonl")
    accept(out / "1", "cell")
    (out / f"{CLAIM}1").write_text('{"host": "elsewhere", "pid": 5}')
    for folder in (out / "1", out / "2/deep"):
        with pytest.raises(Claimed, match=re.escape(f"{out}: another program")):
            accept(folder, "cell")
    with pytest.raises(Claimed), claimed(out):
        pass


def test_a_cell_of_a_sweep_is_within_it_and_has_a_folder_of_its_own(tmp_path: Path) -> None:
    out = made(tmp_path / "out", "a/sweep.json", "b/notes.txt", "file", "c/runs.jsonl", "d/")
    (out / "link").symlink_to(tmp_path)
    within(out, out / "a/../b")
    for name in ("..", "../..", ".", "", "/etc", "link", "link/x", "a/../../x"):
        with pytest.raises(UsageError, match=r"hydra.sweep.subdir: .* is not within"):
            within(out, out / name)
    accept_cell(out / "c")
    accept_cell(out / "d")
    for name in ("a", "b", "file"):
        with pytest.raises(UsageError, match=r"choose another hydra.sweep.subdir"):
            accept_cell(out / name)


def not_resumed(folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        accept_resumed(folder)
    told = str(caught.value)
    assert told.startswith(f"resume={folder}: ")
    assert "hydra.run.dir=FOLDER (one cell) or hydra.sweep.dir=FOLDER (-m)" in told
    return told


@pytest.mark.parametrize(
    "name", ["runs.jsonl", "runs.jsonl/", "cell.json", "sweep.json", "multirun.yaml", f"{CLAIM}2"]
)
def test_what_holds_results_or_was_begun_is_gone_on_with(name: str, tmp_path: Path) -> None:
    accept_resumed(made(tmp_path / "out", name))


def test_nothing_else_is_gone_on_with_and_the_nearest_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "it holds no results" in not_resumed(Path("/etc"))
    assert "it holds no results" in not_resumed(made(tmp_path / "empty"))
    (tmp_path / "file").touch()
    assert "it cannot be read (Not a directory)" in not_resumed(tmp_path / "file")
    monkeypatch.chdir(tmp_path)
    assert "no such folder; a new run" in not_resumed(tmp_path / "sweap")
    made(tmp_path / "runs/sweep", "sweep.json", "one/runs.jsonl")
    made(tmp_path / "runs/another", "runs.jsonl")
    made(tmp_path / "outputs/2026-11-26/10-20-30", "runs.jsonl")
    for typed, meant in (
        ("runs/sweap", "runs/sweep"),
        ("rans/sweep", "runs/sweep"),
        ("runs/anoter", "runs/another"),
        ("outputs/2026-11-26/10-20-31", "outputs/2026-11-26/10-20-30"),
        ("output/2026-11-26/10-20-30", "outputs/2026-11-26/10-20-30"),
    ):
        assert f"no such folder; the nearest with results is {meant};" in not_resumed(Path(typed))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("resume=mine",), "resume=mine: it holds no results"),
        (("hydra.run.dir=mine",), "mine: it holds something else than results (notes.txt)"),
        (("-m", "n=1,2", "hydra.sweep.dir=mine"), "mine: it holds something else than results"),
        (("-m", "n=1,2", "hydra.sweep.dir=s", "hydra.sweep.subdir=../a${n}"), "is not within s"),
    ],
)
def test_the_command_says_so_in_one_line_and_writes_nothing(
    words: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    made(tmp_path / "mine", "notes.txt")
    before = sorted(tmp_path.rglob("*"))
    done = run_program("workload=countdown", "executor=thread", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert told in line
    assert sorted(tmp_path.rglob("*")) == before
