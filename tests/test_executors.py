import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from runners.executors.pool import Pool
from runners.executors.process import Process, StartMethod
from runners.executors.serial import Serial
from runners.executors.thread import Thread
from runners.executors.thread_subclass import ThreadSubclass
from runners.testing import ExecutorSuite


class TestSerial(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> Serial:
        return Serial(max_workers=n, **keywords)


class TestThread(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> Thread:
        return Thread(max_workers=n, **keywords)


class TestThreadSubclass(ExecutorSuite):
    def make(self, n: int, **keywords: Any) -> ThreadSubclass:
        return ThreadSubclass(max_workers=n, **keywords)


class TestProcessFork(ExecutorSuite):
    start_method: StartMethod = "fork"

    def make(self, n: int, **keywords: Any) -> Process:
        return Process(max_workers=n, start_method=self.start_method, **keywords)


class TestProcessSpawn(TestProcessFork):
    start_method = "spawn"


class TestProcessForkserver(TestProcessFork):
    start_method = "forkserver"


class TestPoolFork(ExecutorSuite):
    start_method: StartMethod = "fork"
    chunksize: int | None = None

    def make(self, n: int, **keywords: Any) -> Pool:
        return Pool(
            max_workers=n, start_method=self.start_method, chunksize=self.chunksize, **keywords
        )


class TestPoolSpawn(TestPoolFork):
    start_method = "spawn"


class TestPoolForkserver(TestPoolFork):
    start_method = "forkserver"


class TestPoolOfChunks(TestPoolFork):
    chunksize = 3


class Backwards(Serial):
    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        return super().map(function, tasks)[::-1]


class Mislabelled(Serial):
    workers = "thread"


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
    ],
)
def test_suite_finds_the_fault(kind: type[Serial], test: str) -> None:
    suite = ExecutorSuite()
    suite.make = kind  # type: ignore[method-assign]
    before = set(threading.enumerate())
    Leaking.release.clear()
    try:
        with pytest.raises(AssertionError):
            getattr(suite, test)()
    finally:
        Leaking.release.set()
        for thread in set(threading.enumerate()) - before:
            thread.join()
