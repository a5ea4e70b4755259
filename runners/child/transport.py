"""What it takes to send tasks to another process and results back, tried outside the clock."""

import pickle
import time
from collections.abc import Sequence
from multiprocessing import Pipe
from threading import Thread
from typing import Any, NamedTuple

MOST_VALUES = 32
MOST_S = 0.1
"""So many values are tried at most, and no further one after this time."""


class Freight(NamedTuple):
    """What one of the values weighs, pickled, and what sending all of them takes: the mean of a
    sample, and that times their number."""

    each_bytes: float
    all_s: float


def weighed(values: Sequence[Any]) -> Freight | None:
    """Pickle, send through a pipe and unpickle some of them; None if they cannot be pickled.

    One after the other, as between two processes of which each waits for the other one. Values that
    share an object carry it each time, as they do in messages of their own.
    """
    step = max(1, len(values) // MOST_VALUES)
    sample = values[::step]
    receiver, sender = Pipe(duplex=False)
    sizes: list[int] = []
    began_s = time.perf_counter()
    with receiver, sender:
        for value in sample:
            try:
                data = pickle.dumps(value)
            except Exception:
                return None
            reader = Thread(target=_receive, args=(receiver,))
            reader.start()
            sender.send_bytes(data)
            reader.join()
            sizes.append(len(data))
            if time.perf_counter() - began_s > MOST_S:
                break
    if not sizes:
        return None
    taken_s = time.perf_counter() - began_s
    return Freight(sum(sizes) / len(sizes), taken_s / len(sizes) * len(values))


def _receive(receiver: Any) -> None:
    try:
        pickle.loads(receiver.recv_bytes())
    except Exception:  # it may be pickled and still not be loaded: that is told by the run itself
        pass
