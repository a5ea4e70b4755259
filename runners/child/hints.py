"""A plugin's parameters against the type hints of its constructor.

By the standard library alone: the interpreter that measures may have nothing else. It is as strict
as the reader of a YAML file expects: an int is a number, true and "2" are not.
"""

import inspect
import re
import sys
from collections import abc
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from functools import cache, partial
from itertools import repeat
from pathlib import PurePath
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NamedTuple,
    Union,
    Unpack,
    get_args,
    get_origin,
    get_type_hints,
)

from runners.model import InvalidParameter


class Mistake(Exception):
    """A value, or a part of it, is not what its hint says.

    `place` leads from the parameter to that part: `[1]` in a list, `.width` in a mapping, nothing
    for the parameter itself. `value` is the part.
    """

    def __init__(self, place: str, value: Any, problem: str) -> None:
        super().__init__(f"{place}={value}: {problem}")
        self.place = place
        self.value = value
        self.problem = problem


def signature(make: Any) -> Mapping[str, inspect.Parameter]:
    """The parameters of a constructor by name. A hint that cannot be resolved does no harm."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        return inspect.signature(make, annotation_format=Format.FORWARDREF).parameters
    return inspect.signature(make).parameters


@cache
def hints(make: Any) -> dict[str, Any]:
    """The hints of a constructor's parameters by name, without those that cannot be resolved."""

    def holder() -> None: ...

    names: dict[str, Any] = {}
    for base in reversed(getattr(make, "__mro__", ())):  # it may inherit them
        names |= getattr(sys.modules.get(base.__module__), "__dict__", {})
    function = inspect.unwrap(make.__init__ if inspect.isclass(make) else make)
    names |= getattr(function, "__globals__", {})
    found: dict[str, Any] = {}
    for name, parameter in signature(make).items():
        if parameter.annotation is not parameter.empty:
            holder.__annotations__ = {name: parameter.annotation}
            try:
                found |= get_type_hints(holder, names)
            except Exception:  # a name that only its author can resolve
                continue
    return found


def fitted(value: Any, hint: Any) -> Any:
    """The value as the hint wants it: a text as a path, a list as a tuple, say.

    `value` is what a YAML file holds. Where its hint, or that of a part, is none of those that are
    known here, it stays as it is: the constructor checks for itself. Raises Mistake.
    """
    return _fitter(hint)(value)


class _Form(NamedTuple):
    """What one hint takes, and what it makes of that."""

    made_of: tuple[type, ...]
    words: str
    """What it takes, as a noun; or the values, if it lists them."""
    make: Callable[[Any], Any]
    """Raises ValueError or ArithmeticError where the value is not one of them."""
    listed: bool = False


def _fitter(hint: Any) -> Callable[[Any], Any]:
    """`fitted` for many values of one hint."""
    try:
        forms = [_form(option) for option in dict.fromkeys(_options(hint))]
    except Exception:  # a name in it that only its author can resolve
        return _as_it_is
    takers: dict[type, list[_Form]] = {}
    for form in forms:
        if form is None:
            return _as_it_is
        for kind in form.made_of:
            takers.setdefault(kind, []).append(form)
    for some in takers.values():
        if len(some) > 1 and not all(form.listed for form in some):
            return _as_it_is  # it does not say which of them

    def fit(value: Any) -> Any:
        kinds = (bool,) if isinstance(value, bool) else type(value).__mro__
        if int in kinds:
            kinds = (*kinds, float)  # a whole number is a number too
        for form in [form for kind in kinds for form in takers.get(kind, ())]:
            try:
                return form.make(value)
            except (ValueError, ArithmeticError):
                continue
            except TypeError:  # no set can be made of these, say
                return value
        words = [form.words for form in forms if form]
        if all(form.listed for form in forms if form):
            raise Mistake("", value, f"choose {', '.join(words)}")
        problem = f"must be {' or '.join(words)}"
        if isinstance(value, bool):  # let alone a whole one
            problem = problem.replace("a whole number", "a number")
        raise Mistake("", value, problem)

    return fit


def _as_it_is(value: Any) -> Any:
    return value


def _options(hint: Any) -> list[Any]:
    """What a hint allows, without the names that types are given."""
    # Of NewType, of the statement `type`, of a TypeVar.
    for name in ("__supertype__", "__value__", "__bound__"):
        if (named := getattr(hint, name, None)) is not None:
            return _options(named)
    if get_origin(hint) in (Annotated, Final):
        return _options(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return [option for argument in get_args(hint) for option in _options(argument)]
    return [hint]


WORDS = {
    **{int: "a whole number", float: "a number", str: "a text", bool: "true or false"},
    **{bytes: "bytes", bytearray: "bytes"},
}
LISTS: dict[type, Callable[[Iterable[Any]], Any]] = {
    **{list: list, abc.Sequence: list, abc.MutableSequence: list, abc.Collection: list},
    **{set: set, abc.Set: set, abc.MutableSet: set, frozenset: frozenset, tuple: tuple},
}
DATES = {
    "datetime.date": "a date as in 2026-01-31",
    "datetime.datetime": "a time as in 2026-01-31T12:30:00",
    "datetime.time": "a time as in 12:30:00",
}
"""By name, as the others that are made of a text: none is loaded that no hint has."""


def _form(hint: Any) -> _Form | None:
    """None for a hint that is not known here. Raises whatever its own names raise."""
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind is Literal:
        return _listed(inner, partial(_one_of, inner))
    if not inspect.isclass(kind):
        return None
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind is NoneType:
        return _listed([None], _as_it_is)
    if issubclass(kind, Enum):
        return _listed([member.value for member in kind], kind)
    if kind in WORDS:
        return _Form((bytes, bytearray) if kind is bytearray else (kind,), WORDS[kind], kind)
    if issubclass(kind, PurePath):
        return _Form((str, PurePath), "a path", kind)
    if name in DATES:
        return _Form((str,), DATES[name], kind.fromisoformat)
    if name == "datetime.timedelta":
        return _Form((str,), "a duration as in P1DT2H30M5S", partial(_duration, kind))
    if name == "uuid.UUID":
        return _Form((str,), "a UUID", kind)
    if name == "decimal.Decimal":
        return _Form((str, float), "a number", lambda value: kind(str(value)))
    if kind is tuple and inner and ... not in inner:
        if any(get_origin(part) is Unpack or hasattr(part, "__unpacked__") for part in inner):
            return None
        return _list(tuple, inner)
    if hasattr(kind, "_fields") and issubclass(kind, tuple):
        fields = [hints(kind).get(field, Any) for field in kind._fields]
        return _list(lambda parts: kind(*parts), fields, len(kind._field_defaults))
    if kind in LISTS:
        return _Form((list, tuple), "a list", partial(_from_list, LISTS[kind], inner[:1]))
    if kind in (dict, abc.Mapping, abc.MutableMapping):
        return _Form((dict,), "a mapping", partial(_from_mapping, inner or (Any, Any)))
    if hasattr(kind, "__required_keys__"):  # a TypedDict
        keys, needed = get_type_hints(kind), kind.__required_keys__
    elif is_dataclass(kind):
        parameters = signature(kind).values()
        keys = {taken.name: hints(kind).get(taken.name, Any) for taken in parameters}
        needed = {taken.name for taken in parameters if taken.default is taken.empty}
    else:
        return None
    return _Form((dict,), "a mapping", partial(_from_keys, kind, keys, needed))


def _listed(values: Sequence[Any], make: Callable[[Any], Any]) -> _Form | None:
    kinds = dict.fromkeys(type(value) for value in values)
    if not kinds or not kinds.keys() <= {str, int, float, bool, NoneType}:
        return None  # not what a YAML file holds
    words = [
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        for value in values
    ]
    return _Form(tuple(kinds), ", ".join(words), make, listed=True)


def _one_of(values: Sequence[Any], value: Any) -> Any:
    if (type(value), value) not in [(type(one), one) for one in values]:
        raise ValueError
    return value


DURATION = re.compile(
    r"(-?)P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)


def _duration(kind: Any, text: str) -> Any:
    if not (found := DURATION.fullmatch(text)):
        raise ValueError
    sign, *parts = found.groups()
    days, hours, minutes, seconds = (float(part or 0) for part in parts)
    whole = kind(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -whole if sign else whole


def _at(place: str, fit: Callable[[Any], Any], part: Any) -> Any:
    """The part as it is wanted. Raises Mistake with its place in the whole."""
    try:
        return fit(part)
    except Mistake as mistake:
        raise Mistake(place + mistake.place, mistake.value, mistake.problem) from mistake


def _each(fits: Iterable[Callable[[Any], Any]], values: Sequence[Any]) -> list[Any]:
    pairs = enumerate(zip(fits, values, strict=False))
    return [_at(f"[{index}]", fit, value) for index, (fit, value) in pairs]


def _from_list(make: Callable[[Any], Any], inner: Sequence[Any], value: Sequence[Any]) -> Any:
    return make(_each(repeat(_fitter(*inner) if inner else _as_it_is), value))


def _list(make: Callable[[Any], Any], inner: Sequence[Any], optional: int = 0) -> _Form:
    """Of a list that has a hint for each place, and need not have the last `optional` of them."""
    most = len(inner)
    least = most - optional

    def made(value: Sequence[Any]) -> Any:
        parts = _each(map(_fitter, inner), value)
        if not least <= len(value) <= most:
            raise ValueError
        return make(parts)

    length = f"{least} to {most}" if optional else f"{most}"
    return _Form((list, tuple), f"a list of {length} values", made)


def _from_mapping(inner: Sequence[Any], value: Mapping[Any, Any]) -> dict[Any, Any]:
    fit_key, fit = map(_fitter, inner)
    return {
        _at(f", key {key}", fit_key, key): _at(f".{key}", fit, part) for key, part in value.items()
    }


def _from_keys(
    make: Callable[..., Any], keys: Mapping[str, Any], needed: Collection[str], value: Any
) -> Any:
    given = {
        key: _at(f".{key}", _fitter(hint), value[key]) for key, hint in keys.items() if key in value
    }
    if unknown := [str(key) for key in value if key not in keys]:
        raise Mistake("", value, f"has no key {', '.join(unknown)}; it has {', '.join(keys)}")
    if lacking := [key for key in keys if key in needed and key not in value]:
        raise Mistake("", value, f"needs the key {', '.join(lacking)}")
    try:
        return make(**given)
    except InvalidParameter as error:
        raise Mistake(f".{error.name}", value.get(error.name), error.problem) from error
    except Exception as error:
        problem = " ".join(str(error).split()) or type(error).__name__
        raise Mistake("", value, problem) from error
