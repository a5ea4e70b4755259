"""Waiting with a time limit, for workloads whose tasks wait for each other.

Only the death of a worker can leave another one waiting, which its executor finds out. Should a
task fail in another way, those that wait for it say so instead of waiting for ever.
"""

import select
from collections.abc import Callable
from multiprocessing.connection import Connection
from queue import Empty
from threading import BrokenBarrierError
from typing import Any

PATIENCE_S = 30.0
"""How long a task waits for another one before it fails."""


def meet(barrier: Any) -> None:
    """Wait until all tasks are here. Raises TimeoutError where some do not come."""
    try:
        barrier.wait(PATIENCE_S)
    except BrokenBarrierError:
        raise TimeoutError(f"the other tasks did not come within {PATIENCE_S:g} s") from None


def taker(source: Any) -> Callable[[], Any]:
    """A function that takes the next object from a queue or a connection.

    It raises TimeoutError if nothing comes. Of several takers that see the same object come, the
    slower ones wait for the next one without a limit: the sender owes one to each of them.
    """
    if isinstance(source, Connection):
        return _limited(source, source.recv)
    # What multiprocessing makes. Its queues' own time limit more than doubles the time of a `get`,
    # and its SimpleQueue has none.
    reader = getattr(source, "_reader", None)
    if reader is not None:
        return _limited(reader, source.get)

    def take() -> Any:
        try:
            return source.get(timeout=PATIENCE_S)
        except Empty:
            raise _nothing_came() from None

    return take


def _limited(reader: Connection, take: Callable[[], Any]) -> Callable[[], Any]:
    """`take`, once there is something to read."""
    ready = select.poll()
    ready.register(reader, select.POLLIN)

    def limited() -> Any:
        if not ready.poll(PATIENCE_S * 1000):
            raise _nothing_came()
        return take()

    return limited


def _nothing_came() -> TimeoutError:
    return TimeoutError(f"nothing came from the other tasks within {PATIENCE_S:g} s")
