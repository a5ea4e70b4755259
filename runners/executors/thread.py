"""Threads made from a function: `threading.Thread(target=...)`."""

import threading
from collections.abc import Callable, Iterable
from typing import Any, Self

from runners.executors.shares import Initializer, Share, gather


class Thread:
    """`max_workers` threads, each with its share of the tasks; started and joined by `map`."""

    workers = "thread"

    def __init__(
        self,
        max_workers: int,
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self.max_workers = max_workers
        self.initializer = initializer
        self.initargs = initargs

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        pass  # no thread outlives `map`

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        todo = list(tasks)
        parts: list[Any] = [None] * self.max_workers
        threads = []
        for k in range(self.max_workers):
            share = Share(function, todo[k :: self.max_workers], self.initializer, self.initargs)
            threads.append(self.make(f"worker-{k}", share, parts, k))
        started = []
        try:
            for thread in threads:
                thread.start()
                started.append(thread)
        finally:  # the system may refuse a thread; those that run are still joined
            for thread in started:
                thread.join()
        return gather(parts, len(todo))

    def make(self, name: str, share: Share, parts: list[Any], k: int) -> threading.Thread:
        """A thread, not yet started, that leaves in `parts[k]` what came of its share."""
        return threading.Thread(
            name=name, target=_work, args=(share,), kwargs={"to": parts, "k": k}
        )


def _work(share: Share, *, to: list[Any], k: int) -> None:
    to[k] = share.compute()
