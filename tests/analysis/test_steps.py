"""Steps and single results that stand apart, in series whose truth is known."""

import numpy as np
import pytest

from runners.analysis.steps import Change, Series, find_changes

Truth = list[tuple[str, int]]


def series(
    length: int,
    steps: dict[int, float] | None = None,
    apart: dict[int, float] | None = None,
    *,
    seed: int = 0,
    error: float = 0.01,
    margin: float = 0.0,
    group: str | None = None,
) -> Series:
    """Scattered as much as their errors say; from each step on higher, in a single place higher."""
    logs = np.random.default_rng(seed).normal(0, error, length)
    for at, by in (steps or {}).items():
        logs[at:] += by
    for at, by in (apart or {}).items():
        logs[at] += by
    return Series(logs, np.full(length, error), np.full(length, 4.0), group, margin)


def told(changes: tuple[Change, ...]) -> Truth:
    return [(one.kind, one.at) for one in changes]


@pytest.mark.parametrize(
    ("length", "steps", "apart"),
    [
        (30, {15: 0.1}, {}),
        (30, {29: 0.1}, {}),
        (30, {1: 0.1}, {}),
        (30, {}, {12: 0.1}),
        (30, {}, {1: 0.1}),
        (30, {10: 0.1, 20: -0.1}, {}),
        (30, {10: 0.1}, {20: 0.15}),
        (30, {}, {5: 0.2, 20: -0.2}),
        (8, {7: 0.2}, {2: 0.2}),
        (100, {40: 0.05, 70: -0.05}, {}),
        (10, {5: 0.1}, {}),
        (3, {2: 0.3}, {}),
        (2, {1: 0.3}, {}),
        (30, {}, {}),
    ],
)
def test_what_is_there_is_found_and_nothing_else(
    length: int, steps: dict[int, float], apart: dict[int, float]
) -> None:
    found = find_changes({"cell": series(length, steps, apart, seed=length, margin=0.02)})["cell"]
    truth = [("step", at) for at in steps] + [("outlier", at) for at in apart]
    assert told(found) == sorted(truth, key=lambda one: one[1])
    for change in found:
        by = (steps if change.kind == "step" else apart)[change.at]
        assert np.log(change.ratio.estimate) == pytest.approx(by, abs=0.03)
        assert change.ratio.low < change.ratio.estimate < change.ratio.high


def test_of_the_last_result_it_is_said_that_it_is_alone() -> None:
    [last] = find_changes({0: series(30, {29: 0.1})})[0]
    [earlier] = find_changes({0: series(30, {28: 0.1})})[0]
    [first] = find_changes({0: series(30, {1: 0.1})})[0]
    assert (last.alone, earlier.alone, first.alone) == (True, False, True)


def test_what_results_are_scattered_by_counts_beside_their_own_intervals() -> None:
    """Intervals are about the minutes of a measurement; what is between two of them is scatter."""
    logs = np.random.default_rng(0).normal(0, 0.02, 30)
    tight = Series(logs, np.full(30, 0.001), np.full(30, 4.0))
    assert find_changes({0: tight})[0] == ()


def test_of_few_results_others_of_the_group_say_how_far_they_are_scattered() -> None:
    chance = np.random.default_rng(0)
    others = {
        number: Series(chance.normal(0, 0.05, 3), np.full(3, 0.002), np.full(3, 9.0), "all")
        for number in range(10)
    }
    lucky = np.array([0.0, 0.001, 0.06])
    for group, expected in (("all", []), ("another", [("step", 2)])):
        one = Series(lucky, np.full(3, 0.002), np.full(3, 9.0), group)
        found = find_changes({**others, "lucky": one})
        assert told(found["lucky"]) == expected
    # A step that all of them have is no scatter.
    together = {
        number: series(4, {2: 0.3}, seed=number, error=0.005, group="all") for number in range(5)
    }
    assert all(told(found) == [("step", 2)] for found in find_changes(together).values())


def test_few_results_have_to_differ_by_more_than_interpreters_do() -> None:
    assert told(find_changes({0: series(3, {2: 0.1}, error=0.002)})[0]) == [("step", 2)]
    assert find_changes({0: series(3, {2: 0.1}, error=0.002, margin=0.06)})[0] == ()


def test_a_margin_is_asked_for() -> None:
    found = find_changes({0: series(30, {15: 0.1}), 1: series(30, {15: 0.03}, error=0.002)}, 0.05)
    assert told(found[0]) == [("step", 15)]
    assert found[1] == ()


def test_results_that_do_not_differ_have_no_steps() -> None:
    """At most 5% of the histories; here none of 20, of 10 series each."""
    for seed in range(20):
        same = {number: series(12, seed=100 * seed + number) for number in range(10)}
        assert not any(find_changes(same).values())


def test_without_intervals_only_the_scatter_counts() -> None:
    bare = series(30, {15: 0.1})
    unknown = Series(bare.logs, np.full(30, np.nan), np.ones(30), margin=np.inf)
    assert told(find_changes({0: unknown})[0]) == [("step", 15)]
    short = Series(bare.logs[13:17], np.full(4, np.nan), np.ones(4), margin=np.inf)
    assert find_changes({0: short})[0] == ()
    assert find_changes({0: series(1)})[0] == ()
