"""The order of a round's sides: balanced, so that no side gains by its place or its neighbour."""

import random
from collections.abc import Iterator


def orders(sides: int, chance: random.Random) -> Iterator[list[int]]:
    """Orders of the sides 0, 1, ... without an end, balanced over each few of them.

    Two sides come in pairs of rounds, AB and BA in random order. More follow Williams squares: in
    the rounds of one square each side has each place equally often, and comes right after each
    other one equally often. The sides are renamed at random for each square, its rounds shuffled.
    """
    square = _williams(sides)
    while True:
        names = chance.sample(range(sides), sides)
        for row in chance.sample(square, len(square)):
            yield [names[k] for k in row]


def _williams(sides: int) -> list[list[int]]:
    """A Williams square of that many sides: as many rows, twice as many if the number is odd.

    E. J. Williams, Australian Journal of Scientific Research A 2 (1949) 149. The first row is
    0, 1, m-1, 2, m-2, ...; each next one adds one to all, modulo m. For an odd number the rows read
    backwards are needed as well.
    """
    first = [0]
    for k in range(1, sides):
        first.append((k + 1) // 2 if k % 2 else sides - k // 2)
    rows = [[(k + shift) % sides for k in first] for shift in range(sides)]
    return rows + [row[::-1] for row in rows] if sides % 2 and sides > 1 else rows
