"""A loop that shares nothing, in a process of its own: what `ceiling` runs alone and n at once."""

import os
import sys
import threading
import time

from runners.child.counters import read_usage

WARM = 10
"""CPython 3.11 runs a loop faster once its function has been called eight times (gh-93554)."""


def spin(count: int) -> int:
    """Arithmetic on small integers, and nothing else: what it touches stays in the first cache."""
    while count > 0:
        count -= 1
    return count


def main() -> None:
    """Answer each line, a count, with what its loop took, until a line is 0 or there is none.

    The answer: process, thread, start, end, CPU time and wait for a CPU, as in `model.Span`.
    """
    for _ in range(WARM):
        spin(1000)
    for line in sys.stdin.buffer:
        count = int(line)
        if count == 0:
            break
        waited = read_usage().wait_ns
        cpu = time.thread_time_ns()
        start = time.perf_counter_ns()
        spin(count)
        end = time.perf_counter_ns()
        cpu = time.thread_time_ns() - cpu
        waited = read_usage().wait_ns - waited if waited >= 0 else -1
        facts = os.getpid(), threading.get_native_id(), start, end, cpu, waited
        os.write(1, (" ".join(map(str, facts)) + "\n").encode())
