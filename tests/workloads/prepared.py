"""Functions that need something made ready first, for `workload=callable`."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

here = threading.local()
table: dict[int, int] | None = None


class Connection:
    """As that of a database: of the thread that has opened it, and of no other."""

    def __init__(self) -> None:
        self.own = os.getpid(), threading.get_ident()

    def ask(self, number: int) -> int:
        assert (os.getpid(), threading.get_ident()) == self.own, "opened by another worker"
        return number + 1


def connect(log: str) -> None:
    """A connection for each thread, noted in a file."""
    here.connection = Connection()
    with open(log, "a") as file:
        file.write(f"{os.getpid()} {threading.get_native_id()}\n")


def ask(number: int) -> Any:
    return here.connection.ask(number)


async def ask_later(number: int) -> Any:
    await asyncio.sleep(0)
    return ask(number)


def refuse(log: str) -> None:
    """The first one is refused, and never another."""
    if not Path(log).exists():
        Path(log).touch()
        raise OSError("no more connections")
    connect(log)


def leave() -> None:
    raise SystemExit(3)


async def later() -> None: ...


def load() -> None:
    global table
    table = {k: k * k for k in range(3)}


def loaded() -> Iterator[None]:
    global table
    table = {k: k * k for k in range(3)}
    yield
    table = None


def lose() -> None:
    raise KeyError("file")


def look(number: int) -> int:
    assert table is not None, "no table"
    return table[number]


def keys() -> list[int]:
    return list(table or ())


class Counter:
    built = 0

    def __init__(self, factor: int = 1) -> None:
        if factor < 0:
            raise ValueError("a factor below 0")
        Counter.built += 1
        self.factor = factor

    def count(self, text: str) -> int:
        return self.factor * len(text)

    @staticmethod
    def size(text: str) -> int:
        return len(text)


COUNTER = Counter(3)
