"""A file that one process at a time may write, on a slow disk."""

import fcntl
import time


def append(k: int) -> int:
    with open(__file__) as file:  # stands for the file: what matters is the lock
        fcntl.flock(file, fcntl.LOCK_EX)
        time.sleep(0.02)
    return k
