"""Whether the GIL is on, and which extension module has switched it on.

An interpreter that was built to do without the GIL switches it on, for good, when an extension
module is loaded that does not declare itself safe without it (PEP 703). Its warning names the
module, but the user's program may have silenced it. So the loader of extension modules is watched:
after each module that it loads it is asked whether the GIL is still off. No warning is touched.
"""

import functools
import sys
from typing import Any

UNKNOWN = "?"
"""Stands for a module that nobody saw switch it on, as one that was loaded before `watch`."""

_found: str | None = None


def is_on() -> bool:
    """Whether this interpreter has a GIL that is on, as those of other builds always have."""
    asked = getattr(sys, "_is_gil_enabled", None)
    return True if asked is None else bool(asked())


def enabled_by() -> str | None:
    """The module that has switched the GIL on, or UNKNOWN.

    None where it is off, or on because the build has no other way or its user wants it.
    """
    # None: neither the build nor its user has decided. Builds before 3.13 have no such flag.
    undecided = getattr(sys.flags, "gil", 1) is None
    return (_found or UNKNOWN) if undecided and is_on() else None


def watch() -> None:
    """From now on, note which module switches the GIL on: here, and in processes forked here."""
    if is_on():
        return  # for good, so that others need not load importlib
    from importlib.machinery import ExtensionFileLoader as Loader

    load = Loader.create_module
    if hasattr(load, "__wrapped__"):
        return

    def create_module(self: Any, spec: Any) -> Any:
        global _found
        was_on = is_on()
        try:
            return load(self, spec)
        finally:  # also where the warning is an error
            if not was_on and is_on():
                _found = spec.name

    functools.update_wrapper(create_module, load)
    # So that a traceback is without this frame, as it is without those of importlib.
    create_module.__code__ = create_module.__code__.replace(co_filename=load.__code__.co_filename)
    Loader.create_module = create_module  # type: ignore[method-assign]
