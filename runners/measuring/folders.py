"""Temporary folders with an owner, so that what a dead program has left can be told and removed."""

import json
import os
import stat
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any, Self

from runners.living import is_alive, this_process
from runners.measuring import cgroup
from runners.measuring.processes import LEFT, end_all
from runners.measuring.removal import remove_folder
from runners.measuring.shared_memory import Objects
from runners.measuring.tree import marked

PREFIX = "speedup-lab-"
OWNER = ".owner"
"""The file in it that says whose it is."""
EMPTY_S = 3600.0
"""A folder without an owner is one that was killed while it made it, if it stays empty so long."""
MOST_BYTES = 2**20


class Folder:
    """A folder for temporary files that is removed at the end; if it is not, by a later start."""

    def __init__(self) -> None:
        reclaim()
        self.name = tempfile.mkdtemp(prefix=PREFIX)
        try:
            Path(self.name, OWNER).write_text(json.dumps(this_process(os.getpid())))
        except BaseException:  # a full disk, say: nobody would know whose it is
            self.remove()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.remove()

    def remove(self) -> None:
        """Safe to call again."""
        remove_folder(self.name)


@cache
def reclaim() -> None:
    """Remove what dead programs have left, once in a program."""
    clear(tempfile.gettempdir())


def clear(place: str) -> None:
    """Remove the folders in `place` that are this user's and whose owners are dead."""
    try:
        entries = [entry for entry in os.scandir(place) if entry.name.startswith(PREFIX)]
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                _clear(entry.path)
        except OSError:  # another program has just removed it, or it is another user's
            continue


def _clear(path: str) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(folder)
        # Nobody else may have written into it.
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return
        owner = _read(folder, OWNER)
        if owner is None:
            if time.time() - found.st_mtime > EMPTY_S:
                os.rmdir(path)  # which removes it only if it is empty
            return
        if is_alive(owner) is not False:
            return
        left = _read(folder, LEFT) or {}
    finally:
        os.close(folder)
    if owner.get("boot") == this_process(os.getpid())["boot"]:  # else none has outlived it
        _end(path, left)
    remove_folder(path)


def _end(path: str, left: dict[str, Any]) -> None:
    """End the processes whose folder that is, and remove what they have in memory."""
    made = Objects()
    if isinstance(objects := left.get("objects"), dict):
        made.found = {name: inode for name, inode in objects.items() if "/" not in name}
    end_all(lambda: marked(f"TMPDIR={path}"), made.note)
    for name in ("memory_group", "cgroup"):
        if isinstance(group := left.get(name), str):
            cgroup.end(os.path.normpath(group))
    made.remove()


def _read(folder: int, name: str) -> dict[str, Any] | None:
    """The JSON object in a file of ours in that folder; None if there is none."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return None
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            return None
        text = os.read(file, MOST_BYTES)
    finally:
        os.close(file)
    try:
        known = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return known if isinstance(known, dict) else None
