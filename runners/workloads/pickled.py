"""Objects of a Python program that have no name of their own, for workers: in a file.

`runners.api` writes such a file, called DIGEST, for as long as it measures. What is in it is called
`pickled:LABEL-DIGEST` in the configuration, which says what it is, and not where; in a workload,
`pickled:FOLDER/LABEL-DIGEST`.
"""

import pickle
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from runners.model import InvalidParameter, UsageError, in_one_line

PREFIX = "pickled:"


class Call(NamedTuple):
    """The arguments of one call."""

    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]


class Given:
    """Calls that are the same in each round.

    `members` is the file, beside its own, of classes that they are made of and no module has.
    """

    members: str | None = None

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = calls

    def __call__(self) -> Sequence[Call]:
        return _with_members(self.calls, self.members)


class Made:
    """The calls of a round, made by a function, which may take the number of the round."""

    members: str | None = None

    def __init__(
        self, make: Callable[..., Iterable[Any]], numbered: bool, keywords: Mapping[str, Any]
    ) -> None:
        self.make = make
        self.numbered = numbered
        self.keywords = keywords

    def __call__(self, number: int) -> Sequence[Call]:
        made = self.make(number) if self.numbered else self.make()
        if (problem := no_calls(made)) is not None:
            name = getattr(self.make, "__name__", type(self.make).__name__)
            raise UsageError(f"arguments: {name} returns {problem}")
        return _with_members([call(one, self.keywords) for one in made], self.members)


def no_calls(made: Any) -> str | None:
    """What is wrong with that as a list of calls, as the end of a sentence; None if it is one."""
    if isinstance(made, Iterable) and not isinstance(made, str | bytes | Mapping):
        return None
    return (
        f"a {type(made).__name__}; let it return or yield one entry for each call: a list or tuple "
        "of its arguments, a mapping of keywords, or a single argument"
    )


def cached(function: Callable[..., Any], parameters: Mapping[str, Any]) -> Any:
    """The function with a cache of its own, as `functools.lru_cache` makes one."""
    return lru_cache(**parameters)(function)


class Positional(tuple[Any, ...]):
    """Arguments of classes that no module has: where they arrive, these are made known first.

    A worker may get its tasks before it gets the workload.
    """

    members: str

    def __reduce__(self) -> Any:
        return _arrived, (_Members(self.members), tuple(self))


class _Members:
    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> Any:
        return _known, (self.name,)


def _known(name: str) -> str:
    load("arguments", name)
    return name


def _arrived(members: str, arguments: tuple[Any, ...]) -> Positional:
    found = Positional(arguments)
    found.members = members
    return found


def _with_members(calls: Sequence[Call], members: str | None) -> Sequence[Call]:
    if members is None:
        return calls
    return [Call(_arrived(members, positional), keywords) for positional, keywords in calls]


def call(one: Any, keywords: Mapping[str, Any]) -> Call:
    """What a tuple, a mapping of keywords, or a single argument stands for."""
    if isinstance(one, Mapping):
        return Call((), {**keywords, **one})
    # A named one is rather a record.
    return Call(one if type(one) is tuple else (one,), keywords)


class Live(NamedTuple):
    """An object that this process has, where it is called what, and the modules that it needs."""

    value: Any
    path: Path
    modules: tuple[str, ...]


_live: dict[str, Live] = {}


def keep(name: str, live: Live) -> None:
    """Let a name stand for an object of this process."""
    _live[name] = live


def forget(name: str) -> None:
    _live.pop(name, None)


def is_pickled(name: str) -> bool:
    return name.startswith(PREFIX)


def label(name: str) -> str:
    """What its user calls it."""
    return Path(name.removeprefix(PREFIX)).name.rpartition("-")[0]


def with_path(name: str) -> str:
    """The name as other processes can find it. Raises InvalidParameter where this has no such."""
    if name not in _live:
        raise InvalidParameter(
            "function",
            f"{name} stands for an object of a Python program, which alone can measure it; name a "
            "function, as package.module:name or path/to/file.py:name",
        )
    return f"{PREFIX}{_live[name].path}"


def _of(name: str) -> Live | None:
    """What this process has of that name, with a path or without."""
    return _live.get(PREFIX + Path(name.removeprefix(PREFIX)).name)


def modules_of(name: str) -> Sequence[str]:
    live = _of(name)
    return () if live is None else live.modules


def load(parameter: str, name: str) -> Any:
    """The object itself, if it is this process's, or a copy.

    Its file holds it with all classes and functions that go by the value and not by name; their
    modules, `__main__` for one, are given them, so that what is made of them can be pickled here.
    Raises InvalidParameter.
    """
    if (live := _of(name)) is not None:
        return live.value
    path = Path(name.removeprefix(PREFIX))
    label, _, digest = path.name.rpartition("-")
    try:
        return _copies(path.with_name(digest))[label]
    except Exception as error:
        raise InvalidParameter(
            parameter, f"{label} cannot be loaded here ({in_one_line(error)})"
        ) from error


@cache
def _copies(path: Path) -> Mapping[str, Any]:
    """By label: of a file once, for what is in it may share its variables."""
    values: Mapping[str, Any]
    values, members = pickle.loads(path.read_bytes())
    for (module, attribute), member in members.items():
        place = sys.modules.setdefault(module, ModuleType(module))
        if not hasattr(place, attribute):
            setattr(place, attribute, member)
    for value in values.values():
        if isinstance(value, Given | Made) and value.members is not None:
            value.members = f"{PREFIX}{path.parent / value.members}"
    return values
