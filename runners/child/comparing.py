"""Whether the results of different runs agree; if not, whether that is a fault or in the tasks."""

import operator
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from runners.child.draws import Draws
from runners.child.faults import cut, used_up
from runners.child.parts import find, is_iterator, pickled, type_name, without_equality
from runners.child.records import Told
from runners.model import (
    Comparable,
    Fresh,
    Lenient,
    Renewing,
    Sharing,
    Workers,
    Workload,
    WrongResult,
    in_one_line,
)

APART: tuple[Workers, ...] = ("process", "interpreter", "remote", "unknown")
"""Workers with a memory of their own."""
CALLS = 4
"""So often is a random task called in the plain loop for each run of it on workers."""
MOST_CALLS, CALLS_S = 10, 1.0
"""So often, or for so long, is a task called to see whether its result varies: a coin's may not."""

FOREIGN = object()
"""No task returns it. Whoever takes it for a result does not look at results."""


class Incomparable(Exception):
    """Results, or the tasks themselves, are such that they cannot be compared."""


class Returned(NamedTuple):
    """What tasks returned in a run, and which worker each came from.

    `ran_by` is None for workers that share the memory of the plain loop; `in_loop` says that it was
    the plain loop itself.
    """

    results: Sequence[Any]
    ran_by: Sequence[tuple[int, int]] | None = None
    in_loop: bool = True

    @classmethod
    def of(cls, told: Told, workers: Workers) -> "Returned":
        ran_by: list[Any] | None = None
        if workers in APART:  # two machines may give two workers the same numbers
            ran_by = [(span.pid, span.thread, told.away.get(span.index)) for span in told.spans]
        return cls(told.results, ran_by, workers == "caller")

    def part(self, start: int, size: int) -> "Returned":
        end = start + size
        ran_by = self.ran_by if self.ran_by is None else self.ran_by[start:end]
        return Returned(self.results[start:end], ran_by, self.in_loop)


class Comparison:
    """Holds the results of each run against those of the first one.

    `draws` keeps in mind what random tasks drew, and `random_task` is one that was found to be.
    `number` is that of the tasks, where a workload is `Renewing`.
    """

    def __init__(self, workload: Workload, tasks: Sequence[Any], number: int = 0) -> None:
        self.workload = workload
        self.tasks = tasks
        self.number = number
        self.same = workload.same if isinstance(workload, Comparable) else operator.eq
        self.first: Returned | None = None
        self.looks: bool | None = None
        self.equal = True
        self.draws = Draws()
        self.random_task: int | None = None

    def keep(self, returned: Returned) -> None:
        """Keep the results of the first run, or of the first one with so many."""
        if self.first is None or len(returned.results) > len(self.first.results):
            self.first = returned

    def compare(self, returned: Returned, start: int) -> None:
        """Raise `WrongResult` or `Incomparable` unless they are those of the first run.

        Their first task is the one of the number `start` in its run.
        """
        if self.first is None:
            return
        pairs = zip(returned.results, self.first.results, strict=False)
        for index, (mine, other) in enumerate(pairs):
            if not self._agree(mine, other):
                if (kind := without_equality(mine, other)) is not None:
                    self._cannot_compare(kind)
                self._blame_the_arguments()
                self._blame_the_task(index, other, returned)
                raise WrongResult(
                    f"serial and parallel results differ, first at task {start + index}: "
                    f"{shortened(mine)} is not {shortened(other)}"
                )
        self.equal = self.equal and all(map(_are_equal, returned.results, self.first.results))

    def kind(self, results: Sequence[Any]) -> str:
        """How the results of a run, which agree, were compared: `Run.compared`."""
        if all(result is None for result in results):
            return "empty"
        if self.looks is None:  # large results take their time
            self.looks = any(tells_apart(self.same, result) for result in results)
        if not self.looks:
            return "any"
        if isinstance(self.workload, Fresh | Renewing) and len(results) > len(self.tasks):
            return "part"
        return "equal" if self.equal else "same"

    def drawn(self, returned: Returned) -> int | None:
        """Note results for `draws`, and how many are equal draws; None of the plain loop."""
        if returned.ran_by is not None:
            return self.draws.run(returned.results, returned.ran_by)
        self.draws.loop(returned.results)
        return None

    def drawn_again(self, returned: Returned) -> bool:
        """Note what workers drew that have run the random task several times, and the plain loop.

        Returns whether that shows equal draws by now.
        """
        assert self.random_task is not None
        assert returned.ran_by is not None
        self.draws.run(returned.results, returned.ran_by, self.random_task)
        for _ in returned.results[:CALLS]:
            if self.draws.found:
                return True
            self.draws.note(self.random_task, self.workload(self.tasks[self.random_task]))
        return self.draws.found

    def _agree(self, one: Any, other: Any) -> bool:
        try:
            return bool(self.same(one, other))
        except Exception as problem:
            if not isinstance(self.workload, Lenient):  # it is a fault of the workload's own
                raise
            raise Incomparable(
                f"results cannot be compared: {in_one_line(problem)}; return plain data from the "
                f"task, or {self.uncompared()}"
            ) from problem

    def _cannot_compare(self, kind: type) -> NoReturn:
        example = " (as .hexdigest() is)" if hasattr(kind, "hexdigest") else ""
        raise Incomparable(
            f"results cannot be compared: objects of type {type_name(kind)} have no == of their "
            f"own; return plain data from the task{example}, or {self.uncompared()}"
        )

    def uncompared(self) -> str:
        """What to set or do so that results are not compared, or in another way."""
        if isinstance(self.workload, Lenient):
            return f"set workload.{self.workload.uncompared_by}"
        return "give the workload a method same(a, b)"

    def _blame_the_arguments(self) -> None:
        """Raise if the tasks of a number are others whenever they are made."""
        if not isinstance(self.workload, Renewing):
            return
        one, two = (pickled(list(self.workload.tasks_of(self.number))) for _ in range(2))
        if one != two:
            raise WrongResult(
                f"not deterministic: the arguments for number {self.number} are others whenever "
                f"they are made; draw them from random.Random(number), here {self.number}"
            )

    def _blame_the_task(self, index: int, other: Any, returned: Returned) -> None:
        """Raise if the plain loop itself does not repeat the result of that task.

        `other` is what it gave in the first run.
        """
        # The tasks of some belong together, and of fresh ones the plain loop may have had none.
        if isinstance(self.workload, Sharing) or index >= len(self.tasks) or self.first is None:
            return
        task = self.tasks[index]
        began_s = time.monotonic()
        in_loop = [other] if self.first.in_loop else []
        pair = None
        while pair is None and (
            len(in_loop) < 3 or (len(in_loop) < MOST_CALLS and time.monotonic() - began_s < CALLS_S)
        ):
            in_loop.append(self.workload(task))
            if len(in_loop) > 1 and not self._agree(*in_loop[-2:]):
                pair = in_loop[-2], in_loop[-1]
        if pair is None:
            return
        if (used := find(task, is_iterator)) is not None:
            raise Incomparable(used_up(self.workload, (index, *used[0]), used[1]))
        self.random_task, self.draws.random = index, True
        self.drawn(self.first)
        self.drawn(returned)
        for result in in_loop[1:] if self.first.in_loop else in_loop:
            self.draws.note(index, result)
        for _ in range(2):
            if self.draws.rising:  # by chance, or because it is a clock
                self.draws.note(index, self.workload(task))
        to_leave = " to leave them uncompared" if isinstance(self.workload, Lenient) else ""
        raise WrongResult(
            f"not deterministic: called again in the plain loop, task {index} gives "
            f"{shortened(pair[0])} and {shortened(pair[1])}; {self.uncompared()}{to_leave}"
        )


def _are_equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # arrays, say, have no one answer to that
        return False


def tells_apart(same: Callable[[Any, Any], Any], result: Any) -> bool:
    """Whether that comparison tells a result from what no task returns."""
    try:
        return not same(result, FOREIGN)
    except Exception:
        return True


def shortened(value: Any) -> str:
    """What is told of a result."""
    return cut(repr(value), 80)
