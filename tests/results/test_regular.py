"""Files of results are regular files: nothing leads out of a folder, and nothing is waited for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runners.command import resume
from runners.measuring.removal import remove_folder
from runners.results.columns import RUNS
from runners.results.read import find, read_runs
from runners.results.regular import refuse_link
from runners.results.write import append, write_whole
from tests import synthetic
from tests.synthetic import write

RUN = synthetic.runs()[0]


def link(path: Path) -> None:
    path.symlink_to(write(path.parent.parent / "outside", synthetic.runs()))


def broken_link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "outside")


KINDS: list[Callable[[Path], None]] = [
    *(link, broken_link, os.mkfifo, Path.mkdir),
    lambda path: path.symlink_to("/dev/zero"),
]


@pytest.mark.parametrize("make", KINDS)
def test_what_is_no_file_is_neither_read_nor_written(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    folder = tmp_path / "folder"
    write(folder / "other", synthetic.runs())
    make(folder / RUNS)
    before = sorted(tmp_path.rglob("*")), (folder / RUNS).lstat()
    with pytest.raises(OSError, match=r"it is a link, a pipe, a device or a folder.*jsonl"):
        append(folder, RUN)
    with pytest.warns(UserWarning, match=rf"folder/{RUNS}: left out: it is a link, a pipe"):
        assert len(read_runs(folder)) == len(synthetic.runs())
    assert resume.last_status(folder) == "unreadable"
    assert (sorted(tmp_path.rglob("*")), (folder / RUNS).lstat()) == before


def test_a_whole_file_takes_the_place_of_a_link_and_not_of_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine")
    for name in ("report.md", f".report.md.{os.getpid()}", ".report.md.999999999"):
        (tmp_path / name).symlink_to("outside")
    write_whole(tmp_path / "report.md", b"ours")
    assert (tmp_path / "outside").read_text() == "mine"
    assert (tmp_path / "report.md").read_text() == "ours"
    assert not (tmp_path / "report.md").is_symlink()
    assert {file.name for file in tmp_path.iterdir()} == {"outside", "report.md"}


def test_links_within_results_are_not_followed(tmp_path: Path) -> None:
    results = tmp_path / "results"
    path = write(results / "cell", synthetic.runs())
    write(tmp_path / "outside", synthetic.runs(n=4))
    (results / "out").symlink_to(tmp_path / "outside")
    (results / "loop").symlink_to(results)
    assert find(results) == [path]
    (tmp_path / "named").symlink_to(results)
    assert find([tmp_path / "named", results]) == [path]


def test_a_deep_folder_is_no_recursion(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    here = tmp_path
    # shutil.rmtree cannot, up to Python 3.12: pytest would fail when it removes what is old.
    request.addfinalizer(lambda: remove_folder(str(tmp_path / "d")))
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    assert find(here) == []


def test_a_panel_that_is_a_link_is_no_baseline(tmp_path: Path) -> None:
    runs = synthetic.panel({("thread", 2): 1.8, ("pool", 2): 1.7})
    name = next(run.panel for run in runs if run.panel)
    shared = [run for run in runs if run.cell == name]
    write(tmp_path / "outside", shared)
    write(tmp_path / "cell", [run for run in runs if run.cell != name])
    (tmp_path / "cell" / name).symlink_to(tmp_path / "outside")
    assert set(read_runs(tmp_path / "cell")["role"]) == {"measured"}


def test_a_panel_that_is_a_link_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "panel").symlink_to(tmp_path)
    with pytest.raises(OSError, match="it is a link, not a folder"):
        refuse_link(tmp_path / "panel")
    refuse_link(tmp_path)
    refuse_link(tmp_path / "missing")
