"""Taking apart what workers tell of their tasks."""

import os

import pytest

from runners.child.counters import Usage
from runners.child.records import taken_apart
from runners.child.worker import Ready, Used, Wire
from runners.model import Span

HERE = os.getpid()


def wire(
    pid: int = HERE,
    held: int = -1,
    used: Used = None,
    error: str | None = None,
    ready: Ready = None,
    away: str | None = None,
) -> Wire:
    return (pid, 2, False, None, ready, away), 3, 4, 5, held, used, error, "result"


def test_the_gil_is_on_if_it_was_where_any_task_ran() -> None:
    """Processes load what switches it on by themselves, each when its tasks need it."""
    others = [wire()[1:]] * 4
    known = [(1, 2, False, None), (3, 4, True, "b"), (5, 6, True, "a"), (3, 4, True, "b")]
    workers = [(*identity, None, None) for identity in known]
    told = taken_apart([(worker, *rest) for worker, rest in zip(workers, others, strict=True)])
    assert (told.gil, told.gil_enabled_by) == (True, "a, b")
    assert taken_apart([wire()])[2:4] == (False, None)


def test_each_part_has_its_place() -> None:
    told = taken_apart([wire(used=(7, 8, 9, 10)), wire(error="Oh")])
    assert told.spans == [Span(0, HERE, 2, 3, 4, 5, 7), Span(1, HERE, 2, 3, 4, 5, 0)]
    assert (told.results, told.gil, told.failed) == (["result"] * 2, False, [(1, "Oh")])
    assert (told.held_s, told.elsewhere) == (None, None)


def test_no_task_tells_nothing() -> None:
    assert taken_apart([]) == ([], [], None, None, None, None, [], set(), {})


def test_what_workers_elsewhere_used_is_added_up_but_for_memory() -> None:
    used = [(1, 2, 3, 40), None, (5, 6, 7, 30)]
    told = taken_apart([wire(HERE + 1, used=one) for one in used] + [wire(used=(9, 9, 9, 99))])
    assert told.elsewhere == Usage(6, 8, 10, 40)
    assert taken_apart([wire(HERE + 1)]).elsewhere == Usage(0, 0, 0, -1)
    unknown = taken_apart([wire(HERE + 1, used=(-1, 2, -1, 40)), wire(HERE + 1, used=(1, 2, 3, 4))])
    assert unknown.elsewhere == Usage(-1, 4, -1, 40)


def test_workers_by_another_clock_are_named_and_made_nobody_wait() -> None:
    """One of another machine may even have the number of this process."""
    told = taken_apart([wire(ready=(1, 2)), wire(away="b", ready=(8, 9), used=(1, 2, 3, 4))])
    assert (told.away, told.ready) == ({1: "b"}, {(1, 2)})
    assert told.elsewhere == Usage(1, 2, 3, 4)


def test_how_long_the_loop_was_held_is_that_of_all_coroutines() -> None:
    assert taken_apart([wire(held=0)]).held_s == 0
    assert taken_apart([wire(held=10**9), wire(), wire(held=10**9)]).held_s == 2


@pytest.mark.parametrize("garbage", [4, None, "abcdefgh", (1, 2)])
def test_what_no_worker_returned_is_refused(garbage: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        taken_apart([wire(), garbage])  # type: ignore[list-item]
