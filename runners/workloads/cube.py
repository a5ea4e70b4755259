"""Cubes of a few numbers: tasks so short that all the time goes into handing them out."""

from collections.abc import Sequence
from dataclasses import dataclass

from runners.model import InvalidParameter, WrongResult


@dataclass(frozen=True, slots=True)
class Cube:
    """The cube of each of `numbers`."""

    numbers: Sequence[int]

    def __post_init__(self) -> None:
        fitting = isinstance(self.numbers, list | tuple) and len(self.numbers) > 0
        if not fitting or any(type(number) is not int for number in self.numbers):
            raise InvalidParameter(
                "numbers", f"must be a list of whole numbers such as [1,2,3], not {self.numbers!r}"
            )

    def tasks(self) -> Sequence[int]:
        return list(self.numbers)

    def __call__(self, task: int) -> int:
        return task**3

    def check(self, results: Sequence[int]) -> None:
        cubes = [number * number * number for number in self.numbers]
        if list(results) != cubes:
            raise WrongResult(f"the cubes are {cubes}, not {results}")
