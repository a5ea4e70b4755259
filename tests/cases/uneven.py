"""A few inputs are pathological, and they come last."""


def scan(n: int) -> int:
    t = 0
    for i in range(n):
        t += i & 7
    return t


def calls() -> list[tuple[int]]:
    return [(20_000,)] * 58 + [(800_000,)] * 6
