"""Errors whose remedy is known, as their libraries say them."""

import asyncio
import sqlite3
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runners.child.faults import untravelled
from runners.child.remedies import REMEDIES, remedied


def by_another_thread() -> None:
    connection = sqlite3.connect(":memory:")
    try:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(connection.execute, "select 1").result()
    finally:
        connection.close()


def by_a_running_loop() -> None:
    async def outer() -> None:
        later = asyncio.sleep(0)
        try:
            asyncio.run(later)
        finally:
            later.close()

    asyncio.run(outer())


def by_two_threads() -> None:
    entered, leave = threading.Event(), threading.Event()

    def numbers() -> Any:
        entered.set()
        leave.wait()
        yield 1

    shared = numbers()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(next, shared)
        entered.wait()
        try:
            next(shared)
        finally:
            leave.set()


def twice() -> None:
    async def outer() -> None:
        later = asyncio.sleep(0)
        await later
        await later

    asyncio.run(outer())


@pytest.mark.parametrize(
    ("action", "remedy"),
    [
        (by_another_thread, "open a connection in each worker (workload.initializer)"),
        (by_a_running_loop, "name the coroutine function itself"),
        (by_two_threads, "a generator serves one thread: make one in each task"),
        (twice, "pass what makes the coroutine, and await it anew"),
    ],
)
def test_what_python_says_is_known(action: Callable[[], None], remedy: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what the test is about
        action()
    told = remedied("".join(traceback.format_exception(caught.value)))
    assert told is not None
    [line] = told.splitlines()
    assert line.startswith(f"{type(caught.value).__module__}.".removeprefix("builtins."))
    assert line.endswith(f"; {remedy}")


def test_other_errors_keep_their_traceback() -> None:
    assert remedied("Traceback:\n  no running event loop in this line of code\nKeyError: 1") is None
    assert len({says for says, _ in REMEDIES}) == len(REMEDIES)


def test_a_long_error_is_cut() -> None:
    told = remedied(f"RuntimeError: no running event loop {'x' * 5000}")
    assert told is not None
    assert len(told) < 500


def test_the_last_line_of_a_workers_traceback_is_what_was_wrong() -> None:
    error = TypeError("Could not\nTraceback (most recent call last):\nTypeError: cannot pickle 'x'")
    assert untravelled(error).startswith("TypeError: TypeError: cannot pickle 'x'; what travels")
