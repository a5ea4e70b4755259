"""Equal draws are told from results that are equal for another reason."""

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from runners.child.draws import Draws, at_least, says_much

AT_HOME = [("one", 1), ("two", 2), ("one", 1), ("two", 2)]
"""Which worker did which of four tasks."""


def several(draw: Callable[[], Any], count: int = 4) -> list[Any]:
    return [draw() for _ in range(count)]


def forked(results: Sequence[Any]) -> list[Any]:
    """What two workers return that draw the same."""
    return [results[k // 2] for k in range(len(results))]


def after_two_loops(draw: Callable[[], Any], count: int = 4) -> Draws:
    draws = Draws()
    for _ in range(2):
        draws.loop(several(draw, count))
    return draws


def test_equal_draws_are_counted() -> None:
    draw = random.Random(1).random
    draws = after_two_loops(draw)
    assert draws.run(several(draw), AT_HOME) == 0
    assert not draws.found
    assert draws.run(forked(several(draw)), AT_HOME) == 2
    assert draws.found


def test_equal_results_of_one_worker_are_its_own() -> None:
    draw = random.Random(1).random
    draws = after_two_loops(draw)
    assert draws.run(forked(several(draw)), ["one"] * 4) == 0


@pytest.mark.parametrize(
    "result",
    [None, 7, 0.1 + 0.2, "a long text that is always the same", [random.Random(1).random()] * 20],
)
def test_a_constant_is_no_draw(result: Any) -> None:
    draws = after_two_loops(lambda: result)
    assert draws.run([result] * 4, AT_HOME) == 0
    assert draws.settled


def test_results_that_are_the_same_in_each_loop_are_no_draws() -> None:
    draws = Draws()
    for _ in range(2):
        draws.loop([0.12345678901, 0.23456789012, 0.34567890123, 0.45678901234])
    assert draws.settled
    assert draws.run([0.9876543210123] * 4, AT_HOME) == 0


def test_numbers_that_go_up_are_counted_and_not_drawn() -> None:
    """As the time of day, or a counter that each forked worker has a copy of."""
    clock = itertools.count(1 << 50).__next__
    draws = after_two_loops(clock)
    assert draws.run(forked(several(clock)), AT_HOME) == 0


def test_few_values_may_be_equal_by_chance_but_not_for_long() -> None:
    """Estimates of pi from a thousand points: a chance pair now and then, or all in pairs."""
    chance = random.Random(1)

    def estimate() -> float:
        return sum(chance.random() ** 2 + chance.random() ** 2 < 1 for _ in range(10_000)) / 2500

    draws = after_two_loops(estimate, 8)
    homes = AT_HOME * 2
    honest = after_two_loops(estimate, 8)
    for _ in range(10):
        honest.run(several(estimate, 8), homes)
    assert not honest.found
    for _ in range(5):
        draws.run(forked(several(estimate, 8)), homes)
    assert draws.found


def test_a_coin_is_equal_all_the_time() -> None:
    coin = random.Random(1)
    draws = after_two_loops(lambda: coin.choice(["heads", "tails"]))
    for _ in range(10):
        assert draws.run(several(lambda: coin.choice(["heads", "tails"])), AT_HOME) == 0


def test_tasks_that_are_known_to_be_random_need_one_loop() -> None:
    draw = random.Random(1).random
    draws = Draws()
    draws.loop(several(draw))
    draws.run(forked(several(draw)), AT_HOME)
    assert not draws.found
    draws.random = True
    assert draws.found


def test_the_workers_may_come_before_the_loop() -> None:
    """Forked from the state that the loop then begins with: its first results are the same."""
    draw = random.Random(3).random
    draws, drawn = Draws(), several(draw)
    draws.random = True
    draws.run(forked(drawn), AT_HOME)
    assert not draws.found
    draws.loop(drawn)
    assert draws.found


@pytest.mark.parametrize(
    ("value", "much"),
    [
        (random.Random(1).random(), True),
        (3.141592, False),  # of a million cases
        (94247 / 30000, False),
        (785398, False),
        (random.Random(1).getrandbits(64), True),
        (True, False),
        (None, False),
        ("heads", False),
        ("0123456789abcdef0123", True),
        ([1, 2, 3], False),
        ([0] * 100, False),
        ([random.Random(k).randrange(6) for k in range(20)], True),
        ({"mean": random.Random(1).random()}, True),
        (np.float64(0.12345678901234), True),
        (np.random.default_rng(1).random(3), True),
        (object(), False),
        (float("inf"), False),
    ],
)
def test_what_a_result_says(value: Any, much: bool) -> None:
    assert says_much(value) is much


def test_the_bound_of_chance() -> None:
    assert at_least(0, 0.5) == 1
    assert at_least(1, 3) == 1
    assert at_least(10, 1) < 1e-5
    assert 0.1 < at_least(3, 1) < 1


def test_what_cannot_be_pickled_is_left_out() -> None:
    draws = after_two_loops(lambda: lambda: 1)
    assert draws.settled
    assert draws.run([random.random] * 4, AT_HOME) == 0
