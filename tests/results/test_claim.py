"""Claims on a folder: by this process, by others that live, have died, or cannot be seen."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runners.living import started, this_process
from runners.results import claim
from runners.results.claim import CLAIM, Claimed, claimed, holder, release, release_all, take
from runners.results.columns import RUNS
from runners.results.owner import job
from runners.results.write import append
from tests import synthetic
from tests.conftest import ROOT


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def me() -> dict[str, Any]:
    return this_process(os.getpid()) | {"job": job()}


def another(folder: Path, number: int = 1, **facts: Any) -> Path:
    """The claim of another process of this machine, pid 1, but for those facts."""
    owner = me() | {"pid": 1, "started": started(1), "at": "yesterday"} | facts
    file = folder / f"{CLAIM}{number}"
    file.write_text(json.dumps(owner))
    return file


def test_a_claim_is_there_for_as_long_as_it_is_held(tmp_path: Path) -> None:
    folder = tmp_path / "new/folder"
    with claimed(folder):
        facts = json.loads((folder / f"{CLAIM}1").read_text())
        assert facts["pid"] == os.getpid()
        assert {"host", "boot", "started", "pid_namespace", "job", "at"} <= facts.keys()
        assert holder(folder) is None
        with (
            claimed(
                folder / "..",
            ),
            claimed(folder),
        ):  # once is enough
            pass
        assert files(folder) == [f"{CLAIM}1"]
    assert files(folder) == []
    with pytest.raises(KeyboardInterrupt), claimed(folder):
        raise KeyboardInterrupt
    take(folder)
    release_all()
    assert files(folder) == []


def test_one_that_lives_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    another(tmp_path, job="SLURM_JOB_ID=7")
    with pytest.raises(Claimed, match=r"pid 1 on .* since yesterday \(SLURM_JOB_ID=7\)") as caught:
        take(tmp_path)
    assert caught.value.owner.alive
    assert "delete" not in str(caught.value)
    assert files(tmp_path) == [f"{CLAIM}1"]


@pytest.mark.parametrize(
    "facts",
    [
        {"host": "elsewhere"},
        {"machine": "another of that name"},
        {"pid_namespace": "pid:[1]"},
        {"boot": None},
        {"started": None},
        {"pid": 1 << 70},
        {"pid": "1"},
        {"pid": -1},
        {"host": "two\nlines\x1b[31m"},
    ],
    ids=str,
)
def test_one_that_cannot_be_judged_is_named_with_the_file_to_delete(
    facts: dict[str, Any], tmp_path: Path
) -> None:
    file = another(tmp_path, **facts)
    with pytest.raises(Claimed) as caught:
        take(tmp_path)
    message = str(caught.value)
    assert message.endswith(f"if that no longer runs, delete {file}")
    assert message.isprintable()
    assert files(tmp_path) == [f"{CLAIM}1"]
    file.unlink()
    with claimed(tmp_path):
        pass


@pytest.mark.parametrize("what", ["torn", "folder", "link", "pipe", "deep"])
def test_a_claim_that_cannot_be_read_is_not_taken_for_nobodys(what: str, tmp_path: Path) -> None:
    file = tmp_path / f"{CLAIM}3"
    match what:
        case "torn":
            file.write_text('{"host": "a')
        case "folder":
            file.mkdir()
        case "link":
            file.symlink_to(tmp_path / "nowhere")
        case "pipe":
            os.mkfifo(file)
        case "deep":
            file.write_text("[" * 4000)
    with pytest.raises(Claimed, match=f"delete {file}"):
        take(tmp_path)
    assert files(tmp_path) == [f"{CLAIM}3"]


def ended(tmp_path: Path) -> dict[str, Any]:
    """The facts of a process that has ended and left its claim."""
    code = "import sys, pathlib, runners.results.claim as c; c.take(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True)
    return dict(json.loads((tmp_path / f"{CLAIM}1").read_text()))


def test_one_that_is_gone_is_followed_by_the_next_number(tmp_path: Path) -> None:
    facts = ended(tmp_path)
    with claimed(tmp_path):
        assert files(tmp_path) == [f"{CLAIM}2"]
    assert files(tmp_path) == []
    for gone in (
        facts | {"pid": 1},  # the pid is another's now
        facts | {"boot": "an earlier one", "pid": 1},
        facts | {"started": me()["started"]},
    ):
        another(tmp_path, 7, **gone)
        with claimed(tmp_path):
            assert files(tmp_path) == [f"{CLAIM}8"]
    assert files(tmp_path) == []


def test_the_claims_of_the_dead_are_cleared(tmp_path: Path) -> None:
    ended(tmp_path)
    claim.clear(tmp_path)
    assert files(tmp_path) == []
    another(tmp_path)
    claim.clear(tmp_path)
    claim.clear(tmp_path / "nowhere")
    assert files(tmp_path) == [f"{CLAIM}1"]


def test_a_process_that_is_dead_but_not_waited_for_is_gone(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    try:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        another(tmp_path, pid=process.pid, started=1)
        assert holder(tmp_path) is None
    finally:
        process.wait()


def during(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> None:
    """Do something once, after the claim is created and before its maker looks again."""
    create = claim._create

    def created(file: Path, text: bytes) -> None:
        create(file, text)
        monkeypatch.setattr(claim, "_create", create)
        what()

    monkeypatch.setattr(claim, "_create", created)


@pytest.mark.parametrize("number", [1, 9])
def test_who_creates_last_gives_way(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its number is: the lower one may be of somebody who has the folder already."""
    another(tmp_path, 5, **ended(tmp_path / "gone"))
    during(monkeypatch, lambda: another(tmp_path, number))
    with pytest.raises(Claimed):
        take(tmp_path)
    assert sorted({f"{CLAIM}5", f"{CLAIM}{number}"}) == [
        name for name in files(tmp_path) if name.startswith(CLAIM)
    ]


def test_a_claim_that_was_deleted_meanwhile_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    during(monkeypatch, (tmp_path / f"{CLAIM}1").unlink)
    with claimed(tmp_path):
        assert files(tmp_path) == [f"{CLAIM}1"]


def test_what_another_has_put_in_its_place_is_left_alone(tmp_path: Path) -> None:
    take(tmp_path)
    (tmp_path / f"{CLAIM}1").unlink()
    theirs = another(tmp_path)
    release(tmp_path)
    assert theirs.exists()


def test_an_empty_claim_is_waited_for_and_then_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / f"{CLAIM}1"
    file.touch()
    writer = threading.Timer(0.1, lambda: another(tmp_path))
    writer.start()
    with monkeypatch.context() as patch:
        patch.setattr(claim, "EMPTY_S", 20.0)
        with pytest.raises(Claimed):
            take(tmp_path)
    writer.join()
    file.write_bytes(b"")
    os.utime(file, (0, 0))
    with claimed(tmp_path):
        assert files(tmp_path) == [f"{CLAIM}2"]


RACER = """
import os, sys, time
from pathlib import Path
from runners.results.claim import Claimed, claimed, take
folder, log = Path(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def work():
    os.write(log, b"(")
    time.sleep(0)
    os.write(log, b")")
until_s = time.monotonic() + float(sys.argv[3])
while time.monotonic() < until_s:
    pid = os.fork()
    try:
        if pid:
            with claimed(folder):
                work()
        else:
            take(folder)
            work()
    except Claimed:
        pass
    if pid == 0:
        os._exit(0)  # and what it has claimed stays behind
    os.waitpid(pid, 0)
"""


def test_never_do_two_have_it(tmp_path: Path) -> None:
    """Several processes claim and release, and some die holding: entries never overlap."""
    folder, log = tmp_path / "folder", tmp_path / "log"
    words = [sys.executable, "-c", RACER, str(folder), str(log), "0.6"]
    racers = [subprocess.Popen(words, cwd=ROOT) for _ in range(4)]
    assert [racer.wait() for racer in racers] == [0] * 4
    text = log.read_text()
    assert text == "()" * (len(text) // 2)
    assert len(text) > 20
    with claimed(folder):
        pass
    assert files(folder) == []


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_folder_that_was_moved_away_is_claimed_anew(tmp_path: Path, is_taken: bool) -> None:
    """With its claim; whoever has made it anew has it, and no row of two programs is in one."""
    folder = tmp_path / "out"
    run = synthetic.runs(rounds=2)[0]
    with claimed(folder):
        append(folder, run)
        folder.rename(tmp_path / "elsewhere")
        if is_taken:
            folder.mkdir()
            another(folder)
            with pytest.raises(Claimed):
                append(folder, run)
            assert not (folder / RUNS).exists()
        else:
            append(folder, run)
            assert files(folder) == [f"{CLAIM}1", RUNS]
