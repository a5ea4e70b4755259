"""Primes by trial division: tasks of unequal size that compute in pure Python."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from runners.model import InvalidParameter, WrongResult

PRIME_COUNTS = {
    10: 4,
    100: 25,
    1_000: 168,
    10_000: 1_229,
    30_000: 3_245,
    100_000: 9_592,
    250_000: 22_044,
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
    """The primes from `start` to `end`, in `chunks` ranges of equal width (within one number)."""

    start: int
    end: int
    chunks: int

    def __post_init__(self) -> None:
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
        is_prime = _sieve(self.end)
        for (first, last), primes in zip(tasks, results, strict=True):
            if primes != [k for k in range(max(first, 2), last + 1) if is_prime[k]]:
                raise WrongResult(f"these are not the primes from {first} to {last}")
        if self.start <= 3 and self.end in PRIME_COUNTS:
            found = sum(map(len, results)) + (self.start == 3)  # 2 lies below a start of 3
            if found != PRIME_COUNTS[self.end]:
                raise WrongResult(
                    f"{found} primes up to {self.end}, but there are {PRIME_COUNTS[self.end]}"
                )


def _sieve(end: int) -> bytearray:
    """Eratosthenes: byte k says whether k is prime, for k from 0 to `end` >= 2."""
    is_prime = bytearray(b"\0\0" + b"\1" * (end - 1))
    for k in range(2, math.isqrt(end) + 1):
        if is_prime[k]:
            is_prime[k * k :: k] = bytes(len(range(k * k, end + 1, k)))
    return is_prime
