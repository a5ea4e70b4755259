"""Any function: called once a task with given arguments, its results compared with the serial ones.

What limits it is what the function does: pure Python holds the GIL, while many functions of
extension modules release it, and so does waiting for anything.
"""

import cmath
import dataclasses
import importlib
import inspect
import sys
from collections.abc import Callable as Function
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from runners.model import Flag, InvalidParameter, Workers, WrongResult, at_least
from runners.workloads.pickled import Call, is_pickled, modules_of
from runners.workloads.user_code import absolute, find, module_name

Task = tuple[Sequence[Any], Mapping[str, Any]]
"""The positional and the keyword arguments of one call."""


@dataclass
class Callable:
    """`function` called with each of `arguments`, `repeat` times in a row; the last result counts.

    A function is named as `package.module:name` or `path/to/file.py:name`. Each worker looks it up
    by this name, so it need not be picklable. Its arguments and results have to be, if they go to
    another process. One of `arguments` is a list of positional arguments, a mapping of keyword
    arguments, or a single argument; `arguments_from` names a function that returns an iterable of
    those (tuples stand for lists); with `arguments_per_round` it is called with the number of the
    round, each of which has other arguments. `keywords` are added to each call. A coroutine
    function is its own coroutine form, and its plain loop awaits one call after another in one
    event loop; executors of plain functions run each call in an event loop of its own.
    """

    function: str | None
    arguments: Sequence[Any] | None
    arguments_from: str | None
    keywords: Mapping[str, Any]
    repeat: int
    compare: Literal["equal", "close", "none"]
    rtol: float
    arguments_per_round: bool = False
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
        self.function = absolute(self.function)
        function = find("function", self.function)
        if self.arguments_from is not None:
            self.arguments_from = absolute(self.arguments_from)
            self._fit_number(find("arguments_from", self.arguments_from))
        else:
            if self.arguments_per_round:
                raise InvalidParameter(
                    "arguments_per_round",
                    "set workload.arguments_from=package.module:name, a function that returns the "
                    "arguments of the round whose number it is given",
                )
            self._fit(function)
        if self.arguments_per_round:
            self.tasks_of = self._tasks_of
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

    def _fit_number(self, make: Any) -> None:
        """Raise InvalidParameter unless `arguments_from` takes what it is to be called with."""
        try:
            signature = inspect.signature(make)
        except (TypeError, ValueError):
            return
        given = (0,) if self.arguments_per_round else ()
        try:
            signature.bind(*given)
        except TypeError:
            if self.arguments_per_round:
                raise InvalidParameter(
                    "arguments_per_round",
                    f"{self.arguments_from} cannot be called with the number of the round alone; "
                    "let it take one argument, as in def calls(number)",
                ) from None
            raise InvalidParameter(
                "arguments_from",
                f"{self.arguments_from} cannot be called without arguments; give them defaults, or "
                "set workload.arguments_per_round=true if it takes the number of the round",
            ) from None

    def sources(self) -> list[str]:
        names = [name for name in (self.function, self.arguments_from) if name is not None]
        return [
            module
            for name in names
            for module in (modules_of(name) if is_pickled(name) else [module_name(name)])
        ]

    def part_name(self, task: int, steps: Sequence[Any]) -> str:
        """Arguments by their number or keyword: the steps are those into a `Task`."""
        kind = "arguments" if self.arguments_from is None else "arguments_from"
        inner = "".join(f"[{step!r}]" for step in steps[2:])
        which = f"argument {steps[1]}{inner} of " if len(steps) > 1 else ""
        return f"workload.{kind}: {which}call {task}"

    def cautions(self, workers: Workers, start_method: str | None) -> Sequence[Flag]:
        """What the user's own file does at import, and what it is that processes have of it."""
        from runners.workloads import cautions as about  # not in the measuring process

        given = [name for name in (self.function, self.arguments_from) if name is not None]
        names = [name for name in given if not is_pickled(name)]
        files = dict.fromkeys(filter(None, map(about.own_file, names)))
        for file in files:
            about.check_names(file)
        found = [Flag("unguarded", told) for told in map(about.unguarded, files) if told]
        by_name = bool(names) and names[0] == self.function
        if by_name and workers == "process" and start_method is not None:
            if told := about.by_name(names[0]):
                found.append(Flag("by_name", told))
            module = sys.modules[module_name(names[0])]
            if start_method == "fork" and (held := about.open_connections(module)):
                found.append(Flag("shared_connection", ", ".join(held)))
        return found

    def tasks(self) -> Sequence[Task]:
        if self.arguments_per_round:
            return self._tasks_of(0)
        if self.arguments_from is not None:
            return self._tasks(find("arguments_from", self.arguments_from)())
        return self._tasks(self.arguments or ())

    def _tasks_of(self, number: int) -> Sequence[Task]:
        """The form of `Renewing`, with `arguments_per_round`."""
        assert self.arguments_from is not None
        return self._tasks(find("arguments_from", self.arguments_from)(number))

    def _tasks(self, given: Iterable[Any]) -> Sequence[Task]:
        tasks = [self._task(one) for one in given]
        if not tasks:
            raise InvalidParameter("arguments", "there are no calls; name at least one")
        return tasks

    def _task(self, one: Any) -> Task:
        if isinstance(one, Call):
            return one.positional, {**self.keywords, **one.keywords}
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
            is_lazy = isinstance(result, Iterator) and not hasattr(result, "read")
            if is_lazy or inspect.iscoroutine(result):
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

    Looks into lists, tuples, mappings and dataclasses; arrays and frames of numpy and pandas are
    compared whole.
    """
    if one is other:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(agree(one[k], other[k], rtol) for k in one)
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(
            agree(a, b, rtol) for a, b in zip(one, other, strict=True)
        )
    if dataclasses.is_dataclass(one) and type(one) is type(other) is not type:
        return _dataclasses_agree(one, other, rtol)
    if hasattr(one, "__array__") and hasattr(other, "__array__"):
        return _arrays_agree(one, other, rtol)
    if isinstance(one, float | complex) or isinstance(other, float | complex):
        if one != one and other != other:
            return True
        try:
            return bool(one == other) or cmath.isclose(one, other, rel_tol=rtol)
        except TypeError:  # one of them is not a number
            return False
    return bool(one == other) or bool(one != one and other != other)  # NaN of other types, NaT


def _dataclasses_agree(one: Any, other: Any, rtol: float) -> bool:
    try:
        if one == other:
            return True
    except Exception:  # arrays in it have no one answer to that
        pass
    names = [field.name for field in dataclasses.fields(one) if field.compare]
    return bool(names) and all(
        agree(getattr(one, name), getattr(other, name), rtol) for name in names
    )


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


def _is_coroutine(function: Any) -> bool:
    """Whether calling it, a function or an object, gives a coroutine."""
    call = getattr(function, "__call__", None)  # noqa: B004 - it is the method that is looked at
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


@cache
def _function(name: str) -> Function[..., Any]:
    found: Function[..., Any] = find("function", name)
    return found
