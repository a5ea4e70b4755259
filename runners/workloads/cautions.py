"""What to know of one's own module before a function in it is measured on workers.

Loaded where a cell is planned, and not in the measuring process.
"""

import ast
import importlib.util
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

from runners.model import InvalidParameter
from runners.workloads.user_code import find, module_name

PRINTERS = {"print", "pprint"}
STARTERS = ("Pool", "Executor")
DEEPEST, MOST = 4, 1000
"""So far, and among so many objects, is looked for connections in what a module holds."""


# What runs when the file is imported


def own_file(name: str) -> Path | None:
    """The file of a function, if it is the user's: named itself, or in this folder."""
    place = name.rpartition(":")[0]
    if place.endswith(".py"):
        return Path(place)
    file = getattr(sys.modules.get(module_name(name)), "__file__", None)
    if file is None or not file.endswith(".py") or "site-packages" in Path(file).parts:
        return None
    return Path(file) if Path(file).resolve().is_relative_to(Path.cwd()) else None


def check_names(file: Path) -> None:
    """Raise InvalidParameter if a file beside it, which it imports, has the name of another module.

    As a script by itself it would get its neighbour. Here the library's comes first, because the
    program and the workers need that.
    """
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (OSError, SyntaxError, ValueError):
        return
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    for name in sorted({name.partition(".")[0] for name in names} - {""}):
        beside = next(filter(Path.exists, (file.parent / f"{name}.py", file.parent / name)), None)
        if beside is None or not (beside.is_file() or any(beside.glob("*.py"))):
            continue
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        # One that is built in would be taken by a script, too.
        if spec is not None and spec.origin and spec.origin.endswith(".py"):
            other = Path(spec.origin).resolve()
            if not other.is_relative_to(file.parent.resolve()):
                raise InvalidParameter(
                    "function",
                    f"{file} imports {name}, and {beside} has the name of another module "
                    f"({other}); give it another name",
                )


@cache
def unguarded(file: Path) -> str:
    """Which lines do a script's work when the file is imported, and what they do; "" if none do.

    That is a statement outside of functions and of `if __name__ == "__main__":` that prints, calls
    what the file defines and keeps nothing of it, or starts workers.
    """
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return ""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    own = {node.name for node in body if isinstance(node, kinds)}
    lines: list[int] = []
    prints = starts = False
    called: list[str] = []
    for node in _at_import(body):
        names = set(_called(node))
        calls_own = sorted(names & own)
        is_pool = isinstance(node, ast.withitem)
        if is_pool and any(name.endswith(STARTERS) for name in names):
            starts = True
        elif isinstance(node, ast.Expr) and (names & PRINTERS or calls_own):
            prints = prints or bool(names & PRINTERS)
            called += [name for name in calls_own if name not in called]
        else:
            continue
        lines.append(node.context_expr.lineno if isinstance(node, ast.withitem) else node.lineno)
    return _told(file.name, sorted(set(lines)), prints, starts, called) if lines else ""


def _at_import(body: Sequence[ast.stmt]) -> Iterator[ast.stmt | ast.withitem]:
    """What runs at import, also within loops and branches, but for `if __name__ == ...`."""
    for node in body:
        if isinstance(node, ast.If) and any(
            isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
        ):
            continue
        if isinstance(node, ast.Expr):
            yield node
        if isinstance(node, ast.With | ast.AsyncWith):
            yield from node.items
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for name in ("body", "orelse", "finalbody"):
                yield from _at_import(getattr(node, name, []))
            for part in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
                yield from _at_import(part.body)


def _called(node: ast.AST) -> Iterator[str]:
    """The names of what is called within it, but not in a function that is only made there."""
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Name):
            yield function.id
        elif isinstance(function, ast.Attribute) and function.attr.endswith(STARTERS):
            yield function.attr
    for child in ast.iter_child_nodes(node):
        yield from _called(child)


def _told(file: str, lines: list[int], prints: bool, starts: bool, called: list[str]) -> str:
    s, no_s = ("", "s") if len(lines) == 1 else ("s", "")
    numbers = [str(line) for line in lines[:3]]
    numbers += [f"{len(lines) - 3} more"] if len(lines) > 3 else []
    does = [f"print{no_s}"] if prints else []
    does += [f"start{no_s} workers"] if starts else []
    does += [f"call{no_s} {_listed(called[:3])}"] if called else []
    return f"{file}: line{s} {_listed(numbers)}, which {_listed(does)}, run{no_s}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


# What works by its name alone


@cache
def by_name(name: str) -> str:
    """That the function of that name cannot be pickled, and why; "" if it can."""
    found = find("function", name)
    try:
        pickle.Pickler(_Nowhere()).dump(found)
    except Exception as error:
        said = " ".join(str(error).split()).replace(";", ",")
    else:
        return ""
    what = "an object"
    if isinstance(found, MethodType):
        what = "a bound method"
    elif isinstance(found, FunctionType):
        what = "a lambda" if found.__name__ == "<lambda>" else "a function"
    own = name.rpartition(":")[2]
    return f"{own}, which as {what} could not travel to a process ({said}),"


class _Nowhere:
    """A file that keeps nothing: an object may hold a lot."""

    def write(self, data: Any) -> int:
        return len(data)


# Connections that are open when processes are forked


_NO_HOLDERS = (ModuleType, FunctionType, MethodType)


def open_connections(module: ModuleType) -> list[str]:
    """The open database connections and sockets that a module holds, by name and type."""
    found: list[str] = []
    seen: set[int] = set()
    todo = [(name, value, 0) for name, value in vars(module).items() if not name.startswith("__")]
    while todo and len(seen) < MOST:
        name, value, depth = todo.pop(0)
        is_foreign = isinstance(value, type) and value.__module__ != module.__name__
        if id(value) in seen or is_foreign or isinstance(value, _NO_HOLDERS):
            continue
        seen.add(id(value))
        if _is_open_connection(value):
            found.append(f"{name} ({type(value).__module__}.{type(value).__qualname__})")
        elif depth < DEEPEST:
            todo += [(f"{name}{step}", part, depth + 1) for step, part in _held(value)]
    return found


def _held(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in list(value.items())[:MOST])
    elif isinstance(value, list | tuple | set):
        yield from ((f"[{k}]", part) for k, part in enumerate(list(value)[:MOST]))
    else:
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, Mapping):  # of a class, too
            yield from ((f".{key}", part) for key, part in attributes.items())


def _is_open_connection(value: Any) -> bool:
    """A socket, or what has the methods of a connection of the database interface (PEP 249)."""
    kind = type(value)
    library = sys.modules.get("socket")
    if library is not None and isinstance(value, library.socket):
        return bool(value.fileno() >= 0)
    if not all(hasattr(kind, name) for name in ("cursor", "commit", "rollback", "close")):
        return False
    try:
        if kind.__module__ == "sqlite3":
            value.total_changes  # noqa: B018 - raises where it is closed
        return not getattr(value, "closed", False)
    except Exception:
        return False
