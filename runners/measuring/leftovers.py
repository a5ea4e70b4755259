"""What processes leave behind: other processes, objects of shared memory, folders. For Linux.

The reaper loads it as well as its parent, so it has to be light.
"""

import os
import signal
import stat
import time
from collections.abc import Callable

SHARED = "/dev/shm"
TERM_S = 0.5
"""How long the measuring process has to end after it was asked to."""
END_S = 5.0
TRACKERS_S = 1.0
"""How long the trackers of `multiprocessing` and loky have to remove what they know of."""
GONE_S = 0.005
"""A killed process takes a moment to be gone."""
PASSES = 50
"""So often new processes are looked for before those that are known are killed."""
HELPERS = (b"resource_tracker import main", b"multiprocessing.forkserver import main")
"""What serves a whole process, and ends after it by itself."""


def children(pid: int) -> list[int]:
    """The processes that it has started, or adopted, and that it has not waited for."""
    found: list[int] = []
    for thread in listed(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found.extend(map(int, file.read().split()))
        except OSError:  # it has ended
            continue
    return found


def parents() -> dict[int, int]:
    """The parent of every process that can be seen: for kernels that do not list children."""
    found = {}
    for name in listed("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    found[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
    return found


def descendants(pid: int) -> list[int]:
    """All processes that descend from it."""
    listed = os.path.exists(f"/proc/{pid}/task/{pid}/children")
    above = {} if listed else parents()
    found: dict[int, None] = {}
    todo = [pid]
    while todo:
        pid = todo.pop()
        known = [child for child, parent in above.items() if parent == pid]
        for child in children(pid) if listed else known:
            if child not in found:
                found[child] = None
                todo.append(child)
    return list(found)


def state(pid: int) -> str:
    """The letter of proc(5): R, S, D, T, Z or another one; "" if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0].decode()
    except (OSError, IndexError):
        return ""


def lives(pid: int) -> bool:
    return state(pid) not in ("", "Z", "X")


def is_helper(pid: int, helpers: tuple[bytes, ...] = HELPERS) -> bool:
    """Whether it is a tracker of resources, or a fork server."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read()
    except OSError:
        return False
    return any(helper in words for helper in helpers)


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


def end_all(
    find: Callable[[], list[int]], objects: Objects, reap: Callable[[], None] | None = None
) -> list[int]:
    """End all processes that `find` finds, and note what objects they use. Returns those left.

    They are stopped first, so that none of them starts another one meanwhile. Trackers of resources
    have a moment to do their work, once all that they serve has ended. `reap` takes leave of those
    that have ended.
    """
    began_s = time.monotonic()
    stopped: set[int] = set()
    for turn in range(100_000):
        if reap is not None:
            reap()
        living = [pid for pid in find() if lives(pid)]
        gone_s = time.monotonic() - began_s
        if not living or gone_s > END_S:
            return living
        doomed = living
        if gone_s < TRACKERS_S:
            doomed = [pid for pid in living if not is_helper(pid, HELPERS[:1])]
        fresh = [pid for pid in doomed if pid not in stopped]
        if fresh and turn < PASSES:
            send(fresh, signal.SIGSTOP)
            stopped.update(fresh)
            continue
        if doomed:
            objects.note(doomed)
            send(doomed, signal.SIGKILL)
        time.sleep(GONE_S)
    return []


def send(pids: list[int], number: int) -> None:
    """A signal to each of them that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def remove_folder(path: str) -> None:
    """Remove a folder of ours with all that is in it, however deep. Errors are passed over.

    No link is followed, and no other file system entered that is mounted there.
    """
    try:
        top = os.open(path, FOLDER)
    except OSError:
        return
    try:
        if os.fstat(top).st_uid == os.geteuid():
            _empty(top)
            os.rmdir(path)
    except OSError:
        pass
    finally:
        os.close(top)


FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def _empty(top: int) -> None:
    """Down and up again with one open folder at a time: there may be more than can be open."""
    here = os.dup(top)
    above: list[tuple[tuple[int, int], str, list[str]]] = []  # a folder, where it was left, to do
    try:
        todo = _files_removed(here)
        while True:
            if todo:
                name = todo.pop()
                try:
                    inner = _opened(here, name)
                except OSError:
                    continue
                if _identity(inner)[0] != _identity(here)[0]:  # another file system
                    os.close(inner)
                    continue
                above.append((_identity(here), name, todo))
                os.close(here)
                here = inner
                todo = _files_removed(here)
            elif above:
                identity, name, todo = above.pop()
                outer = os.open("..", FOLDER, dir_fd=here)
                os.close(here)
                here = outer
                if _identity(here) != identity:
                    return  # somebody has moved it
                try:
                    os.rmdir(name, dir_fd=here)
                except OSError:
                    continue
            else:
                return
    finally:
        os.close(here)


def _files_removed(folder: int) -> list[str]:
    """Remove the files in a folder; its folders are returned."""
    os.fchmod(folder, 0o700)
    found = []
    for name in os.listdir(folder):
        try:
            if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                found.append(name)
            else:
                os.unlink(name, dir_fd=folder)
        except OSError:
            continue
    return found


def _opened(folder: int, name: str) -> int:
    """A folder in a folder, whatever its permissions."""
    try:
        return os.open(name, FOLDER, dir_fd=folder)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=folder)
        return os.open(name, FOLDER, dir_fd=folder)


def _identity(folder: int) -> tuple[int, int]:
    found = os.fstat(folder)
    return found.st_dev, found.st_ino


def listed(path: str) -> list[str]:
    """The names in a folder; none if it cannot be read."""
    try:
        return os.listdir(path)
    except OSError:
        return []
