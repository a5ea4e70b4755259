"""Functions and arguments of the caller's, as the processes that measure can have them.

What a fresh interpreter can import goes by its name. Anything else goes into a file, pickled: by
the standard library where all in it can be imported, else with its code, by cloudpickle.
"""

import hashlib
import inspect
import io
import pickle
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import _lru_cache_wrapper, partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from runners.child.parts import is_used_up, kind_of, parts, without_address
from runners.model import UsageError, in_one_line, printable
from runners.workloads.pickled import PREFIX, Given, Live, Made, cached, forget, keep

INSTALL = "python -m pip install cloudpickle"
Member = tuple[str, str]


class Objects:
    """What a measurement has given to its processes. `folder` is for its files, and temporary."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []

    def forget(self) -> None:
        """Let this process's own objects go."""
        for name in self.names:
            forget(name)

    def functions(self, given: Mapping[str, tuple[Callable[..., Any], str]]) -> dict[str, str]:
        """The names of functions with their labels, by parameter: their own, `package.module:name`.

        Those that have none are together in one file, so that what one of them does to a variable
        another one sees. Raises UsageError over what cannot be pickled.
        """
        names: dict[str, str] = {}
        together: dict[str, Any] = {}
        places: dict[str, str] = {}
        for parameter, (function, label) in given.items():
            if (own := name_of(function)) is not None:
                names[parameter] = own
                continue
            _pickled(parameter, function)  # by itself: the error names it
            place = _plain_name(label)
            while place in together:
                place += "_"
            together[place], places[parameter] = function, place
        if together:
            found = self._named(together, _pickled("function", together))
            names |= {parameter: found[place] for parameter, place in places.items()}
        return names

    def calls(self, given: Given | Made, label: str) -> str:
        """The name of the calls to be made. Raises UsageError, as `functions`."""
        place = _plain_name(f"arguments of {label}")
        found = _pickled("arguments", given)
        if found.members:
            members = _pickled("arguments", {"classes": None}, found.members)
            given.members = f"classes-{self._write(members)}"
        return self._named({place: given}, _pickled("arguments", {place: given}))[place]

    def _named(self, values: Mapping[str, Any], found: "_Pickled") -> dict[str, str]:
        digest = self._write(found)
        names = {place: f"{PREFIX}{place}-{digest}" for place in values}
        for place, name in names.items():
            path = self.folder / f"{place}-{digest}"
            keep(name, Live(values[place], path, tuple(sorted(found.modules))))
        self.names += names.values()
        return names

    def _write(self, found: "_Pickled") -> str:
        """Returns the digest, which is the name of the file."""
        # The files of cells of a notebook are called after the process.
        bare = re.sub(rb"/ipykernel_\d+/", b"/", found.data)
        digest = hashlib.sha256(bare).hexdigest()[:12]
        (self.folder / digest).write_bytes(found.data)
        return digest


def _plain_name(label: str) -> str:
    return (re.sub(r"\W+", "_", label).strip("_") or "object")[:40]


def label_of(function: Callable[..., Any]) -> str:
    """What a function is called by its user."""
    if isinstance(function, partial):
        return label_of(function.func)
    name = getattr(function, "__name__", None) or type(function).__name__
    return "lambda" if name == "<lambda>" else str(name)


def name_of(value: Any) -> str | None:
    """`package.module:name`, if a fresh interpreter finds just that under it; else None."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(value, BuiltinFunctionType) and not isinstance(value.__self__, ModuleType | None):
        return None  # a method of an object
    if isinstance(value, MethodType) or not (isinstance(module, str) and isinstance(name, str)):
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}:{name}" if found is value and is_importable(module) else None


def is_importable(module: str) -> bool:
    """Whether a fresh interpreter with this path finds the module, and where it was found here."""
    loaded = sys.modules.get(module)
    if module == "__main__" or loaded is None:
        return False
    spec = _spec(module)
    if spec is None:
        return False
    file = getattr(loaded, "__file__", None)
    if file is None or spec.origin is None or not spec.has_location:
        return file is None or not spec.has_location
    return Path(file).absolute() == Path(spec.origin).absolute() or (
        Path(file).exists() and Path(spec.origin).exists() and Path(file).samefile(spec.origin)
    )


def _spec(module: str) -> ModuleSpec | None:
    """Where it would be found, had it not been imported yet. Nothing is imported for it."""
    package, _, _ = module.rpartition(".")
    places = None
    if package:
        above = _spec(package)
        if above is None:
            return None
        places = above.submodule_search_locations
        if places is None:
            loaded = sys.modules.get(module)
            # `os.path` and the like are put there by the module above, which is imported first.
            return getattr(loaded, "__spec__", None) if loaded is not None else None
    for finder in sys.meta_path:
        try:
            found = finder.find_spec(module, places)
        except Exception:  # one that somebody has put there
            continue
        if found is not None:
            return found
    return None


# Pickling


class _ByValue(Exception):
    """Something goes only with its code."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class _Named(pickle.Pickler):
    """For what a fresh interpreter can import. Raises _ByValue over anything else."""

    def __init__(self, data: io.BytesIO) -> None:
        super().__init__(data, pickle.HIGHEST_PROTOCOL)
        self.modules: set[str] = set()

    def reducer_override(self, value: Any) -> Any:
        by_name = isinstance(value, type | FunctionType | _lru_cache_wrapper)
        if by_name and value.__module__ != "builtins":
            if name_of(value) is None:
                raise _ByValue(value)
            self.modules |= _own(value.__module__)
        return NotImplemented


@dataclass(frozen=True, slots=True)
class _Pickled:
    """The bytes, the user's modules that they name, and what is in them with its code."""

    data: bytes
    modules: set[str]
    members: Mapping[Member, Any]


def _own(module: str) -> set[str]:
    top = module.partition(".")[0]
    return set() if top in {*sys.stdlib_module_names, "runners", "cloudpickle"} else {module}


def _pickled(parameter: str, value: Any, more: Mapping[Member, Any] | None = None) -> _Pickled:
    """The bytes of the value and, beside it, all that goes with its code, and of `more`."""
    data = io.BytesIO()
    why: BaseException
    try:
        pickler = _Named(data)
        pickler.dump((value, dict(more or {})))
        return _Pickled(data.getvalue(), pickler.modules, {})
    except _ByValue as found:
        why = found
    except Exception as error:
        why = error
    cloud = _cloudpickle()
    if cloud is None:
        if isinstance(why, _ByValue):
            raise UsageError(_needs(parameter, why.value))
        raise _refused(parameter, value, why, _dumps_plainly) from None
    try:
        return _by_value(cloud, value, more or {})
    except Exception as error:
        raise _refused(
            parameter, value, error, lambda part: _by_value(cloud, part, {}).data
        ) from None


def _cloudpickle() -> ModuleType | None:
    try:
        import cloudpickle
    except ImportError:
        return None
    module: ModuleType = cloudpickle
    return module


def _by_value(cloud: Any, value: Any, more: Mapping[Member, Any]) -> _Pickled:
    """Pickled with the code of all that cannot be imported, as that of a test's module."""
    members = dict(more)
    modules: set[str] = set()
    registered: list[ModuleType] = []

    class Pickler(cloud.Pickler):  # type: ignore[misc]
        def reducer_override(self, part: Any) -> Any:
            if isinstance(part, io.TextIOWrapper):  # it would be copied, with what is left of it
                raise TypeError("cannot pickle an open file")
            if isinstance(part, _lru_cache_wrapper) and name_of(part) is None:
                # By itself it goes by its name, which no other process has.
                return cached, (part.__wrapped__, part.cache_parameters())
            if isinstance(part, ModuleType):
                modules.update(_own(part.__name__))
            elif isinstance(part, type | FunctionType):
                module, name = part.__module__, part.__qualname__
                if is_importable(module):
                    modules.update(_own(module))
                elif isinstance(found := sys.modules.get(module), ModuleType):
                    if module != "__main__" and module not in _registered(cloud):
                        cloud.register_pickle_by_value(found)
                        registered.append(found)
                    if getattr(found, name, None) is part:
                        members[module, name] = part
            return super().reducer_override(part)

    try:
        # The members are known when all has been pickled once.
        Pickler(io.BytesIO()).dump((value, more))
        data = io.BytesIO()
        Pickler(data).dump((value, dict(members)))
    finally:
        for module in registered:
            cloud.unregister_pickle_by_value(module)
    return _Pickled(data.getvalue(), modules, members)


def _registered(cloud: Any) -> set[str]:
    found: set[str] = cloud.list_registry_pickle_by_value()
    return found


def _dumps_plainly(value: Any) -> bytes:
    return pickle.dumps(value)


# What is told of what cannot be pickled


def _needs(parameter: str, value: Any) -> str:
    where = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", "it")
    place = "this program itself" if where == "__main__" else "no module that can be imported"
    if "<locals>" in name or "<lambda>" in name:
        place = "no module under a name of its own"
    return (
        f"{parameter}: {name} is defined in {place}, so that another process can have it only "
        f"with the package cloudpickle, which is not installed; {INSTALL}, or put it into a "
        "module (a .py file beside this one) and import it from there"
    )


def _refused(
    parameter: str, value: Any, error: BaseException, dump: Callable[[Any], object]
) -> UsageError:
    """Which part of it cannot be pickled, where it is held, and the remedy."""
    place, part = parameter, value
    problem = in_one_line(error)
    seen: set[int] = set()
    while True:
        seen.add(id(part))
        for step, inner in _held(place, part):
            if id(inner) in seen:
                continue
            try:
                dump(inner)
            except Exception as said:
                place, part, problem = step, inner, in_one_line(said)
                break
        else:
            break
    problem = without_address(problem)
    if is_used_up(part):
        remedy = "pass a list of what it gives, or make it inside the function"
    else:
        remedy = (
            "make it inside the function, in an initializer, or in a module that it imports, so "
            "that each worker has its own"
        )
    told = f"{place} is {kind_of(part)}, which cannot be sent to another process"
    return UsageError(printable(f"{told} ({problem}); {remedy}"))


def _held(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What an object holds that is pickled with it, each with the words for where that is."""
    if isinstance(value, Given):
        for number, (positional, keywords) in enumerate(value.calls):
            for at, part in enumerate(positional):
                yield f"arguments: argument {at} of call {number}", part
            for name, part in keywords.items():
                yield f"arguments: {name} of call {number}", part
    elif isinstance(value, Made):
        yield "arguments", value.make
        yield from ((f"keywords: {name}", part) for name, part in value.keywords.items())
    elif isinstance(value, partial):
        yield f"{place}: what partial calls", value.func
        yield from ((f"{place}: argument {k} of partial", p) for k, p in enumerate(value.args))
        yield from ((f"{place}: {k} of partial", p) for k, p in value.keywords.items())
    elif isinstance(value, MethodType):
        yield f"{place}: the object of {value.__name__}", value.__self__
        yield place, value.__func__
    elif isinstance(value, FunctionType):
        yield from _variables(place, value)
    elif isinstance(value, list | tuple | Mapping | set | frozenset):
        yield from ((f"{place}[{step!r}]", part) for step, part in parts(value))
    elif isinstance(attributes := getattr(value, "__dict__", None), dict):
        yield from ((f"{place}: its {name}", part) for name, part in attributes.items())


def _variables(place: str, function: FunctionType) -> Iterator[tuple[str, Any]]:
    """What a function refers to: variables around it, of its module, defaults."""
    if name_of(function) is not None:
        return
    before = place.partition(":")[0]
    of = f"of {label_of(function)}"
    try:
        found = inspect.getclosurevars(function).nonlocals
    except (TypeError, ValueError):  # a cell that is empty
        found = {}
    yield from ((f"{before}: the variable {name} {of}", part) for name, part in found.items())
    for name in sorted(_names(function.__code__) & function.__globals__.keys()):
        yield f"{before}: the global variable {name} {of}", function.__globals__[name]
    defaults = {**(function.__kwdefaults__ or {})}
    code = function.__code__
    last = code.co_varnames[: code.co_argcount][-len(function.__defaults__ or ()) :]
    defaults |= dict(zip(last, function.__defaults__ or (), strict=False))
    yield from ((f"{before}: the default of {name} {of}", part) for name, part in defaults.items())


def _names(code: CodeType) -> set[str]:
    """The names that it and the functions in it may look up."""
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*map(_names, inner))
