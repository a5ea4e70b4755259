"""Conformance suites: subclass one in a test module, and pytest runs it on your plugin.

    class TestMine(WorkloadSuite):
        workload = Mine(size=10)

    class TestMyPool(ExecutorSuite):
        def make(self, n, **keywords):
            return MyPool(max_workers=n, **keywords)

Choose a workload that takes well under a second. What does not concern a plugin is skipped, with
the reason. Workers import this module, and should not have to import pytest.
"""

import math
import multiprocessing
import operator
import os
import pickle
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, NoReturn
from uuid import uuid4

from runners.child.comparing import tells_apart
from runners.child.sync import thread_sync
from runners.executors.serial import Serial
from runners.executors.thread import Thread
from runners.model import (
    Comparable,
    Declared,
    Executor,
    Fresh,
    Initializing,
    Lenient,
    Meeting,
    Metered,
    Releasing,
    Renewing,
    Sharing,
    Workers,
    Workload,
    WrongResult,
)


class WorkloadSuite:
    """What every workload keeps to.

    `deterministic` is False for one whose results differ between two runs, which `check` accepts.
    """

    workload: Workload
    deterministic = True

    def copy(self) -> Any:
        """The workload as another process gets it."""
        return pickle.loads(pickle.dumps(self.workload))

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """The workload as a measuring process has it: entered, where it can be."""
        workload = self.copy()
        with workload if isinstance(workload, AbstractContextManager) else nullcontext():
            yield workload

    @contextmanager
    def ran(self) -> Iterator[tuple[Any, list[Any]]]:
        """The opened workload and the results of one run, before what it shared is released.

        The run is a plain loop, or threads where tasks have to run at the same time; they work with
        a copy that was not entered, as other processes do.
        """
        with self.opened() as workload:
            worker = self.copy()
            shared = workload.share(thread_sync()) if isinstance(workload, Sharing) else None

            def ready(shared: Any) -> None:
                if shared is not None:
                    worker.attach(shared)
                if isinstance(worker, Initializing):
                    worker.initialize()

            minimum = workload.minimum_workers if isinstance(workload, Meeting) else 1
            kind = Serial if minimum == 1 else Thread
            try:
                with kind(minimum, initializer=ready, initargs=(shared,)) as executor:
                    results = executor.map(worker, workload.tasks())
                yield workload, results
            finally:
                if shared is not None and isinstance(workload, Releasing):
                    workload.release(shared)

    def test_tasks_are_a_sequence_and_the_same_each_time(self) -> None:
        with self.opened() as workload:
            tasks = workload.tasks()
            assert isinstance(tasks, Sequence)
            assert len(tasks) > 0
            assert list(tasks) == list(workload.tasks())

    def test_workload_and_tasks_survive_pickling(self) -> None:
        with self.opened() as workload:
            tasks = workload.tasks()
            assert list(pickle.loads(pickle.dumps(tasks))) == list(tasks)
        if not isinstance(self.workload, AbstractContextManager):
            assert list(tasks) == list(self.workload.tasks())

    def test_two_runs_give_equal_results(self) -> None:
        if not self.deterministic:
            skip("deterministic = False: its results may differ")
        if isinstance(self.workload, Lenient) and not self.workload.compared:
            skip(f"its results are not compared: {self.workload.uncompared_by}")
        with self.ran() as (workload, first):
            pass
        with self.ran() as (_, second):
            pass
        same = workload.same if isinstance(workload, Comparable) else operator.eq
        assert all(same(one, two) for one, two in zip(first, second, strict=True))
        if not any(tells_apart(same, one) for one in first):
            skip("its same(one, other) takes any two results for the same: nothing was compared")
        if all(one is None for one in first):
            skip("every task returned None: nothing was compared")

    def test_results_survive_pickling_and_are_right(self) -> None:
        with self.ran() as (workload, results):
            copies = pickle.loads(pickle.dumps(results))
            workload.check(results)
            workload.check(copies)

    def test_metrics_are_finite_numbers(self) -> None:
        if not isinstance(self.workload, Metered):
            skip("it is not Metered: it has no metrics")
        with self.ran() as (workload, results):
            metrics = workload.metrics(results)
            if not metrics:
                skip("it gave no metrics")
            assert [name for name, value in metrics.items() if not math.isfinite(value)] == []

    def test_fresh_tasks_begin_with_its_own_and_are_checked(self) -> None:
        if not isinstance(self.workload, Fresh):
            skip("it is not Fresh: it makes no other tasks")
        with self.opened() as workload:
            tasks = list(workload.tasks())
            for count in (1, 2, 3):
                more = list(workload.tasks_for(count))
                agree(len(more), count * len(tasks), f"the number of tasks_for({count})")
                agree(more[: len(tasks)], tasks, f"the first of tasks_for({count})")
                with Serial(1) as executor:
                    results = executor.map(self.copy(), more)
                workload.check(results)
                error = error_of(partial(workload.check, results[:-1]))
                assert isinstance(error, WrongResult), f"without the last result: {error!r}"

    def test_the_tasks_of_a_round_are_the_same_each_time_and_those_of_others_are_not(self) -> None:
        if not isinstance(self.workload, Renewing):
            skip("it is not Renewing: each round has the same tasks")
        with self.opened() as workload:
            agree(list(workload.tasks_of(0)), list(workload.tasks()), "tasks_of(0)")
            for number in (1, 2):
                tasks = list(workload.tasks_of(number))
                agree(list(self.copy().tasks_of(number)), tasks, f"tasks_of({number}) of a copy")
                common = [task for task in tasks if task in workload.tasks_of(number - 1)]
                agree(common, [], f"what tasks_of({number}) and tasks_of({number - 1}) share")
                with Serial(1) as executor:
                    workload.check(executor.map(self.copy(), tasks))

    def test_missing_result_is_wrong(self) -> None:
        with self.ran() as (workload, results):
            assert isinstance(error_of(partial(workload.check, results[:-1])), WrongResult)

    def test_replaced_result_is_wrong_wherever_it_stands(self) -> None:
        with self.ran() as (workload, results):
            assert len(results) > 0
            for index in range(len(results)):
                damaged = [*results[:index], "not a result", *results[index + 1 :]]
                error = error_of(partial(workload.check, damaged))
                assert isinstance(error, WrongResult), f"result {index}: {error!r}"


class ExecutorSuite:
    """What every executor keeps to. `make` builds one with n workers.

    Its class attribute `worker_kind` decides what is expected: only workers with a memory of their
    own may refuse a result that cannot be pickled, and so on.
    """

    def make(self, n: int, **keywords: Any) -> Executor:
        """An executor of n workers; `keywords` are `initializer` and `initargs`, or none."""
        raise NotImplementedError("define make(self, n, **keywords): return MyPool(n, **keywords)")

    def map(self, n: int, function: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
        with self.make(n) as executor:
            return list(executor.map(function, tasks))

    def test_results_come_in_task_order(self) -> None:
        agree(self.map(3, square_slowly, range(8)), [k * k for k in range(8)], "eight squares")

    def test_one_worker(self) -> None:
        agree(self.map(1, square_slowly, range(3)), [0, 1, 4], "three squares by one worker")

    def test_more_workers_than_tasks(self) -> None:
        agree(self.map(3, square_slowly, [5]), [25], "one square by three workers")

    def test_no_tasks(self) -> None:
        agree(self.map(2, square_slowly, []), [], "the results of no tasks")

    def test_map_can_be_called_twice(self) -> None:
        with self.make(2) as executor:
            agree(list(executor.map(square_slowly, range(4))), [0, 1, 4, 9], "the first map")
            agree(list(executor.map(square_slowly, range(2, 5))), [4, 9, 16], "the second map")

    def test_exception_of_a_task_is_raised_with_its_traceback(self) -> None:
        error = error_of(partial(self.map, 2, fail_on_two, range(4)))
        agree(repr(error), "LookupError('two is not wanted')", "the error of a task")
        trace = "".join(traceback.format_exception(error))
        assert "in fail_on_two" in trace, f"the task's own frame is not in the traceback:\n{trace}"

    def test_result_that_cannot_be_pickled_does_not_hang(self) -> None:
        with self.make(2) as executor:
            try:
                results = list(executor.map(unpicklable, range(2)))
            except Exception as error:
                kind, problem = kind_of(executor), repr(error)
                own_memory = kind in ("process", "interpreter", "remote", "unknown")
                assert own_memory, f"workers of the kind {kind!r} need not pickle: {problem}"
            else:
                agree([result() for result in results], [0, 1], "the functions' results")

    def test_initializer_runs_in_each_worker_before_its_first_task(self) -> None:
        mark = uuid4().hex
        with self.make(3, initializer=remember, initargs=(mark,)) as executor:
            seen = list(executor.map(remembered, range(9)))
        agree(seen, [mark] * 9, "what initializer(*initargs) had left where each task ran")

    def test_workers_are_what_the_class_says(self) -> None:
        pid, thread = whereabouts()
        with self.make(2) as executor:
            seen = list(executor.map(whereabouts, range(4)))
            kind = kind_of(executor)
        if kind in ("remote", "unknown"):
            skip(f"worker_kind = {kind!r} promises nothing of where tasks run")
        pids, threads = {p for p, _ in seen}, {t for _, t in seen}
        says = f"the class says worker_kind = {kind!r}, but tasks ran in"
        if kind in ("caller", "coroutine", "thread", "interpreter"):
            assert pids == {pid}, f"{says} another process"
        if kind == "caller":
            assert threads == {thread}, f"{says} another thread"
        if kind in ("thread", "interpreter", "coroutine"):
            assert thread not in threads, f"{says} the caller's thread"
        if kind == "process":
            assert pid not in pids, f"{says} the caller's process"

    def needs_coroutines(self) -> None:
        with self.make(1) as executor:
            kind = kind_of(executor)
        if kind != "coroutine":
            skip(f"its workers are of the kind {kind!r}: it runs no coroutines")

    def test_coroutine_form_runs_in_the_callers_thread_and_overlaps(self) -> None:
        mark = uuid4().hex
        self.needs_coroutines()
        with self.make(2, initializer=remember, initargs=(mark,)) as executor:
            form = CoroutineForm()
            results = list(executor.map(form, range(6)))
        assert results == [(k * k, mark, threading.get_ident()) for k in range(6)]
        assert form.most == 2

    def test_exception_of_a_coroutine_ends_the_others(self) -> None:
        self.needs_coroutines()
        with self.make(2) as executor:
            form = CoroutineForm()
            error = error_of(partial(executor.map, form, [1, -1, 2]))
            assert type(error) is LookupError
            assert form.now == 0

    def test_no_worker_outlives_the_executor(self) -> None:
        before = live_workers()
        with self.make(3) as executor:
            pids = {pid for pid, _ in executor.map(whereabouts, range(6))} - {os.getpid()}
            kind = kind_of(executor)
        self.none_left(before)
        if kind == "process":
            alive = [pid for pid in pids if is_alive(pid)]
            assert not alive, f"processes are left after __exit__: {alive}"

    def test_no_worker_outlives_an_error_of_the_caller(self) -> None:
        before = live_workers()

        def action() -> None:
            with self.make(2) as executor:
                executor.map(square_slowly, range(4))
                raise KeyError("of the caller")

        agree(repr(error_of(action)), "KeyError('of the caller')", "the error of the with block")
        self.none_left(before)

    def none_left(self, before: set[object]) -> None:
        left = live_workers() - before
        assert not left, f"workers are left after __exit__: {short(left)}"


def skip(reason: str) -> NoReturn:
    """End a test that does not concern this plugin."""
    __tracebackhide__ = True
    import pytest  # not at the top: workers import this module

    pytest.skip(reason)


def agree(got: object, wanted: object, what: str) -> None:
    # With words of its own: pytest explains a bare assertion in test modules only.
    assert got == wanted, f"{what}: {short(got)} instead of {short(wanted)}"


def short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:297]}..."


def error_of(action: Callable[[], object]) -> Exception:
    """The exception that `action` raises; it has to raise one."""
    try:
        action()
    except Exception as error:
        return error
    raise AssertionError("no exception was raised")


def kind_of(executor: Executor) -> Workers:
    return executor.worker_kind if isinstance(executor, Declared) else "unknown"


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

_memory: dict[int, str] = {}
"""By thread, as `runners.child.worker` keeps what it knows of a worker."""


def square_slowly(number: int) -> int:
    """The square; small numbers take longest, so that they end out of order."""
    time.sleep(max(0, 5 - number) * 0.004)
    return number * number


class CoroutineForm:
    """A function with a coroutine form, which counts how many of its calls run at a time."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0

    def __call__(self, number: int) -> object:
        raise AssertionError("an executor of coroutines has to call acall")

    async def acall(self, number: int) -> tuple[int, str | None, int]:
        """The square, the initializer's mark and the thread; small numbers take longest."""
        import asyncio  # other workers import this module, and do not need asyncio

        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if number < 0:
                raise LookupError("negative")
            await asyncio.sleep(max(0, 5 - number) * 0.004)
        finally:
            self.now -= 1
        return number * number, remembered(None), threading.get_ident()


def fail_on_two(number: int) -> int:
    if number == 2:
        raise LookupError("two is not wanted")
    return number


def unpicklable(number: int) -> Callable[[], int]:
    return lambda: number


def remember(mark: str) -> None:
    _memory[threading.get_ident()] = mark


def remembered(_: object) -> str | None:
    return _memory.get(threading.get_ident())


def whereabouts(_: object = None) -> tuple[int, int]:
    """Process and thread that this runs in; lasts long enough for each worker to get a task."""
    time.sleep(0.005)
    return os.getpid(), threading.get_ident()
