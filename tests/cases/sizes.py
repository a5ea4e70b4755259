"""Plain computing, in tasks of different sizes."""


def scan(n: int) -> int:
    total = 0
    for i in range(n):
        total += i & 7
    return total


def alternating() -> list[tuple[int]]:
    return [(600_000,), (20_000,)] * 6


def ascending() -> list[tuple[int]]:
    return [(k * 8_000,) for k in range(1, 33)]


def long_last() -> list[tuple[int]]:
    return [(100_000,)] * 20 + [(800_000,)]


def long_first() -> list[tuple[int]]:
    return long_last()[::-1]


def one_huge() -> list[tuple[int]]:
    return [(2_000_000,)] + [(50_000,)] * 8


def one_huge_cut() -> list[tuple[int]]:
    """The huge one in twenty pieces."""
    return [(100_000,)] * 20 + [(50_000,)] * 8
