"""Which interpreter `python=...` names.

`this` one, the path of an executable, a program on the PATH, the folder of a virtual environment,
`free-threaded`, or a version (`3.14`, `3.15t` for a build without the GIL), which is looked up as
its users would: uv's interpreters where uv is there, pyenv's, those on the PATH, and those that
`.ci/pythons` has made.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from runners.model import THIS, Python, UsageError, printable
from runners.planning.asking import (
    OLDEST,
    Ended,
    NotFit,
    ask,
    ask_all,
    ended_all,
    numbers,
    this_python,
)
from runners.starting import foreign_environment

ALL = "all"
"""In a sweep: all that are found here."""
FREE_THREADED = "free-threaded"
VARIABLE = "SPEEDUP_LAB_FREE_THREADED"
"""It names a build without the GIL that is nowhere where one is looked for."""
VERSION = re.compile(r"(\d{1,4}\.\d{1,4})(\.\d{1,4}(?:(?:a|b|rc)\d+)?)?(t?)", re.ASCII)
"""As in 3.14, 3.14.2, 3.15.0rc1, 3.15t."""
NAMES = ("bin/python", "bin/python3", "Scripts/python.exe")
"""What is looked for in the folder of a virtual environment."""
REMEDY = (
    "name a version (python=3.14), an executable, or the folder of a virtual environment by its "
    "path"
)


def find(asked: str) -> Python:
    """The interpreter that `python=ASKED` names; what each interpreter says is asked once.

    Relative paths begin in the working folder. Raises UsageError, saying what was found there.
    """
    if asked.strip() == THIS:
        return this_python()
    try:
        return replace(_named(asked.strip()), asked=asked)
    except NotFit as problem:
        raise UsageError(f"python={printable(asked)}: {printable(str(problem))}") from None


def here() -> list[Python]:
    """The interpreters that are found on this machine, those that can measure, the oldest first.

    There is one of each implementation and minor version, with the GIL and without it. What `find`
    calls it is in its `asked`: the version, or its path if it is not found by that.
    """
    this = this_python()
    paths = [*_uv_all(), *_of_pyenv(), *_all_on_path(), *_made(), *_of_variable()]
    ask_all(paths)
    found = {_kind(this): replace(this, asked=this.executable)}
    for path in reversed(paths):  # the first of a kind stays
        try:
            python = ask(path)
        except NotFit:
            continue
        found[_kind(python)] = replace(python, asked=path)
    return [_by_version(found[kind]) for kind in sorted(found)]


def expanded(asked: Sequence[str]) -> list[str]:
    """What a sweep names, each once: `all` stands for all that are found here."""
    each = ([python.asked for python in here()] if one == ALL else [one] for one in asked)
    return list(dict.fromkeys(one for some in each for one in some))


def _kind(python: Python) -> tuple[tuple[int, int], str, bool]:
    return numbers(python.version), python.implementation, python.free_threaded


def _by_version(python: Python) -> Python:
    """The one that its version names, if it is of the same kind, else itself."""
    version = ".".join(map(str, numbers(python.version))) + "t" * python.free_threaded
    found = _first(version) if python.implementation == "CPython" else None
    return replace(found, asked=version) if isinstance(found, Python) else python


def _named(asked: str) -> Python:
    if not asked:
        raise NotFit(f"no interpreter is named; {REMEDY}")
    if asked == ALL:
        raise NotFit("it stands for several interpreters, and so for a sweep: write -m python=all")
    if asked == FREE_THREADED:
        return _without_gil()
    if VERSION.fullmatch(asked):
        return _of_version(asked)
    problem: NotFit | None = None
    for path in _paths(asked):
        try:
            return ask(path)
        except NotFit as error:
            problem = problem or error
    raise problem or NotFit(
        f"there is no such file, and no program of that name on the PATH; {REMEDY} ({_known()})"
    )


def _paths(asked: str) -> list[str]:
    """Where what is named by a path or a name may be. Raises NotFit, saying what is there."""
    try:
        can_be = b"\0" not in os.fsencode(asked)
        path = Path(asked).expanduser().absolute()
    except UnicodeEncodeError:
        can_be = False
    except RuntimeError:  # no such user
        path = Path(asked).absolute()
    if not can_be:
        return []
    others: list[str] = []
    if is_name := asked == path.name:
        # pyenv's shims start only those that are chosen there.
        others = [*_on_path(asked), *(str(Path(python).with_name(asked)) for python in _of_pyenv())]
        others = list(filter(_is_program, others))
    try:
        return [_executable(path)] if os.path.lexists(path) or not is_name else others
    except NotFit:
        if others:  # what has that name in the working folder is something else
            return others
        raise


def _executable(path: Path) -> str:
    """The executable that a path leads to. Raises NotFit if there is none."""
    if not os.path.lexists(path):
        raise NotFit(f"there is no file {path}; {REMEDY}")
    if not os.access(path, os.F_OK):
        raise NotFit(f"{path} is a link to {os.path.realpath(path)}, which is not there")
    if not path.is_dir():
        if not _is_program(path):
            raise NotFit(f"{path} is no program that can be started: it is not executable")
        return str(path)  # not resolved: a virtual environment's is a link, and has its packages
    there = [path / name for name in NAMES if os.path.lexists(path / name)]
    for executable in there:
        if os.access(executable, os.F_OK):
            return _executable(executable)
    if there:
        raise NotFit(
            f"the virtual environment {path} is broken: {there[0]} leads to "
            f"{os.path.realpath(there[0])}, which is not there; make it anew"
        )
    raise NotFit(f"{path} is a folder without {NAMES[0]}, so no virtual environment; {REMEDY}")


def _is_program(path: Path | str) -> bool:
    return os.access(path, os.X_OK) and Path(path).is_file()


def _of_version(version: str) -> Python:
    found = _first(version)
    if isinstance(found, Python):
        return found
    if found is not None:
        raise found
    if numbers(version) < OLDEST:
        raise NotFit(f"from {'.'.join(map(str, OLDEST))} on an interpreter can measure; {_known()}")
    raise NotFit(
        f"no Python {version} is found by uv, in pyenv or on the PATH; install it, or {REMEDY} "
        f"({_known()})"
    )


def _first(version: str) -> Python | NotFit | None:
    """The first of that version, else what stands in its place; without a `t`, one with the GIL."""
    wanted = VERSION.fullmatch(version)
    assert wanted is not None
    problem: NotFit | None = None
    for path, is_named in _candidates(version):
        try:
            python = ask(path)
        except NotFit as error:
            problem = problem or (error if is_named else None)
            continue
        is_version = (
            python.version.rstrip("+") == version.removesuffix("t")
            if wanted[2]
            else numbers(python.version) == numbers(version)
        )
        is_kind = python.implementation == "CPython" and python.free_threaded == bool(wanted[3])
        if is_version and is_kind:
            return python
    return problem


def _candidates(version: str) -> Iterator[tuple[str, bool]]:
    """Where one of that version may be, the likeliest first, and whether its place says so."""
    plain = ".".join(map(str, numbers(version)))
    minor = plain + "t" * version.endswith("t")
    if minor != plain:
        yield from ((path, False) for path in _of_variable())
    named = _on_path(f"python{minor}", shims=False)
    for path in (*_uv_find(version), *_of_pyenv(minor), *named, *_made(minor)):
        yield path, True
    if minor != plain:  # such a build is often installed under the plain name as well
        yield from ((path, False) for path in _of_pyenv(plain))
    for name in (f"python{plain}", "python3", "python"):
        yield from ((path, False) for path in _on_path(name, shims=False))
    yield this_python().executable, False


def _without_gil() -> Python:
    if this_python().free_threaded:
        return this_python()
    if name := os.environ.get(VARIABLE):
        before = f"{VARIABLE}={name}:"
        if name in (THIS, FREE_THREADED):
            raise NotFit(f"{before} it has to name a build without the GIL; {REMEDY}")
        try:
            python = _named(name)
        except NotFit as problem:
            raise NotFit(f"{before} {problem}") from None
        if not python.free_threaded:
            what = f"{python.executable} is {python.implementation} {python.version}"
            raise NotFit(f"{before} {what} with the GIL; name a build without it")
        return python
    for python in reversed(here()):
        if python.free_threaded:
            return python
    raise NotFit(
        "no build without the GIL is found here; name one, as in python=/path/to/python3.15t "
        f"({_known()})"
    )


def _of_variable() -> list[str]:
    """The path of the one that the variable names, if it is a path or a program."""
    name = os.environ.get(VARIABLE, "")
    if not name or VERSION.fullmatch(name) or name in (THIS, FREE_THREADED, ALL):
        return []
    try:
        return _paths(name)[:1]
    except NotFit:
        return []


def _known() -> str:
    return f"found here: {', '.join(python.name for python in here())}"


def _pyenv_root() -> Path:
    try:
        return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv").absolute()
    except RuntimeError:  # this user has no home
        return Path("/nonexistent")


PYENV = re.compile(
    r"(pypy)?(?P<minor>\d+\.\d+)(?:\.(?P<patch>\d+)(?:(?P<stage>a|b|rc)(?P<number>\d+))?)?"
    r"(?P<t>t)?(?(1)-.*|(?:-dev)?)"
)
"""A name of pyenv's: 3.13.0, 3.13.0t, 3.14.0rc2, 3.14-dev, pypy3.11-7.3.20. Others are those of
virtual environments, and of distributions of Python."""


def _of_pyenv(minor: str = "") -> list[str]:
    """Those of pyenv that have that version, as in 3.14 or 3.14t, or all that can measure.

    The newest is the first, but releases come before what is not released: `3.14.2`, `3.14.1`,
    `3.14.3rc1`, `3.14-dev`.
    """
    found = []
    for folder in _listed(_pyenv_root() / "versions"):
        name = PYENV.fullmatch(folder.name)
        executable = folder / "bin" / "python"
        if name is None or not _is_program(executable):
            continue
        if minor and minor != f"{name[1] or ''}{name['minor']}{name['t'] or ''}":
            continue
        number = numbers(name["minor"])
        if minor or number >= OLDEST:
            is_release = name["patch"] is not None and name["stage"] is None
            stage = (int(name["patch"] or 0), name["stage"] or "", int(name["number"] or 0))
            found.append((is_release, number, stage, str(executable)))
    return [path for *_, path in sorted(found, reverse=True)]


def _made(minor: str = "") -> list[str]:
    """Those that `.ci/pythons` has made, all or of one version."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # this user has no home
        return []
    found = []
    for folder in sorted(_listed(cache / "speedup-lab")):
        name = re.fullmatch(r"python-(\d+\.\d+)", folder.name)
        if name is not None and minor in ("", name[1]) and (folder / "ready").exists():
            found.append(str(folder / "usr/bin" / f"python{name[1]}"))
    return list(filter(_is_program, found))


def _listed(folder: Path) -> list[Path]:
    try:
        return [*folder.iterdir()]
    except OSError:
        return []


def _path_folders(shims: bool) -> list[Path]:
    """The folders of the PATH; pyenv's shims are slow, and start only what is chosen there."""
    folders = [Path(part).absolute() for part in os.get_exec_path() if part]
    root = _pyenv_root()
    return [at for at in folders if shims or not (at.name == "shims" and at.is_relative_to(root))]


def _on_path(name: str, shims: bool = True) -> list[str]:
    """All programs of that name on the PATH."""
    files = [folder / name for folder in _path_folders(shims)]
    return [str(file) for file in files if _is_program(file)]


def _all_on_path() -> list[str]:
    """The programs on the PATH that may be interpreters that can measure, by their names."""
    form = re.compile(r"python3?|python(3\.\d+)t?|pypy(3(\.\d+)?)?")
    found = []
    for folder in _path_folders(shims=False):
        for file in sorted(_listed(folder)):
            name = form.fullmatch(file.name)
            if name and _is_program(file) and not (name[1] and numbers(name[1]) < OLDEST):
                found.append(str(file))
    return found


def _uv_find(version: str) -> list[str]:
    """The one that uv would take, no virtual environment, if uv is there and finds one."""
    found = _uv("find", "--system", "--no-project", version).strip()
    return [found] if found and _is_program(found) else []


def _uv_all() -> list[str]:
    try:
        known = json.loads(_uv("list", "--only-installed", "--output-format", "json") or "[]")
        found = [str(one["path"]) for one in known if numbers(one["version"]) >= OLDEST]
    except (ValueError, TypeError, KeyError):
        return []
    return list(filter(_is_program, found))


def _uv(*words: str) -> str:
    """What `uv python ...` prints; nothing where it is not there, or finds nothing."""
    folders = os.pathsep.join(map(str, _path_folders(shims=False)))
    return next((_said_by(uv, folders, words) for uv in _on_path("uv")), "")


@cache
def _said_by(uv: str, path: str, words: tuple[str, ...]) -> str:
    environment = {**foreign_environment(os.environ), "PATH": path}
    [ended] = ended_all([[uv, "python", *words, "--no-python-downloads"]], environment)
    return ended.out if isinstance(ended, Ended) and ended.status == 0 else ""
