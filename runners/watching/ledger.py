"""What the program's side of a watched pool notes: when tasks were given in and results came."""

import math
import os
import threading
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from runners.child.counters import Counters, keep_gil, read_counters
from runners.child.watched import LAYOUT, More, Notes, Scales, clock_ns, run, run_here
from runners.measuring.folders import Folder
from runners.model import Span, Workers


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
    Of each call of the pool that the program can see the end of, `went` has when it was made, and
    `came` when its results were there or would not come, each in an order of its own. Any number of
    threads may note.
    """

    def __init__(self, about: About) -> None:
        self.about = about
        self.is_apart = about.kind != "thread"
        """Whether workers share no memory with the program."""
        self.notes = Notes()
        self.place: Any = self.notes
        """Where notes go, for `run`: a folder, or the list where workers share memory."""
        self.run: Callable[..., Any] = run_here
        """What a task's worker calls."""
        self.forget: Callable[[], object] = self.notes.clear
        """Let go what workers have noted, once it has been read."""
        if self.is_apart:
            folder = Folder()
            self.place, self.run = folder.name, run
            self.forget = weakref.finalize(self, _remove, folder, os.getpid())
        else:
            keep_gil()
        self.lock = threading.Lock()
        self.submitted = array("q")
        self.went = array("q")
        self.came = array("q")
        self.cancelled = 0
        self.broken: str | None = None
        self.sent: list[tuple[int, int, bool]] = []
        """Of messages that were weighed: their tasks, bytes, and whether there are more bytes."""
        self.longest_chunk = 1
        """Tasks in the largest message of an executor's `map`."""
        self.scales = Scales()
        self.weigh_ns: float = 0 if self.is_apart else math.inf
        """From when on a message is weighed again."""
        self.is_open = True
        self.begin: Counters = read_counters(None)
        self.begin_ns = clock_ns()

    def number(self, tasks: int = 1) -> int:
        """That of the first of so many tasks, which are given in now."""
        with self.lock:
            number = len(self.submitted)
            if tasks == 1:
                self.submitted.append(clock_ns())
            else:
                self.submitted.extend([clock_ns()] * tasks)
            return number

    def items(self, items: Iterable[Any]) -> Iterator[tuple[Any, int]]:
        """Each with its number, for `Watched` of one item a task."""
        return map(self._item, iter(items))

    def _item(self, item: Any) -> tuple[Any, int]:
        number = self.number()
        self.weigh(1, item)
        return item, number

    def refuse(self, number: int, tasks: int = 1) -> None:
        """The pool did not take those tasks."""
        for one in range(number, number + tasks):
            self.submitted[one] = 0

    def weigh(self, tasks: int, message: Any) -> None:
        """The bytes of a message of so many tasks, if it is time for one."""
        if clock_ns() >= self.weigh_ns:
            size, is_cut = self.scales.weigh(message)
            self.weigh_ns = self.scales.next_ns
            if size >= 0 and tasks:
                self.sent.append((tasks, size, is_cut))

    def returned(self, since_ns: int) -> None:
        """The results of a call made then are there, or will not come."""
        now_ns = clock_ns()
        with self.lock:
            self.went.append(since_ns)
            self.came.append(now_ns)

    def follow(self, future: "Future[Any]", since_ns: int, tasks: int) -> None:
        """Note how the future of a call made then ends: not needed where memory is shared."""
        with self.lock:
            self.went.append(since_ns)
        future.add_done_callback(self._ended if tasks == 1 else partial(self._ended, tasks=tasks))

    def _ended(self, future: "Future[Any]", tasks: int = 1) -> None:
        """For each task, where the pool does its work: so without asking the future's lock."""
        with self.lock:
            self.came.append(clock_ns())
            if (error := future._exception) is not None:
                if isinstance(error, BrokenExecutor):
                    self.broken = type(error).__name__
            elif future._state != "FINISHED":
                self.cancelled += tasks

    def seen(self) -> "Seen":
        """What workers have noted so far."""
        found = Seen()
        if not self.is_apart:
            found.add_notes(self.notes)
            return found
        for path in sorted(Path(self.place).iterdir()):
            if not path.name.startswith("."):  # whose the folder is
                pid, thread, _ = map(int, path.name.split("-"))
                found.add_file(path.read_bytes(), pid, thread)
        return found


class Seen:
    """What workers have noted: of tasks that ended, and the processes of those that only began.

    A span's `wait_ns` is 0 where the worker was not read at the task's end.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.more: list[More] = []
        self.died: list[int] = []

    def add_notes(self, notes: Notes) -> None:
        pid = os.getpid()
        self.spans += [
            Span(number, pid, thread, start, end, cpu, wait)
            for number, thread, start, end, cpu, wait in [*notes.spans]
        ]
        self.more += notes.more

    def add_file(self, data: bytes, pid: int, thread: int) -> None:
        """What is in a file of that thread's."""
        notes = list(LAYOUT.iter_unpack(data))
        self.spans += [
            Span(number - 1, pid, thread, start, end, cpu, wait)
            for number, start, end, cpu, wait, _, _, _ in notes
            if end
        ]
        self.more += [
            More(flags, rss, returned - 1)
            for _, _, end, _, _, flags, rss, returned in notes
            if end and (flags or rss or returned)
        ]
        self.died += [pid for number, _, end, *_ in notes if number and not end]


def _remove(folder: Folder, pid: int) -> None:
    if os.getpid() == pid:  # not at the end of a process that was forked
        folder.remove()
