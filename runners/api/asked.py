"""From the arguments of `speedup` to the overrides that the command line would have."""

import inspect
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from runners.api.objects import Objects, label_of, name_of
from runners.command.arguments import as_override, as_value
from runners.model import THIS, UsageError, printable
from runners.workloads.pickled import Given, Made, call

INTERPRETER = "another interpreter", "leave python='this'"
VERSION = "another version of the code", "leave out versus"
"""Who cannot have this program's objects, and how to do without."""
Others = tuple[str, str]

KEY = re.compile(r"\+{0,2}(workload|executor|measure|sweep)\.[\w.]+")
MOST_PLAIN = 1000
"""So many calls at most have arguments that are written out, for others."""


class Asked(NamedTuple):
    """The objects that the caller has passed."""

    function: Any
    arguments: Any
    keywords: Any
    setup: Any
    initializer: Any
    initargs: Iterable[Any]
    name: str | None


def others(python: Any, versus: Any) -> Others | None:
    """Who else measures than this interpreter with the code that is here; None if nobody does."""
    for one in python if is_several(python) else [python]:
        if isinstance(one, bool) or not isinstance(one, str | os.PathLike | int | float):
            raise UsageError(f"python={_short(one)}: name a version ('3.14'), a path, or {THIS!r}")
        if str(one) != THIS:
            return INTERPRETER
    return VERSION if versus is not None else None


def workload_parameters(objects: Objects, asked: Asked, who: Others | None) -> dict[str, Any]:
    """The parameters of workload=callable, but for those that the caller sets himself."""
    given = {"function": asked.function, "setup": asked.setup, "initializer": asked.initializer}
    for parameter, function in given.items():
        if not callable(function) and not (function is None and parameter != "function"):
            raise UsageError(f"{parameter}: {_short(function)} cannot be called; pass a function")
    if not is_several(asked.initargs):
        raise UsageError(
            f"initargs: {_short(asked.initargs)} is no list of arguments; pass a tuple, as in "
            "('words.db',)"
        )
    if asked.initargs and asked.initializer is None:
        raise UsageError("initargs: they are those of initializer; pass it, or leave them out")
    if asked.keywords is not None and not isinstance(asked.keywords, Mapping):
        raise UsageError("keywords: pass a mapping, as in {'level': 9}")
    common = dict(asked.keywords or {})
    made = _calls(asked, common)
    found: dict[str, Any] = {}
    if who is not None:
        found |= _plain(made, common, who)
        if asked.initargs:
            found["workload.initargs"] = tuple(asked.initargs)
        names = {name: _own_name(name, one, who) for name, one in given.items() if one is not None}
    else:
        label = asked.name or label_of(asked.function)
        labels = {name: label_of(one) for name, one in given.items() if one is not None}
        if asked.initargs:
            _fits("initargs", asked.initializer, asked.initargs)
            given["initializer"] = partial(asked.initializer, *asked.initargs)
        labels["function"] = label
        names = objects.functions({name: (given[name], labels[name]) for name in labels})
        found["workload.arguments_from"] = objects.calls(made, label)
        found["workload.arguments_per_round"] = isinstance(made, Made)
    return found | {f"workload.{parameter}": name for parameter, name in names.items()}


def _calls(asked: Asked, common: Mapping[str, Any]) -> Given | Made:
    """The arguments of all calls, which fit the function."""
    arguments = asked.arguments
    if callable(arguments):
        return Made(arguments, _takes_number(arguments), common)
    if isinstance(arguments, str | bytes | Mapping) or not isinstance(arguments, Iterable):
        raise UsageError(
            f"arguments: {_short(arguments)} is no list of calls; pass one entry for each call, "
            "as in [(1,), (2,), (3,)]"
        )
    calls = [call(one, common) for one in arguments]
    if not calls:
        raise UsageError("arguments: there are no calls; pass at least one, as in [(1,), (2,)]")
    _fit(asked.function, calls)
    return Given(calls)


def _fits(parameter: str, function: Any, arguments: Iterable[Any]) -> None:
    """Raise UsageError unless a function can be called with these arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # many functions written in C have none
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        told = f"{label_of(function)}{signature}: {error}"
        raise UsageError(f"{parameter}: they do not fit {told}") from None


def _own_name(parameter: str, function: Any, who: Others) -> str:
    """The name that others can import it by."""
    own = name_of(function)
    if own is None:
        raise UsageError(
            f"{parameter}: {label_of(function)} cannot be imported, so {who[0]} cannot have it; "
            f"put it into a module (a .py file), or {who[1]}"
        )
    return own


def _fit(function: Any, calls: Sequence[Any]) -> None:
    """Raise UsageError unless the arguments fit the signature, where there is one."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # many functions written in C have none
        return
    for number, (positional, keywords) in enumerate(calls):
        try:
            signature.bind(*positional, **keywords)
        except TypeError as error:
            raise UsageError(
                f"arguments: call {number} does not fit {label_of(function)}{signature}: {error}; "
                "a tuple has the positional arguments of a call, a mapping its keyword arguments, "
                "anything else is a single argument"
            ) from None


def _takes_number(make: Any) -> bool:
    """Whether the function that makes arguments takes the number of the round."""
    try:
        signature = inspect.signature(make)
    except (TypeError, ValueError):
        return False
    for given in ((), (0,)):
        try:
            signature.bind(*given)
        except TypeError:
            continue
        return bool(given)
    raise UsageError(
        f"arguments: {label_of(make)}{signature} makes the arguments of a round, and is called "
        "with the number of the round or with nothing; give its other parameters defaults"
    )


def _plain(made: Given | Made, common: Mapping[str, Any], who: Others) -> dict[str, Any]:
    """The arguments for others, who share no objects with this program."""
    if isinstance(made, Made):
        raise UsageError(
            f"arguments: {who[0]} takes plain values, and no function that makes them; pass a "
            f"list, or {who[1]}"
        )
    entries: list[Any] = []
    for number, (positional, keywords) in enumerate(made.calls):
        for at, value in [*enumerate(positional), *keywords.items()]:
            if not _is_plain(value):
                raise UsageError(
                    f"arguments: argument {at} of call {number} is of type "
                    f"{type(value).__name__}; {who[0]} takes numbers, texts, lists and mappings; "
                    f"pass those, or {who[1]}"
                )
        alone = {key: value for key, value in keywords.items() if key not in common}
        entries.append({**keywords} if alone or not positional else tuple(positional))
    if len(entries) > MOST_PLAIN:
        raise UsageError(
            f"arguments: {len(entries)} calls are too many for {who[0]}, which has their arguments "
            f"in its configuration; pass at most {MOST_PLAIN}, each with more to do"
        )
    found: dict[str, Any] = {"workload.arguments": tuple(entries)}
    return {**found, "workload.keywords": dict(common)} if common else found


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(part) for key, part in value.items())
    return value is None or type(value) in (bool, int, float, str)


def overrides(words: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[str]:
    """The overrides, as the command line would have them."""
    for key, value in words.items():
        values = list(value) if is_several(value) else [value]
        if key == "placement" and values and all(type(one) is int for one in values):
            values = [values]  # a list of CPUs is one placement
        if not values:
            raise UsageError(f"{key}: there are no values; name at least one")
        if key == "versus" and values == [None]:
            continue
        if key in ("python", "gil", "versus"):
            yield as_override(key, values)
        elif key == "placement":
            yield f"{key}={','.join(_placement(one) for one in values)}"
        elif key == "n":
            yield f"n={','.join(_number(one) for one in values)}"
        else:
            yield f"{key}={','.join(_option(key, one) for one in values)}"
    for key, value in parameters.items():
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise UsageError(
                f"parameters: {_short(key)} is no full name of a parameter; they begin with "
                "workload., executor., measure. or sweep., as in {'executor.chunksize': 8}"
            )
        several = value if isinstance(value, list) and value else [value]
        try:
            yield f"{key}={','.join(map(as_value, several))}"
        except TypeError:
            raise UsageError(
                f"parameters: {key}={_short(value)} is no plain value; pass numbers, texts, "
                "tuples or mappings"
            ) from None


def is_several(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _number(value: Any) -> str:
    if isinstance(value, str) and value == "auto":
        return value
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise UsageError(
            f"n={_short(value)}: must be a whole number of workers, a list of them, or auto"
        )
    return str(value.__index__())


def _placement(value: Any) -> str:
    try:
        return as_value(list(value)) if is_several(value) else _option("placement", value)
    except TypeError:
        raise UsageError(f"placement={_short(value)}: a CPU is a number, from 0 on") from None


def _option(key: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\w./-]+", value):
        raise UsageError(f"{key}={_short(value)}: must be the name of an option, or a list of them")
    return value


def _short(value: Any) -> str:
    text = printable(" ".join(repr(value).split()))
    return text if len(text) <= 80 else f"{text[:77]}..."
