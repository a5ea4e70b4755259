"""What the program's side of a watched pool notes: when tasks were given in and results came."""

import os
import threading
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runners.child.counters import Counters, keep_gil, read_counters
from runners.child.watched import Note, Place, Scales, unpacked
from runners.child.worker import clock_ns
from runners.measuring.folders import Folder
from runners.model import Workers


@dataclass(frozen=True, slots=True)
class About:
    """A pool, for readers: its class's name, how many workers it may have, and what they are.

    `chunks` says whether its `map` puts tasks together where it is told to, and only there.
    """

    name: str
    workers: int
    kind: Workers
    chunks: bool


class Ledger:
    """All that is noted of a pool, from `watch` to the end of its block.

    `submitted` has the time of each task by its number; it is 0 where the pool did not take it.
    `messages` has two times for each call of the pool that the program can see the end of: when it
    was made, and when its results were there. Any number of threads may note.
    """

    def __init__(self, about: About) -> None:
        self.about = about
        self.is_apart = about.kind != "thread"
        """Whether workers share no memory with the program."""
        self.notes: list[bytes] = []
        self.place: Place = self.notes
        self.forget: Callable[[], object] = self.notes.clear
        """Let go what workers have noted, once it has been read."""
        if self.is_apart:
            folder = Folder()
            self.place = folder.name
            self.forget = weakref.finalize(self, _remove, folder, os.getpid())
        else:
            keep_gil()
        self.lock = threading.Lock()
        self.submitted = array("q")
        self.messages = array("q")
        self.cancelled = 0
        self.broken: str | None = None
        self.sent: list[tuple[int, int, bool]] = []
        """Of messages that were weighed: their tasks, bytes, and whether there are more bytes."""
        self.longest_chunk = 1
        """Tasks in the largest message of an executor's `map`."""
        self.scales = Scales()
        self.is_open = True
        self.begin: Counters = read_counters(None)
        self.begin_ns = clock_ns()

    def number(self) -> int:
        """That of the next task, which is given in now."""
        with self.lock:
            self.submitted.append(clock_ns())
            return len(self.submitted) - 1

    def numbers(self) -> Iterator[int]:
        """That of each next task, as they are asked for."""
        while True:
            yield self.number()

    def items(self, items: Iterable[Any]) -> Iterator[tuple[Any, int]]:
        """Each with its number, for `Watched` of one item a task."""
        return map(self._item, iter(items))

    def _item(self, item: Any) -> tuple[Any, int]:
        number = self.number()
        self.weigh(1, item)
        return item, number

    def refuse(self, number: int) -> None:
        """The pool did not take that task."""
        self.submitted[number] = 0

    def weigh(self, tasks: int, message: Any) -> None:
        if self.is_apart and tasks:
            size, is_cut = self.scales.weigh(message)
            if size >= 0:
                self.sent.append((tasks, size, is_cut))

    def came(self, since_ns: int) -> None:
        """The results of a call made then are there, or will not come."""
        now_ns = clock_ns()
        with self.lock:
            self.messages.extend((since_ns, now_ns))

    def follow(self, future: "Future[Any]", since_ns: int) -> None:
        """Note how the future of a call made then ends; in the same memory its worker does."""
        if not self.is_apart:
            return

        def ended(future: "Future[Any]") -> None:
            self.came(since_ns)
            if future.cancelled():
                self.cancelled += 1
            elif isinstance(error := future.exception(), BrokenExecutor):
                self.broken = type(error).__name__

        future.add_done_callback(ended)

    def all_notes(self) -> list[tuple[int, list[Note]]]:
        """What workers have noted so far, file by file, each with its process."""
        if not self.is_apart:
            return [(os.getpid(), unpacked(b"".join(self.notes), room=0))]
        assert isinstance(self.place, str)
        found = []
        for path in sorted(Path(self.place).iterdir()):
            pid, _, number = path.name.partition("-")
            if number.isdecimal():
                found.append((int(pid), unpacked(path.read_bytes())))
        return found


def _remove(folder: Folder, pid: int) -> None:
    if os.getpid() == pid:  # not at the end of a process that was forked
        folder.remove()
