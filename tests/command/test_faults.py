"""The table of docs/faults.md: whatever goes wrong is a row that says what, and nothing is left.

A line of the table is a test here or, where it says so, in another file.
"""

import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.child import timing, trial
from runners.executors.thread import Thread
from runners.measuring.measure import measure
from runners.measuring.tree import marked
from runners.model import Order, Run
from runners.results.read import read_runs
from tests.conftest import PLUGINS, ROOT, MakePlan, is_helper, run_program, told

LOCAL = ("serial", "thread", "process", "pool")
THREADS = ("serial", "thread", "thread_subclass")
PROCESSES = ("process", "pool")
TOKEN = "SPEEDUP_LAB_FAULT"


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every process that a test's program starts carries a mark of that test, and must be gone."""
    token = uuid.uuid4().hex
    monkeypatch.syspath_prepend(str(PLUGINS))
    monkeypatch.setenv(TOKEN, token)
    yield
    for _ in range(400):  # a killed process takes a moment to be gone
        pids = marked(f"{TOKEN}={token}")
        left = [pid for pid in pids if not is_helper(pid)]
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError(f"processes left: {[told(pid) for pid in left]}")


def last_run(make_plan: MakePlan, *overrides: str) -> Run:
    return list(measure(make_plan("workload=misbehaving", *overrides)))[-1]


@pytest.mark.parametrize("executor", LOCAL)
@pytest.mark.parametrize(
    ("what", "signal_name"), [("dying", "SIGKILL|-9"), ("segfaulting", "SIGSEGV|-11")]
)
def test_a_worker_killed_by_a_signal(
    make_plan: MakePlan, executor: str, what: str, signal_name: str
) -> None:
    run = last_run(make_plan, f"executor={executor}", f"workload.what={what}")
    assert (run.status, run.ended_by) == ("crashed", "failure")
    assert re.search(signal_name, str(run.error))


@pytest.mark.parametrize("step", ["tasks", "check", "share"])
def test_a_step_that_leaves_is_told_with_its_place(make_plan: MakePlan, step: str) -> None:
    words = ("workload=leaving", f"workload.where={step}", "workload.how=leave")
    run = list(measure(make_plan(*words, "executor=thread")))[-1]
    assert (run.status, run.ended_by) == ("failed", "failure")
    assert "SystemExit" in str(run.error)
    assert "misbehaving.py" in str(run.error)


def test_a_signal_without_a_name_is_told_by_its_number(make_plan: MakePlan) -> None:
    run = last_run(make_plan, "executor=thread", "workload.what=dying_of_signal_40")
    assert (run.status, run.ended_by) == ("crashed", "failure")
    assert "signal 40" in str(run.error)


@pytest.mark.parametrize("executor", LOCAL)
def test_a_worker_that_exits_without_a_word(make_plan: MakePlan, executor: str) -> None:
    run = last_run(make_plan, f"executor={executor}", "workload.what=exiting_at_once")
    assert run.status == "crashed"
    assert "exit code 3" in str(run.error)


@pytest.mark.parametrize("executor", LOCAL)
def test_a_task_that_needs_more_memory_than_allowed(make_plan: MakePlan, executor: str) -> None:
    run = last_run(
        make_plan,
        *(f"executor={executor}", "workload.what=allocating"),
        f"measure.memory_limit_bytes={2 << 30}",
    )
    assert run.status in ("failed", "crashed")
    assert "MemoryError" in str(run.error)


@pytest.mark.parametrize(
    ("executor", "what"),
    [
        *((executor, what) for executor in THREADS for what in ("locked", "spinning", "hanging")),
        *((executor, "deaf") for executor in PROCESSES),
    ],
)
def test_a_task_that_hangs(make_plan: MakePlan, executor: str, what: str) -> None:
    limit = "measure.timeout_s=0.7"
    run = last_run(make_plan, f"executor={executor}", f"workload.what={what}", limit)
    assert run.status == "timeout"
    first, *_ = str(run.error).splitlines()
    assert re.search(rf"misbehaving\.py:\d+ in {what}: \S", first)


@pytest.mark.parametrize("executor", [*LOCAL, "thread_subclass"])
def test_all_tasks_fail(make_plan: MakePlan, executor: str) -> None:
    run = last_run(make_plan, f"executor={executor}", "workload.what=raising", "workload.task=null")
    assert run.status == "failed"
    assert "4 of 4 tasks failed" in str(run.error)


@pytest.mark.parametrize("executor", LOCAL)
def test_a_large_result_arrives(make_plan: MakePlan, executor: str) -> None:
    run = last_run(make_plan, f"executor={executor}", "workload.what=huge")
    assert run.status == "ok"


@pytest.mark.parametrize("executor", ["dropping", "doubling", "reversing"])
def test_an_executor_that_returns_something_else(make_plan: MakePlan, executor: str) -> None:
    run = last_run(make_plan, f"executor={executor}")
    assert run.status == "wrong"


@pytest.mark.parametrize("executor", LOCAL)
@pytest.mark.parametrize("what", ["printing", "closing"])
def test_output_of_a_workload_is_nobodys_harm(
    make_plan: MakePlan, executor: str, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run = last_run(make_plan, f"executor={executor}", f"workload.what={what}")
    assert run.status == "ok"
    assert "noise" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("executor", LOCAL)
@pytest.mark.parametrize("what", ["leaving_threads", "leaving_processes"])
def test_what_a_task_leaves_running_is_ended(make_plan: MakePlan, executor: str, what: str) -> None:
    limit = "measure.timeout_s=2"
    run = last_run(make_plan, f"executor={executor}", f"workload.what={what}", limit)
    # A process of the executor that cannot end, because of the thread, is a run that hangs.
    expected = "timeout" if what == "leaving_threads" and executor in PROCESSES else "ok"
    assert run.status == expected


@pytest.mark.parametrize("executor", LOCAL)
def test_a_fork_beside_running_threads(make_plan: MakePlan, executor: str) -> None:
    run = last_run(make_plan, f"executor={executor}", "workload.what=forking_with_threads")
    assert run.status == "ok"


@pytest.mark.parametrize("executor", ["thread", "thread_subclass"])
def test_more_threads_than_the_machine_can_start(make_plan: MakePlan, executor: str) -> None:
    limit = f"measure.memory_limit_bytes={1 << 30}"  # each thread reserves its stack
    plan = make_plan("workload=crowd", f"executor={executor}", "n=10000", limit)
    *_, run = measure(plan)
    assert run.status == "failed"
    assert "can't start new thread" in str(run.error) or "MemoryError" in str(run.error)


@pytest.mark.parametrize("executor", PROCESSES)
def test_more_processes_than_the_system_allows(
    make_plan: MakePlan, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, hard))  # each worker takes a few descriptors
    try:
        run = last_run(make_plan, f"executor={executor}", "n=100")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert run.status == "incomplete"  # another shell may allow more
    assert str(run.error).startswith("too many open files: raise their limit (ulimit -n)")


def test_a_plugin_that_only_the_measuring_process_cannot_import(
    make_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fleeting.py").write_text((PLUGINS / "misbehaving.py").read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    plan = make_plan("workload=misbehaving", "workload._target_=fleeting.Misbehaving")
    (tmp_path / "fleeting.py").unlink()
    [run] = measure(plan)
    assert run.status == "failed"
    assert "No module named 'fleeting'" in str(run.error)


class TestClock:
    """A clock that goes back between two readings."""

    def test_a_run_that_ends_before_it_began(
        self, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ticks = iter(range(10**9, 0, -1000))
        monkeypatch.setattr(timing, "clock_ns", lambda: next(ticks))
        plan = make_plan("workload=countdown", "workload.count=10", "executor=thread")
        cell = trial.Trial(plan)
        run = cell.run(Order(0, 0, 0, "baseline", cold=True, warmup=True))
        assert run.status == "failed"
        assert "clock" in str(run.error)
        assert run.wall_s is None


SMALL = ("workload=countdown", "workload.count=1000", "executor=thread", "measure=quick")


def test_a_disk_that_fills_up_keeps_what_it_has(tmp_path: Path) -> None:
    """A limit on the size of files is met in the middle of a row."""
    program = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))\n"
        f"sys.argv = ['runners', *{SMALL!r}, 'hydra.run.dir=out', 'measure.keep_spans=none']\n"
        "runpy.run_module('runners', run_name='__main__', alter_sys=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        # Not byte code either: half a file of it would be left in this checkout.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "runs.jsonl" in line
    with pytest.warns(UserWarning, match="torn last line"):
        runs = read_runs(tmp_path / "out")
    assert len(runs) >= 2
    assert set(runs["status"]) == {"ok"}


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("hydra.job.name=${bad}", "Interpolation key 'bad' not found"),
        ("hydra.run.dir=o/${bad}", "Interpolation key 'bad' not found"),
        ("sweep.progress=???", "sweep.progress"),
    ],
)
def test_what_is_found_before_a_run_begins_ends_it(word: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/thesis.txt").touch()
    folder = ("hydra.run.dir=foreign",) if word.startswith("hydra.job") else ()
    done = run_program(*SMALL, *folder, word, "--dry-run", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert told in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["foreign", "thesis.txt"]


def test_an_output_folder_that_vanishes_is_made_again(tmp_path: Path) -> None:
    stop = threading.Event()

    def remove() -> None:
        file = tmp_path / "out/runs.jsonl"
        while not stop.wait(0.01):
            if file.exists():
                file.rename(tmp_path / "first.jsonl")
                for left in (tmp_path / "out").rglob("*"):
                    if left.is_file():
                        left.unlink()
                return

    thread = threading.Thread(target=remove)
    thread.start()
    # A second of sleeping at least lies between the first row and the last one.
    naps = ("workload=io_sleep", "workload.repeat=2", "workload.low=0.05", "workload.high=0.06")
    many = ("executor=thread", "measure=quick", "measure.min_rounds=8", "measure.max_rounds=8")
    done = run_program(*naps, *many, "hydra.run.dir=out", cwd=tmp_path)
    stop.set()
    thread.join()
    assert done.returncode == 0, done.stderr
    rounds = [
        {json.loads(line)["round"] for line in file.read_text().splitlines()}
        for file in (tmp_path / "first.jsonl", tmp_path / "out/runs.jsonl")
    ]
    assert rounds[1]
    assert min(rounds[1]) >= min(rounds[0])


def test_threads_that_cannot_all_start_are_still_joined() -> None:
    """The executor itself, where the third `start` is refused."""
    before = threading.active_count()

    class Refused(Thread):
        def make(self, *arguments: object) -> threading.Thread:
            thread = super().make(*arguments)  # type: ignore[arg-type]
            if arguments[-1] == 2:
                thread.start = lambda: (_ for _ in ()).throw(RuntimeError("no more"))  # type: ignore[method-assign]
            return thread

    with pytest.raises(RuntimeError, match="no more"), Refused(4) as executor:
        executor.map(abs, range(8))
    assert threading.active_count() == before


def test_every_line_of_the_table_has_its_tests() -> None:
    """The table names tests, and those exist."""
    table = (ROOT / "docs/faults.md").read_text()
    names = re.findall(r"`(test_\w+)(?:\.py)?::(\w+)`", table)
    assert len(names) >= 20
    for file, test in names:
        texts = [path.read_text() for path in (ROOT / "tests").rglob(f"{file}.py")]
        assert any(f"def {test}(" in text for text in texts), f"{file}::{test}"
