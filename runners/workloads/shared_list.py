"""A shared list that one worker iterates while others delete from it: items are skipped.

A list is iterated by counting places. A deletion moves all later items one place up, so that one
of them gets behind the counter and is never seen; a length that was read before leads to an
IndexError.

Threads share a plain list. Processes share the list of a manager, the nearest thing they have: each
single access is a message to the process that holds it, and is as whole as one of a plain list.
"""

import random
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from multiprocessing.context import BaseContext
from queue import Empty
from typing import Any, Literal

from runners.model import WrongResult, at_least
from runners.workloads.meeting import PATIENCE_S


@dataclass(frozen=True, slots=True)
class Seen:
    """What the iterating task missed in all its passes together."""

    skipped: int
    index_errors: int


@dataclass
class SharedList:
    """One task goes through the list `passes` times, `deleters` tasks delete their shares of it.

    The list holds the numbers below `items`. Deleter d removes those that leave the remainder d
    when divided by `deleters` + 1; the multiples stay, and are due in each pass. Each number that
    is visited or removed costs `steps` of a plain loop besides. A `lock` is held for a whole pass
    and for each removal. With a `queue` only the iterating task touches the list: the deleters send
    it the numbers, and it removes them after a pass.
    """

    guard: Literal["none", "lock", "queue"]
    loop: Literal["items", "index"]
    items: int
    deleters: int
    passes: int
    steps: int
    shared: Any = field(default=None, init=False, repr=False, compare=False)
    _manager: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least(self, 1, "items", "deleters", "passes")
        at_least(self, 0, "steps")

    def share(self, sync: Any) -> tuple[Any, Any]:
        """The list and its guard."""
        numbers: Any = list(range(self.items))
        if isinstance(sync, BaseContext):
            self._manager = sync.Manager()
            numbers = self._manager.list(numbers)
        guards = {"none": nullcontext, "lock": sync.Lock, "queue": sync.Queue}
        return numbers, guards[self.guard]()

    def attach(self, shared: tuple[Any, Any]) -> None:
        self.shared = shared

    def release(self, shared: tuple[Any, Any]) -> None:
        if self._manager is not None:
            self._manager.shutdown()
            self._manager = None

    def tasks(self) -> Sequence[int]:
        """The deleters' numbers, then 0 for the iterating task.

        It comes last, because in a plain loop the requests to delete have to be there before it.
        """
        return [*range(1, self.deleters + 1), 0]

    def __call__(self, task: int) -> int | Seen:
        """How many numbers were given up for removal, or what was missed."""
        return self._delete(task) if task else self._iterate()

    def _delete(self, task: int) -> int:
        numbers, guard = self.shared
        doomed = list(self._share_of(task))
        random.Random(task).shuffle(doomed)  # what is deleted ahead of the iteration does no harm
        for number in doomed:
            self._work()
            if self.guard == "queue":
                guard.put(number)
            else:
                with guard:
                    numbers.remove(number)
        if self.guard == "queue":
            guard.put(None)
        return len(doomed)

    def _iterate(self) -> Seen:
        numbers, guard = self.shared
        skipped = index_errors = 0
        asking = self.deleters
        for _ in range(self.passes):
            seen: set[int] = set()
            with nullcontext() if self.guard == "queue" else guard:
                try:
                    self._pass(numbers, seen)
                except IndexError:
                    index_errors += 1
            skipped += sum(number not in seen for number in self._share_of(0))
            if self.guard == "queue":
                asking = _serve(numbers, guard, asking, wait=False)
        if self.guard == "queue":
            _serve(numbers, guard, asking, wait=True)
        return Seen(skipped, index_errors)

    def _pass(self, numbers: Any, seen: set[int]) -> None:
        if self.loop == "items":
            for number in numbers:
                self._work()
                seen.add(number)
        else:
            for place in range(len(numbers)):
                self._work()
                seen.add(numbers[place])

    def _work(self) -> None:
        for _ in range(self.steps):
            pass

    def _share_of(self, task: int) -> range:
        """The numbers that deleter removes; of 0, those that stay."""
        return range(task, self.items, self.deleters + 1)

    def same(self, one: Any, other: Any) -> bool:
        return True  # what is missed is chance

    def metrics(self, results: Sequence[Any]) -> dict[str, float]:
        """Items that were due and those missed of them; passes and those that an error ended."""
        seen: Seen = results[-1]
        return {
            "items_due": self.passes * len(self._share_of(0)),
            "items_skipped": seen.skipped,
            "passes": self.passes,
            "index_errors": seen.index_errors,
        }

    def check(self, results: Sequence[Any]) -> None:
        deleted = [len(self._share_of(task)) for task in range(1, self.deleters + 1)]
        if list(results[:-1]) != deleted or not isinstance(results[-1], Seen):
            raise WrongResult(f"{deleted} numbers have to be deleted, then seen, not {results}")
        if self.guard != "none" and results[-1] != Seen(0, 0):
            raise WrongResult(f"in spite of guard={self.guard}, the list changed: {results[-1]}")


def _serve(numbers: Any, requests: Any, asking: int, wait: bool) -> int:
    """Delete what was asked for; with `wait`, until all have asked. Returns how many still do."""
    while asking:
        try:
            number = requests.get(wait, PATIENCE_S)
        except Empty:
            if wait:
                raise TimeoutError(f"no request to delete came for {PATIENCE_S:g} s") from None
            break
        if number is None:
            asking -= 1
        else:
            numbers.remove(number)
    return asking
