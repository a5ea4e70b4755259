"""A plugin's parameters against the type hints of its constructor.

By the standard library alone: the interpreter that measures may have nothing else. It is as strict
as the reader of a YAML file expects: an int is a number, true and "2" are not.
"""

import inspect
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
    """The parameters of a constructor by name. A hint that cannot be resolved does no harm.

    One that does not say what it takes may take anything: dict's, say, which others inherit.
    """
    try:
        if sys.version_info >= (3, 14):
            from annotationlib import Format

            return inspect.signature(make, annotation_format=Format.FORWARDREF).parameters
        return inspect.signature(make).parameters
    except ValueError:
        return inspect.signature(_takes_anything).parameters


def _takes_anything(**parameters: Any) -> None: ...


@cache
def hints(make: Any) -> dict[str, Any]:
    """The hints of a constructor's parameters by name, without those that cannot be resolved."""

    def holder() -> None: ...

    names: dict[str, Any] = {}
    for base in reversed(getattr(make, "__mro__", ())):  # it may inherit them
        names |= getattr(sys.modules.get(base.__module__), "__dict__", {})
    function = inspect.unwrap(make.__init__ if inspect.isclass(make) else make)
    names |= getattr(function, "__globals__", None) or {}  # None for PyPy's object.__init__
    found: dict[str, Any] = {}
    for name, parameter in signature(make).items():
        if parameter.annotation is not parameter.empty:
            holder.__annotations__ = {name: parameter.annotation}
            try:
                found |= get_type_hints(holder, names)
            except Exception:  # a name that only its author can resolve
                continue
    return found


class _Form(NamedTuple):
    """What one hint takes."""

    takes: Collection[Any]
    """The types of the values; or `Literal`, if it takes but those that it lists."""
    words: str
    """What it takes, as a noun; or the values that it lists."""
    make: Callable[[Any], Any]
    """Raises ValueError or ArithmeticError for a value that it does not take."""
    lists: bool = False


def fitted(value: Any, hint: Any) -> Any:
    """The value as the hint wants it: a text as a path, a list as a tuple, say.

    `value` is what a YAML file holds. It, or a part of it, stays as it is where its hint is not
    known here: the constructor checks for itself. Raises Mistake.
    """
    try:
        forms = [_form(option) for option in dict.fromkeys(_options(hint))]
    except Exception:  # unknown here, or it has a name that only its author can resolve
        return value
    takers: dict[Any, list[_Form]] = {}
    for form in forms:
        for kind in form.takes:
            takers.setdefault(kind, []).append(form)
    if any(len(takers[kind]) > 1 for kind in takers if kind is not Literal):
        return value  # the hint does not say which of them to make
    kinds = (bool,) if isinstance(value, bool) else type(value).__mro__
    if int in kinds:
        kinds = (*kinds, float)  # a whole number is a number too
    for form in [form for kind in (Literal, *kinds) for form in takers.get(kind, ())]:
        try:
            return form.make(value)
        except (ValueError, ArithmeticError):
            continue
        except TypeError:  # a set of lists, say: the constructor may refuse it
            return value
    words = [form.words for form in forms]
    if all(form.lists for form in forms):
        raise Mistake("", value, f"choose {', '.join(words)}")
    problem = f"must be {' or '.join(words)}"
    if isinstance(value, bool):  # let alone a whole one
        problem = problem.replace("a whole number", "a number")
    raise Mistake("", value, problem)


def _options(hint: Any) -> list[Any]:
    """What a hint allows, without the names that types are given."""
    for name in ("__supertype__", "__value__", "__bound__"):  # NewType, `type X = ...`, TypeVar
        if (named := getattr(hint, name, None)) is not None:
            return _options(named)
    if get_origin(hint) in (Annotated, Final):
        return _options(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return [option for argument in get_args(hint) for option in _options(argument)]
    return [hint]


PLAIN: dict[Any, str] = {
    **{int: "a whole number", float: "a number", bool: "true or false"},
    **{str: "a text", bytes: "bytes"},
}
TEXTS = {
    "datetime.date": "a date as in 2026-01-31",
    "datetime.datetime": "a time as in 2026-01-31T12:30:00",
    "datetime.time": "a time as in 12:30:00",
    "uuid.UUID": "a UUID",
}
"""By name: no module is loaded that no hint has."""

LISTS: dict[Any, Callable[[list[Any]], Any]] = {
    **{list: list, abc.Sequence: list, abc.MutableSequence: list, abc.Collection: list},
    **{set: set, abc.Set: set, abc.MutableSet: set, frozenset: frozenset, tuple: tuple},
}


def _form(hint: Any) -> _Form:
    """Raises TypeError if it is unknown here, and whatever the names in it raise."""
    kind: Any = get_origin(hint) or hint
    inner = get_args(hint)
    if kind in (None, NoneType):
        kind, inner = Literal, (None,)
    if kind is Literal:
        return _listing(inner, {Literal}, partial(_one_of, inner))
    if hasattr(kind, "_field_defaults"):  # a NamedTuple
        inner = tuple(hints(kind).get(field, Any) for field in kind._fields)
        return _places(inner, len(kind._field_defaults), lambda parts: kind(*parts))
    if not inspect.isclass(kind):
        raise TypeError
    name = f"{kind.__module__}.{kind.__qualname__}"
    if issubclass(kind, Enum):
        values = [member.value for member in kind]
        return _listing(values, {kind, *map(type, values)}, kind)
    if kind in PLAIN:
        return _Form((kind,), PLAIN[kind], kind)
    if issubclass(kind, PurePath):
        return _Form((str, PurePath), "a path", kind)
    if name in TEXTS:
        return _Form((str,), TEXTS[name], getattr(kind, "fromisoformat", kind))
    if name == "decimal.Decimal":
        decimal: Any = kind
        return _Form((str, float), "a number", lambda value: decimal(str(value)))
    if kind is tuple and inner and ... not in inner:
        return _places(inner, 0, tuple)
    if kind in LISTS:
        make = partial(_from_list, LISTS[kind], repeat(inner[0] if inner else Any))
        return _Form((list, tuple), "a list", make)
    if kind in (dict, abc.Mapping, abc.MutableMapping):
        return _Form((dict,), "a mapping", partial(_from_mapping, *(inner or (Any, Any))))
    if hasattr(kind, "__required_keys__"):  # a TypedDict
        keys, needed = get_type_hints(kind), kind.__required_keys__
    elif is_dataclass(kind):
        keys = {name: hints(kind).get(name, Any) for name in signature(kind)}
        needed = {name for name, taken in signature(kind).items() if taken.default is taken.empty}
    else:
        raise TypeError
    return _Form((dict,), "a mapping", partial(_from_keys, kind, keys, needed))


def _listing(values: Collection[Any], takes: Collection[Any], make: Callable[[Any], Any]) -> _Form:
    if not values or not {type(value) for value in values} <= {str, int, float, bool, NoneType}:
        raise TypeError  # a YAML file does not hold them
    written = [
        str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)
        for value in values
    ]
    return _Form(takes, ", ".join(written), make, lists=True)


def _one_of(values: Collection[Any], value: Any) -> Any:
    if (type(value), value) not in [(type(one), one) for one in values]:
        raise ValueError
    return value


def _places(inner: Collection[Any], optional: int, make: Callable[[Any], Any]) -> _Form:
    """A list that has a hint for each place, and need not have the last `optional` of them."""
    most = len(inner)
    least = most - optional

    def made(value: Sequence[Any]) -> Any:
        parts = _from_list(list, inner, value)
        if not least <= len(value) <= most:
            raise ValueError
        return make(parts)

    words = f"a list of {f'{least} to ' if optional else ''}{most} values"
    return _Form((list, tuple), words, made)


def _from_list(make: Callable[[Any], Any], each: Iterable[Any], value: Sequence[Any]) -> Any:
    parts = enumerate(zip(each, value, strict=False))
    return make([_within(f"[{index}]", part, hint) for index, (hint, part) in parts])


def _from_mapping(key_hint: Any, hint: Any, value: Mapping[Any, Any]) -> dict[Any, Any]:
    return {
        _within(f", key {key}", key, key_hint): _within(f".{key}", part, hint)
        for key, part in value.items()
    }


def _from_keys(
    make: Callable[..., Any], keys: Mapping[str, Any], needed: Collection[str], value: Any
) -> Any:
    """What is called with the values of these keys, by their hints."""
    given = {key: _within(f".{key}", value[key], keys[key]) for key in keys if key in value}
    if unknown := [str(key) for key in value if key not in keys]:
        raise Mistake("", value, f"has no key {', '.join(unknown)}; it has {', '.join(keys)}")
    if lacking := [key for key in keys if key in needed and key not in value]:
        raise Mistake("", value, f"needs the key {', '.join(lacking)}")
    try:
        return make(**given)
    except InvalidParameter as error:
        raise Mistake(f".{error.name}", value.get(error.name), error.problem) from error
    except Exception as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise Mistake("", value, told) from error


def _within(place: str, part: Any, hint: Any) -> Any:
    """`fitted` for the part of a value that stands there."""
    try:
        return fitted(part, hint)
    except Mistake as mistake:
        raise Mistake(place + mistake.place, mistake.value, mistake.problem) from mistake
