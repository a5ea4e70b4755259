"""The workers' side of a watched pool: what is noted around each task of somebody's own program.

A task's result and its error go the pool's own way, untouched. What was noted goes another: to a
list where workers share memory with the program, else to the end of a file, where it stays even
if the worker dies. Loaded in the workers of any program, so the standard library alone.
"""

import os
import pickle
import struct
import threading
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from runners.child.worker import Here, clock_ns, thread_cpu_ns

BEGAN, FAILED, CUT, GIL = 1, 2, 4, 8
"""What `Note.flags` may have: a task began, it raised, its result is larger than was weighed, and
the GIL was on."""
WEIGHED_S = 0.002
"""No value is weighed for longer: what is heavier is known to be heavy."""
BETWEEN = 200
"""Weighing takes at most this part of a thread's time, after the first value."""

Shape = Literal["arguments", "item", "items"]
Place = str | list[bytes]
"""Where notes go: a folder, which has a file for each process, or a list in the same memory."""

_LAYOUT = struct.Struct("<11q")
pack, unpack = _LAYOUT.pack, _LAYOUT.iter_unpack
SIZE = _LAYOUT.size


class Note(NamedTuple):
    """What a worker notes of a task: once as it begins, where it may die in it, and at its end.

    `number` is that of the task, `thread` that of the system. `wait_ns`, the switches and
    `rss_bytes` are as in `Usage`, since the worker's last reading; 0 where that was just now.
    `returned_bytes` is the size of the pickled result, -1 where it was not weighed.
    """

    flags: int
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
        thread = threading.get_native_id()
        here = _known.get(thread) or _arrived(thread)
        place = self.place
        apart = type(place) is str
        note = _writer(place) if apart else place.append  # type: ignore[arg-type, union-attr]
        flags = GIL if here.identity[2] else 0
        value = None
        start = clock_ns()
        if apart:
            note(pack(flags | BEGAN, number, thread, start, start, 0, 0, 0, 0, 0, -1))
        cpu = thread_cpu_ns()
        try:
            value = self.function(*arguments, **keywords)
        except BaseException:
            flags |= FAILED
            raise
        finally:
            end = clock_ns()
            used = here.used(end) or (0, 0, 0, 0)
            cpu = thread_cpu_ns() - cpu
            end = clock_ns()
            weight = -1
            if apart and not flags & FAILED:
                weight, is_cut = _scales.weigh(value)
                flags |= CUT if is_cut else 0
            note(pack(flags, number, thread, start, end, cpu, *used, weight))
        return value


_known: dict[int, Here] = {}
"""By thread, as the system numbers them: a process that was forked has others."""
_writers: dict[tuple[int, str], Callable[[bytes], object]] = {}


def _arrived(thread: int) -> Here:
    here = _known[thread] = Here()
    return here


def _writer(folder: str) -> Callable[[bytes], object]:
    """What appends to this process's file in that folder, if it can."""
    key = os.getpid(), folder
    if (found := _writers.get(key)) is None:
        try:
            path = f"{folder}{os.sep}{key[0]}"
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError:  # the report has been made, or there is no room: the task goes on
            return _nowhere

        def found(data: bytes) -> None:
            try:
                is_whole = os.write(file, data) == SIZE
            except OSError:
                is_whole = False
            if not is_whole:  # what came after a part could not be told from it
                _writers[key] = _nowhere

        _writers[key] = found
    return found


def _nowhere(data: bytes) -> None:
    pass


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
