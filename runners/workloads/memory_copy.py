"""Copying of large buffers: limited by the bandwidth of the memory, which all CPUs share.

`ctypes` releases the GIL around the C library's `memmove`; slices of Python's own buffers are
copied with the GIL held.
"""

import ctypes
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from runners.model import WrongResult, at_least

PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class MemoryCopy:
    """In each of `pieces` tasks, `size_bytes` are copied `repeat` times.

    A worker has two buffers of that size; together they should be larger than its share of the
    caches. A forked worker inherits them, and pays for pages of its own when it first writes.
    """

    size_bytes: int
    repeat: int
    pieces: int

    def __post_init__(self) -> None:
        at_least(self, 1, "size_bytes", "repeat", "pieces")

    def tasks(self) -> Sequence[int]:
        return self.tasks_for(1)

    def tasks_for(self, count: int) -> Sequence[int]:
        """Each has marks of its own, and finds in the worker's buffers what was there before."""
        return range(self.pieces * count)

    def __call__(self, task: int) -> int:
        """The checksum of the first byte of each page after copying; the task chooses that byte."""
        idle = _idle(self.size_bytes)
        try:
            source, target = idle.pop()
        except IndexError:  # more tasks run at the same time than ever before in this process
            source, target = bytearray(self.size_bytes), bytearray(self.size_bytes)
        source[::PAGE_BYTES] = self._marks(task)
        array = ctypes.c_char * self.size_bytes
        there, here = array.from_buffer(target), array.from_buffer(source)
        for _ in range(self.repeat):
            ctypes.memmove(there, here, self.size_bytes)
        checksum = zlib.crc32(target[::PAGE_BYTES])
        idle.append((source, target))
        return checksum

    def _marks(self, task: int) -> bytes:
        """One byte for each page: never the 0 of memory that nobody wrote to."""
        return bytes([task % 255 + 1]) * len(range(0, self.size_bytes, PAGE_BYTES))

    def check(self, results: Sequence[int]) -> None:
        tasks = self.tasks_for(max(1, len(results) // self.pieces))
        expected = [zlib.crc32(self._marks(task)) for task in tasks]
        if list(results) != expected:
            raise WrongResult(f"the copies have the checksums {results}, not {expected}")


@cache
def _idle(size_bytes: int) -> list[tuple[bytearray, bytearray]]:
    """Source and target for one task each, kept because their first use costs more than a copy."""
    return []
