"""The workers' side of a watched pool: what is noted around each task of somebody's own program.

A task's result and its error go the pool's own way, untouched. What was noted goes another: to a
list where workers share memory with the program, else to the end of a file, where it stays even
if the worker dies. Loaded in the workers of any program, so the standard library alone.
"""

import mmap
import os
import pickle
import struct
from collections.abc import Callable
from itertools import count
from typing import Any, Literal, NamedTuple

from runners.child.worker import Here, clock_ns, thread_cpu_ns, thread_id

BEGAN, FAILED, CUT, GIL, WRITTEN = 1, 2, 4, 8, 16
"""What `Note.flags` may have: a task began, it raised, its result is larger than was weighed, and
the GIL was on. All have `WRITTEN`."""
WEIGHED_S = 0.002
"""No value is weighed for longer: what is heavier is known to be heavy."""
WEIGHING, READING = 1000, 400
"""The time between, as a multiple of what was needed: that is ten times more after a task that
waited, when the caches have been used for something else."""
ROOM = 64 * 1024
"""Bytes by which a file grows."""
MOST_FOLDERS = 8
"""Whose files a thread has mapped."""

Shape = Literal["arguments", "item", "items"]
Place = str | list[bytes]
"""Where notes go: a folder, which has a file for each process, or a list in the same memory."""

_LAYOUT = struct.Struct("<11q")
pack = _LAYOUT.pack
SIZE = _LAYOUT.size


class Note(NamedTuple):
    """What a worker notes of a task: once as it begins, where it may die in it, and at its end.

    `number` is that of the task, `thread` that of the system. `wait_ns`, the switches and
    `rss_bytes` are as in `Usage`, since the worker's last reading; 0 where that was just now.
    `returned_bytes` is the size of the pickled result, -1 where it was not weighed.
    """

    number: int
    thread: int
    start_ns: int
    end_ns: int
    cpu_ns: int
    wait_ns: int
    voluntary_switches: int
    involuntary_switches: int
    rss_bytes: int
    returned_bytes: int
    flags: int


def unpacked(data: bytes, room: int = ROOM) -> list[Note]:
    """The notes in a file of a writer; with a `room` of 0, those of a list one after the other."""
    found: list[Note] = []
    step = room or max(len(data), SIZE)
    for begin in range(0, len(data), step):
        whole = data[begin : begin + step]
        found += [
            Note._make(fields)
            for fields in _LAYOUT.iter_unpack(whole[: len(whole) // SIZE * SIZE])
            if fields[-1] & WRITTEN  # else it is room, or a note that its writer died over
        ]
    return found


class Watched:
    """A function of the program, for its pool. The task's number is given after its arguments.

    For pools that take one item a task it is a pair, the item and the number: `item` calls the
    function with it, `items` with what it consists of.
    """

    __slots__ = ("function", "place", "shape")

    def __init__(
        self, function: Callable[..., Any], place: Place, shape: Shape = "arguments"
    ) -> None:
        self.function = function
        self.place = place
        self.shape = shape

    def __reduce__(self) -> tuple[Any, ...]:
        return Watched, (self.function, self.place, self.shape)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if self.shape == "arguments":
            *arguments, number = arguments  # type: ignore[assignment]
        else:
            ((item, number),) = arguments
            arguments = (item,) if self.shape == "item" else item
        here = _known.get(thread_id()) or _arrived()
        thread = here.identity[1]
        place = self.place
        apart = type(place) is str
        note = here.writer(place) if apart else place.append  # type: ignore[arg-type, union-attr]
        flags = GIL | WRITTEN if here.identity[2] else WRITTEN
        value = None
        start = clock_ns()
        if apart:
            note(pack(number, thread, start, start, 0, 0, 0, 0, 0, -1, flags | BEGAN))
        cpu = thread_cpu_ns()
        try:
            value = self.function(*arguments, **keywords)
        except BaseException:
            flags |= FAILED
            raise
        finally:
            cpu = thread_cpu_ns() - cpu
            end = clock_ns()
            used = _UNREAD
            if end >= here.next_ns:
                used = here.used(end) or used
                last, end = end, clock_ns()
                here.next_ns = end + READING * (end - last)
            weight = -1
            if apart and not flags & FAILED:
                weight, is_cut = _scales.weigh(value)
                flags |= CUT if is_cut else 0
            note(pack(number, thread, start, end, cpu, *used, weight, flags))
        return value


class _Thread(Here):
    """A worker's thread: when it is to be read next, and where it writes to."""

    __slots__ = ("next_ns", "writers")

    def __init__(self) -> None:
        super().__init__()
        self.next_ns = 0
        self.writers: dict[str, _Writer] = {}

    def writer(self, folder: str) -> "_Writer":
        if (found := self.writers.get(folder)) is None:
            if len(self.writers) >= MOST_FOLDERS:  # of blocks that are over, in a worker that stays
                self.writers.clear()
            found = self.writers[folder] = _Writer(folder)
        return found


_UNREAD = 0, 0, 0, 0
_known: dict[int, _Thread] = {}
"""By thread; not a `threading.local`, as in `worker`."""
os.register_at_fork(after_in_child=_known.clear)


def _arrived() -> _Thread:
    here = _known[thread_id()] = _Thread()
    return here


class _Writer:
    """A thread's file in a folder. It is mapped: a call of the system a task would take longer."""

    def __init__(self, folder: str) -> None:
        self.at = 0
        self.room: Any = b""
        self.path = ""
        for k in count():
            path = f"{folder}{os.sep}{os.getpid()}-{k}"
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                self.path = path
            except FileExistsError:  # another thread's
                continue
            except OSError:  # the report has been made, or there is no room: the task goes on
                pass
            return

    def __call__(self, note: bytes) -> None:
        at = self.at
        if at == len(self.room):
            if not self.path or not self._grow():
                return
            at = 0
        self.room[at : at + SIZE] = note
        self.at = at + SIZE

    def _grow(self) -> bool:
        file = -1
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            end = os.fstat(file).st_size
            # A page that has no room when it is written to would end the process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file, end, ROOM)
            else:
                os.ftruncate(file, end + ROOM)
            self.room = memoryview(mmap.mmap(file, ROOM, offset=end))[: ROOM // SIZE * SIZE]
        except (OSError, ValueError):
            self.path = ""
            return False
        finally:
            if file >= 0:
                os.close(file)
        return True


class Scales:
    """Weighs a value now and then: in the whole, that costs next to nothing."""

    def __init__(self) -> None:
        self.next_ns = 0

    def weigh(self, value: Any) -> tuple[int, bool]:
        """The bytes of that value pickled, and whether they are only the first of them.

        -1 where it is not its turn, or it cannot be pickled. Large buffers are not copied.
        """
        begin_ns = clock_ns()
        if begin_ns < self.next_ns:
            return -1, False
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
        self.next_ns = now_ns + WEIGHING * (now_ns - begin_ns)
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
