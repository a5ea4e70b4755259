"""What is said of tasks that cannot be run again, or cannot be sent to a worker, and of errors."""

import pickle
import traceback
from collections.abc import Sequence
from typing import Any

from runners.child.parts import (
    CANNOT,
    Place,
    find,
    is_used_up,
    kind_of,
    unloadable,
    unpicklable,
    without_address,
)
from runners.child.worker import NotInstalled
from runners.model import Naming, Workload, in_one_line

PICKLABLE = (
    "what travels to another process and back has to be picklable: plain data, and functions and "
    "classes at the top level of a module; or use threads"
)
RELOADABLE = "see to __reduce__ or __setstate__ of its class, or use threads"
_OF_PICKLING = ("pickle", "local object", "cross-interpreter", "through inheritance")
"""What errors say whose cause is that something cannot be pickled."""
_WHERE_PICKLED = ("pickle", "Pickler", "_sendback_result", "un-serialize")
"""What their tracebacks say."""


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


def unreceivable(workload: Workload, tasks: Sequence[Any], data: bytes) -> str | None:
    """Why a worker could not load the tasks, which are pickled as `data`; None if it can."""
    try:
        pickle.loads(data)
    except CANNOT as error:
        place, value, problem = unloadable(tasks) or ((), tasks, in_one_line(error))
        return (
            f"{name_of(workload, place)} is {kind_of(value)}, which can be pickled, but not be "
            f"loaded again ({problem}); {RELOADABLE}"
        )
    return None


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


def is_of_pickling(error: BaseException) -> bool:
    """Whether an executor's error is that arguments or results cannot travel."""
    if isinstance(error, NotInstalled):
        return False
    told = said_by(error)
    return (
        isinstance(error, pickle.PickleError)
        or _quotes(error)
        or any(words in told for words in _OF_PICKLING)
    )


def may_be_of_pickling(error: BaseException) -> bool:
    """Whether it came up where something was pickled or loaded, here or in the worker.

    What a method of the user's raises there can be anything.
    """
    told = "".join(traceback.format_exception(error))
    return is_of_pickling(error) or any(words in told for words in _WHERE_PICKLED)


def untravelled(error: BaseException) -> str:
    """Such an error in one line, with the remedy, where no more is known."""
    kind = "" if _quotes(error) else f"{type(error).__name__}: "
    return f"{kind}{cut(said_by(error), 200)}; {PICKLABLE}"


def at_fault(
    error: BaseException, workload: Workload, tasks: Sequence[Any], results: Sequence[Any]
) -> str | None:
    """Such an error as that of an argument or a result that can be named; None if none can.

    `results` are some of those that the tasks return.
    """
    told = without_address(said_by(error))
    # Interpreters do not say what it was.
    anything = "cross-interpreter" in told
    if (found := unpicklable(tasks)) is not None and (anything or found[2] in told):
        return _unsendable(workload, *found)
    if (found := unpicklable(results)) is not None and (anything or found[2] in told):
        kind, problem = kind_of(found[1]), found[2]
        return f"a result is {kind}, which cannot be sent back ({problem}); {PICKLABLE}"
    if (found := unloadable(results)) is not None:
        kind, problem = kind_of(found[1]), found[2]
        return (
            f"a result is {kind}, which can be pickled, but not be loaded again ({problem}); "
            f"{RELOADABLE}"
        )
    return None


def said_by(error: BaseException) -> str:
    """What it says, in one line."""
    if _quotes(error):
        return str(error.args[0]).strip("'\"").replace("\\'", "'")
    text = str(error)
    if "Traceback" in text:  # of the worker: its last line says what was wrong
        text = text.splitlines()[-1]
    return " ".join(text.split())


def _quotes(error: BaseException) -> bool:
    """Whether it is the one of `multiprocessing.Pool` that quotes the reason, and all results."""
    return type(error).__name__ == "MaybeEncodingError"


def cut(text: str, size: int) -> str:
    """The text, without its middle if it is longer than that."""
    return text if len(text) <= size else f"{text[: size // 2 - 3]} ... {text[-size // 2 + 2 :]}"
