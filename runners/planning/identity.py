"""What makes two measurements of a cell the same, and what differs where they are not.

Names and values of parameters are not enough to use an old result again: the code behind them, the
interpreter, its packages and the machine have to be the same as well.
"""

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runners.planning.environment import Site


@dataclass(frozen=True, slots=True)
class Source:
    """A module with a source file: its digest, the dotted names it imports, and where it is.

    `package` is the package that it is in, "" where it is in none.
    """

    digest: str
    imported: tuple[str, ...]
    package: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Code:
    """The sources of modules, each read once: for all cells of a command, which share most of them.

    None stands for a name that has no source of its own, such as a class in a module.
    """

    known: dict[str, Source | None] = field(default_factory=dict)

    def reached(self, modules: Iterable[str]) -> dict[str, Source]:
        """Those modules and all that they import from their own package or folder, by name."""
        found: dict[str, Source | None] = {}
        waiting = list(modules)
        while waiting:
            module = waiting.pop()
            if module in found:
                continue
            if module not in self.known:
                self.known[module] = _read(module)
            source = found[module] = self.known[module]
            if source is None:
                continue
            root = module.partition(".")[0]
            beside = not source.package and root not in sys.stdlib_module_names
            for name in source.imported:
                top = name.partition(".")[0]
                if top == root or (beside and (source.folder / f"{top}.py").is_file()):
                    waiting.append(name)
        return {name: source for name, source in sorted(found.items()) if source is not None}


def identity(
    modules: Iterable[str], values: Mapping[str, Any], site: Site, code: Code
) -> dict[str, Any]:
    """Plain data that is equal for two measurements if one may stand for the other.

    `modules` hold the code that runs, `values` are everything the configuration says of the cell.
    """
    sources = code.reached({*modules, "runners.child.trial"})
    return {
        **values,
        "code": {name: source.digest for name, source in sources.items()},
        "packages": _packages(sources, site.packages),
        "python": site.python,
        "machine": site.machine,
        "usable_cpus": site.usable_cpus,
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


def _read(module: str) -> Source | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # an optional import, or a name that is no module
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    text = Path(spec.origin).read_bytes()
    package = module if spec.submodule_search_locations is not None else spec.parent or ""
    digest = hashlib.sha256(text).hexdigest()[:12]
    return Source(digest, _imported(text, package), package, Path(spec.origin).parent)


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


def _packages(sources: Mapping[str, Source], installed: Mapping[str, str]) -> dict[str, str]:
    """The version of each installed package that holds the sources, or that they import."""
    names = {*sources, *(name for source in sources.values() for name in source.imported)}
    tops = {name.partition(".")[0] for name in names}
    return {name: installed[name] for name in sorted(tops & installed.keys())}
