"""A pool of processes: `multiprocessing.Pool`, closed and joined."""

import multiprocessing
from collections.abc import Callable, Iterable
from typing import Any, Self

from runners.executors.process import StartMethod, ending
from runners.executors.shares import Initializer
from runners.model import InvalidParameter, WorkerDied

WATCH_S = 0.2


class Pool:
    """`max_workers` processes that fetch chunks of `chunksize` tasks as they get free."""

    workers = "process"

    def __init__(
        self,
        max_workers: int,
        start_method: StartMethod,
        chunksize: int | None = None,
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        if chunksize is not None and chunksize < 1:
            raise InvalidParameter("chunksize", f"must be at least 1 or null, not {chunksize}")
        self.max_workers = max_workers
        self.chunksize = chunksize
        self.context = multiprocessing.get_context(start_method)
        self.initializer = initializer
        self.initargs = initargs

    def __enter__(self) -> Self:
        before = set(multiprocessing.active_children())
        self.pool = self.context.Pool(self.max_workers, self.initializer, self.initargs)
        self.processes = set(multiprocessing.active_children()) - before
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        if kind is None:
            self.pool.close()
        else:
            self.pool.terminate()
        self.pool.join()

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        result = self.pool.map_async(function, tasks, self.chunksize)
        # The standard pool replaces a worker that died and waits for its results for ever.
        while not result.ready():
            result.wait(WATCH_S)
            for process in self.processes:
                if process.exitcode is not None and not result.ready():
                    raise WorkerDied(ending(process))
        results: list[Any] = result.get()
        return results
