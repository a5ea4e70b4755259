"""50,000 tasks of a microsecond."""


def op(row: list[int]) -> list[int]:
    return [x + 1 for x in row]


def calls() -> list[list[list[int]]]:
    return [[list(range(20))] for _ in range(50_000)]


def many(rows: list[list[int]]) -> list[list[int]]:
    """A thousand of the calls as one."""
    return [op(row) for row in rows]


def blocks() -> list[tuple[list[list[int]]]]:
    return [([list(range(20))] * 1000,) for _ in range(50)]
