"""Private data: all workers run the same function, and each sees only what is its own."""

import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from runners.model import WrongResult, at_least, finite_seconds

_private = threading.local()


def private_value() -> str:
    """The data of the worker that asks, made when it asks for the first time.

    A process made by forking inherits the data of the thread that forked it, and makes its own.
    """
    if getattr(_private, "pid", None) != os.getpid():
        _private.pid, _private.value = os.getpid(), os.urandom(8).hex()
    value: str = _private.value
    return value


def worker_name() -> str:
    """The thread's name, or in a process that `multiprocessing` started, the process's."""
    if multiprocessing.parent_process() is not None:
        return multiprocessing.current_process().name
    return threading.current_thread().name


@dataclass(frozen=True, slots=True)
class Report:
    """What a task saw of the worker that ran it; `value` before its pause, `again` after it."""

    worker: str
    pid: int
    thread: int
    value: str
    again: str


@dataclass(frozen=True, slots=True)
class PrivateData:
    """Each of `pieces` tasks looks at its worker's private data, pauses for others, looks again."""

    pieces: int
    pause_s: float

    def __post_init__(self) -> None:
        at_least(self, 1, "pieces")
        finite_seconds(self, "pause_s")

    def tasks(self) -> Sequence[int]:
        return range(self.pieces)

    def __call__(self, task: int) -> Report:
        value = private_value()
        time.sleep(self.pause_s)
        ident = threading.get_native_id()
        return Report(worker_name(), os.getpid(), ident, value, private_value())

    def same(self, one: Report, other: Report) -> bool:
        return True  # each worker has data like no other

    def metrics(self, results: Sequence[Report]) -> dict[str, float]:
        """How many workers took part, how many names they had, how many different data they saw."""
        return {
            "workers": len({(report.pid, report.thread) for report in results}),
            "names": len({report.worker for report in results} - {""}),
            "values": len({report.value for report in results}),
        }

    def check(self, results: Sequence[Report]) -> None:
        """Each worker saw the same data all the time, and no other worker saw them."""
        if [type(result) for result in results] != [Report] * self.pieces:
            raise WrongResult(f"{self.pieces} reports, not {results}")
        owners: dict[str, Report] = {}
        values: dict[tuple[int, int], str] = {}
        for report in results:
            owner = owners.setdefault(report.value, report)
            if (owner.pid, owner.thread) != (report.pid, report.thread):
                raise WrongResult(
                    f"{owner.worker} and {report.worker} share their private data {report.value}"
                )
            before = values.setdefault((report.pid, report.thread), report.value)
            if not before == report.value == report.again:
                raise WrongResult(f"the private data of {report.worker} changed from {before}")
