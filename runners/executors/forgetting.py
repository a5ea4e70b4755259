"""Two beginners' mistakes, as a parameter: `start()` or `join()` forgotten."""

from collections.abc import Sequence
from typing import Any, Literal

from runners.model import Incomplete

Forget = Literal["none", "start", "join"]
"""`start`: workers are made and never started. `join`: `map` does not wait for their results."""


def never_started(worker: Any, results: Sequence[Any]) -> Incomplete:
    """The error for the missing ones of `results`, with what `join()` says of such a worker."""
    said = "nothing"
    try:
        worker.join()
    except Exception as error:  # threads and processes say it by different ones
        said = str(error)
    return Incomplete(
        f"{results.count(None)} of {len(results)} results never came: start() was forgotten; "
        f"join() said: {said}"
    )
