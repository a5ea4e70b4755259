"""Many short tasks that compute in Python."""


def spin(n: int) -> int:
    while n:
        n -= 1
    return n


def calls() -> list[tuple[int]]:
    return [(100_000,)] * 200
