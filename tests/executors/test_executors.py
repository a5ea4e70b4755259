import asyncio
import importlib.util
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import pytest

from runners.executors import loky as loky_module
from runners.executors.asyncio import Asyncio
from runners.executors.interpreters import Interpreters
from runners.executors.loky import Loky
from runners.executors.pool import Pool
from runners.executors.process import Process, StartMethod
from runners.executors.process_pool import ProcessPool
from runners.executors.serial import Serial
from runners.executors.thread import Thread
from runners.executors.thread_pool import ThreadPool
from runners.executors.thread_subclass import ThreadSubclass
from runners.model import InvalidParameter, Unsupported, WorkerDied
from runners.testing import ExecutorSuite, fail_on_two, square_slowly, whereabouts
from tests.conftest import called, run_program

needs_loky = pytest.mark.skipif(
    importlib.util.find_spec("loky") is None, reason="needs the package loky"
)


# What the workers of a fork server would each load.
multiprocessing.set_forkserver_preload(["runners.testing"])


# An executor of processes is tried by forked ones and by one kind of others: which, is up to
# `multiprocessing`.


class TestSerial(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> Serial:
        return Serial(max_workers=n, **keywords)


class TestThread(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> Thread:
        return Thread(max_workers=n, **keywords)


class TestThreadSubclass(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> ThreadSubclass:
        return ThreadSubclass(max_workers=n, **keywords)


class TestThreadPool(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> ThreadPool:
        return ThreadPool(max_workers=n, **keywords)


class TestAsyncio(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> Asyncio:
        return Asyncio(max_workers=n, **keywords)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="needs Python 3.14")
class TestInterpreters(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> Interpreters:
        return Interpreters(max_workers=n, **keywords)


class TestProcessFork(ExecutorSuite):
    start_method: StartMethod = "fork"

    def make(self, n: int, **keywords: Any) -> Process:
        return Process(max_workers=n, start_method=self.start_method, **keywords)


class TestProcessSpawn(TestProcessFork):
    start_method = "spawn"


class TestPoolFork(ExecutorSuite):
    start_method: StartMethod = "fork"
    chunksize: int | None = None

    def make(self, n: int, **keywords: Any) -> Pool:
        return Pool(
            max_workers=n, start_method=self.start_method, chunksize=self.chunksize, **keywords
        )


class TestPoolForkserver(TestPoolFork):
    start_method = "forkserver"


class TestPoolOfChunks(TestPoolFork):
    chunksize = 3


class TestProcessPoolFork(ExecutorSuite):
    start_method: StartMethod = "fork"
    chunksize = 1
    maxtasksperchild: int | None = None

    def make(self, n: int, **keywords: Any) -> ProcessPool:
        return ProcessPool(
            max_workers=n,
            start_method=self.start_method,
            chunksize=self.chunksize,
            maxtasksperchild=self.maxtasksperchild,
            **keywords,
        )


class TestProcessPoolSpawn(TestProcessPoolFork):
    start_method = "spawn"


class TestProcessPoolOfChunks(TestProcessPoolFork):
    start_method = "forkserver"
    chunksize = 3
    maxtasksperchild = 1


@needs_loky
class TestLoky(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> Loky:
        return Loky(max_workers=n, **keywords)


# Parameters


@pytest.mark.parametrize(
    ("make", "name", "problem"),
    [
        (partial(Pool, start_method="fork", chunksize=0), "chunksize", "at least 1"),
        (partial(Pool, start_method="fork", maxtasksperchild=0), "maxtasksperchild", "at least 1"),
        (partial(ProcessPool, start_method="spawn", chunksize=0), "chunksize", "at least 1"),
        (
            partial(ProcessPool, start_method="spawn", maxtasksperchild=0),
            "maxtasksperchild",
            "at least 1",
        ),
        (
            partial(ProcessPool, start_method="fork", maxtasksperchild=1),
            "maxtasksperchild",
            "choose spawn or forkserver",
        ),
        (partial(Loky, chunksize=0), "chunksize", "at least 1"),
        (partial(Thread, switch_interval_s=0), "switch_interval_s", "from 1e-6"),
        (partial(ThreadSubclass, switch_interval_s=float("inf")), "switch_interval_s", "from 1e-6"),
        (partial(ThreadPool, switch_interval_s=float("nan")), "switch_interval_s", "from 1e-6"),
    ],
)
def test_bad_value_is_refused_by_name(make: Callable[..., Any], name: str, problem: str) -> None:
    with pytest.raises(InvalidParameter, match=problem) as caught:
        make(max_workers=2)
    assert caught.value.name == name


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="has interpreters")
def test_older_python_has_no_interpreters() -> None:
    with pytest.raises(Unsupported, match=r"needs Python 3\.14; this is 3\.1[123]"):
        Interpreters(max_workers=2)


def test_loky_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loky_module, "loky", None)
    with pytest.raises(Unsupported, match=r"python -m pip install loky"):
        Loky(max_workers=2)


@pytest.mark.parametrize(
    "make",
    [
        partial(Pool, start_method="forkserver", chunksize=1),
        partial(ProcessPool, start_method="forkserver"),
    ],
)
def test_maxtasksperchild_replaces_the_workers(make: Callable[..., Any]) -> None:
    with make(max_workers=2, maxtasksperchild=1) as executor:
        pids = [pid for pid, _ in executor.map(whereabouts, range(6))]
    assert len(set(pids)) == 6


def test_maxtasksperchild_either_replaces_the_workers_or_is_refused() -> None:
    """With more than one chunk a worker, most versions of Python would wait for ever."""
    try:
        pool = ProcessPool(max_workers=2, start_method="forkserver", maxtasksperchild=2)
    except Unsupported as reason:
        refused = str(reason)
    else:
        with pool as executor:
            assert len({pid for pid, _ in executor.map(whereabouts, range(12))}) >= 6
        return
    assert "set it to 1" in refused


@pytest.mark.parametrize("make", [Thread, ThreadSubclass, ThreadPool])
def test_switch_interval_holds_while_tasks_run(make: Callable[..., Any]) -> None:
    before = sys.getswitchinterval()
    with make(max_workers=2, switch_interval_s=0.125) as executor:
        assert set(executor.map(seen_switch_interval, range(3))) == {0.125}
        assert sys.getswitchinterval() == before
        with pytest.raises(LookupError):
            executor.map(fail_on_two, range(4))
        assert sys.getswitchinterval() == before
    with make(max_workers=2) as executor:
        assert set(executor.map(seen_switch_interval, range(3))) == {before}


def test_no_executor_forks_beside_threads(tmp_path: Path) -> None:
    """From 3.15 on such a fork raises where warnings are errors."""
    done = run_program(
        *("-m", "workload=countdown", "workload.count=1000", "n=2", "executor.start_method=fork"),
        *("executor=process,pool,process_pool", "executor.reuse=false,true"),
        *("measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "sweep.report=false"),
        cwd=tmp_path,
        PYTHONWARNINGS="error:This process:DeprecationWarning",
    )
    assert (done.returncode, done.stderr) == (0, "")


# Workers that die


DYING = [
    partial(Process, start_method="fork"),
    partial(Pool, start_method="fork"),
    partial(Pool, start_method="forkserver", chunksize=1, maxtasksperchild=1),
    partial(ProcessPool, start_method="fork"),
    partial(ProcessPool, start_method="forkserver", maxtasksperchild=1),
    pytest.param(Loky, marks=needs_loky),
]


@pytest.mark.parametrize("make", DYING)
def test_dead_worker_is_told_and_leaves_none_behind(make: Callable[..., Any]) -> None:
    with pytest.raises(WorkerDied, match=r"exit code.*-9"), make(max_workers=2) as executor:
        executor.map(die_at_four, range(8))
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("make", [Process, Pool, ProcessPool])
@pytest.mark.parametrize("start_method", ["fork", "forkserver"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_result_that_cannot_be_loaded_leaves_no_worker_behind(
    make: Callable[..., Any], start_method: str
) -> None:
    with (
        pytest.raises(UnpicklingError, match="a result cannot be loaded"),
        make(max_workers=2, start_method=start_method) as executor,
    ):
        executor.map(never_loaded, range(8))
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("make", [Process, Pool, ProcessPool])
def test_worker_that_ends_well_but_early_is_dead_too(make: Callable[..., Any]) -> None:
    with (
        pytest.raises(WorkerDied, match="exit code 0"),
        make(max_workers=1, start_method="fork") as executor,
    ):
        executor.map(os._exit, [0])


class NeverLoaded:
    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("not a number",)


def never_loaded(_: int) -> NeverLoaded:
    return NeverLoaded()


def die_at_four(number: int) -> int:
    if number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return square_slowly(number)


def seen_switch_interval(_: object) -> float:
    return sys.getswitchinterval()


# Does the suite find what is wrong?


class Backwards(Serial):
    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        return super().map(function, tasks)[::-1]


class Mislabelled(Serial):
    worker_kind = "thread"


class Uninitialised(Serial):
    def __init__(self, max_workers: int, **ignored: Any) -> None:
        super().__init__(max_workers)


class Swallowing(Serial):
    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        try:
            return super().map(function, tasks)
        except LookupError:
            return []


class Untraceable(Serial):
    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        try:
            return super().map(function, tasks)
        except LookupError as error:
            raise error.with_traceback(None) from None


class Refusing(Serial):
    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        results = super().map(function, tasks)
        if any(map(callable, results)):
            raise TypeError("cannot be pickled")
        return results


class Leaking(Serial):
    release = threading.Event()

    def __enter__(self) -> "Leaking":
        threading.Thread(target=self.release.wait).start()
        return self


class Once(Serial):
    used = False

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        tasks, self.used = [] if self.used else tasks, True
        return super().map(function, tasks)


class OneAtATime(Asyncio):
    def __init__(self, max_workers: int, **keywords: Any) -> None:
        super().__init__(1, **keywords)


class AllAtATime(Asyncio):
    def __init__(self, max_workers: int, **keywords: Any) -> None:
        super().__init__(99, **keywords)


class InThreads(Asyncio):
    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        return super().map(lambda task: asyncio.run(function.acall(task)), tasks)  # type: ignore[attr-defined]


class Careless(Asyncio):
    def map(self, function: Any, tasks: Iterable[Any], /) -> list[Any]:
        async def gather() -> list[Any]:
            return await asyncio.gather(*map(function.acall, tasks))

        return self.runner.run(gather())


class Hushing(Serial):
    def __exit__(self, *exc: object) -> bool:  # type: ignore[override]
        return True


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (Backwards, "test_results_come_in_task_order"),
        (Backwards, "test_one_worker"),
        (Mislabelled, "test_workers_are_what_the_class_says"),
        (Uninitialised, "test_initializer_runs_in_each_worker_before_its_first_task"),
        (Swallowing, "test_exception_of_a_task_is_raised_with_its_traceback"),
        (Untraceable, "test_exception_of_a_task_is_raised_with_its_traceback"),
        (Refusing, "test_result_that_cannot_be_pickled_does_not_hang"),
        (Leaking, "test_no_worker_outlives_the_executor"),
        (Leaking, "test_no_worker_outlives_an_error_of_the_caller"),
        (Hushing, "test_no_worker_outlives_an_error_of_the_caller"),
        (Once, "test_map_can_be_called_twice"),
        (OneAtATime, "test_coroutine_form_runs_in_the_callers_thread_and_overlaps"),
        (AllAtATime, "test_coroutine_form_runs_in_the_callers_thread_and_overlaps"),
        (InThreads, "test_coroutine_form_runs_in_the_callers_thread_and_overlaps"),
        (Careless, "test_exception_of_a_coroutine_ends_the_others"),
    ],
)
def test_suite_finds_the_fault(kind: Callable[..., Any], test: str) -> None:
    suite = ExecutorSuite()
    suite.make = kind  # type: ignore[method-assign]
    before = set(threading.enumerate())
    Leaking.release.clear()
    try:
        with pytest.raises(AssertionError):
            called(suite, test)
    finally:
        Leaking.release.set()
        for thread in set(threading.enumerate()) - before:
            thread.join()
