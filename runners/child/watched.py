"""The workers' side of a watched pool: what is noted around each task of somebody's own program.

A task's result and its error go the pool's own way, untouched. What was noted goes another: to a
list where workers share memory with the program, else to a file, where it stays even if the worker
dies. Loaded in the workers of any program, so the standard library alone.

After a task that waited, the caches have been used for something else, and then each function,
object and page that is touched costs many times what it costs in a loop. So what is done for every
task stands in one function that calls no other of ours; the rest is done now and then.
"""

import mmap
import os
import pickle
import resource
import struct
import threading
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Literal, NamedTuple

from runners.child.counters import RSS_UNIT, run_queue_wait_ns
from runners.child.gil import is_on

clock_ns = time.perf_counter_ns
thread_cpu_ns = time.thread_time_ns
thread_id = threading.get_ident

FAILED, CUT, GIL = 1, 2, 4
"""What `More.flags` may have: the task raised, its result is larger than was weighed, and, where
the worker was read, its GIL was on."""
WEIGHED_S = 0.002
"""No value is weighed for longer: what is heavier is known to be heavy."""
BETWEEN = 1000
"""The time from one reading, or weighing, to the next, as a multiple of what it took: that is ten
times more after a task that waited."""
READ_EVERY_NS = 5_000_000
_WHOSE = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
"""Both know the largest resident set; a thread's is found sooner."""
ROOM = 8 * 8192
"""Bytes by which a file grows; `run` knows it too."""
MOST_FOLDERS = 8
"""Whose files a worker has mapped."""

LAYOUT = struct.Struct("8q")
_NUMBER, _START, _END, _CPU, _WAIT, _FLAGS, _RSS, _RETURNED = range(8)
"""Where they are in a file's note. It is a line of the cache, and all 0 before its task begins, so
the number and the bytes returned have one added."""

Calls = Sequence[Sequence[Any]]
"""A function's arguments, for each call of it."""


class More(NamedTuple):
    """What is not noted of each task, beyond its span.

    `rss_bytes` is the largest resident set that the worker's process had so far, 0 where it was not
    read. `returned_bytes` is the size of the pickled result, -1 where it was not weighed.
    """

    flags: int
    rss_bytes: int = 0
    returned_bytes: int = -1


def run(
    function: Callable[..., Any],
    folder: str,
    number: int,
    calls: Calls,
    is_one: bool,
    /,
    **keywords: Any,
) -> Any:
    """Tasks of the program, in a worker that shares no memory with it.

    Their numbers begin with that one. Of one task its result is returned, of a message of `map` the
    list of them. The numbers in brackets are those of `_START` and so on.
    """
    here = _known.get(folder) or _arrived(folder)
    results = []
    for arguments in calls:
        if here.at == 8192:  # `ROOM`
            here.turn()
        at, room = here.at, here.room
        here.at = at + 8
        value = None
        room[at] = number = number + 1
        room[at + 1] = clock_ns()
        cpu = thread_cpu_ns()
        try:
            value = function(*arguments, **keywords)
        except BaseException:
            room[at + 5] = FAILED
            raise
        finally:
            room[at + 3] = thread_cpu_ns() - cpu
            room[at + 2] = end = clock_ns()
            if end >= here.next_ns:
                here.look(room[at : at + 8], end, value)
        if is_one:
            return value
        results.append(value)
    return results


def run_here(
    function: Callable[..., Any],
    notes: "Notes",
    number: int,
    calls: Calls,
    is_one: Literal[True],
    /,
    **keywords: Any,
) -> Any:
    """A task of the program, in one of its threads: as `run`, for one task."""
    flags = wait = 0
    start = clock_ns()
    cpu = thread_cpu_ns()
    try:
        return function(*calls[0], **keywords)
    except BaseException:
        flags = FAILED
        raise
    finally:
        cpu = thread_cpu_ns() - cpu
        end = clock_ns()
        here = notes.readers.get(thread_id()) or notes.arrived()
        if flags or end >= here.next_ns:
            wait = notes.look(here, end, flags)
        notes.spans.append((number, here.thread, start, end, cpu, wait))


class Watched(tuple[Any, ...]):
    """A function, for pools that take one item a task: that is a pair then, with its number.

    Made of the function, where its notes go and whether it is called with what the item consists
    of. A tuple, which is unpickled without a call of ours.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return Watched, (tuple(self),)

    def __call__(self, item_and_number: tuple[Any, int]) -> Any:
        function, place, is_starred = self
        item, number = item_and_number
        task = run if type(place) is str else run_here
        return task(function, place, number, (item if is_starred else (item,),), True)


class _Reader:
    """A worker's thread: what is read of it now and then."""

    __slots__ = ("next_ns", "thread", "waited_ns")

    def __init__(self) -> None:
        self.thread = threading.get_native_id()
        self.next_ns = 0  # when there is something to be done again, beyond the note of a task
        self.waited_ns = run_queue_wait_ns()

    def read(self, now_ns: int) -> tuple[int, int, int]:
        """The flag of the GIL, `wait_ns` and `rss_bytes` of a note."""
        before, self.waited_ns = self.waited_ns, run_queue_wait_ns()
        wait = self.waited_ns - before if self.waited_ns >= 0 else -1
        rss = resource.getrusage(_WHOSE).ru_maxrss * RSS_UNIT
        gil = GIL if is_on() else 0
        ready_ns = clock_ns()
        self.next_ns = ready_ns + max(BETWEEN * (ready_ns - now_ns), READ_EVERY_NS)
        return gil, wait, rss


class Notes:
    """Those of all workers that share memory with the program.

    `spans` are plain tuples, which are made sooner, without the process.
    """

    __slots__ = ("more", "readers", "spans")

    def __init__(self) -> None:
        self.spans: list[tuple[int, int, int, int, int, int]] = []
        self.more: list[More] = []
        self.readers: dict[int, _Reader] = {}

    def arrived(self) -> _Reader:
        here = self.readers[thread_id()] = _Reader()
        return here

    def look(self, here: _Reader, now_ns: int, flags: int) -> int:
        """What is not done for each task; returns the span's wait."""
        wait = rss = 0
        if now_ns >= here.next_ns:
            gil, wait, rss = here.read(now_ns)
            flags |= gil
        self.more.append(More(flags, rss))
        return wait

    def clear(self) -> None:
        self.spans.clear()
        self.more.clear()


class _Writer(_Reader):
    """A worker and its file in a folder. It is mapped: a call of the system a task takes longer."""

    __slots__ = ("at", "path", "read_ns", "room")

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.at = 0
        self.room: Any = None
        self.path = ""
        self.read_ns = 0
        for k in count():
            path = f"{folder}{os.sep}{os.getpid()}-{self.thread}-{k}"
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                self.path = path
            except FileExistsError:  # of a worker that had the same numbers
                continue
            except OSError:  # the report has been made, or there is no room: the task goes on
                pass
            break
        self.turn()

    def turn(self) -> None:
        """To the next room, which is in memory where there is none in the file."""
        room: Any = bytearray(ROOM)
        try:
            if self.path:
                room = self._mapped()
        except (OSError, ValueError):
            self.path = ""
        self.room, self.at = memoryview(room).cast("q"), 0

    def _mapped(self) -> mmap.mmap:
        file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            end = os.fstat(file).st_size
            # A page that has no room when it is written to would end the process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file, end, ROOM)
            else:
                os.ftruncate(file, end + ROOM)
            return mmap.mmap(file, ROOM, offset=end)
        finally:
            os.close(file)

    def look(self, note: Any, now_ns: int, value: Any) -> None:
        """What is not done for each task: read the worker, weigh a result."""
        if now_ns >= self.read_ns:
            gil, note[_WAIT], note[_RSS] = self.read(now_ns)
            note[_FLAGS] |= gil
            self.read_ns = self.next_ns
        if now_ns >= _scales.next_ns and not note[_FLAGS] & FAILED:
            size, is_cut = _scales.weigh(value)
            note[_RETURNED] = size + 1
            if is_cut:
                note[_FLAGS] |= CUT
        self.next_ns = min(self.read_ns, _scales.next_ns)


_known: dict[str, _Writer] = {}
"""By folder: a worker that shares no memory with the program runs tasks in one thread."""
os.register_at_fork(after_in_child=_known.clear)


def _arrived(folder: str) -> _Writer:
    if len(_known) >= MOST_FOLDERS:  # of blocks that are over, in a worker that stays
        _known.clear()
    here = _known[folder] = _Writer(folder)
    return here


class Scales:
    """Weighs a value now and then: in the whole, that costs next to nothing."""

    def __init__(self) -> None:
        self.next_ns = 0
        """Before that, it is not its turn."""

    def weigh(self, value: Any) -> tuple[int, bool]:
        """The bytes of that value pickled, and whether they are only the first of them.

        -1 where it cannot be pickled. Large buffers are not copied.
        """
        begin_ns = clock_ns()
        counted = _Counted(begin_ns + round(WEIGHED_S * 1e9))
        size, is_cut = -1, False
        try:
            pickle.Pickler(counted, 5, buffer_callback=counted.add).dump(value)
            size = counted.size
        except _Enough:
            size, is_cut = counted.size, True
        except Exception:  # the pool may have ways of its own, and tells its user if it has none
            pass
        now_ns = clock_ns()
        self.next_ns = now_ns + BETWEEN * (now_ns - begin_ns)
        return size, is_cut


class _Enough(Exception):
    pass


class _Counted:
    """A file that is written to for the number of its bytes."""

    def __init__(self, until_ns: int) -> None:
        self.until_ns = until_ns
        self.size = 0

    def write(self, data: Any) -> None:
        self.size += len(data)
        if clock_ns() > self.until_ns:
            raise _Enough

    def add(self, buffer: Any) -> None:
        self.size += buffer.raw().nbytes


_scales = Scales()
