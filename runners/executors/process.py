"""Processes made from a function: `multiprocessing.Process(target=...)`."""

import multiprocessing
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from multiprocessing.connection import Connection, wait
from pickle import UnpicklingError
from typing import Any, Literal, Self, cast

from runners.executors.forgetting import Forget, never_started
from runners.executors.shares import Initializer, Share, gather
from runners.model import WorkerDied, in_one_line

StartMethod = Literal["fork", "spawn", "forkserver"]


class Process:
    """`max_workers` processes, each with its share of the tasks; started and joined by `map`.

    With `forget=join` the list that `map` returns has holes (None), which are filled by the end,
    when the zombies are counted: processes that have ended and that nobody has waited for.
    """

    worker_kind = "process"
    tidy = True

    def __init__(
        self,
        max_workers: int,
        start_method: StartMethod,
        forget: Forget = "none",
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self.max_workers = max_workers
        self.start_method = start_method
        self.context: Any = multiprocessing.get_context(start_method)
        self.forget = forget
        self.initializer = initializer
        self.initargs = initargs
        self.running = ExitStack()
        self.late: list[tuple[list[Any], Crew]] = []
        self.zombies = 0

    @property
    def inherits_tasks(self) -> bool:
        return self.start_method == "fork"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        if kind is None:
            self.running.callback(self._finish)  # called before the processes are joined
        self.running.__exit__(kind, error, trace)

    def _finish(self) -> None:
        """Receive what `map` did not wait for."""
        for results, crew in self.late:
            crew.receive()
            self.zombies += crew.zombies()
            results[:] = gather(crew.parts, len(results))

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        todo = list(tasks)
        with ExitStack() as running:
            crew = running.enter_context(Crew(self.max_workers))
            for k in range(self.max_workers):
                share = Share(
                    function, todo[k :: self.max_workers], self.initializer, self.initargs
                )
                receiver, sender = self.context.Pipe(duplex=False)
                process = self.context.Process(
                    name=f"worker-{k}", target=_work, args=(share, sender)
                )
                crew.processes.append(process)
                if self.forget != "start":
                    process.start()
                # With the caller's copy closed, a worker that dies leaves an end of file behind.
                sender.close()
                crew.receivers[receiver] = k
            if self.forget == "start":
                raise never_started(crew.processes[0], gather(crew.parts, len(todo)))
            if self.forget == "join":
                crew.receive(timeout=0)
                results = gather(crew.parts, len(todo))
                self.late.append((results, crew))
                self.running.enter_context(running.pop_all())
                return results
            crew.receive()
        return gather(crew.parts, len(todo))

    @property
    def unjoined(self) -> bool:
        return self.forget == "join"

    def metrics(self) -> dict[str, float]:
        return {"zombies": self.zombies} if self.unjoined else {}


class Crew:
    """The processes of one `map`, and what came of their shares. None of them outlives it."""

    def __init__(self, size: int) -> None:
        self.processes: list[Any] = []
        self.receivers: dict[Connection, int] = {}
        self.parts: list[Any] = [None] * size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        started = [process for process in self.processes if process.pid is not None]
        if kind is not None:
            for process in started:
                process.terminate()
        for process in started:
            process.join()

    def receive(self, timeout: float | None = None) -> None:
        """Take what came of the shares: of all, or until nothing comes for `timeout` seconds.

        Raises WorkerDied.
        """
        while self.receivers:
            ready = cast(list[Connection], wait(list(self.receivers), timeout))
            if not ready:
                break
            for receiver in ready:
                k = self.receivers.pop(receiver)
                try:
                    self.parts[k] = receiver.recv()
                except (EOFError, OSError):  # the latter within a message
                    self.processes[k].join()
                    raise WorkerDied(ending(self.processes[k])) from None
                except (Exception, SystemExit) as error:  # of the user's, as it was unpickled
                    raise UnpicklingError(
                        f"a result cannot be loaded: {in_one_line(error)}"
                    ) from error
                receiver.close()

    def zombies(self) -> int:
        """Wait until all processes have ended, and count those that have not been collected.

        The fork server collects its children, and starting a process collects earlier ones.
        """
        found = 0
        for process in self.processes:
            try:
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
                found += 1
            except ChildProcessError:
                pass
        return found


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
