"""The lecture's cubes, private data, stop flag and signals; its primes and its sleeps."""

import dataclasses
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runners.child.sync import thread_sync
from runners.child.trial import Trial
from runners.model import InvalidParameter, Order, Run, UsageError, Workload, WrongResult
from runners.testing import WorkloadSuite
from runners.workloads import stop_flag, thread_local
from runners.workloads.cube import Cube
from runners.workloads.io_sleep import IoSleep
from runners.workloads.primes import PRIME_COUNTS, Primes
from runners.workloads.signals import Signals
from runners.workloads.stop_flag import StopFlag
from runners.workloads.thread_local import PrivateData, Report
from tests.conftest import MakePlan

ROOT = Path(__file__).parents[2]
RANGES = [[3, 10_000], [10_001, 20_000], [20_001, 30_000]]
EXECUTORS = ["thread", "thread_subclass", "process", "pool", "process_pool", "thread_pool"]
NEW = [Cube, PrivateData, StopFlag, Signals]


class TestCube(WorkloadSuite):
    workload = Cube(numbers=[1, 2, 3, -4])


class TestPrivateData(WorkloadSuite):
    workload = PrivateData(pieces=3, pause_s=0.001)


class TestStopFlag(WorkloadSuite):
    workload = StopFlag(computing=2, after_s=0.005, check_every=10)


class TestSignals(WorkloadSuite):
    workload = Signals(signal="SIGINT", count=1000, pieces=3, beside=0)


class TestRanges(WorkloadSuite):
    workload = Primes(start=3, end=10, chunks=2, ranges=[[90, 120], [-5, 3], [24, 28]])


class TestSteps(WorkloadSuite):
    workload = IoSleep(repeat=4, low=0.001, high=0.005, seed=1, step=0.001)


@pytest.fixture
def run(make_plan: MakePlan) -> Iterator[Callable[..., Run]]:
    """`run("workload=cube", ...)`: one measured run, or one of the baseline, in this process."""
    trials = []

    def run(*overrides: str, role: Any = "measured") -> Run:
        trials.append(Trial(make_plan(*overrides)))
        return trials[-1].run(Order(0, 0, 0, role, cold=True, warmup=True))

    yield run
    for trial in trials:
        trial.close()


def refusal(workload: Workload, results: list[Any]) -> str:
    with pytest.raises(WrongResult) as refused:
        workload.check(results)
    return str(refused.value)


@pytest.mark.parametrize(
    ("make", "name", "problem"),
    [
        (lambda: Cube([]), "numbers", "must be a list of whole numbers"),
        (lambda: Cube([1, 2.5]), "numbers", "not [1, 2.5]"),  # type: ignore[list-item]
        (lambda: Cube("123"), "numbers", "must be a list"),  # type: ignore[arg-type]
        (lambda: PrivateData(0, 0.0), "pieces", "at least 1"),
        (lambda: PrivateData(1, float("inf")), "pause_s", "must be finite"),
        (lambda: StopFlag(0, 0.0, 1), "computing", "at least 1"),
        (lambda: StopFlag(1, -1.0, 1), "after_s", "at least 0 seconds, not -1"),
        (lambda: StopFlag(1, 0.0, 0), "check_every", "at least 1"),
        (lambda: Signals("SIGINT", 0, 1, 0), "count", "at least 1"),
        (lambda: Signals("SIGINT", 1, 0, 0), "pieces", "at least 1"),
        (lambda: Signals("SIGINT", 1, 1, -1), "beside", "at least 0"),
        (lambda: Primes(3, 9, 1, []), "ranges", "must be pairs"),
        (lambda: Primes(3, 9, 1, [[3, 9], [9]]), "ranges", "must be pairs"),
        (lambda: Primes(3, 9, 1, [[3, 2.5]]), "ranges", "must be pairs"),  # type: ignore[list-item]
        (lambda: Primes(3, 9, 1, [[9, 3]]), "ranges", "not [[9, 3]]"),
        (lambda: Primes(3, 9, 1, [[-3, 1]]), "ranges", "must be pairs"),
        (lambda: Primes(3, 9, 1, 7), "ranges", "must be pairs"),  # type: ignore[arg-type]
        (lambda: IoSleep(1, 0.0, 1.0, 1, 0.0), "step", "above 0 seconds"),
        (lambda: IoSleep(1, 1.2, 1.8, 1, 1.0), "step", "a multiple between low, 1.2 seconds"),
    ],
)
def test_value_that_cannot_work_is_refused(
    make: Callable[[], object], name: str, problem: str
) -> None:
    with pytest.raises(InvalidParameter) as refused:
        make()
    assert refused.value.name == name
    assert problem in refused.value.problem


# Cubes


@pytest.mark.parametrize("executor", EXECUTORS)
def test_four_workers_cube_one_to_six(run: Callable[..., Run], executor: str) -> None:
    assert run("workload=cube", f"executor={executor}", "n=4").status == "ok"
    workload = Cube([1, 2, 3, 4, 5, 6])
    workload.check([1, 8, 27, 64, 125, 216])
    assert "the cubes are" in refusal(workload, [1, 8, 27, 64, 125, 217])


# Private data


@pytest.mark.parametrize("executor", ["serial", *EXECUTORS])
def test_each_worker_has_private_data(run: Callable[..., Run], executor: str) -> None:
    one = run("workload=thread_local", f"executor={executor}", "n=3", "workload.pause_s=0.002")
    assert (one.status, one.error) == ("ok", None)
    workers = len({(span.pid, span.thread) for span in one.spans})
    assert one.metrics == {"workers": workers, "names": workers, "values": workers}


@pytest.mark.parametrize("executor", ["thread", "thread_subclass", "process"])
def test_workers_report_their_names(make_plan: MakePlan, executor: str) -> None:
    plan = make_plan("workload=thread_local", f"executor={executor}", "n=3")
    parameters = plan.executor_as.parameters
    module, _, name = plan.executor_as.target.rpartition(".")
    kind = getattr(__import__(module, fromlist=[name]), name)
    with kind(**parameters) as pool:
        reports = pool.map(PrivateData(pieces=6, pause_s=0.0), range(6))
    assert [report.worker for report in reports] == ["worker-0", "worker-1", "worker-2"] * 2


def test_data_that_threads_share_are_found(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_local, "_private", SimpleNamespace())
    one = run("workload=thread_local", "executor=thread", "n=2")
    assert one.status == "wrong"
    assert "worker-0 and worker-1 share their private data" in str(one.error)


def test_a_forked_process_does_not_keep_the_data_that_it_inherits(run: Callable[..., Run]) -> None:
    mine = thread_local.private_value()
    one = run("workload=thread_local", "executor=process", "n=2", "executor.start_method=fork")
    assert (one.status, one.metrics["values"]) == ("ok", 2)
    assert thread_local.private_value() == mine


def test_data_that_change_or_are_seen_by_another_are_wrong() -> None:
    workload = PrivateData(pieces=2, pause_s=0.0)
    one, two = Report("a", 1, 10, "x", "x"), Report("b", 1, 11, "y", "y")
    workload.check([one, two])
    change = dataclasses.replace
    assert "a and b share" in refusal(workload, [one, change(two, value="x", again="x")])
    assert "data of b changed from y" in refusal(workload, [one, change(two, again="x")])
    assert "data of a changed from x" in refusal(
        workload, [one, change(two, worker="a", thread=10)]
    )


# The stop flag


@pytest.mark.parametrize("executor", EXECUTORS)
def test_computing_workers_stop_when_asked(run: Callable[..., Run], executor: str) -> None:
    one = run(
        *("workload=stop_flag", "workload.computing=2", "workload.after_s=0.01"),
        *(f"executor={executor}", "n=3", "workload.check_every=7"),
    )
    assert (one.status, one.error) == ("ok", None)
    assert one.metrics["stop_s"] > 0
    assert one.metrics["steps"] % 7 == 0
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("override", "reason"), [("executor=thread", "set n=3"), ("executor=serial", "a plain loop")]
)
def test_too_few_workers_are_refused(make_plan: MakePlan, override: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        make_plan("workload=stop_flag", "workload.computing=2", "n=2", override)


def test_a_request_that_never_comes_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stop_flag, "PATIENCE_S", 0.01)
    workload = StopFlag(computing=1, after_s=0.0, check_every=1)
    workload.attach((threading.Event(), threading.Barrier(1)))
    with pytest.raises(TimeoutError, match=r"no request to stop came within 0\.01 s"):
        workload(1)


def test_a_task_that_stops_unasked_is_wrong() -> None:
    workload = StopFlag(computing=2, after_s=0.0, check_every=10)
    workload.check([(0, 100), (20, 101), (30, 150)])
    metrics = workload.metrics([(0, 100), (20, 101), (30, 150)])
    assert metrics == {"stop_s": 50e-9, "steps": 50, "thread_methods_to_end_it": 0}
    for wrong in ((20, 99), (25, 101)):
        assert "without being asked" in refusal(workload, [(0, 100), (20, 101), wrong])


# Signals


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("executor", ["serial", *EXECUTORS])
def test_a_signal_is_handled_and_ends_nothing(
    run: Callable[..., Run], executor: str, name: str
) -> None:
    before = signal.getsignal(signal.Signals[name])
    one = run(
        *("workload=signals", "workload.count=20000", f"workload.signal={name}"),
        *(f"executor={executor}", "n=2"),
    )
    assert (one.status, one.error) == ("ok", None)
    assert one.metrics["signals_lost"] == 0
    assert one.metrics["handled_meanwhile"] in (0, 1)
    assert one.metrics["delay_s"] > 0
    assert signal.getsignal(signal.Signals[name]) is before


def test_spawned_processes_send_it_too(run: Callable[..., Run]) -> None:
    one = run("workload=signals", "executor=process", "executor.start_method=spawn", "n=2")
    assert (one.status, one.metrics["signals_lost"]) == ("ok", 0)


def test_threads_that_compute_besides_end_with_the_run(run: Callable[..., Run]) -> None:
    before = threading.active_count()
    one = run("workload=signals", "executor=serial", "workload.beside=2", "n=2")
    assert (one.status, one.metrics["signals_lost"]) == ("ok", 0)
    assert threading.active_count() == before


def test_the_plain_loop_handles_it_between_two_instructions(run: Callable[..., Run]) -> None:
    one = run("workload=signals", "executor=thread", "n=2", role="baseline")
    assert one.metrics["handled_meanwhile"] == 1


def test_a_signal_that_is_lost_is_counted(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "kill", lambda *_: None)
    one = run("workload=signals", "workload.count=100", "executor=thread", "n=2")
    assert (one.status, one.metrics) == (
        "ok",
        {"signals": 1, "signals_lost": 1, "handled_meanwhile": 0},
    )


def test_a_signal_handled_too_often_or_before_it_was_sent_is_wrong() -> None:
    workload = Signals("SIGINT", 10, 2, 1)
    workload.share(thread_sync())
    try:
        results = [(100, 120), (None, 110)]
        workload.check(results)
        for handled in ([99], [101, 102]):
            workload._handled_ns = handled
            assert f"sent once at 100, but handled at {handled}" in refusal(workload, results)
        workload._handled_ns = [119]
        workload.check(results)
        found = {"signals": 1.0, "signals_lost": 0.0, "handled_meanwhile": 1.0, "delay_s": 19e-9}
        assert workload.metrics(results) == found
        workload._handled_ns = [125]
        assert workload.metrics(results)["handled_meanwhile"] == 0
        assert "the first of which sends" in refusal(workload, results[::-1])
    finally:
        workload.release(0)


# Primes and sleeps


def test_the_lectures_three_ranges_have_as_many_primes_as_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workload = Primes(start=3, end=10, chunks=1, ranges=RANGES)
    assert workload.tasks() == [(3, 10_000), (10_001, 20_000), (20_001, 30_000)]
    results = [workload(task) for task in workload.tasks()]
    assert [len(primes) for primes in results] == [1228, 1033, 983]
    workload.check(results)
    assert "not the primes from 10001" in refusal(workload, [results[0], *results[:0:-1]])
    monkeypatch.setitem(PRIME_COUNTS, 20_000, 2_263)
    assert refusal(workload, results) == "1033 primes from 10001 to 20000, but there are 1034"


@pytest.mark.parametrize("executor", ["thread", "thread_subclass", "process"])
def test_three_workers_find_the_primes_of_the_lecture(
    run: Callable[..., Run], executor: str
) -> None:
    given = str(RANGES).replace(" ", "")
    one = run("workload=primes", f"workload.ranges={given}", f"executor={executor}", "n=3")
    assert (one.status, one.error) == ("ok", None)
    assert len({(span.pid, span.thread) for span in one.spans}) == one.tasks == 3


def test_the_lectures_sleeps_are_whole_seconds_and_a_tenth_of_them_follows() -> None:
    whole = IoSleep(repeat=200, low=1, high=5, seed=3, step=1).tasks()
    assert sorted(set(whole)) == [1, 2, 3, 4, 5]
    tenth = IoSleep(repeat=200, low=0.1, high=0.5, seed=3, step=0.1).tasks()
    assert tenth == pytest.approx([sleep / 10 for sleep in whole])
    assert IoSleep(repeat=1, low=0.3, high=0.3, seed=1, step=0.1).tasks() == pytest.approx([0.3])
