"""What makes two measurements of a cell the same, and what differs where they are not.

Names and values of parameters are not enough to use an old result again: the code behind them, the
interpreter, its packages and the machine have to be the same as well.
"""

import ast
import hashlib
import importlib.util
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from runners.environment import cpu_model, packages, usable_cpus


def identity(modules: Iterable[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data that is equal for two measurements that may stand for each other.

    `modules` hold the code that runs, `values` are everything the configuration says of the cell.
    """
    modules = {*modules, "runners.trial"}
    sources = {name: source for module in modules for name, source in _sources(module)}
    return {
        **values,
        "code": {name: _digest(source) for name, source in sorted(sources.items())},
        "packages": _packages(sources.values()),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{platform.machine()} {cpu_model() or ''}".strip(),
        "usable_cpus": usable_cpus(),
    }


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """What is not the same, a few words each: `python: CPython 3.11.7, now CPython 3.13.0`."""
    found = []
    for key in sorted({*old, *new}):
        before, now = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            found += differences(before, now, f"{prefix}{key}.")
        elif before != now:
            readable = prefix != "code."
            found.append(f"{prefix}{key}: {before}, now {now}" if readable else f"code of {key}")
    return found


def _sources(module: str, seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, bytes]]:
    """The source of a module and of those beside it, in the same package, that it imports."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py") or module in seen:
        return
    source = Path(spec.origin).read_bytes()
    yield module, source
    package = module.partition(".")[0]
    for name in _imported(source):
        if name.startswith(f"{package}."):
            yield from _sources(name, seen | {module})


@cache
def _imported(source: bytes) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return tuple(names)


def _packages(sources: Iterable[bytes]) -> dict[str, str]:
    """The version of each installed package that the sources import by its own name."""
    names = {name.partition(".")[0] for source in sources for name in _imported(source)}
    installed = packages(sys.path)
    return {name: installed[name] for name in sorted(names & installed.keys())}


def _digest(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()[:12]
