"""Looks into tasks and results for the part that is at fault: which one it is, and of what kind."""

import dataclasses
import io
import itertools
import pickle
import re
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from runners.model import in_one_line

Place = tuple[Any, ...]
"""The indices, keys and names of attributes that lead to a part, outermost first."""

_PLAIN = {int, float, complex, bool, str, bytes, type(None)}
_ENDLESS = (itertools.count, itertools.cycle, itertools.repeat)


CANNOT = (Exception, SystemExit)
"""What is raised where something cannot be pickled or loaded: methods of the user's may do so."""


def pickled(value: Any) -> bytes | None:
    """Tasks or results, pickled; None if they cannot be."""
    try:
        return pickle.dumps(value)
    except CANNOT:
        return None


def kind_of(value: Any) -> str:
    """What a value is, as in a sentence: "a generator", "an open file", "a lambda"."""
    name = type_name(type(value))
    if isinstance(value, io.IOBase):
        name = "open file"
    elif isinstance(value, types.FunctionType) and value.__name__ == "<lambda>":
        name = "lambda"
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def type_name(kind: type) -> str:
    """The name of a type, with its module unless it is a builtin."""
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"


def parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """What a list, tuple, set, mapping or dataclass holds, each with its index, key or name."""
    found: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        found = () if set(map(type, value.values())) <= _PLAIN else value.items()
    elif isinstance(value, list | tuple | deque | Set):
        # A million numbers are passed over at once: this is asked of all tasks.
        found = () if set(map(type, value)) <= _PLAIN else enumerate(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        found = ((name, getattr(value, name)) for name in names if hasattr(value, name))
    yield from found


def find(value: Any, wanted: Callable[[Any], bool]) -> tuple[Place, Any] | None:
    """The first part of `value`, itself included, that is wanted; None if there is none."""
    return _find(value, wanted, (), frozenset())


def _find(
    value: Any, wanted: Callable[[Any], bool], place: Place, above: frozenset[int]
) -> tuple[Place, Any] | None:
    if wanted(value):
        return place, value
    if id(value) not in above:  # else it holds itself
        for step, part in parts(value):
            found = _find(part, wanted, (*place, step), above | {id(value)})
            if found is not None:
                return found
    return None


# Arguments that a run uses up


def is_used_up(value: Any) -> bool:
    """Whether one run uses it up, and leaves nothing to the next: a generator, a map, an open file.

    An iterator whose class is written in Python may begin anew each time, and what a file in memory
    has lost is seen after the run (`judge.changed`).
    """
    kind = type(value)
    if isinstance(value, types.CoroutineType):
        return True
    if isinstance(value, _ENDLESS) or hasattr(kind, "getvalue") or hasattr(kind, "execute"):
        return False
    if isinstance(value, io.IOBase):
        return not value.closed and value.readable()
    step = getattr(kind, "__next__", None) or getattr(kind, "__anext__", None)
    return step is not None and not isinstance(step, types.FunctionType)


def is_iterator(value: Any) -> bool:
    """Whether it is an iterator of any kind, which a run may have used up."""
    return hasattr(value, "__next__") or hasattr(value, "__anext__") or is_used_up(value)


# What cannot be pickled


def unpicklable(value: Any) -> tuple[Place, Any, str] | None:
    """The innermost part that cannot be pickled, with what pickle says; None if all can be."""
    return _innermost(value, _problem)


def unloadable(value: Any) -> tuple[Place, Any, str] | None:
    """The innermost part that cannot be loaded again, with what is said then; None if all can."""
    return _innermost(value, _problem_of_loading)


def _innermost(
    value: Any, problem_of: Callable[[Any], str | None]
) -> tuple[Place, Any, str] | None:
    problem = problem_of(value)
    if problem is None:
        return None
    place: Place = ()
    for _ in range(_DEEPEST):
        for step, part in parts(value):
            if (inner := problem_of(part)) is not None:
                value, problem, place = part, inner, (*place, step)
                break
        else:
            break
    return place, value, problem


_DEEPEST = 100
"""Deeper than this no part is looked for: it holds itself."""


def _problem(value: Any) -> str | None:
    try:
        pickle.dumps(value)
    except CANNOT as error:
        return without_address(" ".join(str(error).split())) or type(error).__name__
    return None


def _problem_of_loading(value: Any) -> str | None:
    data = pickled(value)
    try:
        if data is not None:
            pickle.loads(data)
    except CANNOT as error:
        return in_one_line(error)
    return None


def without_address(text: str) -> str:
    """What an error says of an object, as it says it of another one like it: from 3.15 on it tells
    where in memory that is."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


# What cannot be compared


def without_equality(one: Any, other: Any) -> type | None:
    """The type of the first part in which they differ, if it has no == of its own; else None.

    Then they differ because they are two objects, whatever is in them.
    """
    seen: set[int] = set()
    while True:
        if type(one) is not type(other) or id(one) in seen:
            return None
        seen.add(id(one))
        own: object = type(one).__eq__
        if own is object.__eq__ and not _is_found_by_name(one):
            return type(one)
        pair = next((pair for pair in _pairs(one, other) if not _equal(*pair)), None)
        if pair is None:
            return None
        one, other = pair


def _equal(one: Any, other: Any) -> bool:
    if one is other:
        return True
    try:
        return bool(one == other) or bool(one != one and other != other)
    except Exception:  # arrays, say, have no one answer to that
        if isinstance(one, list | tuple | Mapping) or dataclasses.is_dataclass(one):
            return False  # it is the parts that are asked then
        data = pickled(one)
        return data is not None and data == pickled(other)


def _is_found_by_name(value: Any) -> bool:
    """Whether it arrives as the same object, as functions, classes and members of an enum do."""
    try:
        return pickle.loads(pickle.dumps(value)) is value
    except Exception:
        return False


def _pairs(one: Any, other: Any) -> Iterable[tuple[Any, Any]]:
    """The parts of two values of one type that belong together."""
    if isinstance(one, Mapping):
        if one.keys() == other.keys():
            return ((one[key], other[key]) for key in one)
        return zip(one, other, strict=False)
    if isinstance(one, Set):
        return zip(one - other, other - one, strict=False)
    return zip(_inside(one), _inside(other), strict=False)


def _inside(value: Any) -> Sequence[Any]:
    if isinstance(value, list | tuple | deque):
        return list(value)
    if hasattr(value, "tolist"):  # an array
        inside = value.tolist()
        return inside if isinstance(inside, list) else ()
    if dataclasses.is_dataclass(value):
        return [part for _, part in parts(value)]
    # What an object with an == of its own consists of, but for one that has its own way to compare,
    # as frames have.
    return list(vars(value).values()) if _says_yes_or_no(value) else ()


def _says_yes_or_no(value: Any) -> bool:
    try:
        return hasattr(value, "__dict__") and isinstance(value.__eq__(value), bool)
    except Exception:
        return False
