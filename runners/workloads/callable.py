"""Any function: called once a task with given arguments, its results compared with the serial ones.

What limits it is what the function does: pure Python holds the GIL, while many functions of
extension modules release it, and so does waiting for anything.
"""

import cmath
import importlib
import inspect
import sys
from collections.abc import Callable as Function
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Literal

from runners.model import InvalidParameter, WrongResult, at_least

Task = tuple[Sequence[Any], Mapping[str, Any]]
"""The positional and the keyword arguments of one call."""


@dataclass
class Callable:
    """`function` called with each of `arguments`, `repeat` times in a row; the last result counts.

    A function is named as `package.module:name` or `path/to/file.py:name`. Each worker looks it up
    by this name, so it need not be picklable. Its arguments and results have to be, if they go to
    another process. One of `arguments` is a list of positional arguments, a mapping of keyword
    arguments, or a single argument; `arguments_from` names a function that returns an iterable of
    those (tuples stand for lists). `keywords` are added to each call. A coroutine function is its
    own coroutine form, and its plain loop awaits one call after another in one event loop;
    executors of plain functions run each call in an event loop of its own.
    """

    function: str | None
    arguments: Sequence[Any] | None
    arguments_from: str | None
    keywords: Mapping[str, Any]
    repeat: int
    compare: Literal["equal", "close", "none"]
    rtol: float
    uncompared_by: ClassVar[str] = "compare=none"

    def __post_init__(self) -> None:
        if self.function is None:
            raise InvalidParameter("function", "set workload.function=package.module:name")
        if (self.arguments is None) == (self.arguments_from is None):
            raise InvalidParameter(
                "arguments",
                "set either workload.arguments, as in '[[1],[2],[3]]' for three calls, or "
                "workload.arguments_from=package.module:name, a function that returns them",
            )
        if self.arguments is not None and not isinstance(self.arguments, list | tuple):
            raise InvalidParameter(
                "arguments", "must be a list with the arguments of each call, as in [[1],[2],[3]]"
            )
        if not isinstance(self.keywords, Mapping):
            raise InvalidParameter("keywords", "must be a mapping, as in {level: 9}")
        at_least(self, 1, "repeat")
        # A path is relative to where the program was started, not to where a worker runs.
        self.function = _absolute(self.function)
        function = _find("function", self.function)
        if self.arguments_from is not None:
            self.arguments_from = _absolute(self.arguments_from)
            _find("arguments_from", self.arguments_from)
        else:
            self._fit(function)
        if _is_coroutine(function):
            self.acall, self.only_coroutine = self._acall, True

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Import the function where the workload arrives, not within its first task."""
        self.__dict__.update(state)
        _function(self.function)

    def _fit(self, function: Any) -> None:
        """Raise InvalidParameter unless the arguments fit the signature, where there is one."""
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # many functions written in C have none
            return
        for index, (positional, keywords) in enumerate(self.tasks()):
            try:
                signature.bind(*positional, **keywords)
            except TypeError as error:
                raise InvalidParameter(
                    "arguments", f"call {index} does not fit {self.function}{signature}: {error}"
                ) from None

    def sources(self) -> list[str]:
        names = [self.function, self.arguments_from]
        return [_module_name(name) for name in names if name is not None]

    def tasks(self) -> Sequence[Task]:
        given: Iterable[Any] = self.arguments or ()
        if self.arguments_from is not None:
            given = _find("arguments_from", self.arguments_from)()
        tasks = [self._task(one) for one in given]
        if not tasks:
            raise InvalidParameter("arguments", "there are no calls; name at least one")
        return tasks

    def _task(self, one: Any) -> Task:
        if isinstance(one, Mapping):
            return (), {**self.keywords, **one}
        return (one if isinstance(one, list | tuple) else (one,)), dict(self.keywords)

    def __call__(self, task: Task) -> Any:
        if hasattr(self, "acall"):
            import asyncio  # heavy, and every worker loads this module

            return asyncio.run(self._acall(task))
        positional, keywords = task
        function = _function(self.function)
        for _ in range(self.repeat):
            result = function(*positional, **keywords)
        return result

    async def _acall(self, task: Task) -> Any:
        positional, keywords = task
        function = _function(self.function)
        for _ in range(self.repeat):
            result = await function(*positional, **keywords)
        return result

    def check(self, results: Sequence[Any]) -> None:
        """Only the number is known beforehand; `same` compares with the results of the loop."""
        for result in results:
            if isinstance(result, Iterator) or inspect.iscoroutine(result):
                raise WrongResult(
                    f"{self.function} returns a {type(result).__name__}, which has done no work "
                    "yet; name a function that returns what comes of it, as list(...) does"
                )
        if self.arguments is not None and len(results) != len(self.arguments):
            raise WrongResult(f"{len(results)} results for {len(self.arguments)} calls")

    @property
    def compared(self) -> bool:
        return self.compare != "none"

    def same(self, one: Any, other: Any) -> bool:
        return agree(one, other, self.rtol if self.compare == "close" else 0.0)


def agree(one: Any, other: Any, rtol: float) -> bool:
    """Whether both are equal, numbers within a relative tolerance; NaN equals NaN.

    Looks into lists, tuples and mappings; arrays and frames of numpy and pandas are compared whole.
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(agree(one[k], other[k], rtol) for k in one)
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(
            agree(a, b, rtol) for a, b in zip(one, other, strict=True)
        )
    if hasattr(one, "__array__") and hasattr(other, "__array__"):
        return _arrays_agree(one, other, rtol)
    if isinstance(one, float | complex) or isinstance(other, float | complex):
        if one != one and other != other:
            return True
        try:
            return bool(one == other) or cmath.isclose(one, other, rel_tol=rtol)
        except TypeError:  # one of them is not a number
            return False
    return bool(one == other)


def _arrays_agree(one: Any, other: Any, rtol: float) -> bool:
    numpy = importlib.import_module("numpy")  # loaded already by whoever made the arrays
    if type(one) is not type(other) or not _labels_agree(one, other):
        return False
    a, b = numpy.asarray(one), numpy.asarray(other)
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
        return False
    if a.dtype.kind == "O":
        return all(x is y or agree(x, y, rtol) for x, y in zip(a.flat, b.flat, strict=True))
    if a.dtype.kind not in "fc":
        return bool(((a == b) | ((a != a) & (b != b))).all())  # NaT is not equal to itself
    return bool(numpy.allclose(a, b, rtol=rtol, atol=0.0, equal_nan=True))


def _labels_agree(one: Any, other: Any) -> bool:
    """Whether frames and series of pandas have the same index and columns."""
    for axis in ("index", "columns"):
        same = getattr(getattr(one, axis, None), "equals", None)
        if same is not None and not same(getattr(other, axis, None)):
            return False
    return True


# From a name to a function


def _is_coroutine(function: Any) -> bool:
    """Whether calling it, a function or an object, gives a coroutine."""
    call = getattr(function, "__call__", None)  # noqa: B004 - it is the method that is looked at
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


@cache
def _function(name: str) -> Function[..., Any]:
    found: Function[..., Any] = _find("function", name)
    return found


def _find(parameter: str, name: str) -> Any:
    """The object of that name. Raises InvalidParameter, saying what is missing and the remedy."""
    place, colon, attribute = name.rpartition(":")
    if not (place and colon and attribute):
        raise InvalidParameter(
            parameter, "must be of the form package.module:name or path/to/file.py:name"
        )
    module = _import(parameter, place, _module_name(name))
    try:
        found = attrgetter(attribute)(module)
    except AttributeError:
        import difflib

        near = difflib.get_close_matches(attribute, dir(module), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InvalidParameter(parameter, f"{place} has no {attribute}{hint}") from None
    if not callable(found):
        raise InvalidParameter(
            parameter, f"{name} is not a function but of type {type(found).__name__}"
        )
    return found


def _import(parameter: str, place: str, module: str) -> Any:
    if place.endswith(".py"):
        path = Path(place)
        if not path.is_file():
            raise InvalidParameter(parameter, f"there is no file {place}")
        # As an ordinary module of its folder, so that what it defines can be pickled.
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
    try:
        found = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # a script that is not guarded ends in sys.exit
        raise InvalidParameter(
            parameter,
            f"module {module} cannot be imported ({type(error).__name__}: {error}); is it "
            "installed, or in the current folder?",
        ) from None
    file = getattr(found, "__file__", None)
    if place.endswith(".py") and not (file and Path(file).samefile(place)):
        raise InvalidParameter(
            parameter, f"there is another module {module} already; give {place} another name"
        )
    return found


def _module_name(name: str) -> str:
    place = name.rpartition(":")[0]
    return Path(place).stem if place.endswith(".py") else place


def _absolute(name: str) -> str:
    place, _, attribute = name.rpartition(":")
    return f"{Path(place).resolve()}:{attribute}" if place.endswith(".py") else name
