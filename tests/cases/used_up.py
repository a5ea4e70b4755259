"""Arguments that can be read once: the first run uses them up."""

from collections.abc import Iterator


def total(numbers: Iterator[int]) -> int:
    return sum(numbers)


def calls() -> list[tuple[Iterator[int]]]:
    return [((k * k for k in range(100_000)),) for _ in range(4)]
