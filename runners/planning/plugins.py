"""From the values of a plugin's YAML to the plugin, with every mistake as one line."""

import inspect
from collections.abc import Mapping
from typing import Any, get_args

from runners.model import (
    REFUSALS,
    Factory,
    InvalidParameter,
    UsageError,
    Workers,
    in_one_line,
    locate,
)
from runners.planning.hints import Mistake, fitted, hints, signature

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

UNREADABLE = "_unreadable_"
"""The key of a YAML file that could not be read; its value is a line that says why."""


class BrokenPlugin(UsageError):
    """A plugin, not the command that names it, is at fault. `key` is the key concerned, or ""."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def find(group: str, choice: str, values: Mapping[str, Any]) -> tuple[Factory, Any]:
    """The call that a group's YAML describes, and the class to be called."""
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
    except (Exception, SystemExit) as error:  # a script that is not guarded ends in sys.exit
        raise BrokenPlugin(
            f"{group}={choice}: its _target_ {target} cannot be imported "
            f"({in_one_line(error)}); install it or fix the name"
        ) from error
    if not callable(found):
        raise BrokenPlugin(f"{group}={choice}: its _target_ {target} is not a class")
    if inspect.isclass(found):
        _check_shape(group, choice, found)
    parameters = {name: value for name, value in values.items() if name != "_target_"}
    return Factory(target, parameters), found


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
    except Exception as error:
        raise BrokenPlugin(
            f"{group}={choice}: its constructor refuses the parameters ({in_one_line(error)}); "
            "change them or fix it"
        ) from error
    _check_shape(group, choice, type(made))
    return made


def _check_shape(group: str, choice: str, made: type) -> None:
    """Raise BrokenPlugin unless instances of that class have the methods that the group needs."""
    needed = METHODS.get(group, ())
    # Not by getattr: every class can itself be called, whatever its instances can.
    defined = {name for base in made.__mro__ for name in vars(base)}
    missing = [f"{name}()" for name in needed if name not in defined]
    if missing:
        raise BrokenPlugin(
            f"{group}={choice}: {made.__module__}.{made.__qualname__} has no "
            f"{' and no '.join(missing)}; {group}s need {', '.join(needed)}"
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
