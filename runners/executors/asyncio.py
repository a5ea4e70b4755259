"""Coroutines of one event loop: `asyncio`; plain functions run in threads (`to_thread`)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from runners.executors.shares import Initializer
from runners.model import Coroutine

Call = Callable[[Any], Awaitable[Any]]


class Asyncio:
    """An event loop in the calling thread, with at most `max_workers` tasks at a time.

    A function with a coroutine form runs in the loop itself; any other in threads that the loop
    waits for.
    """

    worker_kind = "coroutine"
    tidy = True

    def __init__(
        self,
        max_workers: int,
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self.max_workers = max_workers
        self.initializer = initializer
        self.initargs = initargs
        self.initialized = False

    def __enter__(self) -> Self:
        self.runner = asyncio.Runner()
        threads = ThreadPoolExecutor(
            self.max_workers, initializer=self.initializer, initargs=self.initargs
        )
        self.runner.get_loop().set_default_executor(threads)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.runner.close()  # joins the threads

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        if not isinstance(function, Coroutine):
            call = _in_thread(function)
        else:
            call = function.acall
            if not self.initialized and self.initializer is not None:
                self.initializer(*self.initargs)  # the caller's thread is the worker
                self.initialized = True
        try:
            return self.runner.run(_map(call, list(tasks), self.max_workers))
        except BaseExceptionGroup as group:  # all others have been cancelled
            first = group.exceptions[0]
        raise first


def _in_thread(function: Callable[[Any], Any]) -> Call:
    async def call(task: Any) -> Any:
        return await asyncio.to_thread(function, task)

    return call


async def _map(call: Call, tasks: list[Any], max_workers: int) -> list[Any]:
    results: list[Any] = [None] * len(tasks)
    todo = iter(enumerate(tasks))
    async with asyncio.TaskGroup() as group:
        for k in range(min(max_workers, len(tasks))):
            group.create_task(_work(call, todo, results), name=f"worker-{k}")
    return results


async def _work(call: Call, todo: Iterator[tuple[int, Any]], results: list[Any]) -> None:
    for index, task in todo:
        results[index] = await call(task)
