"""What makes two measurements of a cell the same, and what differs where they are not.

Names and values of parameters are not enough to use an old result again: the code behind them, the
interpreter, its packages and the machine have to be the same as well.
"""

import ast
import hashlib
import importlib.util
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from runners.planning.environment import cpu_model, packages, usable_cpus


def identity(modules: Iterable[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data that is equal for two measurements that may stand for each other.

    `modules` hold the code that runs, `values` are everything the configuration says of the cell.
    """
    found: dict[str, Source | None] = {}
    for module in {*modules, "runners.child.trial"}:
        _collect(module, found)
    sources = {name: source for name, source in sorted(found.items()) if source is not None}
    return {
        **values,
        "code": {name: _digest(source.text) for name, source in sources.items()},
        "packages": _packages(sources),
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


@dataclass(frozen=True, slots=True)
class Source:
    """A module's text, and the dotted names that it imports."""

    text: bytes
    imported: tuple[str, ...]


def _collect(module: str, found: dict[str, Source | None]) -> None:
    """Add a module, and those that it imports from its package or its folder.

    None stands for a name that has no source: what is in a module, say.
    """
    if module in found:
        return
    found[module] = None
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # an optional import, or a name that is no module
        return
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return
    text = Path(spec.origin).read_bytes()
    package = module if spec.submodule_search_locations is not None else spec.parent or ""
    source = found[module] = Source(text, _imported(text, package))
    root = module.partition(".")[0]
    beside = not package and root not in sys.stdlib_module_names
    for name in source.imported:
        top = name.partition(".")[0]
        if top == root or (beside and (Path(spec.origin).parent / f"{top}.py").is_file()):
            _collect(name, found)


@cache
def _imported(source: bytes, package: str) -> tuple[str, ...]:
    """The dotted names that a module of that package imports, of modules or what is in them."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(names)


def _packages(sources: Mapping[str, Source]) -> dict[str, str]:
    """The version of each installed package that holds the sources, or that they import."""
    names = {*sources, *(name for source in sources.values() for name in source.imported)}
    tops = {name.partition(".")[0] for name in names}
    installed = packages(sys.path)
    return {name: installed[name] for name in sorted(tops & installed.keys())}


def _digest(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()[:12]
