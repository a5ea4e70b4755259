"""A list of half a million numbers from every call."""

from array import array


def expand(k: int) -> list[int]:
    return [i * k for i in range(500_000)]


def expand_packed(k: int) -> array[int]:
    """The same as bytes: one object to pickle instead of half a million."""
    return array("q", [i * k for i in range(500_000)])


def total(k: int) -> int:
    """Only what is asked of them."""
    return sum(expand(k))
