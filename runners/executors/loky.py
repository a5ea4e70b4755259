"""A pool of processes that start afresh: `loky.ProcessPoolExecutor`."""

import os
from typing import Any

from runners.executors.futures import Futures
from runners.executors.shares import Initializer
from runners.model import Unsupported

try:
    import loky
except ImportError:
    loky = None

FEEDER_S = 1.0
"""How long to wait for a thread that may be writing to a pipe that nobody reads any more."""


SAFE = "PYTHONSAFEPATH"


def _begin(ours: bool, initializer: Initializer, initargs: tuple[Any, ...]) -> None:
    if ours:  # it is not meant for the programs that tasks start
        del os.environ[SAFE]
    if initializer is not None:
        initializer(*initargs)


class Loky(Futures):
    """Up to `max_workers` processes that fetch chunks of `chunksize` tasks as they get free.

    It is an executor of its own, not the reusable one that loky shares over a whole program.
    """

    worker_kind = "process"

    def __init__(
        self,
        max_workers: int,
        chunksize: int = 1,
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(max_workers, initializer, initargs, chunksize)
        if (reason := self.unavailable()) is not None:
            raise Unsupported(reason)

    @classmethod
    def unavailable(cls) -> str | None:
        return None if loky else "needs the package loky; python -m pip install loky"

    def make(self) -> Any:
        # Its workers are started by -m: a json.py in the working folder would be their json.
        safe = {} if SAFE in os.environ else {SAFE: "1"}
        return loky.ProcessPoolExecutor(
            self.max_workers,
            initializer=_begin,
            initargs=(bool(safe), self.initializer, self.initargs),
            env=safe,
        )

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        feeder = self.pool._call_queue._thread
        self.pool.shutdown(wait=True, kill_workers=kind is not None)
        if feeder is not None:  # loky tells its thread to end, but does not wait for it
            feeder.join(FEEDER_S)
