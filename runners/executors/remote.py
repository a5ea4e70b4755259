"""What is asked of workers that somebody else has started, on other machines say, before they work.

A worker without the program, or with another one, would be silent, or answer what nobody can read.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from runners.model import in_one_line


def facts(packages: "Sequence[str]", own: str = __name__) -> "dict[str, Any]":
    """What the Python of this process is and has, whether it has the module `own`.

    Also run where `runners` is not, as a text.
    """
    import os
    import sys
    from importlib import import_module
    from importlib.metadata import version

    lock = getattr(sys, "_is_gil_enabled", None)
    threaded = "" if lock is None or lock() else "t"
    name = {"cpython": "CPython", "pypy": "PyPy"}.get(sys.implementation.name)
    number = ".".join(map(str, sys.version_info[:2]))
    installed: dict[str, str | None] = {}
    found: dict[str, Any] = {
        "host": os.uname().nodename,
        "python": f"{name or sys.implementation.name} {number}{threaded}",
        "packages": installed,
    }
    for package in packages:
        try:
            installed[package] = version(package)
        except Exception:
            installed[package] = None
    try:
        import_module(own)
    except BaseException as error:
        found["lacks"] = f"{type(error).__name__}: {error}"
    return found


def asked(packages: Sequence[str]) -> tuple[Callable[[str], Any], str]:
    """`facts` as a function and its argument that every Python knows: they go to any worker."""
    text = f"{inspect.getsource(facts)}\nfound = facts({[*packages]!r}, {__name__!r})"
    return eval, f"(lambda names: (exec({text!r}, names), names['found'])[1])({{}})"


class Survey(NamedTuple):
    """What a process has of the code that a worker needs: why it cannot be loaded, or None, a
    digest of each module that is not installed, and the versions of the packages behind them."""

    problem: str | None
    code: Mapping[str, str]
    packages: Mapping[str, str]


def surveyed(survey: Callable[..., Any] | None, given: Sequence[Any]) -> Survey:
    """What the function of that name of an initializer says here; it also runs on workers."""
    if survey is None:
        return Survey(None, {}, {})
    try:
        return Survey(*survey(*given))
    except Exception as error:
        return Survey(in_one_line(error), {}, {})


def unfit(there: Mapping[str, Any], here: Mapping[str, Any]) -> str | None:
    """Why a process with these facts can be no worker of one with those, with the remedy."""
    if there["python"] != here["python"]:
        return (
            f"runs {there['python']} and not {here['python']}, which measures: start it with that "
            "Python, or measure with python=PATH of the one that it has"
        )
    if "lacks" in there:
        return (
            f"cannot import this program ({there['lacks']}): install speedup-lab there, in this "
            "version, or start the worker with the folder that has `runners` in PYTHONPATH"
        )
    for package, version in here["packages"].items():
        other = there["packages"].get(package)
        if other != version:
            return _other_version(package, other, version)
    return None


def _other_version(package: str, there: str | None, here: str) -> str:
    has = f"has {package} {there}" if there else f"lacks the package {package}"
    return f"{has}, and {here} is here: python -m pip install {package}=={here} there"


def unlike(there: Survey, here: Survey) -> str | None:
    """What such a process lacks of the program or the workload, with the remedy."""
    if there.problem is not None:
        return (
            f"cannot load the workload ({there.problem}): its code, and what that imports, has to "
            "be there, at the same path (a shared folder) or installed"
        )
    others = [name for name, digest in here.code.items() if there.code.get(name, digest) != digest]
    if others:
        whose = "this program" if others[0].startswith("runners.") else "the workload's code"
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        return (
            f"has another version of {whose} (in {others[0]}{more}): have there what is here, and "
            "start the worker again"
        )
    for package, version in here.packages.items():
        # One that is missing was not needed to load the workload.
        other = there.packages.get(package, version)
        if other != version:
            return f"{_other_version(package, other, version)}, and start the worker again"
    return None
