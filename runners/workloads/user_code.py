"""From the name of a function to the function: the user's own module, imported as it expects."""

import contextlib
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from runners.door import Interrupted, Staying
from runners.model import (
    Absent,
    InvalidParameter,
    UsageError,
    did_you_mean,
    in_one_line,
    unreadable,
)
from runners.workloads import pickled

OWN = f"{Path(__file__).parents[1]}{os.sep}"
"""The folder of this program, which has frames in the traces of a user's errors."""

GUARD = 'if __name__ == "__main__":'


def find(parameter: str, name: str) -> Any:
    """The function of that name, `package.module:name` or `path/to/file.py:name`.

    One without such a name is in a file (`pickled`). Raises InvalidParameter, saying what is
    missing and the remedy.
    """
    if pickled.is_pickled(name):
        return pickled.load(parameter, name)
    place, colon, attribute = name.rpartition(":")
    if (problem := _misnamed(name, place, colon, attribute)) is not None:
        raise InvalidParameter(parameter, problem)
    module = _import(parameter, place, module_name(name))
    try:
        found = attrgetter(attribute)(module)
    except AttributeError:
        near = did_you_mean(attribute, dir(module))
        raise Absent(parameter, f"{place} has no {attribute}{near}") from None
    if not callable(found):
        raise InvalidParameter(
            parameter, f"{name} is not a function but of type {type(found).__name__}"
        )
    return found


def _misnamed(name: str, place: str, colon: str, attribute: str) -> str | None:
    """What is wrong with a name that cannot be a function's; None if it can be one."""
    form = "must be of the form package.module:name or path/to/file.py:name"
    if name.startswith("lambda"):
        return f"{form}; a lambda has no name: put a function into a file"
    if not colon and name.endswith(".py"):
        return f"{form}; write {name}:NAME, with the name of the function in it"
    if not colon and "." in name:
        return f"{form}; write {':'.join(name.rsplit('.', 1))}"
    if not (place and colon and attribute):
        return form
    if place.endswith(".ipynb"):
        return f"{form}; of a notebook, measure it there: from runners import speedup"
    if not place.endswith(".py") and not all(part.isidentifier() for part in place.split(".")):
        return f"{form}; {place} is neither a module nor a .py file"
    return None


def owner(name: str) -> type | None:
    """The class whose function that name is; None if it is no function of a class."""
    module = sys.modules.get(module_name(name))
    holder, _, _ = name.rpartition(":")[2].rpartition(".")
    found = attrgetter(holder)(module) if holder and module is not None else None
    return found if isinstance(found, type) else None


def is_function_of_class(name: str) -> bool:
    """Whether it is a plain function of a class, which takes an object of it first."""
    kind = owner(name)
    if kind is None:
        return False
    return inspect.isroutine(found := inspect.getattr_static(kind, name.rpartition(".")[2])) and (
        not isinstance(found, staticmethod | classmethod)
    )


def call(
    parameter: str, value: str, what: str, function: Any, *arguments: Any, **keywords: Any
) -> Any:
    """What the user's own function returns. Raises UsageError, saying where it failed.

    `value` is that of the parameter, and `what` says when it is called. A request to stop goes
    through.
    """
    try:
        return function(*arguments, **keywords)
    except (Interrupted, UsageError):
        raise
    except BaseException as error:  # also SystemExit: it would end this process silently
        name = f"workload.{parameter}={value}"
        if pickled.is_pickled(value):
            name = f"{parameter.removesuffix('_from')}: {pickled.label(value)}"
        raise UsageError(f"{name} raises {told(error)}; {what}") from error


def told(error: BaseException) -> str:
    """An error in one line, with the place where it was raised."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(OWN)  # one of ours has only called it
    ]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{in_one_line(error)}{where}"


def module_name(name: str) -> str:
    place = name.rpartition(":")[0]
    return Path(place).stem if place.endswith(".py") else place


def absolute(name: str) -> str:
    """The name with the full path of its file."""
    if pickled.is_pickled(name):
        return pickled.with_path(name)
    place, _, attribute = name.rpartition(":")
    return f"{Path(place).resolve()}:{attribute}" if place.endswith(".py") else name


def _import(parameter: str, place: str, module: str) -> ModuleType:
    if place.endswith(".py"):
        path = Path(place)
        if not path.is_file():
            slashes = "; folders are told apart by /" if "\\" in place else ""
            raise Absent(parameter, f"there is no file {place}{slashes}")
        # As an ordinary module of its folder, so that what it defines can be pickled; after the
        # library's, so that no `json.py` beside it is taken for that.
        if (folder := str(path.parent)) not in sys.path:
            working = str(Path.cwd())
            sys.path.insert(
                sys.path.index(working) if working in sys.path else len(sys.path), folder
            )
    try:
        with contextlib.nullcontext() if module in sys.modules else _by_itself(place):
            found = importlib.import_module(module)
    except Interrupted:
        raise
    except BaseException as error:
        kind = Absent if _is_missing(module, error) else InvalidParameter
        raise kind(parameter, _why_not(module, error)) from None
    file = getattr(found, "__file__", None)
    if place.endswith(".py") and not (file and Path(file).samefile(place)):
        other = f" ({file})" if file else ""
        raise InvalidParameter(
            parameter,
            f"there is another module {module} already{other}; give {place} another name",
        )
    return found


@contextlib.contextmanager
def _by_itself(place: str) -> Iterator[None]:
    """As a script by itself: our arguments are not its own, and what it prints is not ours."""
    argv, stdin = sys.argv, sys.stdin
    sys.argv, sys.stdin = [place], _nowhere("r")
    try:
        with contextlib.redirect_stdout(_nowhere("w")), Staying():
            yield
    finally:
        sys.argv, sys.stdin = argv, stdin


@cache
def _nowhere(mode: str) -> IO[str]:
    """Stays open to the end: a module may keep what it found as its output."""
    return open(os.open(os.devnull, os.O_RDWR), mode, closefd=False)


def _is_missing(module: str, error: BaseException) -> bool:
    """Whether it is that module itself that is not there, or the package that it would be in."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return missing is not None and f"{module}.".startswith(f"{missing}.")


def _why_not(module: str, error: BaseException) -> str:
    """Why a module cannot be imported, and the remedy."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == module:
            line = trace.tb_lineno
        trace = trace.tb_next
    what = f"module {module} cannot be imported"
    if (problem := unreadable(error)) is not None:
        return f"{what}: {problem}"
    if isinstance(error, ImportError):
        return f"{what} ({in_one_line(error)}); is it installed, or in the current folder?"
    if line is None:
        return f"{what} ({in_one_line(error)}); mend it"
    return (
        f"{what}: line {line} raises {in_one_line(error)}; mend it, or put what only a script does "
        f"under {GUARD}"
    )
