"""A pool of threads: `concurrent.futures.ThreadPoolExecutor`."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from runners.executors.futures import Futures
from runners.executors.shares import Initializer
from runners.executors.switching import check_switch_interval, switch_interval


class ThreadPool(Futures):
    """Up to `max_workers` threads, started as tasks come in, that fetch one task at a time."""

    worker_kind = "thread"
    tidy = True

    def __init__(
        self,
        max_workers: int,
        switch_interval_s: float | None = None,
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        check_switch_interval(switch_interval_s)
        super().__init__(max_workers, initializer, initargs)
        self.switch_interval_s = switch_interval_s

    def make(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(
            self.max_workers, initializer=self.initializer, initargs=self.initargs
        )

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        with switch_interval(self.switch_interval_s):
            return super().map(function, tasks)
