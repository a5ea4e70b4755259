"""Which folders results may go to, looked at before anything is made there."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from runners.model import UsageError, printable
from runners.results.checked import WHOLE_BYTES
from runners.results.claim import CLAIM, Claimed, holder
from runners.results.columns import ENVIRONMENT, IDENTITY, RUNS, SPANS, SWEEP
from runners.results.read import LEVELS_UP
from runners.results.regular import read_whole

Kind = Literal["cell", "sweep", "lecture"]
"""What is to be measured into a folder: a single cell, a sweep, the sweeps of experiments."""

MULTIRUN = "multirun.yaml"
"""Hydra's file of a sweep."""

PAGE = "lecture.html"
TEXT = "lecture.md"
"""The page of the experiments, beside a folder for each of them; the text alone is in docs/ too."""

OURS = re.compile(
    rf"({'|'.join(map(re.escape, (RUNS, SPANS, IDENTITY)))})(\.\d+)?|{re.escape(CLAIM)}\d+"
    r"|\.turn\..*"
    rf"|{'|'.join(map(re.escape, (ENVIRONMENT, SWEEP, MULTIRUN, PAGE, 'lecture.md')))}|output\.txt"
    r"|\.hydra|\.submitit|\.cluster|\.lock|\.DS_Store|\.nfs.*"
)
"""Names that this program, Hydra and its launchers give, with what a file manager or NFS leaves."""

DEPTH = 8
"""So many levels below a folder are looked at for what is in it."""

NEAR = 500
"""So many folders are looked at for one that may have been meant."""

Found = Literal["cell", "sweep", "lecture", "claim"]
"""What a folder is: that of one of these, or one that was claimed before anything was in it."""

WHAT = {"cell": "a single cell's", "sweep": "a sweep's", "lecture": "that of experiments"}
GO_ON = {"cell": "without -m", "sweep": "with -m", "lecture": "with python -m experiments"}
HOW = {"cell": "hydra.run.dir=FOLDER", "sweep": "hydra.sweep.dir=FOLDER", "lecture": "--output DIR"}


def accept(folder: Path, kind: Kind, log: str = "") -> None:
    """Raise UsageError unless results may go to `folder`: it is new, or empty, or holds results.

    `log` is the name of the file that Hydra's logging may have left there.
    """
    try:
        _accept(folder, kind, log)
    except OSError as error:
        raise UsageError(
            f"{folder}: results cannot go there ({error.strerror or error}); choose another "
            f"folder with {HOW[kind]}"
        ) from None


def accept_cell(folder: Path) -> None:
    """Raise UsageError unless a cell of a sweep may have that folder, which is there already."""
    problem = None
    try:
        if not folder.is_dir():
            problem = "it is a file"
        elif (found := _begun(folder)) not in (None, "claim", "cell"):
            problem = f"this folder is {WHAT[found]}"
        elif found is None and (foreign := _foreign(folder, "")) is not None:
            problem = f"it holds something else than results ({foreign})"
    except OSError:
        pass  # it cannot be read, which is told of this cell alone
    if problem is not None:
        raise UsageError(f"{folder}: {problem}; choose another hydra.sweep.subdir")


def accept_resumed(folder: Path) -> None:
    """Raise UsageError unless `folder` is one of results, or one that a sweep has begun."""
    try:
        if _begun(folder) is not None:
            return
        problem = "it holds no results"
    except FileNotFoundError:
        near = _nearest(folder)
        problem = "no such folder" + (
            f"; the nearest with results is {printable(str(near))}" if near else ""
        )
    except OSError as error:
        problem = f"it cannot be read ({error.strerror or error})"
    raise UsageError(
        f"resume={folder}: {problem}; a new run begins with hydra.run.dir=FOLDER (one cell) or "
        "hydra.sweep.dir=FOLDER (-m)"
    )


def within(sweep: Path, folder: Path) -> None:
    """Raise UsageError unless a cell's folder is below that of its sweep."""
    root, place = Path(os.path.realpath(sweep)), Path(os.path.realpath(folder))
    if root not in place.parents:
        raise UsageError(
            f"hydra.sweep.subdir: {folder} is not within {sweep}, the folder of the sweep; choose "
            "a name without .. and without / at its beginning"
        )


def _accept(folder: Path, kind: Kind, log: str) -> None:
    for above in Path(os.path.realpath(folder)).parents[:LEVELS_UP]:
        if os.path.lexists(above / SWEEP) and (owner := holder(above)) is not None:
            raise Claimed(above, owner)
    if not os.path.lexists(folder):
        _can_be_made(folder)
        return
    if not stat.S_ISDIR(folder.stat().st_mode):
        raise UsageError(
            f"{folder}: it is a file; choose a new or an empty folder with {HOW[kind]}"
        )
    if (owner := holder(folder)) is not None:
        raise Claimed(folder, owner)
    found = _begun(folder)
    if found not in (None, "claim", kind):
        raise UsageError(
            f"{folder}: this folder is {WHAT[found]}; go on there {GO_ON[found]}, or choose "
            f"another one with {HOW[kind]}"
        )
    if found is None and (foreign := _foreign(folder, log)) is not None:
        raise UsageError(
            f"{folder}: it holds something else than results ({foreign}); choose a new or an empty "
            f"folder with {HOW[kind]}"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(None, "it cannot be written to")


def _can_be_made(folder: Path) -> None:
    """Raise OSError unless a folder that is not there can be made."""
    there = folder.absolute()
    missing = []
    while not os.path.lexists(there):
        missing.append(there.name)
        there = there.parent
    if not stat.S_ISDIR(there.stat().st_mode):
        raise NotADirectoryError(None, f"{there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(None, f"{there} cannot be written to")
    for name in missing:
        try:
            os.lstat(there / name)  # which a file system refuses that cannot have such a name
        except FileNotFoundError:
            pass


def _begun(folder: Path) -> Found | None:
    """What has been measured into a folder, or was begun there. Raises OSError."""
    names = {entry.name for entry in folder.iterdir()}
    if SWEEP in names or (MULTIRUN in names and _is_ours(folder / MULTIRUN)):
        return "sweep"
    if PAGE in names:
        return "lecture"
    if {RUNS, IDENTITY} & names:
        return "cell"
    return "claim" if any(name.startswith(CLAIM) for name in names) else None


def _is_ours(multirun: Path) -> bool:
    """Whether it is of this program, and not of another one that uses Hydra."""
    text = read_whole(multirun, WHOLE_BYTES)
    return re.search(rb"^workload:", text, re.MULTILINE) is not None


def _foreign(folder: Path, log: str, depth: int = DEPTH) -> str | None:
    """The first thing in a folder that is neither a result nor a folder of results."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if OURS.fullmatch(entry.name) or entry.name == log:
                continue
            below = entry.is_dir(follow_symlinks=False) and depth > 0
            if below and (_begun(Path(entry)) or not _foreign(Path(entry), log, depth - 1)):
                continue
            return printable(entry.name)
    return None


def _nearest(folder: Path) -> Path | None:
    """The folder of results whose path is the most like that of one that is not there."""
    import difflib  # a millisecond that no other command needs

    there = folder.parent
    while not there.is_dir() and there != there.parent:
        there = there.parent
    found: list[str] = []
    for place in dict.fromkeys((there, Path("outputs"))):
        found += map(str, _results(place))
    close = difflib.get_close_matches(str(folder), found, 1, cutoff=0.0)
    return Path(close[0]) if close else None


def _results(place: Path) -> Iterator[Path]:
    """The folders of results at most three levels below one; a sweep's, not those of its cells."""
    level, looked = [place], 0
    for _ in range(4):
        following = []
        for folder in level:
            if (looked := looked + 1) > NEAR:
                return
            try:
                if (found := _begun(folder)) is not None:
                    yield folder
                if found == "sweep":
                    continue
                with os.scandir(folder) as entries:
                    names = sorted(
                        entry.name for entry in entries if entry.is_dir(follow_symlinks=False)
                    )
            except OSError:
                continue
            following += [folder / name for name in names if not name.startswith(".")]
        level = following
