"""What a pool does while it is watched: what its class does, with the tasks' functions wrapped.

For that time its class is one that inherits from its own, so that it stays what it is to whoever
holds it or asks: the same object, with all its methods.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from runners.child.watched import Watched, clock_ns, run
from runners.model import UsageError, Workers, printable
from runners.watching.ledger import About, Ledger

KINDS = (
    "ThreadPoolExecutor, ProcessPoolExecutor, InterpreterPoolExecutor, loky's ProcessPoolExecutor, "
    "multiprocessing.Pool, ThreadPool or joblib's Parallel"
)

Callback = Callable[[Any], object] | None


class AnExecutor:
    """In front of an executor of `concurrent.futures`, or of loky."""

    _ledger: Ledger

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        ledger, submit = self._ledger, super().submit  # type: ignore[misc]
        future: Future[Any]
        if not ledger.is_open:
            future = submit(fn, *args, **kwargs)
            return future
        since_ns = clock_ns()
        tasks = 1
        called: tuple[Any, ...]
        if type(fn) is functools.partial and _is_chunk(fn):  # of `map`
            (function,), (chunk,) = fn.args, args
            tasks = len(chunk)
            ledger.longest_chunk = max(ledger.longest_chunk, tasks)
            number = ledger.number(tasks)
            called = run, function, ledger.place, number, chunk, False
        else:
            number = ledger.number()
            called = ledger.run, fn, ledger.place, number, (args,), True
        if since_ns >= ledger.weigh_ns:
            ledger.weigh(tasks, (fn, args, kwargs))
        try:
            future = submit(*called, **kwargs)
        except BaseException:
            ledger.refuse(number, tasks)
            raise
        if ledger.is_apart:
            ledger.follow(future, since_ns, tasks)
        return future


def _is_chunk(fn: "functools.partial[Any]") -> bool:
    """Whether it is what the `map` of process pools gives to `submit`."""
    return getattr(fn.func, "__name__", "") == "_process_chunk" and fn.func.__module__ in CHUNKING


class APool:
    """In front of a `multiprocessing.Pool` or `ThreadPool`.

    `apply` calls `apply_async`, and no other method that is here is called by the pool itself.
    """

    _ledger: Ledger

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwds: Any = {},  # noqa: B006  # as in the pool
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> Any:
        ledger, apply = self._ledger, super().apply_async  # type: ignore[misc]
        if not ledger.is_open:
            return apply(func, args, kwds, callback, error_callback)
        args = tuple(args)
        callbacks = _noting(ledger, callback, error_callback)
        number = ledger.number()
        ledger.weigh(1, (func, args, kwds))
        try:
            return apply(ledger.run, (func, ledger.place, number, (args,), True), kwds, *callbacks)
        except BaseException:
            ledger.refuse(number)
            raise

    def map(self, func: Any, iterable: Any, chunksize: int | None = None) -> Any:
        return self._at_once("map", False, func, iterable, chunksize)

    def starmap(self, func: Any, iterable: Any, chunksize: int | None = None) -> Any:
        return self._at_once("starmap", True, func, iterable, chunksize)

    def imap(self, func: Any, iterable: Any, chunksize: int = 1) -> Any:
        return super().imap(*self._given(False, func, iterable), chunksize)  # type: ignore[misc]

    def imap_unordered(self, func: Any, iterable: Any, chunksize: int = 1) -> Any:
        given = self._given(False, func, iterable)
        return super().imap_unordered(*given, chunksize)  # type: ignore[misc]

    def map_async(
        self,
        func: Any,
        iterable: Any,
        chunksize: int | None = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> Any:
        given = self._given(False, func, iterable)
        calls = _noting(self._ledger, callback, error_callback)
        return super().map_async(*given, chunksize, *calls)  # type: ignore[misc]

    def starmap_async(
        self,
        func: Any,
        iterable: Any,
        chunksize: int | None = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> Any:
        calls = _noting(self._ledger, callback, error_callback)
        if not self._ledger.is_open:
            return super().starmap_async(func, iterable, chunksize, *calls)  # type: ignore[misc]
        given = self._given(True, func, iterable)
        return super().map_async(*given, chunksize, *calls)  # type: ignore[misc]

    def _at_once(self, name: str, starred: bool, func: Any, iterable: Any, size: Any) -> Any:
        """`map` and `starmap`, which return when all results are there."""
        ledger = self._ledger
        if not ledger.is_open:
            return getattr(super(), name)(func, iterable, size)
        since_ns = clock_ns()
        try:
            # One item a task, whatever it consists of.
            given = self._given(starred, func, iterable)
            return super().map(*given, size)  # type: ignore[misc]
        finally:
            ledger.returned(since_ns)

    def _given(self, starred: bool, func: Any, iterable: Iterable[Any]) -> tuple[Any, Any]:
        ledger = self._ledger
        if not ledger.is_open:
            return func, iterable
        return Watched((func, ledger.place, starred)), ledger.items(iterable)


def _noting(
    ledger: Ledger, callback: Callback, error_callback: Callback
) -> tuple[Callback, Callback]:
    """The callbacks of a call that is made now, which note that its results came."""
    if not ledger.is_open:
        return callback, error_callback
    since_ns = clock_ns()

    def noting(told: Callback) -> Callback:
        def call(value: Any) -> None:
            ledger.returned(since_ns)
            if told is not None:
                told(value)

        return call

    return noting(callback), noting(error_callback)


class AParallel:
    """In front of a `joblib.Parallel`."""

    _ledger: Ledger

    def __call__(self, iterable: Iterable[Any]) -> Any:
        ledger = self._ledger
        if not ledger.is_open:
            return super().__call__(iterable)  # type: ignore[misc]
        since_ns = clock_ns()
        found = super().__call__(self._wrapped(iterable))  # type: ignore[misc]
        if isinstance(found, list):  # else they come one by one
            ledger.returned(since_ns)
        return found

    def _wrapped(self, iterable: Iterable[Any]) -> Iterator[Any]:
        """As `joblib.delayed` has made them: function, arguments and keywords."""
        ledger = self._ledger
        for function, arguments, keywords in iterable:
            number = ledger.number()
            ledger.weigh(1, (function, arguments, keywords))
            yield ledger.run, (function, ledger.place, number, (arguments,), True), keywords


def known(pool: Any) -> tuple[type, About]:
    """What goes in front of that pool, and what is to be told of it. Raises UsageError."""
    kind = type(pool)
    if isinstance(ledger := getattr(pool, "_ledger", None), Ledger) and ledger.is_open:
        raise UsageError("watch: this pool is watched already")
    if isinstance(pool, type):
        raise UsageError(f"watch: {printable(pool.__name__)} is a class: make a pool of it first")
    homes = {(one.__module__, one.__name__) for one in kind.__mro__}

    def about(workers: Any, what: Workers, chunks: bool = False) -> About:
        return About(kind.__name__, int(workers), what, chunks)

    if ("concurrent.futures.interpreter", "InterpreterPoolExecutor") in homes:
        return AnExecutor, about(pool._max_workers, "interpreter")
    if isinstance(pool, ThreadPoolExecutor):
        return AnExecutor, about(pool._max_workers, "thread")
    if isinstance(pool, ProcessPoolExecutor) or homes & LOKY:
        return AnExecutor, about(pool._max_workers, "process", True)
    if ("multiprocessing.pool", "Pool") in homes:
        is_thread = ("multiprocessing.pool", "ThreadPool") in homes
        return APool, about(pool._processes, "thread" if is_thread else "process")
    if ("joblib.parallel", "Parallel") in homes:
        return AParallel, about(*_joblib(pool))
    raise UsageError(
        f"watch: {printable(kind.__module__)}.{printable(kind.__qualname__)} is none of the pools "
        f"that can be watched: {KINDS}"
    )


LOKY = {
    ("loky.process_executor", "ProcessPoolExecutor"),
    ("joblib.externals.loky.process_executor", "ProcessPoolExecutor"),
}
CHUNKING = {"concurrent.futures.process", *(module for module, _ in LOKY)}
"""Modules with a function `_process_chunk`."""


def _joblib(parallel: Any) -> tuple[int, Workers]:
    is_thread = bool(getattr(parallel._backend, "supports_sharedmem", False))
    return parallel._effective_n_jobs(), "thread" if is_thread else "process"
