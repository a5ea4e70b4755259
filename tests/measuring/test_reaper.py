"""Nothing outlives its cell: what the reaper ends and removes, and what it tells of a run."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runners.analysis.summary import summarise
from runners.living import started, this_process
from runners.measuring import folders, stops
from runners.measuring import tree as trees
from runners.measuring.folders import Folder, clear
from runners.measuring.interrupts import Interrupts
from runners.measuring.measure import measure
from runners.measuring.process import Child
from runners.measuring.processes import children, descendants, lives, state
from runners.measuring.removal import remove_folder
from runners.measuring.shared_memory import Objects
from runners.measuring.stops import After, Since, Stopped
from runners.measuring.tree import Tree, marked
from runners.model import Order, Plan, Run
from runners.results.read import read_runs
from runners.results.write import append
from tests import synthetic
from tests.conftest import PLUGINS, ROOT, MakePlan

MEASURED = Order(process=0, round=0, position=0, role="measured", cold=True, warmup=True)
SHARED = Path("/dev/shm")
FORKED = ("executor=process", "executor.start_method=fork")
"""Workers that are children of the measuring process, and are there at once."""


@contextmanager
def child(plan: Plan) -> Iterator[Child]:
    with Interrupts() as interrupts, Child([plan], 0, interrupts) as process:
        yield process


@pytest.fixture
def name() -> Iterator[str]:
    """Of an object in /dev/shm, or of others that begin with it."""
    found = f"speedup-lab-test-{uuid.uuid4().hex}"
    yield found
    for file in SHARED.glob(f"{found}*"):
        file.unlink()


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))


def until(condition: Callable[[], object], limit_s: float = 30) -> None:
    for _ in range(round(limit_s / 0.02)):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {limit_s:g} s")


def later(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def gone(pids: list[int]) -> bool:
    return not any(map(lives, pids))


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_a_daemon_that_nothing_tells_is_counted_and_ends_with_the_cell(
    make_plan: MakePlan, executor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEFT", str(tmp_path / "left"))
    what = ("workload=misbehaving", "workload.what=leaving_a_daemon")
    with child(make_plan(*what, f"executor={executor}")) as process:
        run = process.run(MEASURED)
        assert (run.status, run.left_processes) == ("ok", 1)
        below = descendants(process.tree.process.pid)
        assert len(below) > 1
        assert (tmp_path / "left").exists()
    assert gone(below)
    assert not Path(process.folder.name).exists()


@pytest.mark.parametrize("reuse", [False, True])
def test_an_executor_leaves_nothing_by_itself(
    make_plan: MakePlan, reuse: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # whoever makes a file there would count
    plan = make_plan("workload=primes", "executor=pool", f"executor.reuse={reuse}", "n=2")
    with child(plan) as process:
        run = process.run(MEASURED)
    assert (run.left_processes, run.left_files) == (0, 0)


def test_files_and_memory_that_a_run_leaves_are_counted(
    make_plan: MakePlan, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEFT", name)
    what = ("workload=misbehaving", "executor=process")
    with child(make_plan(*what, "workload.what=leaving_a_file")) as process:
        run = process.run(MEASURED)
    assert (run.status, run.left_files, run.left_processes) == ("ok", 1, 0)
    with child(make_plan(*what, "workload.what=leaving_memory")) as process:
        run = process.run(MEASURED)
    assert run.left_shared_bytes is not None
    assert run.left_shared_bytes >= 4096


@pytest.mark.parametrize("told_by", ["its name", "its time"])
def test_shared_memory_that_another_program_leaves_is_not_counted(
    make_plan: MakePlan, name: str, monkeypatch: pytest.MonkeyPatch, told_by: str
) -> None:
    of_another = f"loky-{os.getpid()}-{name}" if told_by == "its name" else name
    monkeypatch.setenv("LEFT", f"{of_another}-now")
    with child(
        make_plan("workload=misbehaving", *FORKED, "workload.what=leaving_memory")
    ) as process:
        process.settle()
        process.tree.look()
        if told_by == "its time":
            (SHARED / f"{name}-while-nothing-is-run").write_bytes(b"here")
        try:
            run = process.run(MEASURED)
        finally:
            (SHARED / f"{of_another}-now").unlink()
    assert (run.status, run.left_shared_bytes) == ("ok", 0)


def test_whose_an_object_is_can_be_told_by_its_name() -> None:
    own, other, gone = os.getpid(), os.getppid(), 2**22 + 1  # above the highest there may be
    objects = Objects()
    for shape in ("loky-{}-x", "sem.loky-{}-x", "torch_{}_1", "pym-{}-x", "mpich_shm_{:x}_0"):
        whose = [objects.is_of(shape.format(pid), [own]) for pid in (own, other, gone)]
        assert whose == [True, False, None]
    assert objects.is_of(f"psm_{own}", [own]) is None
    objects.found["psm_used"] = 1
    assert objects.is_of("psm_used", [own]) is True


@pytest.mark.parametrize("how", ["time limit", "end of the process", "end of the reaper"])
def test_of_shared_memory_a_cells_own_is_removed_and_no_other(
    make_plan: MakePlan, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("LEFT", f"{name}-own {name}-earlier {name}-used")
    monkeypatch.setenv("HELD", str(held := tmp_path / "held"))
    (SHARED / f"{name}-earlier").touch()  # kept in memory by whoever will want it later
    limit = "measure.timeout_s=2" if how == "time limit" else "measure.timeout_s=60"
    what = ("workload=misbehaving", "workload.what=holding_memory", *FORKED, limit)
    with child(make_plan(*what)) as process:

        def act() -> None:
            until(held.exists)
            if how == "end of the process":
                assert process.tree.pid is not None
                os.kill(process.tree.pid, signal.SIGKILL)
            elif how == "end of the reaper":
                os.kill(process.tree.process.pid, signal.SIGKILL)

        process.settle()
        process.tree.look()
        with (SHARED / f"{name}-used").open("w+b"):
            thread = later(act)
            with pytest.raises((TimeoutError, ChildProcessError)) as error:
                process.run(MEASURED)
            thread.join()
    assert ("reaper" in str(error.value)) == (how == "end of the reaper")
    left = sorted(file.name for file in SHARED.glob(f"{name}*"))
    assert left == [f"{name}-earlier", f"{name}-used"]
    assert not Path(process.folder.name).exists()
    assert marked(process.mark) == []


def test_a_request_to_end_does_not_end_the_reaper(make_plan: MakePlan) -> None:
    with child(make_plan("workload=primes", "executor=thread")) as process:
        process.settle()
        process.tree.look()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT):
            os.kill(process.tree.process.pid, number)
        assert process.run(MEASURED).status == "ok"


def test_a_late_answer_of_the_reaper_is_none_to_the_next_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Folder() as folder, (tmp_path / "output").open("wb") as output:
        command = ["/bin/sleep", "3600"]
        tree = Tree(command, dict(os.environ), None, output, [folder.name], "MARK=x")
        tree.before()
        assert tree.pid is not None
        os.kill(tree.process.pid, signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr(trees, "ANSWER_S", 0.1)
            assert tree.after("all") == After()
        thread = later(tree.before)  # a run begins when the reaper has noted what is there
        thread.join(0.2)
        assert thread.is_alive()
        os.kill(tree.process.pid, signal.SIGCONT)
        thread.join()
        assert tree.after("all").stops == []
        os.kill(tree.pid, signal.SIGSTOP)
        until(lambda: tree.look().stopped)
        os.kill(tree.pid, signal.SIGCONT)
        until(lambda: tree.look().stops)
        assert len(tree.after("all").stops) == 1
        tree.before()
        assert tree.after("all").stops == []
        tree.end(0)


@pytest.mark.parametrize("who", ["measuring process", "worker"])
def test_a_run_in_which_a_process_was_stopped_is_interrupted(
    make_plan: MakePlan, who: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAKE", str(wake := tmp_path / "wake"))
    what = ("workload=misbehaving", "workload.what=dozing", *FORKED, "n=1")
    with child(make_plan(*what)) as process:
        process.settle()
        process.tree.look()
        assert process.tree.pid is not None
        own = process.tree.pid

        def act() -> None:
            until(lambda: children(own))
            time.sleep(0.1)  # until the worker is more than a fork
            pid = own if who == "measuring process" else children(own)[0]
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.3)
            os.kill(pid, signal.SIGCONT)
            wake.touch()

        thread = later(act)
        with pytest.raises(Stopped, match=rf"{who} was stopped for"):
            process.run(MEASURED)
        thread.join()
        assert process.run(MEASURED).status == "ok"


def test_a_time_limit_that_passes_while_a_worker_is_stopped_is_no_fault_of_the_cell(
    make_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAKE", str(tmp_path / "never"))
    what = ("workload=misbehaving", "workload.what=dozing", *FORKED, "n=1")
    with child(make_plan(*what, "measure.timeout_s=1")) as process:
        process.settle()
        process.tree.look()
        assert process.tree.pid is not None
        own = process.tree.pid

        def act() -> None:
            until(lambda: children(own))
            os.kill(children(own)[0], signal.SIGSTOP)

        thread = later(act)
        with pytest.raises(Stopped, match=r"process \d+ was stopped, and the measured run took"):
            process.run(MEASURED)
        thread.join()


def test_a_machine_that_was_suspended_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asleep = iter([5.0, 5.01, 5.0, 17.0])
    monkeypatch.setattr(stops, "asleep_s", lambda: next(asleep))
    assert Since().stopped(After()) is None
    assert Since().stopped(After()) == "the machine was suspended for 12.0 s"


def test_a_stop_before_the_run_is_none() -> None:
    since = Since()
    now_s = since.begin_s
    assert since.stopped(After(stops=[(now_s - 2, now_s - 1)])) is None
    assert since.stopped(After(continued=[now_s - 1])) is None
    assert since.stopped(After(since=now_s - 1)) is not None


@pytest.mark.parametrize("times", [1, 4])
def test_a_cell_goes_on_after_a_stop(
    make_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    left = [times]
    few = ("measure.interpreters=1", "measure.max_rounds=1", "measure.min_rounds=1")

    def stopped(since: Since, after: After, run: Run | None = None) -> str | None:
        if run is None or run.role != "measured" or not left[0]:
            return None
        left[0] -= 1
        return "the measuring process was stopped for 3.2 s"

    monkeypatch.setattr(Since, "stopped", stopped)
    what = ("workload=io_sleep", "workload.high=0.01", "executor=thread")
    runs = list(measure(make_plan(*what, *few)))
    for run in runs:
        append(tmp_path, run)
    broken = [run for run in runs if run.status == "interrupted"]
    assert len(broken) == times
    assert "was stopped for 3.2 s while the measured run was timed" in str(broken[0].error)
    assert runs[-1].ended_by == ("rounds" if times == 1 else "interrupted")
    cell = summarise(read_runs(tmp_path)).iloc[0]
    assert cell["status"] == ("ok" if times == 1 else "interrupted")


def test_what_a_run_leaves_is_said_by_a_flag(tmp_path: Path) -> None:
    runs = synthetic.runs(rounds=2)
    left = replace(runs[-1], left_processes=2, left_files=0, left_shared_bytes=4096)
    synthetic.write(tmp_path, [*runs[:-1], left])
    flags = summarise(read_runs(tmp_path)).iloc[0]["flags"]
    details = [flag.detail for flag in flags if flag.code == "leaves_behind"]
    assert details == ["2 processes, 4096 bytes of shared memory"]


def test_shared_memory_that_one_run_of_several_left_is_in_its_row_alone(tmp_path: Path) -> None:
    runs = synthetic.runs(rounds=3)
    synthetic.write(tmp_path, [*runs[:-1], replace(runs[-1], left_shared_bytes=4096)])
    flags = summarise(read_runs(tmp_path)).iloc[0]["flags"]
    assert "leaves_behind" not in {flag.code for flag in flags}


# Folders


def owned(place: Path, name: str, **changes: object) -> Path:
    folder = place / f"speedup-lab-{name}"
    folder.mkdir(0o700)
    (folder / "file").touch()
    (folder / folders.OWNER).write_text(json.dumps(this_process(os.getpid()) | changes))
    return folder


def test_a_start_removes_what_dead_programs_have_left_and_nothing_else(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        start = started(other.pid)
        living = owned(tmp_path, "living", pid=other.pid, started=start)
        other.kill()
        assert state(other.pid)
        other.wait()
    kept = [
        owned(tmp_path, "own"),
        owned(tmp_path, "elsewhere", host="another", pid=living.stat().st_ino, started=1),
        owned(tmp_path, "container", pid_namespace="pid:[1]", pid=other.pid, started=start),
    ]
    nobodys = tmp_path / "speedup-lab-nobodys"
    nobodys.mkdir()
    open_to_all = owned(tmp_path, "open", pid=other.pid, started=start)
    open_to_all.chmod(0o777)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    (tmp_path / "speedup-lab-link").symlink_to(precious)
    (living / "link").symlink_to(precious)
    rebooted = owned(tmp_path, "rebooted", boot="an earlier one")
    garbage = owned(tmp_path, "garbage")
    (garbage / folders.OWNER).write_text("[" * 5000)
    clear(str(tmp_path))
    assert not living.exists()
    assert not rebooted.exists()
    assert (precious / "file").exists()
    assert all((folder / "file").exists() for folder in (*kept, open_to_all, garbage))
    assert nobodys.exists()


def test_a_folder_is_removed_however_deep_and_whatever_its_permissions(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Deeper than files can be open."""
    top = tmp_path / "top"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    request.addfinalizer(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
    folder = os.open(tmp_path, os.O_RDONLY)
    inner = "top"
    for _ in range(150):
        os.mkdir(inner, dir_fd=folder)
        below = os.open(inner, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder, inner = below, "d"
    os.close(os.open("file", os.O_CREAT, dir_fd=folder))
    os.fchmod(folder, 0)
    os.close(folder)
    (top / "link").symlink_to(tmp_path)
    remove_folder(str(top))
    assert list(tmp_path.iterdir()) == []
    remove_folder(str(top))


BOTH = """
import os, signal, subprocess, sys, tempfile, time
from runners.measuring.folders import Folder
from runners.measuring.processes import descendants
from runners.measuring.tree import Tree
folder = Folder()
command = ["/bin/sh", "-c", "setsid sleep 3600 & exec sleep 3600"]
environment = {**os.environ, "TMPDIR": folder.name}
with tempfile.TemporaryFile() as output, open(os.devnull) as passed:
    tree = Tree(command, environment, passed.fileno(), output, [folder.name], "MARK=x")
    while len(descendants(tree.process.pid)) < 2:
        time.sleep(0.01)
    print(folder.name, *descendants(tree.process.pid), flush=True)
    if sys.argv[1] == "both":
        tree.process.kill()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("who", ["parent", "both"])
def test_killed_with_its_reaper_a_program_leaves_work_to_the_next_start(
    tmp_path: Path, who: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BOTH, who],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder, *pids = done.stdout.split()
    if who == "both":
        until(lambda: gone([int(pids[0])]))
        assert Path(folder).exists()
        clear(str(tmp_path))
    until(lambda: gone(list(map(int, pids))))
    until(lambda: not Path(folder).exists())


def test_a_folder_whose_owner_cannot_be_written_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        Folder()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_goes_at_its_end() -> None:
    with Folder() as folder:
        assert json.loads(Path(folder.name, folders.OWNER).read_text())["pid"] == os.getpid()
    assert not Path(folder.name).exists()
