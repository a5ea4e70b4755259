"""What makes two measurements of a cell the same, and what differs where they are not.

Names and values of parameters are not enough to use an old result again: the code behind them, the
interpreter, its packages and the machine have to be the same as well.
"""

from collections.abc import Mapping
from typing import Any

from runners.child.prepare import Prepared
from runners.planning.environment import Site
from runners.planning.interpreters import Interpreter
from runners.starting import OURS

HOST = ("machine", "system", "usable_cpus", "cores", "environment", "python_options")
"""What another program may have otherwise that measures a cell for this one, on another machine."""

SUBMITTED = "submitted_from"
"""The key in a cell's file of what HOST was where the cell was handed over, if it was."""


def identity(
    values: Mapping[str, Any], interpreter: Interpreter, found: Prepared, site: Site
) -> dict[str, Any]:
    """Plain data that is equal for two measurements if one may stand for the other.

    `values` are everything the configuration says of the cell, `found` is what the interpreter that
    measures has found of its code.
    """
    return {
        **values,
        "code": dict(found.code),
        "packages": dict(found.packages),
        "python": interpreter.kind,
        "python_build": interpreter.python.build,
        **host(site, interpreter),
    }


def host(site: Site, interpreter: Interpreter) -> dict[str, Any]:
    """The values of HOST where that interpreter measures."""
    own = () if interpreter.python.is_this else OURS
    cores = None if site.topology is None else site.topology.mark
    return {
        "machine": site.machine,
        "system": site.system,
        "usable_cpus": site.usable_cpus,
        # Only where there is more to tell: what was measured before it was noted still counts.
        **({} if cores is None else {"cores": cores}),
        "environment": {name: v for name, v in site.variables.items() if name not in own},
        "python_options": " ".join(interpreter.options) or "none",
    }


def handed_over(planned: Mapping[str, Any]) -> dict[str, Any]:
    """The identity of a cell that is measured elsewhere: only there it is known how things are.

    What can be compared is whether the cell was handed over by a program that had it as this one.
    """
    return {**anywhere(planned), SUBMITTED: {key: planned[key] for key in HOST if key in planned}}


def anywhere(planned: Mapping[str, Any]) -> dict[str, Any]:
    """The identity of a cell without what only the machine says that measures it."""
    return {key: value for key, value in planned.items() if key not in HOST}


USUAL = {"placement": "none", "gil": "null", "versus": "null"}
"""What is in an identity only where it is chosen; else it is that."""


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What is not the same, a few words each: `python: CPython 3.11.7, now CPython 3.13.0`.

    What an older version did not note is named as that, and what is noted no longer does not count.
    """
    old, new = USUAL | dict(old), USUAL | dict(new)
    if "cores" in old and HOST[0] in new:  # where it is measured, and they are told no longer
        new = {"cores": "not told", **new}
    found = changes(old, new)
    if missing := sorted(new.keys() - old.keys()):
        found.append(f"it was measured without a note of {', '.join(missing)}")
    return found


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The same of what both have noted."""
    old, new = USUAL | dict(old), USUAL | dict(new)
    both = [key for key in new if key in old]
    return _differences({key: old[key] for key in both}, {key: new[key] for key in both})


def _differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "", absent: str = "none"
) -> list[str]:
    found = []
    for key in sorted({*old, *new}):
        before, now = old.get(key), new.get(key)
        names = key == "environment" and not prefix
        if names and isinstance(before, Mapping) and isinstance(now, Mapping):
            found += _differences(before, now, absent="not set")  # the names say enough
        elif isinstance(before, Mapping) and isinstance(now, Mapping):
            found += _differences(before, now, "" if key == SUBMITTED else f"{prefix}{key}.")
        elif prefix == "code." and before != now:
            found.append(f"code of {key}")
        elif before != now or (key in old) != (key in new):
            was, is_now = (_told(side[key]) if key in side else absent for side in (old, new))
            found.append(f"{prefix}{key}: {was}, now {is_now}")
    return found


def _told(value: Any) -> str:
    """A value in a message; of an empty text there would be nothing to see."""
    return "empty" if value == "" else str(value)
