"""Compression, for which zlib lets go of the GIL."""

import random
import zlib

DATA = bytes(random.Random(1).choices(range(97, 113), k=1_500_000))


def pack(k: int) -> int:
    return len(zlib.compress(DATA, 6)) + k
