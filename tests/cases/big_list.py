"""A list of half a million numbers from every call."""


def expand(k: int) -> list[int]:
    return [i * k for i in range(500_000)]


def total(k: int) -> int:
    """Only what is asked of them."""
    return sum(expand(k))
