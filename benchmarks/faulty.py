"""The workload of the soak: which fault it has is drawn from its number."""

import multiprocessing
import os
import random
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from typing import Any

from misbehaving import Misbehaving  # type: ignore[import-not-found]

FAULTS = {
    "nothing": {"ok"},
    "raising": {"failed"},
    "dying": {"crashed"},
    "exiting_at_once": {"crashed"},
    "segfaulting": {"crashed"},
    "hanging": {"timeout"},
    "unpicklable": {"failed", "wrong"},
    "unchecked": {"wrong"},
    "closing": {"ok", "failed"},  # loky flushes the standard output before it starts a worker
    "leaving_processes": {"ok"},
    "leaving_a_daemon": {"ok"},
    "hanging_with_shared_memory": {"timeout"},
    "leaving_files": {"ok"},
}
"""What may happen in a cell, and the statuses that tell the truth about it."""


SLEEP = "/bin/sleep 3600.15"
"""As no other program sleeps, so that it is found again."""


def drawn(seed: int, number: int) -> str:
    """The fault of that number; every other cell has none."""
    chance = random.Random(f"{seed} {number}")
    return chance.choice(["nothing", chance.choice(list(FAULTS))])


class Leaving(Misbehaving):  # type: ignore[misc]
    """What leaves something behind that is not a process with its parent's environment."""

    def leaving_a_daemon(self) -> None:
        """A program of its own session and group, which nothing in its environment gives away."""
        code = f"{SLEEP} & {SLEEP} &"
        subprocess.run(["setsid", "/bin/sh", "-c", code], env={}, check=True)

    def hanging_with_shared_memory(self) -> None:
        kept = SharedMemory(create=True, size=1 << 20), multiprocessing.Lock()
        time.sleep(3600)
        del kept

    def leaving_files(self) -> None:
        folder = os.environ["TMPDIR"]
        with open(f"{folder}/left-{os.getpid()}", "w") as file:
            file.write("left")


@dataclass(frozen=True, slots=True)
class Faulty:
    seed: int
    number: int

    @property
    def inner(self) -> Any:
        return Leaving(drawn(self.seed, self.number), 2)

    def tasks(self) -> Sequence[int]:
        return list(self.inner.tasks())

    def __call__(self, task: int) -> Any:
        return self.inner(task)

    def check(self, results: Sequence[Any]) -> None:
        self.inner.check(results)
