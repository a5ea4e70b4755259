"""The reaper: starts the measuring process, sleeps, and ends all that descends from it.

A program of its own, so that it does its work however its parent dies: it reads from a socket that
the parent alone holds open. It is the subreaper (prctl(2)) of all that the measuring process
starts, so that it adopts orphans, and the measuring process is killed with it. Its session is its
own, so that Ctrl+C does not reach it.

It starts the measuring process before it loads anything, because each start waits for that.
"""

import ctypes
import os
import sys

SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
SIGKILL = 9


def prctl(option: int, value: int) -> bool:
    """Whether the kernel has done it: only Linux does."""
    try:
        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (AttributeError, OSError):
        return False


def main(
    control: int, passed: "int | None", folders: list[str], place: str, command: list[str]
) -> None:
    """Serve the parent until it says so, or is dead.

    `control` is the socket to the parent, `passed` a descriptor that the measuring process
    inherits, or None where `command` is a launcher that starts it, `place` where the package is. Of
    the folders the first one is removed at the end, the others only if the parent is dead.
    """
    os.set_inheritable(control, False)
    os.environ["SPEEDUP_LAB_REAPER"] = str(os.getpid())  # see child.stops
    reaper, adopts = os.getpid(), prctl(SET_CHILD_SUBREAPER, 1)
    pid = os.fork()
    if pid == 0:
        become(reaper, command)
    if passed is not None:
        os.close(passed)
    sys.path[:] = [*sys.path[:-1], place]
    from runners.measuring.serving import Serving

    Serving(control, pid, folders, adopts, is_launcher=passed is None).serve()


def become(reaper: int, command: list[str]) -> None:
    """Become the measuring process, in a session of its own, that dies with the reaper."""
    try:
        os.setsid()
        prctl(SET_PDEATHSIG, SIGKILL)
        if os.getppid() == reaper:  # else it died before that was set
            os.execv(command[0], command)
    except BaseException as error:
        os.write(2, f"{command[0]}: {error}\n".encode())
    os._exit(127)
