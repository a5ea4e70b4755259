"""Additions of several types: operands and sums travel, and types differ in cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runners.model import InvalidParameter, WrongResult, at_least

SUM_TYPES: dict[str, type] = {
    "int+int": int,
    "int+float": float,
    "float+int": float,
    "float+float": float,
    "str+str": str,
    "list+list": list,
}
"""The pairs of types that can be added, and the type of their sum."""

EXACT_DIGITS = 15
"""Whole numbers of so many digits, and their halves, have no rounding error in a float."""


@dataclass(frozen=True, slots=True)
class Addition:
    """`repeat` additions in each task, of `arguments` pairs of operands for each of `types`.

    `size` counts the digits of an integer, the characters of a string, the elements of a list. A
    float, and an integer that is added to one, has `EXACT_DIGITS` digits at most.
    """

    types: Sequence[str]
    size: int
    arguments: int
    repeat: int

    def __post_init__(self) -> None:
        choice = f"choose from {', '.join(SUM_TYPES)}"
        if not isinstance(self.types, list | tuple) or not self.types:
            raise InvalidParameter(
                "types", f"must be a list such as [int+int,str+str], not {self.types!r}; {choice}"
            )
        for pair in self.types:
            if str(pair) not in SUM_TYPES:
                raise InvalidParameter("types", f"{pair} cannot be added; {choice}")
        at_least(self, 1, "size", "arguments", "repeat")

    def tasks(self) -> Sequence[tuple[Any, Any]]:
        """Both operands of each addition; neighbours are of different types."""
        return self.tasks_for(1)

    def tasks_for(self, count: int) -> Sequence[tuple[Any, Any]]:
        """More operands are objects of their own, whatever their values."""
        ks = range(self.arguments * count)
        return [self._operands(pair, k) for k in ks for pair in self.types]

    def _operands(self, pair: str, k: int) -> tuple[Any, Any]:
        left, right = pair.split("+")
        size = min(self.size, EXACT_DIGITS) if "float" in pair else self.size
        return _operand(left, size, 2 * k), _operand(right, size, 2 * k + 1)

    def __call__(self, task: tuple[Any, Any]) -> Any:
        left, right = task
        for _ in range(self.repeat):
            total = left + right
        return total

    def check(self, results: Sequence[Any]) -> None:
        """Take each sum apart again: cut a sequence in two, take one number from the other."""
        count = max(1, len(results) // (self.arguments * len(self.types)))
        tasks = self.tasks_for(count)
        if len(results) != len(tasks):
            raise WrongResult(f"{len(results)} results for {len(tasks)} additions")
        names = [*self.types] * (self.arguments * count)
        for index, (pair, (left, right), total) in enumerate(
            zip(names, tasks, results, strict=True)
        ):
            if type(total) is not SUM_TYPES[pair] or not _is_sum(total, left, right):
                raise WrongResult(f"the result of task {index}, {pair}, is not the sum")


def _operand(kind: str, size: int, k: int) -> Any:
    """The k-th operand of that type and size; neighbouring ones differ."""
    match kind:
        case "int":
            return (10**size - 1) // 9 * (k % 9 + 1)  # the same digit `size` times
        case "float":
            return _operand("int", size, k) + 0.5
        case "str":
            return chr(ord("a") + k % 26) * size
        case _:
            return list(range(k, k + size))


def _is_sum(total: Any, left: Any, right: Any) -> bool:
    if isinstance(total, str | list):
        return (total[: len(left)], total[len(left) :]) == (left, right)
    return bool(total - left == right)
