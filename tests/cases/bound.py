"""What cannot travel to another process: a method of an object with a lock, and local functions."""

import threading
from collections.abc import Callable


class Client:
    def __init__(self) -> None:
        self.lock = threading.Lock()

    def run(self, n: int) -> int:
        return sum(i * i for i in range(n))


CLIENT = Client()


def run(n: int) -> int:
    """By name, at the top of a module, it travels."""
    return CLIENT.run(n)


def scaled(k: int) -> Callable[[int], int]:
    return lambda n: sum(i * k for i in range(n))


local = scaled(3)


def calls() -> list[tuple[Callable[[], int]]]:
    return [(lambda: 100_000,) for _ in range(8)]


def apply(function: Callable[[], int]) -> int:
    return sum(range(function()))
