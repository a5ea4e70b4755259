"""Writing, syncing and reading of files: limited by the disk, which all workers share.

Without `fsync` only the kernel's page cache is written to. What is read comes from there in any
case.
"""

import os
import random
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runners.model import InvalidParameter, WrongResult, at_least


@dataclass(frozen=True, slots=True)
class FileIo:
    """In each of `pieces` tasks, a file of `size_bytes` is written and read `repeat` times.

    The files are made in `folder`, by default that for temporary files, and removed at once.
    """

    size_bytes: int
    fsync: bool
    repeat: int
    pieces: int
    folder: str | None

    def __post_init__(self) -> None:
        at_least(self, 1, "size_bytes", "repeat", "pieces")
        if self.folder is not None and not Path(self.folder).is_dir():
            raise InvalidParameter("folder", "is not a folder; choose an existing one, or null")

    def tasks(self) -> Sequence[int]:
        return range(self.pieces)

    def __call__(self, task: int) -> tuple[int, int]:
        """Length and checksum of what was read."""
        content = _content(self.size_bytes)
        for _ in range(self.repeat):
            with tempfile.NamedTemporaryFile(dir=self.folder) as file:
                file.write(content)
                file.flush()
                if self.fsync:
                    os.fsync(file.fileno())
                file.seek(0)
                found = file.read()
        return len(found), zlib.crc32(found)

    def check(self, results: Sequence[tuple[int, int]]) -> None:
        expected = self.size_bytes, zlib.crc32(_content(self.size_bytes))
        if list(results) != [expected] * self.pieces:
            raise WrongResult(f"{self.pieces} files have to be {expected}, not {results}")


@cache
def _content(size_bytes: int) -> bytes:
    return random.Random(1).randbytes(size_bytes)
