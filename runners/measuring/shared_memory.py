"""Objects of shared memory that processes leave in /dev/shm. For Linux.

The reaper loads it as well as its parent, so it has to be light.
"""

import os
import re
import stat
from collections.abc import Iterable

from runners.measuring.processes import listed, lives

SHARED = "/dev/shm"
_MAKER = re.compile(r"(?:sem\.)?(?:loky|torch|pym)[-_](\d+)[-_]|mpich_shm_([0-9a-f]+)_")
"""Names that have the number of the process that made them; MPICH writes it in base 16."""


class Objects:
    """Objects in /dev/shm that some processes use: those that were made after this was.

    `found` has the inode of each by its name. What was there before belongs to others.
    """

    def __init__(self) -> None:
        self.earlier = set(listed(SHARED))
        self.found: dict[str, int] = {}

    def note(self, pids: list[int]) -> bool:
        """Look what these processes have mapped or open. Whether there is something new."""
        before = len(self.found)
        if set(listed(SHARED)) - self.earlier:
            for pid in pids:
                for name, inode in used(pid).items():
                    if name not in self.earlier:
                        self.found[name] = inode
        return len(self.found) > before

    def note_named(self, pid: int) -> None:
        """Note those whose names say that this process made them: MPICH's and loky's do.

        If MPICH has left one of this process, those of its workers may be there too. Their names
        are drawn at random, and the workers often end before they can be asked; but what MPICH has
        made and no process uses is of no use to any.
        """
        new = set(listed(SHARED)) - self.earlier
        named = [f"mpich_shm_{pid:x}_", f"loky-{pid}-", f"sem.loky-{pid}-"]
        if any(name.startswith(named[0]) for name in new):
            named.append("mpich_shm_")
        for name in new:
            if name.startswith(tuple(named)) and (inode := _ours(name)) is not None:
                self.found[name] = inode

    def is_of(self, name: str, pids: Iterable[int]) -> bool | None:
        """Whether one of these processes made it, by its use or its name; None: nobody knows."""
        if name in self.found:
            return True
        found = _MAKER.match(name)
        if found is None:
            return None
        maker = int(found[1]) if found[1] else int(found[2], 16)
        return True if maker in pids else False if lives(maker) else None

    def remove(self) -> None:
        """Remove those that are still there, unless a process that is still there uses them."""
        left = {name: inode for name, inode in self.found.items() if _ours(name) == inode}
        for name in left.keys() - used_by_any(left):
            try:
                os.unlink(f"{SHARED}/{name}")
            except OSError:
                continue


def used(pid: int) -> dict[str, int]:
    """The objects in /dev/shm that a process has mapped or open, by name, with their inodes."""
    found = {}
    prefix = f"{SHARED}/".encode()
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            text = file.read()
    except OSError:
        return {}
    if prefix in text:
        for line in text.splitlines():
            fields = line.split(None, 5)  # address, permissions, offset, device, inode, path
            if len(fields) == 6 and fields[5].startswith(prefix):
                found[os.fsdecode(fields[5][len(prefix) :])] = int(fields[4])
    for descriptor in listed(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{descriptor}"
        try:
            target = os.readlink(path)
            if target.startswith(f"{SHARED}/"):
                found[target[len(SHARED) + 1 :]] = os.stat(path).st_ino
        except OSError:
            continue
    return {
        name: inode
        for name, inode in found.items()
        if "/" not in name and not name.endswith(" (deleted)")
    }


def used_by_any(names: dict[str, int]) -> set[str]:
    """Those of them that any process uses that can be seen."""
    if not names:
        return set()
    found: set[str] = set()
    for name in listed("/proc"):
        if name.isdecimal():
            found |= names.keys() & used(int(name)).keys()
    return found


def unused(before: set[str]) -> dict[str, int]:
    """What there is of this user that was not there `before`, used by no process: bytes by name."""
    new = {name: _ours(name) for name in set(listed(SHARED)) - before}
    found = {name: inode for name, inode in new.items() if inode is not None}
    sizes = {}
    for name in found.keys() - used_by_any(found):
        try:
            sizes[name] = os.lstat(f"{SHARED}/{name}").st_size
        except OSError:
            continue
    return sizes


def _ours(name: str) -> int | None:
    """The inode of a regular file of this user in /dev/shm; None if it is anything else."""
    try:
        found = os.lstat(f"{SHARED}/{name}")
    except (OSError, ValueError):
        return None
    return found.st_ino if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() else None
