"""What is told of processes that hang, or do not end well."""

import errno
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from runners.child.stacks import SIGNAL
from runners.measuring import sides, stacks
from runners.measuring.measure import measure
from runners.measuring.stacks import Frame, Hang, Stack, Stacks
from runners.model import Run
from tests.conftest import PLUGINS, MakePlan

OWN = stacks.PACKAGE


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))


def runs(make_plan: MakePlan, where: str, how: str, *overrides: str) -> list[Run]:
    words = ("workload=leaving", f"workload.where={where}", f"workload.how={how}")
    return list(measure(make_plan(*words, "executor=thread", *overrides)))


def test_a_process_writes_its_stacks_where_it_is_asked(tmp_path: Path) -> None:
    file = Stacks(str(tmp_path))
    code = (
        "import threading\n"
        "from runners.child.stacks import listen\n"
        "def waiting():\n"
        "    print(flush=True); threading.Event().wait()\n"
        "listen(); waiting()\n"
    )
    (tmp_path / "task.py").write_text(code)
    with subprocess.Popen(
        [sys.executable, "task.py"],
        cwd=tmp_path,
        env={**os.environ, **file.environment, "PYTHONPATH": str(Path(OWN).parent)},
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        hang = file.ask(process.pid, [process.pid, os.getpid()])
        assert process.poll() is None
        process.kill()
    assert {stack.pid for stack in hang.stacks} == {process.pid}  # this one does not listen
    told = hang.told("the run", 1, "measure.timeout_s")
    assert "task.py:4 in waiting: print(flush=True)" in told


def test_an_answer_in_pieces_is_taken_whole_and_of_whom_it_is(tmp_path: Path) -> None:
    """A writer that loses the CPU between two lines."""
    file = Stacks(str(tmp_path))
    code = (
        "import os, signal, sys, time\n"
        "file = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)\n"
        "def tell(*_):\n"
        "    for line in (1, 9):\n"
        "        head = f'Thread 0x{line:016x} (most recent call first):'\n"
        "        text = f'{head}\\n  File \"/{sys.argv[2]}.py\", line {line} in work\\n'\n"
        "        os.write(file, text.encode())\n"
        "        time.sleep(0.012)\n"
        f"signal.signal({SIGNAL.value}, tell)\n"
        "print(flush=True)\n"
        "while True: signal.pause()\n"
    )
    with ExitStack() as stack:
        pids = []
        for name in ("one", "two"):
            command = [sys.executable, "-c", code, str(file.path), name]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
            stack.callback(process.kill)
            assert process.stdout is not None
            process.stdout.readline()
            pids.append(process.pid)
        hang = file.ask(pids[0], pids)
    found = [(pids.index(one.pid), str(one.frames[0])) for one in hang.stacks]
    assert [at for at, _ in found] == [0, 0, 1, 1]
    assert [frame.partition(" ")[0] for _, frame in found] == [
        *("/one.py:1", "/one.py:9"),
        *("/two.py:1", "/two.py:9"),
    ]


ON_AND_ON = """
import os, signal, time
from runners.child.stacks import FILE
file = os.open(os.environ[FILE], os.O_WRONLY | os.O_APPEND)
signal.signal(signal.SIGURG, lambda *_: None)
print(flush=True)
while True:
    os.write(file, b'Current thread 0x1 (most recent call first):\\n  File "/x", line 2 in x\\n')
    time.sleep(0.001)
"""
PIPE = """
import os, signal
from runners.child.stacks import FILE, listen
listen()
os.unlink(os.environ[FILE])
os.mkfifo(os.environ[FILE])
print(flush=True)
signal.pause()
"""


@pytest.mark.parametrize("code", [ON_AND_ON, PIPE])
def test_whatever_a_task_makes_of_the_file_it_is_not_waited_for(tmp_path: Path, code: str) -> None:
    file = Stacks(str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **file.environment, "PYTHONPATH": str(Path(OWN).parent)},
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        hang = file.ask(process.pid, [process.pid])  # which returns
        process.kill()
    assert bool(hang.stacks) == (code == ON_AND_ON)


def test_a_thread_that_a_worker_cannot_end_without_is_named(tmp_path: Path) -> None:
    file = Stacks(str(tmp_path))
    code = (
        "import threading\n"
        "from runners.child.stacks import listen\n"
        "listen()\n"
        "threading.Thread(target=threading.Event().wait, name='idle', daemon=True).start()\n"
        "threading.Thread(target=threading.Event().wait, name='watcher').start()\n"
        "threading._register_atexit(print, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **file.environment, "PYTHONPATH": str(Path(OWN).parent)},
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)  # until it waits
        hang = file.ask(os.getpid(), [process.pid])
        process.kill()
    assert hang.ending == "watcher"
    told = hang.told("the run", 1, "measure.timeout_s").splitlines()[0]
    assert "do not end before the thread watcher, which is no daemon" in told


def frames(*names: tuple[str, str]) -> tuple[Frame, ...]:
    return tuple(Frame(file, 1, function) for file, function in names)


@pytest.mark.parametrize(
    ("inner", "step"),
    [
        ([("u.py", "check"), (f"{OWN}/child/judge.py", "_check_anew")], "the workload's check()"),
        ([("a.py", "join"), ("b.py", "__exit__"), (f"{OWN}/child/timing.py", "timed")], "__exit__"),
        ([("b.py", "__exit__"), ("a.py", "map"), (f"{OWN}/child/timing.py", "timed")], None),
    ],
)
def test_the_step_is_read_from_the_stack(inner: list[tuple[str, str]], step: str | None) -> None:
    found = Hang(1, [Stack(1, frames(*inner, (f"{OWN}/child/trial.py", "_share")))]).step
    assert found is None if step is None else step in str(found)


def test_threads_beside_a_fork_are_named_with_the_remedy() -> None:
    hang = Hang(1, [Stack(2, frames(("/u.py", "work")))], beside=["polars-0"])
    told = hang.told("the measured run", 1, "measure.timeout_s")
    assert "(polars-0)" in told
    assert "executor.start_method=spawn" in told


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("enter", "the workload's __enter__ (starting the measuring process)"),
        ("check", "the workload's check() (the "),
        ("share", "the workload's share() (the "),
        ("exit", "the workload's __exit__ (the end of the measuring process)"),
    ],
)
def test_a_step_that_hangs_is_named(make_plan: MakePlan, where: str, says: str) -> None:
    key = "measure.start_timeout_s" if where == "enter" else "measure.timeout_s"
    run = runs(make_plan, where, "hang", f"{key}=1.5")[-1]
    assert run.status == "timeout"
    assert str(run.error).startswith(says)
    assert f"see {key}; it stands at" in str(run.error)


@pytest.mark.parametrize("fresh", ["true", "false"])
def test_a_workload_whose_exit_fails_is_in_the_row(make_plan: MakePlan, fresh: str) -> None:
    run = runs(make_plan, "exit", "fail", f"measure.fresh={fresh}")[-1]
    assert (run.status, run.ended_by) == ("failed", "failure")
    assert str(run.error).startswith("the workload's __exit__ failed: ValueError: no exit")


def test_what_leaving_a_workload_takes_is_in_the_last_row(make_plan: MakePlan) -> None:
    *others, last = runs(make_plan, "exit", "slow")
    assert last.status == "ok"
    assert last.ending_s is not None
    assert last.ending_s >= 0.3
    assert all(run.ending_s is None for run in others)


def test_a_coroutine_that_waits_for_ever_is_told(make_plan: MakePlan) -> None:
    words = ("workload=callable", "workload.function=tests.faulty:never", "executor=asyncio")
    *_, run = measure(make_plan(*words, "workload.arguments=[[1],[2]]", "measure.timeout_s=0.7"))
    assert run.status == "timeout"
    assert "in _never_done: await asyncio" in str(run.error).splitlines()[0]


def test_a_measuring_process_that_cannot_be_started_is_a_row(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(sides, "Child", refused)
    [run] = measure(make_plan("workload=countdown", "executor=thread"))
    assert (run.status, run.ended_by) == ("incomplete", "failure")
    assert "cannot be started: too many open files" in str(run.error)
    assert "ulimit -n" in str(run.error)
