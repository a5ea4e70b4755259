"""The calls of `workload=callable`: what its parameters say, and whether a function takes them."""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MethodType
from typing import Any

from runners.model import InvalidParameter, function_label
from runners.workloads.pickled import Call
from runners.workloads.user_code import find, is_function_of_class, owner

Task = tuple[Sequence[Any], Mapping[str, Any]]
"""The positional and the keyword arguments of one call."""
RANGE = re.compile(r"range\(\s*(-?\d+(?:\s*,\s*-?\d+){0,2})\s*\)")
FROM = "for anything else name a function that returns them, by workload.arguments_from"


def own(parameter: str, given: Any, function: str) -> Any:
    """What `given` has for that function, if it is a mapping by the names of functions.

    They are the names as in `workload.function`, or `mine.f`, or `f`. Anything else is for every
    function. Raises InvalidParameter.
    """
    if not isinstance(given, Mapping):
        return given
    label = function_label(function)
    for name in (function, label, function.rpartition(":")[2]):
        if name in given:
            return given[name]
    known = ", ".join(map(str, given))
    hint = "; the arguments of one call by their names stand in a list, as in [{a: 1}]"
    raise InvalidParameter(
        parameter,
        f"is a mapping by function, and has {known}, but not {label}; add it"
        + (hint if parameter == "arguments" else ""),
    )


def listed(arguments: Any, calls: int | None) -> Sequence[Any]:
    """One entry for each call: of a list, a range, a text that stands for one of these, or of
    `calls` equal calls. Raises InvalidParameter."""
    if arguments is None:
        arguments = [()]
    if isinstance(arguments, str):
        arguments = _read(arguments)
    if not isinstance(arguments, list | tuple | range):
        raise InvalidParameter(
            "arguments",
            "must be a list with the arguments of each call, as in [[1],[2],[3]], or a range, as "
            "in range(0,100,10)",
        )
    if calls is None:
        return arguments
    if len(arguments) != 1:
        raise InvalidParameter(
            "calls",
            f"workload.calls={calls} equal calls have the arguments of one call, and "
            f"workload.arguments has {len(arguments)}; name one, or set workload.calls=null",
        )
    return [*arguments] * calls


def _read(text: str) -> Any:
    """The list that a text stands for, as Python writes it: it can say what YAML cannot."""
    if (found := RANGE.fullmatch(text.strip())) is not None:
        try:
            return range(*map(int, found[1].split(",")))
        except ValueError as error:
            raise InvalidParameter("arguments", f"{error}; {FROM}") from None
    import ast  # slow to load, and rarely needed

    try:
        return ast.literal_eval(text.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise InvalidParameter(
            "arguments",
            "a text has to be a list as Python writes it, as in \"[b'ab', (1, 2)]\", or "
            f"range(0,100,10); {FROM}",
        ) from None


def as_tasks(entries: Iterable[Any], keywords: Mapping[str, Any]) -> list[Task]:
    """The calls of these entries: a mapping has keywords, a list has positions, anything else is a
    single argument. Raises InvalidParameter where there are none."""
    found: list[Task] = []
    for entry in entries:
        if isinstance(entry, Call):
            found.append((entry.positional, {**keywords, **entry.keywords}))
        elif isinstance(entry, Mapping):
            found.append(((), {**keywords, **entry}))
        else:
            found.append((entry if isinstance(entry, list | tuple) else (entry,), {**keywords}))
    if not found:
        raise InvalidParameter("arguments", "there are no calls; name at least one")
    return found


def check_fit(
    parameter: str, function: str, instance: Any, entries: Sequence[Any], given: Sequence[Task]
) -> None:
    """Raise InvalidParameter unless the calls fit the function, as far as it tells what it takes.

    `entries` are what the tasks in `given` were made of.
    """
    found = find("function", function)
    try:
        signature = inspect.signature(_unbound(found) if instance is not None else found)
    except (TypeError, ValueError):  # many functions written in C have none
        return
    if instance is None and is_function_of_class(function):
        _check_self(function, found, signature, given)
    seen = set()
    for index, (positional, keywords) in enumerate(given):
        shape = len(positional), *keywords
        if shape in seen:
            continue
        seen.add(shape)
        try:
            signature.bind(*positional, **keywords)
        except TypeError as error:
            raise InvalidParameter(
                parameter,
                f"call {index} does not fit {function_label(function)}{signature}: {error}"
                + _hint(entries[index]),
            ) from None


def _hint(entry: Any) -> str:
    """How to write what was meant, where an entry is one argument."""
    if isinstance(entry, list | tuple | Mapping):
        return "; an entry of [..] has the arguments of one call, and [[..]] a list as its first"
    what = "a text" if isinstance(entry, str) else "an entry without [ ]"
    return f"; {what} is one argument, and several of a call stand in a list, as in [[a,b],[c,d]]"


def _unbound(function: Any) -> Any:
    """As the function is called where an object is built for it."""
    return MethodType(function, object()) if inspect.isfunction(function) else function


def _check_self(
    function: str, found: Any, signature: inspect.Signature, given: Sequence[Task]
) -> None:
    """Raise InvalidParameter if a function of a class is called without an object of it."""
    if next(iter(signature.parameters), None) != "self":
        return
    kind = owner(function) or object
    for positional, keywords in given:
        if not isinstance(positional[0] if positional else keywords.get("self"), kind):
            raise InvalidParameter(
                "function",
                f"{function_label(function)} is a function of a class, and needs an object of it; "
                "set workload.instance=[] to have one built (with the arguments of its "
                f"constructor in [ ]), or name that of an object, as in MODULE:OBJECT."
                f"{found.__name__}",
            )
