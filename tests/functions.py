"""Functions of a user, for `workload=callable`."""

import asyncio
import math
import multiprocessing
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Pair:
    left: int
    right: int


def add(left: int, right: int = 1, *, scale: int = 1) -> int:
    return (left + right) * scale


def pairs() -> Iterator[tuple[Pair]]:
    return ((Pair(k, k + 1),) for k in range(3))


def calls(number: int, each: int = 3) -> list[int]:
    return [each * number + k for k in range(3)]


def numbers(count: int, first: int = 0) -> Iterator[int]:
    yield from range(first, first + count)


def texts() -> list[str]:
    return ["ab", "cd"]


def word() -> str:
    return "ab"


def single() -> int:
    return 3


def swap_two(left: int, right: int) -> tuple[int, int]:
    return right, left


def swap(pair: Pair) -> Pair:
    return Pair(pair.right, pair.left)


def nothing() -> list[Any]:
    return []


def noise(_: int) -> float:
    return random.SystemRandom().random()


def lock(_: int) -> Any:
    return threading.Lock()


def locks() -> list[Any]:
    return [(threading.Lock(),)] * 2


def held(one: Any) -> bool:
    return bool(one.locked())


double = lambda number: 2 * number  # noqa: E731 - a lambda is what is to be tried


async def nap(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


def roots(count: int) -> Any:
    return {"roots": np.sqrt(np.arange(count)), "names": ("a", math.nan)}


constant = 3


def smallest(numbers: list[int]) -> int:
    numbers.sort()
    return numbers[0]


@cache
def remembered(number: int) -> int:
    return sum(k * k for k in range(100_000)) + number


def upwards(count: int) -> Iterator[int]:
    yield from range(count)


def unless_optimised(_: int) -> None:
    """What only an interpreter does that was started with -O: it passes over assertions."""
    assert False, "not optimised"  # noqa: B011, PT015 - what is to be tried


def listen(_: int) -> None:
    """Twice on the same port, of which the second finds it busy."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_server(server.getsockname())


def touch(megabytes: int, place: str) -> int:
    """Have that much memory for a while: each page of it is written to.

    Four workers have it at the same time, each of which leaves a file in the folder.
    """
    block = bytearray(megabytes << 20)
    block[::4096] = b"\1" * len(block[::4096])
    if multiprocessing.parent_process() is not None:
        Path(place, str(os.getpid())).touch()
        until_s = time.monotonic() + 20
        while len(list(Path(place).iterdir())) < 4 and time.monotonic() < until_s:
            time.sleep(0.01)
    time.sleep(0.5)  # that is seen
    return megabytes
