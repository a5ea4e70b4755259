"""A pool of processes: `multiprocessing.Pool`, closed and joined."""

import multiprocessing
import multiprocessing.pool
from collections.abc import Callable, Iterable
from pickle import UnpicklingError
from typing import Any, Self

from runners.executors.children import Children
from runners.executors.process import StartMethod, ending
from runners.executors.shares import Initializer
from runners.model import WorkerDied, at_least

WATCH_S = 0.2


class Pool:
    """`max_workers` processes that fetch chunks of `chunksize` tasks as they get free.

    A worker is replaced after `maxtasksperchild` chunks (None: never).
    """

    worker_kind = "process"
    tidy = True

    def __init__(
        self,
        max_workers: int,
        start_method: StartMethod,
        chunksize: int | None = None,
        maxtasksperchild: int | None = None,
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self.max_workers = max_workers
        self.chunksize = chunksize
        self.maxtasksperchild = maxtasksperchild
        self.start_method = start_method
        self.context = multiprocessing.get_context(start_method)
        self.initializer = initializer
        self.initargs = initargs
        at_least(self, 1, "chunksize", "maxtasksperchild", or_null=True)

    @property
    def unchunked_by(self) -> str | None:
        # As many tasks as workers, which is when it is asked, are not put together by the pool.
        return "chunksize=1" if (self.chunksize or 1) > 1 else None

    def __enter__(self) -> Self:
        self.children = Children(self.context, replaced=self.maxtasksperchild is not None)
        self.pool = multiprocessing.pool.Pool(
            self.max_workers,
            self.initializer,
            self.initargs,
            self.maxtasksperchild,
            context=self.children,
        )
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        if kind is None:
            self.pool.close()
        else:
            try:
                self.pool.terminate()
            except AssertionError:
                # It refuses where its thread for results has ended, and leaves its workers, which
                # wait for a lock that it keeps.
                self.pool._worker_handler.join()  # type: ignore[attr-defined]
                self.children.kill()
        self.pool.join()

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        result = self.pool.map_async(function, tasks, self.chunksize)
        # The standard pool replaces a worker that died and waits for its results for ever.
        while not result.ready():
            result.wait(WATCH_S)
            dead = self.children.dead()
            if dead and not result.ready():
                raise WorkerDied(ending(dead[0]))
            # Neither does it tell of a result that cannot be loaded: the thread that tries ends.
            if not self.pool._result_handler.is_alive() and not result.ready():  # type: ignore[attr-defined]
                raise UnpicklingError("a result cannot be loaded")
        results: list[Any] = result.get()
        return results
