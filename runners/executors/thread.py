"""Threads made from a function: `threading.Thread(target=...)`."""

import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Self

from runners.executors.forgetting import Forget, never_started
from runners.executors.shares import Initializer, Share, gather
from runners.executors.switching import check_switch_interval, switch_interval


class Thread:
    """`max_workers` threads, each with its share of the tasks; started and joined by `map`.

    With `forget=join` the list that `map` returns has holes (None), which are filled by the end.
    """

    worker_kind = "thread"
    tidy = True

    def __init__(
        self,
        max_workers: int,
        switch_interval_s: float | None = None,
        forget: Forget = "none",
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        check_switch_interval(switch_interval_s)
        self.max_workers = max_workers
        self.switch_interval_s = switch_interval_s
        self.forget = forget
        self.initializer = initializer
        self.initargs = initargs
        self.running = ExitStack()
        self.late: list[tuple[list[Any], list[Any]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.running.close()  # the threads whose join was forgotten
        if kind is None:
            for results, parts in self.late:
                results[:] = gather(parts, len(results))

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        todo = list(tasks)
        parts: list[Any] = [None] * self.max_workers
        threads = []
        for k in range(self.max_workers):
            share = Share(function, todo[k :: self.max_workers], self.initializer, self.initargs)
            threads.append(self.make(f"worker-{k}", share, parts, k))
        if self.forget == "start":
            raise never_started(threads[0], gather(parts, len(todo)))
        with ExitStack() as running:
            running.enter_context(switch_interval(self.switch_interval_s))
            for thread in threads:
                thread.start()
                running.callback(thread.join)  # also if the system refuses the next one
            if self.forget == "join":
                results = gather(parts, len(todo))
                self.late.append((results, parts))
                self.running.enter_context(running.pop_all())
                return results
        return gather(parts, len(todo))

    @property
    def unjoined(self) -> bool:
        return self.forget == "join"

    def make(self, name: str, share: Share, parts: list[Any], k: int) -> threading.Thread:
        """A thread, not yet started, that leaves in `parts[k]` what came of its share."""
        return threading.Thread(
            name=name, target=_work, args=(share,), kwargs={"to": parts, "k": k}
        )


def _work(share: Share, *, to: list[Any], k: int) -> None:
    to[k] = share.compute()
