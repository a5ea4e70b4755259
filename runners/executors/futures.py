"""What the pools with the interface of `concurrent.futures` have in common."""

from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor
from typing import Any, Self

from runners.executors.shares import Initializer
from runners.model import WorkerDied, at_least


class Futures:
    """An executor around one of `concurrent.futures`, which `make` makes at the `with`."""

    def __init__(
        self,
        max_workers: int,
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
        chunksize: int = 1,
    ) -> None:
        self.max_workers = max_workers
        self.initializer = initializer
        self.initargs = initargs
        self.chunksize = chunksize
        at_least(self, 1, "chunksize")

    @property
    def unchunked_by(self) -> str | None:
        return "chunksize=1" if self.chunksize > 1 else None

    def make(self) -> Any:
        """The pool, not yet entered."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.pool = self.make()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.pool.shutdown(wait=True, cancel_futures=kind is not None)

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        try:
            return list(self.pool.map(function, tasks, chunksize=self.chunksize))
        except BrokenExecutor as error:
            raise WorkerDied(self.death(error)) from error

    def death(self, error: BrokenExecutor) -> str:
        """Why the pool is broken, in one line."""
        return " ".join(str(error).split())
