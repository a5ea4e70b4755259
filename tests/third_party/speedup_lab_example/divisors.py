"""How many divisors numbers have."""

from collections.abc import Sequence
from dataclasses import dataclass

from runners.model import InvalidParameter, WrongResult


@dataclass(frozen=True, slots=True)
class Divisors:
    """Each task counts the divisors of one number; together they have a closed form."""

    end: int

    def __post_init__(self) -> None:
        if self.end < 1:
            raise InvalidParameter("end", f"must be at least 1, not {self.end}")

    def tasks(self) -> Sequence[int]:
        return range(1, self.end + 1)

    def __call__(self, task: int) -> int:
        return sum(1 for k in range(1, task + 1) if task % k == 0)

    def check(self, results: Sequence[int]) -> None:
        # k divides end // k of the numbers up to end.
        if len(results) != self.end or any(type(result) is not int for result in results):
            raise WrongResult("not one count for each number")
        if sum(results) != sum(self.end // k for k in range(1, self.end + 1)):
            raise WrongResult("these are not the numbers of divisors")

    def metrics(self, results: Sequence[int]) -> dict[str, float]:
        return {"divisors": float(sum(results))}
