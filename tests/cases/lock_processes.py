"""Processes that hold one lock while they compute."""

from multiprocessing import get_context

LOCK = get_context("fork").Lock()  # forked workers have it


def count(number: int) -> int:
    with LOCK:
        return count_unlocked(number)


def count_unlocked(number: int) -> int:
    return sum(k & 7 for k in range(2_000_000)) + number
