"""`executor.forget` on threads and processes: what is missing, and that nothing is left."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runners.child.trial import Trial
from runners.executors.process import Process
from runners.executors.thread import Thread
from runners.executors.thread_subclass import ThreadSubclass
from runners.measuring.interrupts import Interrupts
from runners.measuring.process import Child
from runners.measuring.tree import marked
from runners.model import Incomplete, Order, Run, UsageError, WorkerDied
from runners.testing import fail_on_two, live_workers, square_slowly
from tests.conftest import MakePlan

FORK = multiprocessing.get_context("fork")
MEASURED = Order(process=0, round=0, position=0, role="measured", cold=True, warmup=True)
NAMES = ["thread", "thread_subclass", "process"]
EXECUTORS = [Thread, ThreadSubclass, partial(Process, start_method="fork")]
LECTURE = "workload.ranges=[[3,10000],[10001,20000],[20001,30000]]"

each_executor = pytest.mark.parametrize("make", EXECUTORS, ids=NAMES)


def measured(make_plan: MakePlan, *overrides: str) -> Run:
    """One run of the lecture's three ranges of primes by three workers, in this process."""
    trial = Trial(make_plan("workload=primes", LECTURE, "n=3", *overrides))
    try:
        return trial.run(MEASURED)
    finally:
        trial.close()


def state_of(pid: int) -> str:
    """The state of a process: `Z` for one that has ended and that nobody has waited for."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# start()


@pytest.mark.parametrize(
    ("executor", "said"),
    [
        ("thread", "cannot join thread before it is started"),
        ("thread_subclass", "cannot join thread before it is started"),
        ("process", "can only join a started process"),
    ],
)
def test_without_start_no_result_ever_comes_and_join_says_why(
    make_plan: MakePlan, executor: str, said: str
) -> None:
    before = live_workers()
    run = measured(make_plan, f"executor={executor}", "executor.forget=start")
    assert run.status == "incomplete"
    assert run.error == (f"3 of 3 results never came: start() was forgotten; join() said: {said}")
    assert live_workers() <= before


@each_executor
def test_without_start_no_task_is_run(make: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "ran"
    with pytest.raises(Incomplete), make(max_workers=2, forget="start") as executor:
        executor.map(Path.touch, [file] * 4)
    assert not file.exists()


# join()


@pytest.mark.parametrize("executor", NAMES)
def test_without_join_the_row_has_the_true_end_beside_the_false_one(
    make_plan: MakePlan, executor: str
) -> None:
    before = live_workers()
    method = ["executor.start_method=fork"] if executor == "process" else []
    run = measured(make_plan, f"executor={executor}", "executor.forget=join", *method)
    assert (run.status, run.error) == ("ok", None)
    assert run.wall_s is not None
    assert run.begin_ns is not None
    assert 0 < run.metrics["wall_without_join_s"] < run.wall_s
    assert 0 <= run.metrics["results_missing"] <= 3
    assert max(span.end_ns for span in run.spans) <= run.begin_ns + run.wall_s * 1e9
    # Fewer than three where a worker ended so soon that the start of the next one collected it.
    assert run.metrics.get("zombies") in ((1, 2, 3) if executor == "process" else (None,))
    assert run.parameters["executor.forget"] == "join"
    assert live_workers() <= before


@pytest.mark.parametrize("executor", NAMES)
def test_nothing_is_forgotten_unless_told(make_plan: MakePlan, executor: str) -> None:
    run = measured(make_plan, f"executor={executor}")
    assert (run.status, run.metrics) == ("ok", {})


@pytest.mark.parametrize(
    ("make", "flag"),
    [
        (Thread, threading.Event()),
        (ThreadSubclass, threading.Event()),
        (EXECUTORS[2], FORK.Event()),
    ],
    ids=NAMES,
)
def test_map_returns_before_its_results_are_there(make: Callable[..., Any], flag: Any) -> None:
    with make(max_workers=2, forget="join") as executor:
        results = executor.map(lambda task: flag.wait(20) and task, range(5, 8))
        early = list(results)
        flag.set()
    assert early == [None, None, None]
    assert results == [5, 6, 7]


@pytest.mark.parametrize("make", [Thread, ThreadSubclass])
def test_results_that_threads_had_ready_are_not_missing(make: Callable[..., Any]) -> None:
    """The second thread is started only when the first has ended."""

    class Patient(make):  # type: ignore[misc, valid-type]
        def make(self, name: str, *rest: Any) -> threading.Thread:
            thread: threading.Thread = super().make(name, *rest)
            if name == "worker-0":
                start = thread.start
                thread.start = lambda: (start(), thread.join())  # type: ignore[assignment, func-returns-value]
            return thread

    flag = threading.Event()
    with Patient(max_workers=2, forget="join") as executor:
        results = executor.map(lambda task: task if task == 5 else flag.wait(20), [5, 6])
        early = list(results)
        flag.set()
    assert (early, results) == ([5, None], [5, True])


def test_processes_that_nobody_joins_are_zombies() -> None:
    flag = FORK.Event()

    def pid_of(task: int) -> int:
        assert flag.wait(20)
        return os.getpid()

    with Process(max_workers=3, start_method="fork", forget="join") as executor:
        results = executor.map(pid_of, range(3))
        pids = [process.pid for _, crew in executor.late for process in crew.processes]
        flag.set()
        until(lambda: [state_of(pid) for pid in pids] == ["Z"] * 3)
    assert results == pids
    assert executor.metrics()["zombies"] == 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_the_fork_server_leaves_no_zombies(make_plan: MakePlan) -> None:
    run = measured(
        make_plan, *("executor=process", "executor.forget=join", "executor.start_method=forkserver")
    )
    assert (run.status, run.metrics["zombies"]) == ("ok", 0)


@each_executor
def test_an_error_comes_late_but_comes(make: Callable[..., Any]) -> None:
    before = live_workers()
    with (
        pytest.raises(LookupError, match="two is not wanted"),
        make(max_workers=2, forget="join") as executor,
    ):
        executor.map(fail_on_two, range(4))
    assert live_workers() <= before


@each_executor
def test_map_may_be_called_twice(make: Callable[..., Any]) -> None:
    with make(max_workers=2, forget="join") as executor:
        first = executor.map(square_slowly, range(3))
        second = executor.map(square_slowly, range(3, 6))
    assert (first, second) == ([0, 1, 4], [9, 16, 25])


def test_a_worker_that_dies_unjoined_is_told() -> None:
    with (
        pytest.raises(WorkerDied, match="exit code 7"),
        Process(max_workers=2, start_method="fork", forget="join") as executor,
    ):
        executor.map(lambda task: os._exit(7) if task else time.sleep(30), range(2))
    assert multiprocessing.active_children() == []


def test_an_error_of_the_caller_ends_processes_that_nobody_joined() -> None:
    def forget() -> None:
        with Process(2, start_method="fork", forget="join") as executor:
            executor.map(time.sleep, [30, 30])
            raise KeyError("of the caller")

    with pytest.raises(KeyError):
        forget()
    assert multiprocessing.active_children() == []


def test_an_error_of_the_caller_waits_for_threads_that_nobody_joined() -> None:
    before, flag = live_workers(), threading.Event()

    def fail_late(number: int) -> None:
        assert flag.wait(20)
        fail_on_two(2)

    def forget() -> None:
        with Thread(2, forget="join") as executor:
            executor.map(fail_late, range(2))
            flag.set()
            raise KeyError("of the caller")

    with pytest.raises(KeyError):
        forget()
    assert live_workers() <= before


@pytest.mark.parametrize("forget", ["none", "join"])
def test_threads_are_joined_even_if_the_next_one_is_refused(
    forget: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused(Thread):
        def make(self, name: str, *rest: Any) -> threading.Thread:
            thread = super().make(name, *rest)
            if name == "worker-2":
                monkeypatch.setattr(thread, "start", lambda: started_by(RuntimeError("no more")))
            return thread

    def started_by(error: Exception) -> None:
        raise error

    before = live_workers()
    with pytest.raises(RuntimeError, match="no more"), Refused(3, forget=forget) as executor:
        executor.map(square_slowly, range(3))
    assert live_workers() <= before


@pytest.mark.parametrize("executor", NAMES)
def test_a_time_limit_ends_workers_that_nobody_joined(make_plan: MakePlan, executor: str) -> None:
    plan = make_plan(
        *("workload=io_sleep", "workload.low=50", "workload.high=60", f"executor={executor}"),
        *("executor.forget=join", "measure.timeout_s=0.5"),
    )
    with (
        Interrupts() as interrupts,
        Child([plan], 0, interrupts) as child,
        pytest.raises(TimeoutError, match=r"measured run.* took longer"),
    ):
        child.run(MEASURED)
    assert marked(child.mark) == []


@pytest.mark.parametrize("executor", NAMES)
def test_only_what_can_be_forgotten_is_taken(make_plan: MakePlan, executor: str) -> None:
    with pytest.raises(UsageError, match=r"executor\.forget=pay .*choose none, start, join"):
        make_plan("workload=primes", f"executor={executor}", "executor.forget=pay")
