"""Another version of the user's code: what a process would find in one tree it finds in another.

The path keeps its order, and each folder on it that is the user's own is replaced by its
counterpart, so that modules are found as they are without it. What is installed stays.
"""

import os
import sys
from collections.abc import Iterable

INSTALLED = ("site-packages", "dist-packages")
LIBRARY = os.path.dirname(os.path.realpath(os.__file__))  # noqa: PTH120 - pathlib is not loaded yet

trees: tuple[str, str] | None = None
"""The tree that this process does not have its modules from, and the one that it has them from."""


def enter(root: str, tree: str, working: str, place: str) -> None:
    """Have this process find in `tree` what it would find in `root`, and work in `working`.

    `place` is a folder on its path, and of its own, for what is on no path.
    """
    global trees
    trees = root, tree
    own = [path if path == place else counterpart(path, root, tree) for path in sys.path]
    sys.path[:] = own
    for module in [*sys.modules.values()]:
        mapping = getattr(module, "MAPPING", None)
        # What setuptools makes of a package that is installed as it is, where it is.
        name = str(getattr(module, "__name__", ""))
        if name.startswith("__editable__") and isinstance(mapping, dict):
            _map(mapping, root, tree, place)
    os.chdir(working)


def counterpart(path: str, root: str, tree: str) -> str:
    """Where that file or folder is in the other tree; itself, if it is none of the user's there."""
    if not path or not is_users(path, root, tree):
        return path
    inner = os.path.relpath(os.path.realpath(path), root)
    return tree if inner == "." else f"{tree}/{inner}"


def is_users(path: str, root: str, tree: str) -> bool:
    """Whether it is in `root`, and neither in `tree` nor installed."""
    real = os.path.realpath(path)
    # A tree around or beside the other one is nothing to be careful of.
    inside = within(tree, root) and tree != root and within(real, tree)
    is_installed = within(real, LIBRARY) or any(part in real.split("/") for part in INSTALLED)
    return within(real, root) and not inside and not is_installed


def within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def left_behind(files: Iterable[tuple[str, str]]) -> list[str]:
    """Which modules, of these with their files, are still those of the tree that was left."""
    if trees is None or trees[0] == trees[1]:
        return []
    return [name for name, file in files if is_users(file, *trees)]


def _map(mapping: "dict[str, str]", root: str, tree: str, place: str) -> None:
    """Have packages that a finder knows the place of be those of the other tree.

    By links in `place`, too: a worker that is started anew has the path of its parent, and a finder
    of its own, which comes after it.
    """
    for name, path in [*mapping.items()]:
        mapping[name] = there = counterpart(path, root, tree)
        for end in ("", ".py"):
            if there != path and os.path.exists(there + end):  # noqa: PTH110
                link = f"{place}/{name.replace('.', '/')}{end}"
                if not os.path.lexists(link):
                    os.makedirs(os.path.dirname(link), exist_ok=True)  # noqa: PTH103, PTH120
                    os.symlink(there + end, link)  # noqa: PTH211
                break
