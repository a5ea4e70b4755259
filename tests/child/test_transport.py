"""What tasks and results weigh on their way, and what sending them takes."""

import threading

import pytest

from runners.child.transport import MOST_VALUES, weighed


def test_the_weight_is_the_mean_and_the_time_that_of_all() -> None:
    found = weighed([b"x" * 1_000_000, b"x" * 3_000_000])
    assert found is not None
    assert found.each_bytes == pytest.approx(2_000_000, rel=0.001)
    assert found.all_s > 0


def test_of_many_values_a_sample_stands_for_all() -> None:
    small = weighed([bytes(1000)] * MOST_VALUES)
    many = weighed([bytes(1000)] * MOST_VALUES * 1000)
    assert small is not None
    assert many is not None
    assert many.each_bytes == small.each_bytes
    assert many.all_s > small.all_s


def test_an_object_that_all_values_share_is_carried_each_time() -> None:
    shared = bytes(100_000)
    found = weighed([(shared, k) for k in range(4)])
    assert found is not None
    assert found.each_bytes > 100_000


def test_what_cannot_be_pickled_has_no_weight_and_leaves_no_thread() -> None:
    before = threading.active_count()
    assert weighed([threading.Lock()]) is None
    assert weighed([]) is None
    assert threading.active_count() == before
