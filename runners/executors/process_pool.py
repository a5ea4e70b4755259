"""A pool of processes: `concurrent.futures.ProcessPoolExecutor`."""

import multiprocessing
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from concurrent.futures import process as implementation
from pickle import UnpicklingError
from typing import Any, cast

from runners.executors.children import Children
from runners.executors.futures import Futures
from runners.executors.process import StartMethod, ending
from runners.executors.shares import Initializer
from runners.model import InvalidParameter, Unsupported, WorkerDied, at_least


class ProcessPool(Futures):
    """Up to `max_workers` processes that fetch chunks of `chunksize` tasks as they get free.

    A worker is replaced after `maxtasksperchild` chunks (None: never).
    """

    worker_kind = "process"
    tidy = True

    def __init__(
        self,
        max_workers: int,
        start_method: StartMethod,
        chunksize: int = 1,
        maxtasksperchild: int | None = None,
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(max_workers, initializer, initargs, chunksize)
        self.maxtasksperchild = maxtasksperchild
        at_least(self, 1, "maxtasksperchild", or_null=True)
        if maxtasksperchild is not None and start_method == "fork":
            raise InvalidParameter(
                "maxtasksperchild",
                "cannot go with start_method=fork, because a worker would be replaced while "
                "threads run; choose spawn or forkserver",
            )
        if maxtasksperchild is not None and maxtasksperchild > 1 and _forgets_to_replace():
            raise Unsupported(
                "a ProcessPoolExecutor of this Python may not replace its workers with "
                "maxtasksperchild above 1 (python/cpython#115634); set it to 1, choose "
                "executor=pool, or update Python"
            )
        self.start_method = start_method
        self.context = multiprocessing.get_context(start_method)

    def make(self) -> "_Pool":
        self.children = Children(self.context, replaced=self.maxtasksperchild is not None)
        return _Pool(
            self.max_workers,
            mp_context=cast(Any, self.children),
            initializer=self.initializer,
            initargs=self.initargs,
            max_tasks_per_child=self.maxtasksperchild,
        )

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        self.pool.given.clear()
        try:
            return super().map(function, tasks)
        except WorkerDied:
            # The pool breaks, too, over a result that cannot be loaded: its cause then says so.
            why = self.pool.why_broken()
            said = why.rstrip("\n'\"").rpartition("\n")[2]
            # From 3.15 on it may also say which process ended, and how: without a traceback.
            is_error = "Traceback" in why and said
            if is_error and not said.startswith(("EOFError", "OSError", "Connection")):
                raise UnpicklingError(f"a result cannot be loaded: {said}") from None
            raise

    def death(self, error: BrokenExecutor) -> str:
        self.pool.shutdown(wait=True)  # only then is it known how all of them ended
        # A broken pool terminates its other workers: they are not to blame.
        ended = self.children.dead()
        self.children.kill()  # one that was to replace another may have been started meanwhile
        ended.sort(key=lambda process: process.exitcode == -signal.SIGTERM)
        return ending(ended[0]) if ended else super().death(error)


class _Pool(ProcessPoolExecutor):
    """Keeps the futures it gave: those that were open when it broke know why.

    Where it breaks while tasks are still given in, `map` fails over the next one, which does not.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.given: list[Future[Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **keywords: Any) -> Future[Any]:
        future = super().submit(fn, *args, **keywords)
        self.given.append(future)
        return future

    def why_broken(self) -> str:
        """What the thread of the pool says of it, after its end; "" if it says nothing."""
        for future in self.given:
            if future.done() and not future.cancelled():
                error = future.exception()
                if isinstance(error, BrokenExecutor) and error.__cause__ is not None:
                    return str(error.__cause__)
        return ""


def _forgets_to_replace() -> bool:
    """Whether this Python's pool asks how many workers are idle before it replaces one.

    Where it is fixed (first releases after July 2026), the manager has a way of its own.
    """
    return "_adjust_process_count" in implementation._ExecutorManagerThread.run.__code__.co_names
