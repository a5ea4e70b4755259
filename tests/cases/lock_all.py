"""A lock around everything that a thread does."""

import random
import threading
import time
import zlib

LOCK = threading.Lock()
DATA = bytes(random.Random(1).choices(range(97, 113), k=1_000_000))


def fetch(k: int) -> int:
    with LOCK:
        time.sleep(0.02)
    return k


def pack(k: int) -> int:
    """zlib lets go of the GIL, the task does not let go of its lock."""
    with LOCK:
        return len(zlib.compress(DATA, 6)) + k


def pack_unlocked(k: int) -> int:
    return len(zlib.compress(DATA, 6)) + k
