"""Primes by trial division: tasks of unequal size in pure Python, which holds the GIL, if any."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runners.model import InvalidParameter, WrongResult

PRIME_COUNTS = {
    10: 4,
    100: 25,
    1_000: 168,
    10_000: 1_229,
    20_000: 2_262,
    30_000: 3_245,
    100_000: 9_592,
    200_000: 17_984,
    1_000_000: 78_498,
}
"""The prime-counting function: how many primes there are up to a number, 2 included."""


def find_primes(end: int, start: int = 3) -> list[int]:
    """The primes from `start` to `end`, both included, in ascending order."""
    primes = []
    for number in range(max(start, 2), end + 1):
        for divisor in range(2, math.isqrt(number) + 1):
            if number % divisor == 0:
                break
        else:
            primes.append(number)
    return primes


@dataclass(frozen=True, slots=True)
class Primes:
    """The primes from `start` to `end`, in `chunks` ranges of equal width (within one number).

    With `ranges`, pairs of first and last number, each of these is a task instead.
    """

    start: int
    end: int
    chunks: int
    ranges: Sequence[Sequence[int]] | None = None

    def __post_init__(self) -> None:
        if self.ranges is not None:
            _check_ranges(self.ranges)
            return
        lowest = max(self.start, 2)
        if self.end < lowest:
            raise InvalidParameter(
                "end",
                f"there are no primes between {self.start} and {self.end}; "
                f"choose an end of at least {lowest}",
            )
        numbers = self.end - self.start + 1
        if not 1 <= self.chunks <= numbers:
            raise InvalidParameter(
                "chunks",
                f"{numbers} numbers cannot be cut into {self.chunks} ranges; "
                f"choose from 1 to {numbers}",
            )

    def tasks(self) -> Sequence[tuple[int, int]]:
        """First and last number of each range."""
        if self.ranges is not None:
            return [(first, last) for first, last in self.ranges]
        numbers = self.end - self.start + 1
        edges = [self.start + numbers * k // self.chunks for k in range(self.chunks + 1)]
        return [(edges[k], edges[k + 1] - 1) for k in range(self.chunks)]

    def __call__(self, task: tuple[int, int]) -> list[int]:
        first, last = task
        return find_primes(last, first)

    def check(self, results: Sequence[list[int]]) -> None:
        """Compare with a sieve, and with the published number of primes where one is known."""
        tasks = self.tasks()
        if len(results) != len(tasks):
            raise WrongResult(f"{len(results)} results for {len(tasks)} ranges")
        is_prime = _sieve(max(last for _, last in tasks))
        for (first, last), primes in zip(tasks, results, strict=True):
            if primes != [k for k in range(max(first, 2), last + 1) if is_prime[k]]:
                raise WrongResult(f"these are not the primes from {first} to {last}")
        if self.ranges is None:
            _check_count(self.start, self.end, sum(map(len, results)))
        else:
            for (first, last), primes in zip(tasks, results, strict=True):
                _check_count(first, last, len(primes))


def _check_ranges(ranges: Any) -> None:
    pairs = ranges if isinstance(ranges, list | tuple) else []
    fitting = [
        pair
        for pair in pairs
        if isinstance(pair, list | tuple)
        and [type(number) for number in pair] == [int, int]
        and max(pair[0], 2) <= pair[1]
    ]
    if not pairs or len(fitting) < len(pairs):
        raise InvalidParameter(
            "ranges",
            f"must be pairs of first and last number such as [[3,100],[101,200]], not {ranges}",
        )


def _check_count(first: int, last: int, found: int) -> None:
    """Raise `WrongResult` if the number of primes is known and another one."""
    below = {2: 0, 3: 1}.get(max(first, 2), PRIME_COUNTS.get(first - 1))
    upto = PRIME_COUNTS.get(last)
    if below is not None and upto is not None and found != upto - below:
        raise WrongResult(f"{found} primes from {first} to {last}, but there are {upto - below}")


def _sieve(end: int) -> bytearray:
    """Eratosthenes: byte k says whether k is prime, for k from 0 to `end` >= 2."""
    is_prime = bytearray(b"\0\0" + b"\1" * (end - 1))
    for k in range(2, math.isqrt(end) + 1):
        if is_prime[k]:
            is_prime[k * k :: k] = bytes(len(range(k * k, end + 1, k)))
    return is_prime
