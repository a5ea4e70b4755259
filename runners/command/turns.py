"""Jobs of one sweep that are on one machine, and may use the same CPUs, measure one at a time."""

import fcntl
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runners.door import REQUESTS, Interrupted
from runners.results.regular import open_regular

TURN = ".turn."
"""In a sweep's folder, how the file is called in which the CPUs of a machine are locked."""
LOOK_S = 0.2


@contextmanager
def turn(sweep: Path) -> Iterator[None]:
    """Have the CPUs that this process may use, as soon as no other job of that sweep has them.

    Byte N of the machine's file stands for CPU N: a lock on it ends with its process, and those of
    jobs whose CPUs are others do not meet. All take them in the same order, so that two never wait
    for each other. Where the file system has no locks, nobody waits.
    """
    sweep.mkdir(parents=True, exist_ok=True)
    host = re.sub(r"[^\w.-]", "_", socket.gethostname())
    file = open_regular(sweep / f"{TURN}{host}", os.O_RDWR | os.O_CREAT)
    try:
        for cpu in _cpus():
            _lock(file, cpu)
        yield
    finally:
        os.close(file)  # which gives all of them back


def _lock(file: int, cpu: int) -> None:
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, cpu)
            return
        except (BlockingIOError, PermissionError):  # as POSIX has it: either may come
            if REQUESTS.pending is not None:
                raise Interrupted(REQUESTS.pending) from None
            time.sleep(LOOK_S)
        except OSError:
            return


def _cpus() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return [0]  # nobody can be held to some of them
