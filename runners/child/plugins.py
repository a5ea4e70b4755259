"""From the values of a plugin's YAML to the plugin, with every mistake as one line."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_type_hints

from runners.child.hints import Mistake, fitted, hints, signature
from runners.door import Interrupted
from runners.model import (
    REFUSALS,
    Factory,
    InvalidParameter,
    UsageError,
    Workers,
    in_one_line,
    locate,
    unreadable,
)

METHODS = {
    "workload": ("tasks", "__call__", "check"),
    "executor": ("__enter__", "__exit__", "map"),
}
RENAMED = {
    "measure.pilot": "measure.min_rounds",
    "measure.rounds": "measure.max_rounds",
    "measure.processes": "measure.interpreters",
    "hydra.callbacks.session": "sweep.report",
}
"""Keys of version 0.2 and what they are called now."""

SPECIAL = (
    *("_target_", "_args_", "_partial_", "_recursive_", "_convert_"),
    *("_isolate_", "_execution_whitelist_"),
)
"""Keys that mean something to `hydra.utils.instantiate`."""

UNREADABLE = "_unreadable_"
"""The key of a YAML file that could not be read; its value is a line that says why."""


class BrokenPlugin(UsageError):
    """A plugin, not the command that names it, is at fault. `key` is the key concerned, or ""."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def find(
    group: str,
    choice: str,
    values: Mapping[str, Any],
    blocked: Callable[[str, str], bool] | None = None,
) -> tuple[Factory, Any]:
    """The call that a group's YAML describes, and the class to be called.

    It is a class that has the group's methods, or a function that is annotated to return one, and
    not `blocked`: a name, whose object is defined in that module. Nothing has been called when that
    is known. Raises BrokenPlugin.
    """
    if UNREADABLE in values:
        raise BrokenPlugin(f"{group}={choice}: its YAML {values[UNREADABLE]}; fix it")
    target = values.get("_target_")
    if not isinstance(target, str):
        raise BrokenPlugin(
            f"{group}={choice}: its YAML has no _target_; name a class, as in "
            "_target_: package.module.Name"
        )
    try:
        found = locate(target)
    except Interrupted:
        raise
    except BaseException as error:  # a script that is not guarded ends in sys.exit
        remedy = "install it or fix the name" if isinstance(error, ImportError) else "mend it"
        problem = unreadable(error)
        why = f": {problem}" if problem else f" ({in_one_line(error)}); {remedy}"
        raise BrokenPlugin(
            f"{group}={choice}: its _target_ {target} cannot be imported{why}"
        ) from error
    made = found if inspect.isclass(found) else _returned(found)
    if made is None:
        raise BrokenPlugin(
            f"{group}._target_={target} ({choice}): it is neither a class nor a function that is "
            f"annotated to return one, and is not called; name the class of {_a(group)}",
            f"{group}._target_",
        )
    _check_shape(group, choice, made)
    if blocked is not None and blocked(target, found.__module__):
        raise BrokenPlugin(
            f"{group}._target_={target} ({choice}): Hydra calls it from no configuration; name "
            f"the class of {_a(group)}",
            f"{group}._target_",
        )
    parameters = {name: value for name, value in values.items() if name != "_target_"}
    for place in _special(parameters):
        raise BrokenPlugin(
            f"{group}.{place} ({choice}): nothing but the plugin itself is made from its YAML; "
            "give plain values, and have its constructor make what it needs of them",
            f"{group}.{place}",
        )
    return Factory(target, parameters), found


def _a(group: str) -> str:
    return f"{'an' if group[0] in 'aeiou' else 'a'} {group}"


def _returned(made_by: Any) -> type | None:
    """The class that a function is annotated to return; None if there is none."""
    if not inspect.isroutine(made_by):
        return None
    try:
        returned = get_type_hints(made_by).get("return")
    except Exception:  # a name that only its author can resolve
        return None
    return returned if inspect.isclass(returned) else None


def _special(value: Any, place: str = "") -> Iterator[str]:
    """Where, in the parameters, a key stands that has Hydra call something or says how."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            inner = f"{place}.{key}" if place else str(key)
            if key in SPECIAL:
                yield inner
            yield from _special(part, inner)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _special(part, f"{place}[{index}]")


def build(group: str, choice: str, make: Any, parameters: Mapping[str, Any]) -> Any:
    """What the constructor makes of the parameters. Raises UsageError, naming group and key."""
    given = bind(group, choice, make, parameters)
    try:
        made = make(**given)
    except InvalidParameter as error:
        value = parameters.get(error.name)
        raise UsageError(f"{group}.{error.name}={value} ({choice}): {error.problem}") from error
    except REFUSALS as error:
        raise UsageError(f"{group}={choice}: {error}") from error
    except Interrupted:
        raise
    except BaseException as error:
        raise BrokenPlugin(
            f"{group}={choice}: its constructor refuses the parameters ({in_one_line(error)}); "
            "change them or fix it"
        ) from error
    _check_shape(group, choice, type(made))
    return made


def _check_shape(group: str, choice: str, made: type) -> None:
    """Raise BrokenPlugin unless instances of that class have the methods that the group needs."""
    needed = METHODS.get(group, ())
    # Not by getattr alone: every class can itself be called, whatever its instances can.
    defined = {name for base in made.__mro__ for name in vars(base)}
    missing = [
        f"{name}()"
        for name in needed
        if name not in defined or not callable(getattr(made, name, None))
    ]
    if missing:
        raise BrokenPlugin(
            f"{group}={choice}: its _target_ {made.__module__}.{made.__qualname__} has no "
            f"{' and no '.join(missing)}; {group}s need {', '.join(needed)}",
            f"{group}._target_",
        )
    if group == "workload" and "share" in defined and "attach" not in defined:
        raise UsageError(
            f"{group}={choice}: {made.__module__}.{made.__qualname__} has share() and no attach(); "
            "add it: it gives each worker what is shared"
        )
    if group == "executor" and _has_old_attribute(made):
        raise UsageError(
            f"{group}={choice}: its class attribute workers is called worker_kind now; rename it"
        )


def _has_old_attribute(made: type) -> bool:
    """Whether an executor says what its workers are as version 0.2 asked for it, and only so."""
    for base in made.__mro__:
        if "worker_kind" in vars(base):
            return False
        if vars(base).get("workers") in get_args(Workers):
            return True
    return False


def bind(group: str, choice: str, make: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as the constructor's hints want them: `fitted`.

    Raises UsageError unless it takes these names and these types.
    """
    accepted = signature(make)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    injected = {"initializer", "initargs"} if group == "executor" else set()
    names = [name for name in accepted if name not in injected]
    if not open_ended and (lacking := sorted(injected - accepted.keys())):
        raise BrokenPlugin(
            f"{group}={choice}: its constructor does not take {' and '.join(lacking)}; add "
            "initializer=None, initargs=(), as docs/plugins.md shows"
        )
    for name in parameters:
        if (new := RENAMED.get(f"{group}.{name}")) is not None:
            raise UsageError(f"{group}.{name}: it is called {new} now")
        if name not in accepted and not open_ended:
            raise BrokenPlugin(
                f"{group}.{name}: {choice} has no such parameter; it has {', '.join(names)}",
                f"{group}.{name}",
            )
    for name, parameter in accepted.items():
        required = parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        )
        if required and name not in parameters and name not in injected:
            raise UsageError(
                f"{group}.{name}: {choice} needs this parameter; set +{group}.{name}=..."
            )
    given = dict(parameters)
    known = hints(make)
    for name, value in parameters.items():
        try:
            given[name] = fitted(value, known.get(name, Any))
        except Mistake as mistake:
            raise UsageError(
                f"{group}.{name}{mistake.place}={mistake.value} ({choice}): {mistake.problem}"
            ) from mistake
    return given
