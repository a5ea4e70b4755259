"""60 ms of work in the first call, then a look into a dictionary."""

from functools import cache


@cache
def price(n: int) -> int:
    return sum(i * i for i in range(1_000_000)) + n
