"""Any function: called once a task with given arguments, its results compared with the serial ones.

What limits it is what the function does: pure Python holds the GIL, while many functions of
extension modules release it, and so does waiting for anything.
"""

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from runners.model import Flag, InvalidParameter, Workers, WrongResult, at_least, function_label
from runners.workloads.agreeing import agree
from runners.workloads.calls import Task, as_tasks, check_fit, listed, own
from runners.workloads.pickled import is_pickled, modules_of, no_calls
from runners.workloads.user_code import absolute, call, find, is_function_of_class, module_name

NAMES = ("function", "arguments_from", "initializer", "setup")
"""The parameters that name a function of the user's."""


@dataclass
class Callable:
    """`function` called with each of `arguments`, `repeat` times in a row; the last result counts.

    A function is named as `package.module:name` or `path/to/file.py:name`. Each worker looks it up
    by this name, so it need not be picklable. Its arguments and results have to be, if they go to
    another process. One of `arguments` is a list of positional arguments, a mapping of keyword
    arguments, or a single argument; `calls` makes so many equal calls of one. A text stands for a
    range or for what Python writes (`calls.listed`). `arguments_from` names a function that returns
    an iterable of those (tuples stand for lists), called with `arguments_keywords`; with
    `arguments_per_round` it is called with the number of the round, each of which has other
    arguments. Both may be mappings by the name of the function, for a sweep over functions.
    `keywords` are added to each call. A coroutine function is its own coroutine form, and its plain
    loop awaits one call after another in one event loop; executors of plain functions run each call
    in an event loop of its own.

    With `instance` the function is one of a class: an object of it is built with these arguments,
    once in each process. `setup` runs once in each measuring process, before anything else of the
    user's is asked for; if it is a generator function, the rest of it runs at the end.
    `initializer` runs with `initargs` once in each worker before its first task.
    """

    function: str | None
    arguments: Sequence[Any] | Mapping[str, Any] | str | None
    arguments_from: str | Mapping[str, str] | None
    keywords: Mapping[str, Any] | None
    repeat: int
    compare: Literal["equal", "close", "none"]
    rtol: float
    arguments_per_round: bool = False
    arguments_keywords: Mapping[str, Any] | None = None
    calls: int | None = None
    instance: Sequence[Any] | Mapping[str, Any] | None = None
    initializer: str | None = None
    initargs: Sequence[Any] = ()
    initializer_timed: bool = False
    setup: str | None = None
    uncompared_by: ClassVar[str] = "compare=none"

    def __post_init__(self) -> None:
        if self.function is None:
            raise InvalidParameter("function", "set workload.function=package.module:name")
        self.arguments = own("arguments", self.arguments, self.function)
        self.arguments_from = own("arguments_from", self.arguments_from, self.function)
        if self.calls is not None and self.arguments_from is not None:
            raise InvalidParameter(
                "calls",
                "makes equal calls of one of workload.arguments; let the function that "
                "workload.arguments_from names return as many, or set workload.calls=null",
            )
        if (self.arguments is None and self.calls is None) == (self.arguments_from is None):
            raise InvalidParameter(
                "arguments",
                "set either workload.arguments, as in '[[1],[2],[3]]' for three calls, or "
                "workload.arguments_from=package.module:name, a function that returns them",
            )
        for name in ("keywords", "arguments_keywords"):
            if not isinstance(getattr(self, name) or {}, Mapping):
                raise InvalidParameter(name, "must be a mapping, as in {level: 9}")
        at_least(self, 1, "repeat")
        at_least(self, 1, "calls", or_null=True)
        for name in NAMES:
            if (given := getattr(self, name)) is not None:
                # A path is relative to where the program was started, not to where a worker runs.
                setattr(self, name, absolute(given))
                find(name, getattr(self, name))
        self._check_instance()
        if self.arguments_from is not None:
            self._check_arguments_from()
        else:
            if self.arguments_per_round:
                raise InvalidParameter(
                    "arguments_per_round",
                    "set workload.arguments_from=package.module:name, a function that returns the "
                    "arguments of the round whose number it is given",
                )
            if self.arguments_keywords:
                raise InvalidParameter(
                    "arguments_keywords",
                    "are those of the function that workload.arguments_from names; for keywords of "
                    "each call set workload.keywords",
                )
            self.arguments = listed(self.arguments, self.calls)
            self.tasks()
        self._check_workers()
        self.built: Any = None
        self.is_set_up = False
        if self.initializer is not None:
            self.initialize = self._initialize
        if self.arguments_per_round:
            self.tasks_of = self._tasks_of
        if _is_coroutine(find("function", self.function)):
            self.acall, self.only_coroutine = self._acall, True

    def _check_instance(self) -> None:
        if self.instance is None or self.function is None:
            return
        if not is_function_of_class(self.function):
            raise InvalidParameter(
                "instance",
                f"{function_label(self.function)} is no function that takes an object of its "
                "class; leave workload.instance=null",
            )
        kind = self.function.rpartition(".")[0]
        if (problem := _misfit("function", kind, *_arguments(self.instance))) is not None:
            raise InvalidParameter("instance", f"does not fit {problem}")

    def _check_arguments_from(self) -> None:
        """Raise InvalidParameter unless `arguments_from` takes what it is to be called with."""
        assert isinstance(self.arguments_from, str)
        keywords = self.arguments_keywords or {}
        number = [0] if self.arguments_per_round else []
        if (problem := _misfit("arguments_from", self.arguments_from, number, keywords)) is None:
            return
        if keywords:
            raise InvalidParameter("arguments_keywords", f"do not fit {problem}")
        if self.arguments_per_round:
            raise InvalidParameter(
                "arguments_per_round",
                f"{self.arguments_from} cannot be called with the number of the round alone; "
                "let it take one argument, as in def calls(number)",
            )
        raise InvalidParameter(
            "arguments_from",
            f"{self.arguments_from} cannot be called without arguments; give them defaults, set "
            "workload.arguments_keywords={name: value}, or workload.arguments_per_round=true if it "
            "takes the number of the round",
        )

    def _check_workers(self) -> None:
        """Raise InvalidParameter unless `setup` and `initializer` can be called as they will be."""
        if self.setup is not None:
            if (problem := _misfit("setup", self.setup, [], {})) is not None:
                raise InvalidParameter("setup", f"it is called without arguments: {problem}")
            if _is_coroutine(find("setup", self.setup)):
                raise InvalidParameter("setup", "is a coroutine function; name a plain one")
        if self.initializer is None:
            if self.initargs:
                raise InvalidParameter(
                    "initargs", "are those of workload.initializer; name it, or leave them out"
                )
            return
        if _is_coroutine(find("initializer", self.initializer)):
            raise InvalidParameter(
                "initializer",
                "is a coroutine function, and workers call it before there is an event loop; name "
                "a plain one, or await it in the first call of your function",
            )
        if (problem := _misfit("initializer", self.initializer, self.initargs, {})) is not None:
            raise InvalidParameter("initargs", f"do not fit {problem}")

    # What happens in the measuring process and in its workers, in this order

    def __getstate__(self) -> dict[str, Any]:
        own = ("built", "open", "is_set_up")  # of the process that it is in
        return {name: part for name, part in self.__dict__.items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Import the functions where the workload arrives, not within its first task."""
        self.__dict__.update(state)
        self.built, self.is_set_up = None, False
        find("function", self.function or "")
        if self.setup is None:
            self._called()

    def __enter__(self) -> Self:
        self.open = ExitStack()
        if self.setup is not None:
            begin = find("setup", self.setup)
            what = "it is called once in each measuring process, before anything is timed; mend it"
            if inspect.isgeneratorfunction(inspect.unwrap(begin)):
                begin = contextmanager(inspect.unwrap(begin))
                call("setup", self.setup, what, self.open.enter_context, begin())
            else:
                call("setup", self.setup, what, begin)
            self.is_set_up = True
        self._called()
        return self

    def __exit__(self, *error: Any) -> None:
        self.open.close()

    def _initialize(self) -> None:
        """The form of `Initializing`, with `initializer`."""
        assert self.initializer is not None
        given = f", with workload.initargs={[*self.initargs]}" if self.initargs else ""
        what = f"each worker calls it before its first task{given}; mend it"
        function = find("initializer", self.initializer)
        call("initializer", self.initializer, what, function, *self.initargs)

    def _called(self) -> Any:
        """What a task calls: the function, or that of the object that is built for it."""
        if self.built is None:
            assert self.function is not None
            self.built = find("function", self.function)
            if self.instance is not None:
                name, _, method = self.function.rpartition(".")
                positional, keywords = _arguments(self.instance)
                what = f"{function_label(name)} is called once in each process; give it others"
                make, given = find("function", name), str(self.instance)
                made = call("instance", given, what, make, *positional, **keywords)
                self.built = getattr(made, method)
        return self.built

    def sources(self) -> list[str]:
        return [
            module
            for name in self._names()
            for module in (modules_of(name) if is_pickled(name) else [module_name(name)])
        ]

    def _names(self) -> list[str]:
        given = (getattr(self, name) for name in NAMES)
        return [name for name in given if name is not None]

    def part_name(self, task: int, steps: Sequence[Any]) -> str:
        """Arguments by their number or keyword: the steps are those into a `Task`."""
        kind = "arguments" if self.arguments_from is None else "arguments_from"
        inner = "".join(f"[{step!r}]" for step in steps[2:])
        which = f"argument {steps[1]}{inner} of " if len(steps) > 1 else ""
        return f"workload.{kind}: {which}call {task}"

    def cautions(self, workers: Workers, start_method: str | None) -> Sequence[Flag]:
        """What the user's own file does at import, and what it is that processes have of it."""
        from runners.workloads import cautions as about  # not in the measuring process

        names = [name for name in self._names() if not is_pickled(name)]
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
        if self.arguments_from is None:
            return self._tasks("arguments", listed(self.arguments, None))
        return self._made()

    def _tasks_of(self, number: int) -> Sequence[Task]:
        """The form of `Renewing`, with `arguments_per_round`."""
        return self._made(number)

    def _made(self, *number: int) -> Sequence[Task]:
        """The tasks of what `arguments_from` returns."""
        assert isinstance(self.arguments_from, str)
        make = find("arguments_from", self.arguments_from)
        given, what = ("arguments_from", self.arguments_from), "it makes the arguments; mend it"
        made = call(*given, what, make, *number, **(self.arguments_keywords or {}))
        if (problem := no_calls(made)) is not None:
            raise InvalidParameter("arguments_from", f"{self.arguments_from} returns {problem}")
        return self._tasks("arguments_from", call(*given, what, list, made))

    def _tasks(self, parameter: str, entries: Sequence[Any]) -> Sequence[Task]:
        assert self.function is not None
        found = as_tasks(entries, self.keywords or {})
        check_fit(parameter, self.function, self.instance, entries, found)
        return found

    def __call__(self, task: Task) -> Any:
        if hasattr(self, "acall"):
            import asyncio  # heavy, and every worker loads this module

            return asyncio.run(self._acall(task))
        positional, keywords = task
        function = self.built or self._called()
        try:
            for _ in range(self.repeat):
                result = function(*positional, **keywords)
        except Exception as error:
            self._note(error)
            raise
        return result

    async def _acall(self, task: Task) -> Any:
        positional, keywords = task
        function = self.built or self._called()
        try:
            for _ in range(self.repeat):
                result = await function(*positional, **keywords)
        except Exception as error:
            self._note(error)
            raise
        return result

    def _note(self, error: Exception) -> None:
        """Add to an error what may be behind it: this worker knows nothing of `setup`."""
        if self.setup is not None and not self.is_set_up:
            error.add_note(
                f"workload.setup={self.setup} was called in the measuring process, and this worker "
                "does not share its memory: name the function as workload.initializer, or use "
                "threads or executor.start_method=fork"
            )

    def check(self, results: Sequence[Any]) -> None:
        """Only the number is known beforehand; `same` compares with the results of the loop."""
        called = function_label(self.function or "")
        for result in results:
            is_lazy = isinstance(result, Iterator) and not hasattr(result, "read")
            if is_lazy or inspect.iscoroutine(result):
                raise WrongResult(
                    f"{called} returns a {type(result).__name__}, which has done no work yet; name "
                    "a function that returns what comes of it, as list(...) does"
                )
        if self.arguments is not None and len(results) != len(self.arguments):
            raise WrongResult(f"{len(results)} results for {len(self.arguments)} calls")

    @property
    def compared(self) -> bool:
        return self.compare != "none"

    def same(self, one: Any, other: Any) -> bool:
        return agree(one, other, self.rtol if self.compare == "close" else 0.0)


def _is_coroutine(function: Any) -> bool:
    """Whether calling it, a function or an object, gives a coroutine."""
    call = getattr(function, "__call__", None)  # noqa: B004 - it is the method that is looked at
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _arguments(entry: Sequence[Any] | Mapping[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """What stands for the arguments of one call."""
    return ([], entry) if isinstance(entry, Mapping) else (entry, {})


def _misfit(
    parameter: str, name: str, positional: Sequence[Any], keywords: Mapping[str, Any]
) -> str | None:
    """What a function takes, and why not these arguments; None if it may take them."""
    try:
        signature = inspect.signature(find(parameter, name))
    except (TypeError, ValueError):  # many functions written in C have none
        return None
    try:
        signature.bind(*positional, **keywords)
    except TypeError as error:
        return f"{function_label(name)}{signature}: {error}"
    return None
