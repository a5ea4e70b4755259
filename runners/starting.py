"""How a process of an interpreter is started: with which path, options and environment.

The interpreter of this program finds what the program finds. Another one has its own standard
library and installed packages, and besides `runners` only the folders that are the user's own:
nothing that is installed for this program.
"""

import os
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import runners
from runners.child.elsewhere import counterpart
from runners.model import Plan, Python, Version

PACKAGE = Path(runners.__file__).parent
LINK = ".path"
"""In a temporary folder: what has `runners` and nothing else, for the path of another one."""


def command(
    python: Python,
    call: str,
    folder: str,
    options: Sequence[str] = (),
    version: Version | None = None,
) -> list[str]:
    """The words that have that interpreter run a statement, with `runners` at hand.

    `folder` is a temporary one that stays as long as the process does. The path is handed over
    literally: PYTHONPATH would also reach the programs that a workload starts. With another
    `version` of the user's code it is that which is found; `runners` is always this one.
    """
    own = [place for place in sys.path if isinstance(place, str)]
    place = Path(folder, LINK)
    if not python.is_this or version is not None:
        place.mkdir()
        (place / PACKAGE.name).symlink_to(PACKAGE, target_is_directory=True)
    if not python.is_this:
        # First: the program may be installed there as well, in another version.
        path = f"sys.path.insert(0, {str(place)!r}); sys.path += {users_folders()!r}"
    else:
        path = f"sys.path[:] = {own if version is None else [str(place), *own]!r}"
    if version is not None:
        trees = version.root, version.tree, version.working, str(place)
        path += f"; from runners.child.elsewhere import enter; enter{trees!r}"
    return [
        *(python.executable, *options, "-P", "-X", "faulthandler"),
        *("-c", f"import sys; {path}; {call}"),
    ]


def options(plan: Plan) -> list[str]:
    """What the measuring interpreter of that plan is started with: the program's own, if it is."""
    words = list(plan.options)
    if plan.gil is not None:  # -X gil would count for more than the variable
        at = [k for k, word in enumerate(words) if word.startswith("gil=")]
        words = [word for k, word in enumerate(words) if k not in at and k + 1 not in at]
    return words


def environment(
    python: Python, gil: str | None = None, version: Version | None = None
) -> dict[str, str]:
    """The variables of such a process."""
    own = dict(os.environ) if python.is_this else foreign_environment(os.environ)
    if version is not None and "PYTHONPATH" in own:  # for the programs that it starts
        places = own["PYTHONPATH"].split(os.pathsep)
        moved = (counterpart(place, version.root, version.tree) for place in places)
        own["PYTHONPATH"] = os.pathsep.join(moved)
    return own if gil is None else {**own, "PYTHON_GIL": "1" if gil == "on" else "0"}


OURS = {
    *("PYTHONPATH", "PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONSTARTUP", "PYTHONEXECUTABLE"),
    *("PYTHON_GIL", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT"),
}
"""Variables that say where this program's interpreter is, and what is found there. A build with the
GIL ends at once where PYTHON_GIL is 0."""


def foreign_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that are true of this program's interpreter only."""
    return {name: value for name, value in environment.items() if name not in OURS}


def users_folders() -> list[str]:
    """What is on this program's path that is neither Python's, nor installed, nor the program's."""
    installed = {*map(os.path.realpath, _installed())}
    working = os.path.realpath(Path.cwd())
    return [
        str(Path(place).absolute())
        for place in sys.path
        if (real := os.path.realpath(place)) not in installed or real == working
    ]


@cache
def _installed() -> list[str]:
    """Folders of Python's own, those that packages are installed in, and what their files name."""
    paths = sysconfig.get_paths()
    own = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    own += [f"{paths['stdlib']}/lib-dynload", str(PACKAGE.parent)]
    version = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    own += [str(Path(prefix, sys.platlibdir, version)) for prefix in (sys.prefix, sys.base_prefix)]
    base = sysconfig.get_paths(vars={"base": sys.base_prefix, "platbase": sys.base_prefix})
    own += [base["stdlib"], f"{base['platstdlib']}/lib-dynload"]
    packages = [*site.getsitepackages(), site.getusersitepackages()]
    return [*own, *packages, *(line for folder in packages for line in _named(Path(folder)))]


def _named(folder: Path) -> Iterator[str]:
    """The folders that the .pth files of one name: of packages that are installed as they are."""
    for file in folder.glob("*.pth"):
        try:
            lines = file.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        for line in map(str.strip, lines):
            if line and not line.startswith(("#", "import ", "import\t")):
                yield str(folder / line)
