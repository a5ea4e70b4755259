"""What an interpreter knows of itself: asked of the one that measures, not of the program's."""

import platform
import re
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def facts() -> dict[str, Any]:
    """What `environment.json` says of the interpreter. Names follow pyperf's metadata."""
    return {
        "python_implementation": platform.python_implementation(),
        "python_version": platform.python_version(),
        "python_build": " ".join(platform.python_build()),
        "python_compiler": platform.python_compiler(),
        "python_free_threaded": free_threaded(),
        "python_switch_interval_s": sys.getswitchinterval(),
        "packages": packages(sys.path),
    }


def python_kind() -> str:
    """The interpreter and its version: `CPython 3.13.1`, `CPython 3.13.1 free-threaded`.

    Versions read the same with and without the GIL, and of a build for debugging.
    """
    words = [platform.python_implementation(), platform.python_version()]
    words += ["free-threaded"] if free_threaded() else []
    words += ["debug build"] if "d" in getattr(sys, "abiflags", "") else []
    return " ".join(words)


def free_threaded() -> bool:
    """Whether this interpreter was built to run without the GIL."""
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def packages(folders: Iterable[str]) -> dict[str, str]:
    """Version of each installed package, as the first one on the path counts.

    Read off the names of the `.dist-info` folders, which the packaging standard lays down, and of
    the `.egg-info` that some systems have: `importlib.metadata` opens a file for each and takes ten
    times as long.
    """
    versions: dict[str, str] = {}
    for folder in folders:
        for info in sorted(Path(folder or ".").glob("*.*-info")):
            name, version = named(info.name)
            if version:
                versions.setdefault(name, version)
    return versions


def named(info: str) -> tuple[str, str]:
    """Name and version of a distribution, by the name of its folder, as `PyYAML-6.0.dist-info`."""
    stem, _, kind = info.rpartition(".")
    if kind not in ("dist-info", "egg-info"):
        return "", ""
    name, _, version = stem.partition("-")
    return normal(name), version if kind == "dist-info" else version.partition("-py")[0]


def normal(name: str) -> str:
    """The name of a distribution as any way of writing it comes to."""
    return re.sub(r"[-_.]+", "-", name).lower()
