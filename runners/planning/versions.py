"""Which version of the user's code `versus=...` names, and where it is.

A folder is taken as it is. A revision of git is written into a temporary folder: by git itself, and
with an index of its own, so that the user's index, files, worktrees and hooks are as they were.
"""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from runners.measuring.folders import Folder
from runners.model import UsageError, Version, last_line, printable

GIT_S = 30.0
"""How long git may take to say what a revision is."""
SHORT = 7
"""Digits of a commit that are shown."""
LABEL = 60
"""Characters of a name that are shown."""
PATH = re.compile(r"(\.{1,2}|~[^/]*)(/.*)?|/.*", re.DOTALL)
"""A text that is the path of a folder, and no revision."""
REMEDY = "name a folder (versus=../older) or a revision of git (versus=HEAD~1)"

_known: dict[str, Version] = {}
_folders: dict[str, Folder] = {}
"""By commit: those of the trees that were written."""
_commits: dict[str, str] = {}
"""The commits that names stand for, where another program has asked already."""


def find(asked: str) -> Version:
    """The version of that name; it is found once in a program, until `close`.

    Raises UsageError where there is none.
    """
    if asked not in _known:
        try:
            _known[asked] = _found(asked.strip())
        except _Unknown as problem:
            raise UsageError(printable(f"versus={asked}: {problem}")) from None
    return _known[asked]


def commit_of(version: Version) -> str | None:
    """Its commit, of a folder that of its checkout; `-dirty` if tracked files have changed."""
    if version.commit:
        return version.commit
    words = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    done = _git(["-C", version.tree, *words])
    return done.stdout.strip() if done and done.returncode == 0 else None


def commits() -> dict[str, str]:
    """What the names stand for, for a program that measures for this one."""
    return {asked: version.commit for asked, version in _known.items() if version.commit}


def fix(commits: Mapping[str, str]) -> None:
    """Take these for what names of revisions stand for: a branch may have gone on."""
    _commits.update(commits)


def close() -> None:
    """Remove the trees that were written, and forget what names stand for."""
    for folder in _folders.values():
        folder.remove()
    _folders.clear()
    _known.clear()


class _Unknown(Exception):
    """Nothing is measured by that name; the message says why."""


def _found(asked: str) -> Version:
    if not asked:
        raise _Unknown(f"no version is named; {REMEDY}")
    if asked in _commits:
        return _of_commit(asked, _commits[asked])
    folder = _folder(asked)
    is_path = PATH.fullmatch(asked) is not None
    commit = None if is_path else _commit(asked)
    if folder.is_dir():
        if commit is not None:
            raise _Unknown(
                f"it is a folder here, and a revision of git; write versus=./{asked} for the "
                f"folder, versus={asked}^0 for the revision"
            )
        return _of_folder(asked, folder)
    if commit is not None:
        return _of_commit(asked, commit)
    if is_path or folder.exists():
        what = "it is a file, and no folder" if folder.exists() else "there is no such folder"
        raise _Unknown(f"{what}; {REMEDY}")
    raise _Unknown(f"there is no such folder, and {_no_commit(asked)}; {REMEDY}")


def _folder(asked: str) -> Path:
    try:
        return Path(asked).expanduser().absolute()
    except RuntimeError:  # no such user
        return Path(asked).absolute()


def _of_folder(asked: str, folder: Path) -> Version:
    """It takes the place of the working folder; of two checkouts, the tops belong together."""
    tree, here = str(folder.resolve()), str(Path.cwd())
    name = Path(tree).name or tree
    top, top_there = _top(here), _top(tree)
    root = here
    if top is not None and top_there is not None and top != top_there:
        inner = os.path.relpath(here, top)
        if tree == top_there or os.path.relpath(tree, top_there) == inner:
            root, tree = top, top_there
    working = Path(tree, os.path.relpath(here, root))
    if not working.is_dir():
        raise _Unknown(f"it has no folder {os.path.relpath(here, root)}, as the one here has")
    return Version(asked, _shortened(name), "", root, tree, str(working.resolve()))


def _top(folder: str) -> str | None:
    """The top of the checkout that a folder is in; None where it is in none."""
    done = _git(["-C", folder, "rev-parse", "--show-toplevel"])
    return os.path.realpath(done.stdout.strip()) if done and done.returncode == 0 else None


def _commit(asked: str) -> str | None:
    """The commit that a revision is; None where it is none."""
    if asked.startswith("-"):
        return None
    done = _git(["rev-parse", "--verify", "--quiet", f"{asked}^{{commit}}"])
    return done.stdout.strip() if done and done.returncode == 0 else None


def _no_commit(asked: str) -> str:
    """Why a revision is none, in a few words."""
    if asked.startswith("-"):
        return "no revision begins with a hyphen"
    if (done := _git(["rev-parse", "--is-shallow-repository"])) is None:
        return "git, which would know a revision, cannot be run"
    if done.returncode != 0:
        said = last_line(done.stderr).removeprefix("fatal: ")
        return "no repository of git is here" if "not a git" in said else f"git says: {said}"
    if done.stdout.strip() == "true":
        return (
            "git knows no such revision in this shallow clone (git fetch --unshallow brings all, "
            "fetch-depth: 0 in GitHub Actions)"
        )
    return "git knows no such revision"


def _git(
    words: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    limit_s: float | None = GIT_S,
) -> "subprocess.CompletedProcess[str] | None":
    """What git says to that; None where it cannot be run, or does not answer."""
    own = {**environment, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    # Hooks and daemons are the user's.
    still = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]
    try:
        return subprocess.run(
            ["git", *still, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=own,
            timeout=limit_s,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _of_commit(asked: str, commit: str) -> Version:
    here = str(Path.cwd())
    root = _top(here)
    if root is None:
        raise _Unknown("no working tree of git is here; name a folder")
    if commit not in _folders:
        folder = Folder()
        try:
            _write(root, commit, Path(folder.name, "tree"), Path(folder.name, "index"))
        except BaseException:
            folder.remove()
            raise
        _folders[commit] = folder
    tree = str(Path(_folders[commit].name, "tree").resolve())
    working = Path(tree, os.path.relpath(here, root)).resolve()
    try:
        working.mkdir(parents=True, exist_ok=True)  # what is in it here is not there
    except FileExistsError:
        raise _Unknown(f"{os.path.relpath(here, root)} is no folder there") from None
    short = commit[:SHORT]
    name = short if commit.startswith(asked) else f"{_shortened(asked)} ({short})"
    return Version(asked, name, commit, root, tree, str(working))


def _shortened(name: str) -> str:
    return printable(name if len(name) <= LABEL else f"{name[: LABEL - 1]}…")


def _write(
    repository: str,
    commit: str,
    tree: Path,
    index: Path,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Write the files of a commit, and of the submodules that are here, into the folder `tree`."""
    tree.mkdir(exist_ok=True)
    own = {**environment, "GIT_INDEX_FILE": str(index)}
    all_of_it = ["-C", repository, "-c", "core.sparseCheckout=false"]
    steps = (
        ["read-tree", commit],
        ["checkout-index", "--all", "--force", f"--prefix={tree}/"],
        ["ls-files", "--stage", "-z"],
    )
    for step in steps:
        done = _git([*all_of_it, *step], own, None)
        if done is None or done.returncode != 0:
            said = last_line(done.stderr) if done else "git cannot be run"
            raise _Unknown(f"git cannot write the files of {commit[:SHORT]} ({said})")
    index.unlink()
    for entry in filter(None, done.stdout.split("\0") if done else ()):
        facts, _, path = entry.partition("\t")
        mode, revision, _ = facts.split()
        inner = Path(repository, path)
        if mode == "160000" and (inner / ".git").exists():
            try:
                # Git's own variables, as a hook has them, are those of the repository around it.
                other = {k: v for k, v in environment.items() if not k.startswith("GIT_")}
                _write(os.path.realpath(inner), revision, tree / path, index, other)
            except _Unknown as problem:
                raise _Unknown(f"its submodule {path}: {problem}; fetch it there first") from None
