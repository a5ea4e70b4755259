"""Compression of text with zlib: limited by the CPU alone, since the GIL is released meanwhile."""

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from runners.model import InvalidParameter, WrongResult, at_least


@dataclass(frozen=True, slots=True)
class Compress:
    """In each of `pieces` tasks, `size_bytes` of text are compressed `repeat` times.

    `level` is zlib's, from 0 (stored as it is) to 9 (smallest).
    """

    level: int
    size_bytes: int
    repeat: int
    pieces: int

    def __post_init__(self) -> None:
        if not 0 <= self.level <= 9:
            raise InvalidParameter("level", f"must be from 0 to 9, not {self.level}")
        at_least(self, 1, "size_bytes", "repeat", "pieces")

    def tasks(self) -> Sequence[int]:
        return range(self.pieces)

    def __call__(self, task: int) -> bytes:
        text = _text(self.size_bytes)
        for _ in range(self.repeat):
            compressed = zlib.compress(text, self.level)
        return compressed

    def check(self, results: Sequence[bytes]) -> None:
        """Decompress each result: it has to be the text."""
        if len(results) != self.pieces:
            raise WrongResult(f"{len(results)} results for {self.pieces} tasks")
        for index, compressed in enumerate(results):
            try:
                text = zlib.decompress(compressed)
            except (zlib.error, TypeError) as error:
                raise WrongResult(f"result {index} cannot be decompressed: {error}") from error
            if text != _text(self.size_bytes):
                raise WrongResult(f"result {index} is not the text when it is decompressed")


@cache
def _text(size_bytes: int) -> bytes:
    """Numbers drawn from a thousand: as in other text, its words return at varying distance."""
    words = [str(k**3) for k in range(1000)]
    return " ".join(random.Random(1).choices(words, k=size_bytes))[:size_bytes].encode()
