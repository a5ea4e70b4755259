"""Processes made from a function: `multiprocessing.Process(target=...)`."""

import multiprocessing
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, Self, cast

from runners.executors.shares import Initializer, Share, gather
from runners.model import WorkerDied

StartMethod = Literal["fork", "spawn", "forkserver"]


class Process:
    """`max_workers` processes, each with its share of the tasks; started and joined by `map`."""

    workers = "process"

    def __init__(
        self,
        max_workers: int,
        start_method: StartMethod,
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self.max_workers = max_workers
        self.context: Any = multiprocessing.get_context(start_method)
        self.initializer = initializer
        self.initargs = initargs

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        pass  # no process outlives `map`

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        todo = list(tasks)
        processes: list[Any] = []
        receivers: dict[Connection, int] = {}
        parts: list[Any] = [None] * self.max_workers
        try:
            for k in range(self.max_workers):
                share = Share(
                    function, todo[k :: self.max_workers], self.initializer, self.initargs
                )
                receiver, sender = self.context.Pipe(duplex=False)
                receivers[receiver] = k
                process = self.context.Process(
                    name=f"worker-{k}", target=_work, args=(share, sender)
                )
                processes.append(process)
                process.start()
                # With the caller's copy closed, a worker that dies leaves an end of file behind.
                sender.close()
            while receivers:
                ready = cast(list[Connection], wait(list(receivers)))
                for receiver in ready:
                    k = receivers.pop(receiver)
                    try:
                        parts[k] = receiver.recv()
                    except EOFError:
                        processes[k].join()
                        raise WorkerDied(ending(processes[k])) from None
                    receiver.close()
        except BaseException:
            for process in processes:
                if process.pid is not None:
                    process.terminate()
            raise
        finally:
            for process in processes:
                if process.pid is not None:
                    process.join()
        return gather(parts, len(todo))


def _work(share: Share, sender: Connection) -> None:
    results, error = share.compute()
    try:
        sender.send((results, error))
    except Exception as problem:
        what = "an exception" if error is not None else "a result"
        sender.send(([], TypeError(f"{what} of a task cannot be pickled: {problem}")))
    sender.close()


def ending(process: Any) -> str:
    """How a worker ended that should not have."""
    code = process.exitcode
    return f"{process.name} (pid {process.pid}) ended with exit code {code} before its results came"
