"""What is said of tasks that cannot be run again, or cannot be sent to a worker, and of errors."""

import pickle
from collections.abc import Sequence
from typing import Any

from runners.child.parts import Place, find, is_used_up, kind_of, unpicklable
from runners.child.worker import NotInstalled
from runners.model import Naming, Sharing, Workload

PICKLABLE = (
    "what travels to another process and back has to be picklable: plain data, and functions and "
    "classes at the top level of a module; or use threads"
)
_OF_PICKLING = ("pickle", "local object", "shareable", "Could not serialize", "through inheritance")
"""What errors say whose cause is that something cannot be pickled."""


def unrepeatable(workload: Workload, tasks: Sequence[Any]) -> str | None:
    """Why the tasks cannot be run more than once; None if they can."""
    found = find(tasks, is_used_up)
    return None if found is None else used_up(workload, *found)


def used_up(workload: Workload, place: Place, value: Any) -> str:
    """That a part of the tasks is used up by one run."""
    return f"{name_of(workload, place)} is {kind_of(value)}, which one run uses up; return lists"


def unsendable(workload: Workload, tasks: Sequence[Any]) -> str | None:
    """Why the tasks cannot be sent to another process; None if they can."""
    found = unpicklable(tasks)
    return None if found is None else _unsendable(workload, *found)


def _unsendable(workload: Workload, place: Place, value: Any, problem: str) -> str:
    name = name_of(workload, place)
    return f"{name} is {kind_of(value)}, which cannot be sent ({problem}); {PICKLABLE}"


def name_of(workload: Workload, place: Place) -> str:
    """What a part of the tasks is called, by the workload itself if it is `Naming`."""
    if not place:
        return "the list of tasks"
    index, *steps = place
    if isinstance(workload, Naming):
        return workload.part_name(index, steps)
    return f"task {index}{''.join(f'[{step!r}]' for step in steps)}"


def unpicklable_in(
    error: Exception, workload: Workload | None = None, tasks: Sequence[Any] = ()
) -> str | None:
    """What an executor's error says of arguments or results that cannot travel; None of others.

    With the workload and its tasks it is known which of them it is.
    """
    told = said_by(error)
    about = isinstance(error, pickle.PickleError) or any(words in told for words in _OF_PICKLING)
    if not about or isinstance(error, NotInstalled):
        return None
    found = None if workload is None else unpicklable(tasks)
    if workload is not None and found is not None and found[2] in told:
        return _unsendable(workload, *found)
    told = f"{type(error).__name__}: {cut(told, 200)}"
    if workload is not None and found is None and not isinstance(workload, Sharing):
        told = f"a result cannot be sent back: {told}"
    return f"{told}; {PICKLABLE}"


def said_by(error: Exception) -> str:
    """What it says, in one line. `multiprocessing.Pool` quotes all results beside the reason."""
    quotes = type(error).__name__ == "MaybeEncodingError"
    return " ".join(str(error.args[0] if quotes else error).split())


def cut(text: str, size: int) -> str:
    """The text, without its middle if it is longer than that."""
    return text if len(text) <= size else f"{text[: size // 2 - 3]} ... {text[-size // 2 + 2 :]}"
