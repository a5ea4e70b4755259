"""Workloads and executors that do what they should not, each in one way."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from runners.executors.serial import Serial
from runners.model import Unsupported, WrongResult


@dataclass(frozen=True, slots=True)
class Misbehaving:
    """Four tasks; `where` tells in which side `what` happens: the baseline runs in the measuring
    process itself, whose number the first `tasks()` notes."""

    what: str
    task: int = 2

    def tasks(self) -> Sequence[int]:
        return range(4)

    def __call__(self, task: int) -> Any:
        if task == self.task and hasattr(self, self.what):
            return getattr(self, self.what)()
        return task * task

    def check(self, results: Sequence[Any]) -> None:
        if self.what == "unchecked":
            raise WrongResult("the check is never satisfied")

    def raising(self) -> None:
        raise ValueError("this task cannot be done")

    def exiting(self) -> None:
        raise SystemExit(3)

    def dying(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def hanging(self) -> None:
        time.sleep(3600)

    def deviating(self) -> int:
        return os.getpid()

    def unpicklable(self) -> Callable[[], None]:
        return lambda: None


class Dropping(Serial):
    """Loses the last result."""

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        return super().map(function, tasks)[:-1]


class Reversing(Serial):
    """Returns the results in the wrong order."""

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        return super().map(function, tasks)[::-1]


class Refusing(Serial):
    """Serves no workload at all."""

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        raise Unsupported("this executor serves nobody")


class Unpicklable:
    """Holds what cannot travel to another process."""

    def __init__(self) -> None:
        self.function = lambda: None

    def tasks(self) -> Sequence[int]:
        return [1]

    def __call__(self, task: int) -> int:
        return task

    def check(self, results: Sequence[Any]) -> None:
        pass
