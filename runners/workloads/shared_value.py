"""Numbers in shared memory: limited by their lock, and wrong where it is not held for long enough.

The lock of a `Value` is held while it is read and while it is written, but not between the two:
`value += 1` may lose what another worker adds meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from runners.model import WrongResult, at_least

CELLS = 10
PI = 3.1415927
"""As the lecture has it."""

Numbers = tuple[float, list[int]]


@dataclass
class SharedValue:
    """`pieces` tasks add 1 to a shared number, `increments` times each.

    The number is a `Value`, or the cells of an `Array` in turn. Its `lock` is held as long as a
    single access takes (implicit), over the whole addition (explicit), or there is none. With
    `task` lecture, one task sets the value to 3.1415927 and negates an array of 0 to 9 instead.
    """

    task: Literal["count", "lecture"]
    kind: Literal["value", "array"]
    lock: Literal["none", "implicit", "explicit"]
    increments: int
    pieces: int
    shared: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        at_least(self, 1, "increments", "pieces")

    def share(self, sync: Any) -> Any:
        raw = self.lock == "none"
        value = (sync.RawValue if raw else sync.Value)("d", 0.0)
        cells = CELLS if self.task == "count" else range(CELLS)
        self.shared = value, (sync.RawArray if raw else sync.Array)("i", cells)
        return self.shared

    def attach(self, shared: Any) -> None:
        self.shared = shared

    def tasks(self) -> Sequence[int]:
        return range(self.pieces if self.task == "count" else 1)

    def __call__(self, task: int) -> int | Numbers:
        """The number of increments; the numbers as this worker sees them, of the lecture."""
        value, array = self.shared
        if self.task == "count":
            self._count(value, array)
            return self.increments
        value.value = PI
        for k in range(CELLS):
            array[k] = -array[k]
        return value.value, list(array)

    def _count(self, value: Any, array: Any) -> None:
        # Four loops, because whatever they did besides would make the effect rarer.
        if self.kind == "value" and self.lock == "explicit":
            for _ in range(self.increments):
                with value.get_lock():
                    value.value += 1
        elif self.kind == "value":
            for _ in range(self.increments):
                value.value += 1
        elif self.lock == "explicit":
            for k in range(self.increments):
                with array.get_lock():
                    array[k % CELLS] += 1
        else:
            for k in range(self.increments):
                array[k % CELLS] += 1

    def same(self, one: int | Numbers, other: int | Numbers) -> bool:
        return one == other

    def _lost(self) -> float:
        """Updates that are not there in the end."""
        value, array = self.shared
        found = value.value if self.kind == "value" else sum(array)
        return self.pieces * self.increments - float(found)

    def metrics(self, results: Sequence[int | Numbers]) -> dict[str, float]:
        if self.task == "lecture":
            return {}
        return {"updates": self.pieces * self.increments, "lost_updates": self._lost()}

    def check(self, results: Sequence[int | Numbers]) -> None:
        """The caller sees what the workers did; under an explicit lock nothing is lost."""
        if self.task == "lecture":
            value, array = self.shared
            expected = PI, [-k for k in range(CELLS)]
            if list(results) != [expected] or (value.value, list(array)) != expected:
                raise WrongResult(
                    f"worker and caller see {expected}, not {results} and "
                    f"{value.value, list(array)}"
                )
            return
        if list(results) != [self.increments] * self.pieces:
            raise WrongResult(f"{self.pieces} tasks add {self.increments} each, not {results}")
        lost = self._lost()
        if not 0 <= lost < self.pieces * self.increments or (self.lock == "explicit" and lost):
            raise WrongResult(f"lock={self.lock}: {lost:g} updates are lost")
