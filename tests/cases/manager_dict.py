"""Counting words in a dictionary that a manager's process keeps for all of them."""

from collections.abc import MutableMapping
from multiprocessing import Manager
from multiprocessing.managers import SyncManager

MANAGER: SyncManager | None = None


def count(table: MutableMapping[str, int], first: int) -> int:
    for k in range(first, first + 500):
        table[f"word {k % 100}"] = k
    return first


def calls() -> list[tuple[MutableMapping[str, int], int]]:
    global MANAGER
    MANAGER = MANAGER or Manager()
    table = MANAGER.dict()
    return [(table, k) for k in range(8)]


def count_here(first: int) -> dict[str, int]:
    """A dictionary of each task's own, to be put together by the caller."""
    return {f"word {k % 100}": k for k in range(first, first + 500)}
