"""Coroutines of one event loop: `asyncio`; plain functions run in threads (`to_thread`)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from runners.executors.shares import Initializer
from runners.model import Coroutine

Call = Callable[[Any], Awaitable[Any]]


class Asyncio:
    """An event loop in the calling thread, with at most `max_workers` tasks at a time.

    A function with a coroutine form runs in the loop itself, a task of the loop for each call, as
    `asyncio.gather` makes them; any other in threads that the loop waits for. One at a time, the
    calls are awaited one after another: that is the plain loop of coroutines.
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
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.runner.close()  # joins the threads

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        call = function.acall if isinstance(function, Coroutine) else _in_thread(function)
        if not self.initialized:
            self.initialized = True
            if not isinstance(function, Coroutine):
                threads = ThreadPoolExecutor(
                    self.max_workers, initializer=self.initializer, initargs=self.initargs
                )
                # Coroutines that use threads themselves have those that any loop has.
                self.runner.get_loop().set_default_executor(threads)
            elif self.initializer is not None:
                self.initializer(*self.initargs)  # the caller's thread is the worker
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
    if max_workers == 1:
        return [await call(task) for task in tasks]
    places = asyncio.Semaphore(max_workers)

    async def in_place(task: Any) -> Any:
        async with places:
            return await call(task)

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(in_place(task)) for task in tasks]
    return [task.result() for task in running]
