"""Lines of several workers in one file: without a lock they may get mixed up."""

import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from runners.model import WrongResult, at_least


@dataclass
class OutputLines:
    """`pieces` tasks append `lines` lines each to a file, without a buffer.

    A line is written whole or in three parts: `print`, too, writes the end of a line separately to
    a stream without a buffer. The file exists while this is entered.
    """

    lock: Literal["none", "lock"]
    write: Literal["whole", "parts"]
    lines: int
    pieces: int
    shared: Any = field(default=None, init=False, repr=False, compare=False)
    _folder: "tempfile.TemporaryDirectory[str] | None" = field(
        default=None, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        at_least(self, 1, "lines", "pieces")

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._folder is not None
        self._folder.cleanup()
        self._folder = None

    def _path(self) -> Path:
        if self._folder is None:
            raise RuntimeError("there is no file: enter the workload before its tasks")
        return Path(self._folder.name, "lines.txt")

    def share(self, sync: Any) -> Any:
        self._path().write_bytes(b"")
        return sync.Lock() if self.lock == "lock" else nullcontext()

    def attach(self, shared: Any) -> None:
        self.shared = shared

    def tasks(self) -> Sequence[tuple[str, int]]:
        """The path of the file, and the task's number."""
        path = str(self._path())
        return [(path, k) for k in range(self.pieces)]

    def __call__(self, task: tuple[str, int]) -> int:
        """The lines written."""
        path, piece = task
        with open(path, "ab", buffering=0) as file:
            for number in range(self.lines):
                parts = _parts(piece, number)
                if self.write == "whole":
                    parts = [b"".join(parts)]
                with self.shared:
                    for part in parts:
                        file.write(part)
        return self.lines

    def same(self, one: int, other: int) -> bool:
        return one == other

    def _mixed(self) -> int:
        """Lines that do not stand in the file as they were written."""
        found = set(self._path().read_bytes().splitlines(keepends=True))
        return len(self._all() - found)

    def _all(self) -> set[bytes]:
        pairs = ((piece, k) for piece in range(self.pieces) for k in range(self.lines))
        return {b"".join(_parts(*pair)) for pair in pairs}

    def metrics(self, results: Sequence[int]) -> dict[str, float]:
        return {"lines": self.pieces * self.lines, "mixed_lines": self._mixed()}

    def check(self, results: Sequence[int]) -> None:
        """Nothing that is appended is lost, and no lines are mixed under a lock."""
        if list(results) != [self.lines] * self.pieces:
            raise WrongResult(f"{self.pieces} tasks write {self.lines} lines each, not {results}")
        expected, found = sum(map(len, self._all())), self._path().stat().st_size
        if found != expected:
            raise WrongResult(f"the file has {found} bytes of {expected}")
        if self.lock == "lock" and (mixed := self._mixed()):
            raise WrongResult(f"{mixed} of {self.pieces * self.lines} lines are mixed")


def _parts(piece: int, number: int) -> list[bytes]:
    """A line like no other, of which no part is part of another one."""
    return [b"line %d of " % number, b"task %d (%d)" % (piece, number), b"\n"]
