"""One object that all threads use, or one for each: what it costs that it is shared.

Without a GIL threads compute at the same time, until they need the same thing. A lock lets one of
them on. Lists and queues have a lock inside. And what is only read has its references counted: by
the thread that made it with plain additions, by all others with atomic ones (PEP 703), for each of
which a core has to take the counter from the cache of another one.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import BaseContext
from queue import SimpleQueue
from typing import Any, Literal

from runners.model import Unsupported, WrongResult, at_least

Uses = Literal["nothing", "counter", "lock", "list", "queue", "data"]

WORK, HELD, LENGTH = 10, 100, 50
"""So much of a loop is a step that computes or reads, for so many steps a lock is held, and so long
are the lists."""


class Shared:
    """What a task uses."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.items = list(range(LENGTH))  # one that gets empty would give its memory back
        self.queue: SimpleQueue[int] = SimpleQueue()
        self.data = [float(k) for k in range(LENGTH)]


@dataclass
class Contention:
    """Each of `pieces` tasks uses an object `steps` times: that of all, or its `own`.

    With `uses` lock, a task holds the object's lock while it computes, for a hundred steps at a
    time; with `uses` nothing it computes as much without it.
    """

    uses: Uses
    own: bool
    steps: int
    pieces: int
    shared: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least(self, 1, "steps", "pieces")

    def share(self, sync: Any) -> Any:
        if isinstance(sync, BaseContext):
            raise Unsupported(
                "contention is about one object in the memory of all workers: use threads"
            )
        self.shared = Shared()
        return self.shared

    def attach(self, shared: Shared) -> None:
        self.shared = shared

    def tasks(self) -> Sequence[int]:
        return range(self.pieces)

    def __call__(self, task: int) -> int:
        """How often the object was used."""
        return USES[self.uses](Shared() if self.own else self.shared, self.steps)

    def check(self, results: Sequence[int]) -> None:
        """All tasks did all of their steps, and nothing got lost of what they shared."""
        if list(results) != [self.steps] * self.pieces:
            raise WrongResult(f"{self.pieces} tasks make {self.steps} steps each, not {results}")
        counts = self.uses == "counter" and not self.own
        if counts and self.shared.count != sum(results):
            raise WrongResult(f"{sum(results)} steps make a counter of {self.shared.count}")
        left = len(self.shared.items) - LENGTH + self.shared.queue.qsize()
        if left:
            raise WrongResult(f"as much is taken out as is put in, but {left} stay")


def _nothing(shared: Shared, steps: int) -> int:
    left = steps * WORK
    while left > 0:
        left -= 1
    return steps


def _counter(shared: Shared, steps: int) -> int:
    lock = shared.lock
    for _ in range(steps):
        with lock:
            shared.count += 1
    return steps


def _lock(shared: Shared, steps: int) -> int:
    for start in range(0, steps, HELD):
        with shared.lock:
            left = min(HELD, steps - start) * WORK
            while left > 0:
                left -= 1
    return steps


def _list(shared: Shared, steps: int) -> int:
    items = shared.items
    for step in range(steps):
        items.append(step)
        items.pop()
    return steps


def _queue(shared: Shared, steps: int) -> int:
    queue = shared.queue
    for step in range(steps):
        queue.put(step)
        queue.get()
    return steps


def _data(shared: Shared, steps: int) -> int:
    data = shared.data
    for _ in range(steps * WORK // LENGTH):
        for _ in data:
            pass
    return steps


USES: dict[Uses, Callable[[Shared, int], int]] = {
    "nothing": _nothing,
    "counter": _counter,
    "lock": _lock,
    "list": _list,
    "queue": _queue,
    "data": _data,
}
