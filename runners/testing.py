"""Conformance suites: subclass one in a test module, and pytest runs it on your plugin.

    class TestMine(WorkloadSuite):
        workload = Mine(size=10)

    class TestMyPool(ExecutorSuite):
        def make(self, n, **keywords):
            return MyPool(max_workers=n, **keywords)

Choose a workload that takes well under a second. Plain assertions only: workers import this module,
and should not have to import pytest.
"""

import multiprocessing
import os
import pickle
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

from runners.model import Executor, Workload, WrongResult


class WorkloadSuite:
    """What every workload keeps to.

    `deterministic` is False for one whose results differ between two runs, which `check` accepts.
    """

    workload: Workload
    deterministic = True

    def run_serially(self) -> list[Any]:
        return [self.workload(task) for task in self.workload.tasks()]

    def test_tasks_are_a_sequence_and_the_same_each_time(self) -> None:
        tasks = self.workload.tasks()
        assert isinstance(tasks, Sequence)
        assert len(tasks) > 0
        assert list(tasks) == list(self.workload.tasks())

    def test_workload_and_tasks_survive_pickling(self) -> None:
        workload, tasks = pickle.loads(pickle.dumps((self.workload, self.workload.tasks())))
        assert list(tasks) == list(workload.tasks()) == list(self.workload.tasks())

    def test_two_runs_give_equal_results(self) -> None:
        if self.deterministic:
            assert self.run_serially() == self.run_serially()

    def test_results_survive_pickling_and_are_right(self) -> None:
        results = self.run_serially()
        copies = pickle.loads(pickle.dumps(results))
        self.workload.check(results)
        self.workload.check(copies)

    def test_missing_result_is_wrong(self) -> None:
        results = self.run_serially()
        assert isinstance(error_of(partial(self.workload.check, results[:-1])), WrongResult)

    def test_replaced_result_is_wrong_wherever_it_stands(self) -> None:
        results = self.run_serially()
        for index in range(len(results)):
            damaged = [*results[:index], "not a result", *results[index + 1 :]]
            error = error_of(partial(self.workload.check, damaged))
            assert isinstance(error, WrongResult), f"result {index}: {error!r}"


class ExecutorSuite:
    """What every executor keeps to. `make` builds one with n workers.

    Its class attribute `workers` decides what is expected: only workers with a memory of their own
    may refuse a result that cannot be pickled, and so on.
    """

    def make(self, n: int, **keywords: Any) -> Executor:
        """An executor of n workers; `keywords` are `initializer` and `initargs`, or none."""
        raise NotImplementedError

    def map(self, n: int, function: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
        with self.make(n) as executor:
            return list(executor.map(function, tasks))

    def test_results_come_in_task_order(self) -> None:
        assert self.map(3, square_slowly, range(8)) == [k * k for k in range(8)]

    def test_one_worker(self) -> None:
        assert self.map(1, square_slowly, range(3)) == [0, 1, 4]

    def test_more_workers_than_tasks(self) -> None:
        assert self.map(3, square_slowly, [5]) == [25]

    def test_no_tasks(self) -> None:
        assert self.map(2, square_slowly, []) == []

    def test_exception_of_a_task_is_raised_with_its_traceback(self) -> None:
        error = error_of(partial(self.map, 2, fail_on_two, range(4)))
        assert type(error) is LookupError
        assert error.args == ("two is not wanted",)
        assert "in fail_on_two" in "".join(traceback.format_exception(error))

    def test_result_that_cannot_be_pickled_does_not_hang(self) -> None:
        with self.make(2) as executor:
            try:
                results = list(executor.map(unpicklable, range(2)))
            except Exception:
                assert kind_of(executor) in ("process", "interpreter", "remote", "unknown")
            else:
                assert [result() for result in results] == [0, 1]

    def test_initializer_runs_in_each_worker_before_its_first_task(self) -> None:
        mark = uuid4().hex
        with self.make(3, initializer=remember, initargs=(mark,)) as executor:
            assert list(executor.map(remembered, range(9))) == [mark] * 9

    def test_workers_are_what_the_class_says(self) -> None:
        pid, thread = whereabouts()
        with self.make(2) as executor:
            seen = list(executor.map(whereabouts, range(4)))
            kind = kind_of(executor)
        if kind in ("caller", "coroutine", "thread", "interpreter"):
            assert {p for p, _ in seen} == {pid}
        if kind in ("caller", "coroutine"):
            assert {t for _, t in seen} == {thread}
        if kind in ("thread", "interpreter"):
            assert thread not in {t for _, t in seen}
        if kind == "process":
            assert pid not in {p for p, _ in seen}

    def test_no_worker_outlives_the_executor(self) -> None:
        before = live_workers()
        with self.make(3) as executor:
            pids = {pid for pid, _ in executor.map(whereabouts, range(6))} - {os.getpid()}
            kind = kind_of(executor)
        assert live_workers() <= before
        if kind == "process":
            assert not any(map(is_alive, pids))

    def test_no_worker_outlives_an_error_of_the_caller(self) -> None:
        before = live_workers()

        def action() -> None:
            with self.make(2) as executor:
                executor.map(square_slowly, range(4))
                raise KeyError("of the caller")

        assert isinstance(error_of(action), KeyError)
        assert live_workers() <= before


def error_of(action: Callable[[], object]) -> Exception:
    """The exception that `action` raises; it has to raise one."""
    try:
        action()
    except Exception as error:
        return error
    raise AssertionError("no exception was raised")


def kind_of(executor: Executor) -> str:
    return str(getattr(executor, "workers", "unknown"))


def live_workers() -> set[object]:
    """The threads of this process and its child processes, as objects."""
    return {*threading.enumerate(), *multiprocessing.active_children()}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# The tasks: functions that workers import from here.

_memory = threading.local()


def square_slowly(number: int) -> int:
    """The square; small numbers take longest, so that they end out of order."""
    time.sleep(max(0, 5 - number) * 0.004)
    return number * number


def fail_on_two(number: int) -> int:
    if number == 2:
        raise LookupError("two is not wanted")
    return number


def unpicklable(number: int) -> Callable[[], int]:
    return lambda: number


def remember(mark: str) -> None:
    _memory.mark = mark


def remembered(_: object) -> str | None:
    return getattr(_memory, "mark", None)


def whereabouts(_: object = None) -> tuple[int, int]:
    """Process and thread that this runs in; lasts long enough for each worker to get a task."""
    time.sleep(0.005)
    return os.getpid(), threading.get_ident()
