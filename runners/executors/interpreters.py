"""Interpreters in threads, each with its own GIL: `concurrent.futures.InterpreterPoolExecutor`."""

import concurrent.futures
import pickle
import sys
from typing import Any

from runners.executors.futures import Futures
from runners.executors.shares import Initializer
from runners.model import Unsupported

_PREPARE = """
import pickle, sys
sys.path[:] = path
initializer, initargs = pickle.loads(pickled)
if initializer is not None:
    initializer(*initargs)
"""


class Interpreters(Futures):
    """Up to `max_workers` interpreters of this process, each in a thread; one task at a time.

    Extension modules that do not support several interpreters, as numpy, cannot be used in them.
    """

    worker_kind = "interpreter"

    def __init__(
        self, max_workers: int, initializer: Initializer = None, initargs: tuple[Any, ...] = ()
    ) -> None:
        super().__init__(max_workers, initializer, initargs)
        if (reason := self.unavailable()) is not None:
            raise Unsupported(reason)

    @classmethod
    def unavailable(cls) -> str | None:
        if hasattr(concurrent.futures, "InterpreterPoolExecutor"):
            return None
        return "needs Python 3.14; this is {}.{}".format(*sys.version_info[:2])

    def make(self) -> Any:
        # A new interpreter starts with the program's original search path, on which the plugins
        # may not be found, so that the first function to run there has to be a builtin.
        pickled = pickle.dumps((self.initializer, self.initargs))
        variables = {"path": sys.path, "pickled": pickled}
        kind: Any = concurrent.futures.InterpreterPoolExecutor  # type: ignore[attr-defined]
        return kind(self.max_workers, initializer=exec, initargs=(_PREPARE, variables))
