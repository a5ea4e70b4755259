"""Functions of a user that cannot be measured as they are, each for one reason."""

import asyncio
import hashlib
import io
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

# Results without ==


class Plain:
    def __init__(self, value: int) -> None:
        self.value = value


@dataclass
class Report:
    name: str
    plain: Plain


@dataclass
class Measured:
    """Equal field by field, though not by ==."""

    mean: float
    values: Any


def digest(number: int) -> Any:
    return hashlib.sha256(bytes(number))


def tree(number: int) -> ElementTree.Element:
    return ElementTree.fromstring(f"<a><b>{number}</b></a>")


def plain(number: int) -> Plain:
    return Plain(number)


def report(number: int) -> dict[str, Any]:
    return {"reports": [Report("one", Plain(number))]}


def buffer(number: int) -> io.BytesIO:
    return io.BytesIO(bytes(number))


def measured(number: int) -> Measured:
    return Measured(float("nan"), np.arange(number))


# Arguments


def generators() -> list[Any]:
    return [([1],), ([2],), ((k for k in range(3)),)]


def maps() -> list[Any]:
    return [{"rows": map(abs, [1, 2])}]


def nested() -> list[Any]:
    return [([1, zip([1], [2], strict=True)],)]


def files() -> Iterator[Any]:
    yield (Path(__file__).open(),)  # noqa: SIM115 - it is open when it is found


def pages() -> list[Any]:
    return [(Paging(),)]


class Paging:
    """An iterator that is written in Python, and is used up for good."""

    def __init__(self) -> None:
        self.left = 3
        self.lock = threading.Lock()  # so that nobody sees by pickling it that it has changed

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return self.left


def total(rows: Any) -> int:
    return sum(1 for _ in rows)


def lambdas() -> list[Any]:
    return [(lambda: 7,), (lambda: 8,)]


def call(function: Callable[[], int]) -> int:
    return function()


# Results that cannot be sent back


def lock(_: int) -> Any:
    return threading.Lock()


def adder(number: int) -> Callable[[int], int]:
    return lambda other: number + other


def lazy(number: int) -> list[Any]:
    return [(k for k in range(number))]


class Unloadable:
    """It can be pickled, and not be loaded."""

    def __reduce__(self) -> Any:
        return _never, ()


def _never() -> None:
    raise ValueError("not to be loaded")


def unloadable(_: int) -> Any:
    return Unloadable()


def unloadables() -> list[Any]:
    return [(1,), (Unloadable(),)]


class Refusing:
    """Its own method raises when it is to be pickled."""

    def __reduce__(self) -> Any:
        raise ValueError("it stays here")


def refusing(_: int) -> Any:
    return Refusing()


async def never(_: int) -> None:
    await _never_done()


async def _never_done() -> None:
    await asyncio.get_running_loop().create_future()


# Random results

GENERATOR = random.Random(7)  # forked with its state, unlike those of the module itself
COUNT = iter(range(10**9))


def draw(_: int) -> list[float]:
    time.sleep(0.02)
    return [GENERATOR.random() for _ in range(3)]


def draw_so_many(count: int) -> list[float]:
    time.sleep(0.02)
    return [GENERATOR.random() for _ in range(count)]


def draw_globally(_: int) -> float:
    time.sleep(0.02)
    return float(np.random.random_sample())


def hits(_: int) -> int:
    """Few different results: that two are equal may be chance."""
    time.sleep(0.01)
    return sum(GENERATOR.random() < 0.5 for _ in range(2000))


def coins(_: int) -> list[str]:
    time.sleep(0.01)
    return [random.choice(["heads", "tails"]) for _ in range(2)]


def reseeded(_: int) -> float:
    time.sleep(0.02)
    return random.random()


def constant(_: int) -> float:
    time.sleep(0.01)
    return 0.12345678901234


def counted(_: int) -> int:
    time.sleep(0.01)
    return next(COUNT) + (1 << 50)


# Clients that belong to one thread, process or loop


async def elsewhere(_: int) -> None:
    loop = asyncio.new_event_loop()
    try:
        await loop.create_future()
    finally:
        loop.close()


def handled(_: int) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)


def looped(_: int) -> None:
    if threading.current_thread() is not threading.main_thread():
        asyncio.get_event_loop()


def crowded(_: int) -> list[int]:
    import multiprocessing

    if multiprocessing.parent_process() is None:
        with ThreadPool(1) as threads:
            return threads.map(abs, [1])
    with multiprocessing.Pool(1) as pool:
        return pool.map(abs, [1])
