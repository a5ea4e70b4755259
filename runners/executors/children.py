"""What pools of processes need to know of the processes they start: how each of them ended."""

from typing import Any


class Children:
    """A `multiprocessing` context that remembers the processes made through it.

    A pool forgets a worker that ended, so that its own list does not tell how. `replaced` says that
    workers may end with exit code 0, and others then take their places.
    """

    def __init__(self, context: Any, replaced: bool) -> None:
        self.context = context
        self.replaced = replaced
        self.processes: list[Any] = []

    def Process(self, *args: Any, **keywords: Any) -> Any:
        if self.replaced:  # each process that is remembered holds a file open
            self.processes = [process for process in self.processes if _code(process) != 0]
        process = self.context.Process(*args, **keywords)
        self.processes.append(process)
        return process

    def dead(self) -> list[Any]:
        """Those that should not have ended, as far as the pool's own thread has noticed.

        Asking for their `exitcode` would be a race with that thread: of two that collect it from
        the fork server at the same time, one makes it 255.
        """
        well = (None, 0) if self.replaced else (None,)
        return [process for process in self.processes if _code(process) not in well]

    def kill(self) -> None:
        """Kill those that still run, once the pool's own thread has ended."""
        for process in self.processes:
            if process._popen is not None and not process._closed and process.is_alive():
                process.kill()
                process.join()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)


def _code(process: Any) -> int | None:
    """The exit code if it has been collected; None also for a process that was not started."""
    started = process._popen
    code: int | None = started.returncode if started is not None else None
    return code
