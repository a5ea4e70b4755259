"""Many of a kind: some of them, from one end to the other, and those that are alike."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of them, the first and the last among them, at even distances."""
    if len(items) <= most:
        return list(items)
    if most == 1:
        return [items[0]]
    return [items[round(k * (len(items) - 1) / (most - 1))] for k in range(most)]


def alike(keys: Iterable[Key]) -> dict[Key, list[int]]:
    """The places of each key: what is alike can be told, or computed, at once."""
    places: dict[Key, list[int]] = {}
    for at, key in enumerate(keys):
        places.setdefault(key, []).append(at)
    return places
