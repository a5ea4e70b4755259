"""The processes that descend from one, and how all of them are ended. For Linux.

The reaper loads it as well as its parent, so it has to be light.
"""

import os
import signal
import time
from collections.abc import Callable

MARK = "SPEEDUP_LAB_CHILD"
"""The variable whose value is one measuring process's alone, and is inherited by all it starts."""
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
LEFT = ".left"
"""The file in a folder that says what a later start is to remove with it, should all who know of it
be killed."""


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


def bearing(mark: bytes) -> list[int]:
    """The processes that have that variable, `NAME=value`, as far as can be seen."""
    found = []
    for name in listed("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        found.append(int(name))
            except OSError:  # it has ended, or is another user's
                continue
    return found


def command_line(pid: int) -> bytes:
    """What it was started as: a forked process has that of its parent."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


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


def end_all(
    find: Callable[[], list[int]],
    note: Callable[[list[int]], object],
    reap: Callable[[], None] | None = None,
) -> list[int]:
    """End all processes that `find` finds, having asked `note` to look at them. Returns those left.

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
            note(doomed)
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


def listed(path: str) -> list[str]:
    """The names in a folder; none if it cannot be read."""
    try:
        return os.listdir(path)
    except OSError:
        return []
