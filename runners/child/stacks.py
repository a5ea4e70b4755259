"""Where this process stands, told when it is asked by a signal: for a run that hangs.

`measuring.stacks` asks, and reads what is written to the file that the environment names. What has
to be told without being asked, because there may be nobody to answer, is written there at once.
"""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

SIGNAL = signal.SIGURG
"""Ignored by a process that does not listen, and hardly used by any."""
FILE = "SPEEDUP_LAB_STACKS"
"""The environment variable that says where to write to."""
MOST_NAMES, MOST_TASKS, MOST_FRAMES = 8, 40, 100

_file = -1
_most_threads = 1


def listen() -> None:
    """Answer from now on; in a process that does already, nothing happens. Never raises.

    The answer itself is written by C code, which needs no GIL.
    """
    global _file
    path = os.environ.get(FILE)
    if _file >= 0 or path is None:
        return
    try:
        # An interpreter beside the main one refuses it: they share their signals.
        import faulthandler

        _file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        if threading.current_thread() is threading.main_thread():
            signal.signal(SIGNAL, _tell)
        faulthandler.register(SIGNAL, file=_file, all_threads=True, chain=True)
    except (ImportError, OSError, ValueError, RuntimeError):
        pass  # on another machine, say, or without a descriptor to spare: there is no answer


def watch_forks() -> None:
    """Note which threads run when a child is forked: what they hold stays held there."""
    note("Serving", "orders")  # which of the processes is the measuring one
    os.register_at_fork(before=_before_fork)


def note(kind: str, text: str) -> None:
    """Leave a line for whoever looks after this process when it hangs. Never raises."""
    if _file >= 0:
        try:
            os.write(_file, f"{kind} {os.getpid()}: {' '.join(text.split())}\n".encode())
        except OSError:
            pass


def _before_fork() -> None:
    global _most_threads
    count = threading.active_count()
    if count > _most_threads:
        _most_threads = count
        me = threading.get_ident()
        names = [thread.name for thread in threading.enumerate() if thread.ident != me]
        note("Forked", ", ".join(names[:MOST_NAMES]))


def _tell(_signal: int, frame: FrameType | None) -> None:
    """What no thread's stack shows."""
    _tell_of_end(frame)
    _tell_of_tasks()


def _tell_of_end(frame: FrameType | None) -> None:
    """Which threads this process waits for, if it is at its end."""
    ending = getattr(threading, "_shutdown", None)
    while frame is not None:
        if frame.f_code is getattr(ending, "__code__", None):
            main = threading.main_thread()
            alive = [t for t in threading.enumerate() if not t.daemon and t is not main]
            note("Ending", ", ".join(thread.name for thread in alive[:MOST_NAMES]))
            return
        frame = frame.f_back


def _tell_of_tasks() -> None:
    """Where the tasks of running event loops wait."""
    asyncio: Any = sys.modules.get("asyncio")
    for loop in _loops() if asyncio is not None else ():
        for task in list(asyncio.all_tasks(loop))[:MOST_TASKS]:
            frames = [f'  File "{file}", line {line} in {name}\n' for file, line, name in _of(task)]
            try:
                os.write(_file, f"Task 0x0 (most recent call first):\n{''.join(frames)}\n".encode())
            except OSError:
                return


def _loops() -> list[Any]:
    """The event loops that run in any of the threads."""
    found = []
    for inner in sys._current_frames().values():
        frame: FrameType | None = inner
        while frame is not None:
            if frame.f_code.co_name == "run_forever" and "self" in frame.f_locals:
                found.append(frame.f_locals["self"])
                break
            frame = frame.f_back
    return found


def _of(task: Any) -> list[tuple[str, int, str]]:
    """The frames of a task of the loop, the innermost first."""
    found: list[tuple[str, int, str]] = []
    step = task.get_coro()
    while step is not None and len(found) < MOST_FRAMES:
        frame = getattr(step, "cr_frame", None) or getattr(step, "gi_frame", None)
        if frame is None:
            break
        found.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        within = getattr(step, "cr_await", None) or getattr(step, "gi_yieldfrom", None)
        # What times the steps of a coroutine sends to it by itself (`worker._Steps`).
        timed = getattr(frame.f_locals.get("self"), "coroutine", None)
        step = timed if timed is not None and timed is not step else within
    return found[::-1]
