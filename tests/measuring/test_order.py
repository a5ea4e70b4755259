"""Orders are balanced in place and in neighbours, drawn at random, and repeat with the seed."""

import random
from collections import Counter
from itertools import islice, pairwise

import pytest

from runners.measuring.order import orders


@pytest.mark.parametrize("sides", [2, 3, 4, 5, 6, 7, 8, 10])
def test_each_side_has_each_place_and_each_neighbour_equally_often(sides: int) -> None:
    rounds = sides * (2 if sides % 2 else 1)
    for seed in range(5):
        square = list(islice(orders(sides, random.Random(seed)), rounds))
        assert all(sorted(row) == list(range(sides)) for row in square)
        places = Counter((place, side) for row in square for place, side in enumerate(row))
        assert set(places.values()) == {rounds // sides}
        neighbours = Counter(pair for row in square for pair in pairwise(row))
        assert len(neighbours) == sides * (sides - 1)
        assert set(neighbours.values()) == {rounds // sides}


def test_the_orders_are_drawn_and_repeat_with_the_seed() -> None:
    def first(seed: int) -> list[list[int]]:
        return list(islice(orders(4, random.Random(seed)), 40))

    assert first(1) == first(1)
    assert first(1) != first(2)
    assert len({tuple(row) for row in first(1)}) > 8  # more than one square has


def test_a_side_alone_is_the_round() -> None:
    assert list(islice(orders(1, random.Random(0)), 3)) == [[0]] * 3
