"""What the executors that deal out their tasks beforehand have in common."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Initializer = Callable[..., object] | None


@dataclass(slots=True)
class Share:
    """One worker's part of the work and what came of it.

    Worker k of n takes tasks k, k + n, k + 2n, ...: dealt like cards, so that work that grows along
    the list is spread over all of them.
    """

    function: Callable[[Any], Any]
    tasks: Sequence[Any]
    initializer: Initializer = None
    initargs: tuple[Any, ...] = ()

    def compute(self) -> tuple[list[Any], BaseException | None]:
        """The results, or those before the first error and that error, its traceback noted."""
        results: list[Any] = []
        try:
            if self.initializer is not None:
                self.initializer(*self.initargs)
            results.extend(self.function(task) for task in self.tasks)
        except BaseException as error:
            # An exception leaves its traceback behind when it is pickled; its notes travel along.
            error.add_note(f"In the worker:\n{traceback.format_exc()}")
            return results, error
        return results, None


def gather(parts: Sequence[tuple[list[Any], BaseException | None] | None], count: int) -> list[Any]:
    """The results of all `parts` in task order; raise the first error if there is one.

    What would come from a part that is not there yet is None.
    """
    for part in parts:
        if part is not None and part[1] is not None:
            raise part[1]
    size = len(parts)
    return [
        None if (part := parts[index % size]) is None else part[0][index // size]
        for index in range(count)
    ]
