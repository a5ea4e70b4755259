"""The code that a cell runs, as its interpreter would import it, and the packages behind it.

Nothing is imported for it. It is asked of the interpreter that measures: another one may find other
modules under the same names.
"""

import ast
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from runners.child.interpreter import named, normal

INSTALLED = ("site-packages", "dist-packages")
REQUIRES = re.compile(r"^Requires-Dist:\s*([\w.-]+)(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Source:
    """The file of a module: its digest, the dotted names it imports if it is Python, its path."""

    digest: str
    imported: tuple[str, ...]
    file: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """The sources of modules, each read once: for all cells of a command, which share most of them.

    `installed` has the version of each package. Of those `known`, None stands for a name that has
    no source of its own, such as a class in a module. `own` says of the first part of a name
    whether it has no version, and so is told by its sources, `owners` which distributions it
    belongs to. `together` is what was found for several modules at once.
    """

    installed: Mapping[str, str] = field(default_factory=dict)
    known: dict[str, Source | None] = field(default_factory=dict)
    own: dict[str, bool] = field(default_factory=dict)
    owners: dict[str, tuple[str, ...]] = field(default_factory=dict)
    together: dict[frozenset[str], dict[str, Source]] = field(default_factory=dict)

    def reached(self, modules: Iterable[str]) -> Mapping[str, Source]:
        """Those modules and all that they import which is not installed, or with them, by name."""
        wanted = frozenset(modules)
        if wanted not in self.together:
            self.together[wanted] = self._reached(wanted)
        return self.together[wanted]

    def _reached(self, modules: Iterable[str]) -> dict[str, Source]:
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
            root, _, inner = module.partition(".")
            if inner and root != "runners":  # whose own packages do nothing when they are imported
                waiting.append(module.rpartition(".")[0])
            for name in source.imported:
                top = name.partition(".")[0]
                if top == root or self._is_own(top):
                    waiting.append(name)
        return {name: source for name, source in sorted(found.items()) if source is not None}

    def _is_own(self, top: str) -> bool:
        if top not in self.own:
            folder = None if top in sys.stdlib_module_names else _folder(top)
            self.own[top] = folder is not None and not _is_installed(folder)
        return self.own[top]

    def packages(self, sources: Mapping[str, Source]) -> dict[str, str]:
        """The version of each installed package that holds the sources, or that they import.

        With those that they require: numpy's is part of what pandas does.
        """
        names = {*sources, *(name for source in sources.values() for name in source.imported)}
        tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"runners"}
        found: dict[str, str] = {}
        for top in tops:
            if top not in self.owners:
                self.owners[top] = _required(_owners(top, self.installed), self.installed)
            found |= {name: self.installed[name] for name in self.owners[top]}
        return dict(sorted(found.items()))


def _read(module: str) -> Source | None:
    spec = _spec(module)
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    try:
        data = Path(spec.origin).read_bytes()
    except OSError:  # in an archive
        return None
    package = module if spec.submodule_search_locations is not None else spec.parent or ""
    imported = _imported(data, package) if spec.origin.endswith(".py") else ()
    return Source(hashlib.sha256(data).hexdigest()[:12], imported, spec.origin)


def _spec(module: str) -> ModuleSpec | None:
    """Where a module would come from. Nothing is imported for it, as `find_spec` does packages."""
    spec: ModuleSpec | None = getattr(sys.modules.get(module), "__spec__", None)
    if spec is not None:
        return spec
    package, _, _ = module.rpartition(".")
    try:
        if not package:
            return importlib.util.find_spec(module)
        within = _spec(package)
        places = within.submodule_search_locations if within is not None else None
        if places is None:
            return None
        places = getattr(places, "_path", places)  # else it looks for the package above, as below
        try:
            return PathFinder.find_spec(module, places)
        except (KeyError, ModuleNotFoundError):  # the latter from 3.15 on
            # A folder without __init__.py, in one that is not imported either.
            name = module.rpartition(".")[2]
            inner = [str(Path(place, name)) for place in places if Path(place, name).is_dir()]
            spec = ModuleSpec(module, None, is_package=True)
            spec.submodule_search_locations = inner
            return spec
    except (ImportError, ValueError):  # an optional import, or a name that is no module
        return None


def _folder(top: str) -> Path | None:
    """The folder on the path that such a module or package is in; None where it is in none."""
    spec = _spec(top)
    if spec is None:
        return None
    if spec.submodule_search_locations is not None:
        places = list(spec.submodule_search_locations)
        return Path(places[0]).parent if places else None
    return Path(spec.origin).parent if spec.has_location and spec.origin is not None else None


def _is_installed(folder: Path) -> bool:
    """Whether what is in that folder on the path was installed there, and has a version."""
    return folder.name in INSTALLED or any(folder.glob("*.dist-info"))


def _owners(top: str, installed: Mapping[str, str]) -> tuple[str, ...]:
    """The distributions that the module or package of that name belongs to: `yaml` to pyyaml.

    Most are called alike. For the others the lists of installed files are read, of that folder
    alone: `importlib.metadata.packages_distributions` reads all there are, which takes 0.4 s.
    """
    if (name := normal(top)) in installed:
        return (name,)
    folder = _folder(top)
    if folder is None or not _is_installed(folder):
        return ()
    return tuple(
        name
        for info in sorted(folder.glob("*.*-info"))
        if (name := named(info.name)[0]) in installed and _holds(info, top)
    )


def _required(names: Iterable[str], installed: Mapping[str, str]) -> tuple[str, ...]:
    """These distributions and those that they cannot be without, as far as they are installed."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name not in installed:
            continue
        found.add(name)
        try:
            text = distribution(name).read_text("METADATA") or ""
        except PackageNotFoundError:
            continue
        for other, condition in REQUIRES.findall(text.partition("\n\n")[0]):
            if "extra" not in condition:
                waiting.append(normal(other))
    return tuple(found)


def _holds(info: Path, top: str) -> bool:
    """Whether a distribution's list of files, or of modules, has that one."""
    try:
        files = b"\n" + (info / "RECORD").read_bytes()
        starts = (f"\n{top}{end}".encode() for end in ("/", ".py,", ".cpython", ".abi3", ".so,"))
        return any(start in files for start in starts)
    except OSError:  # some systems' packages have none
        pass
    try:
        return top in (info / "top_level.txt").read_text("utf-8", "replace").split()
    except OSError:
        return False


@lru_cache(maxsize=1000)
def _imported(source: bytes, package: str) -> tuple[str, ...]:
    """The dotted names that a module of that package imports, of modules or what is in them.

    Remembered by the text: a file is read again for each call from Python, and seldom differs.
    """
    names: list[str] = []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):  # for another Python: it is not imported here
        return ()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(names)
