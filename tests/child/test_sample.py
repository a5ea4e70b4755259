"""Which spans of very many are kept."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.child.ladder import crew
from runners.child.sample import MOST_SPANS, sample
from runners.model import Span

NS = st.integers(0, 10**9)
TASK = st.tuples(st.integers(1, 3), st.integers(1, 3), NS, NS)


@st.composite
def runs(draw: st.DrawFn) -> list[Span]:
    """Tasks of some workers at any times, overlapping ones of one worker too."""
    return [
        Span(index, pid, thread, start, start + wall, wall, 0)
        for index, (pid, thread, start, wall) in enumerate(draw(st.lists(TASK, max_size=60)))
    ]


@given(runs(), st.integers(4, 80))
def test_at_most_so_many_tasks_of_the_run_are_kept_in_their_order(
    spans: list[Span], most: int
) -> None:
    found = sample(crew(spans), most)
    assert len(found) == min(len(spans), most)
    assert set(found) <= set(spans)
    assert found == sorted(found, key=lambda span: span.index)


@given(runs().filter(len), st.integers(4, 80))
def test_start_up_and_join_are_those_of_the_run(spans: list[Span], most: int) -> None:
    found = sample(crew(spans), most)
    assert min(s.start_ns for s in found) == min(s.start_ns for s in spans)
    assert max(s.end_ns for s in found) == max(s.end_ns for s in spans)


@given(runs(), st.integers(40, 50))
def test_each_worker_is_there_from_its_first_task_to_its_last(spans: list[Span], most: int) -> None:
    found = set(sample(crew(spans), most))
    for mine in crew(spans):
        assert {mine[0], mine[-1]} <= found


def test_the_longest_tasks_are_kept_and_the_others_are_spread_evenly() -> None:
    """A hundred thousand tasks one after another on two workers; a few are longer."""
    long = set(range(0, 100_000, 997))
    spans = [
        Span(k, 1, k % 2, k * 1000, k * 1000 + (900 if k in long else 100), 100, 0)
        for k in range(100_000)
    ]
    found = sample(crew(spans))
    assert len(found) == MOST_SPANS
    assert long <= {span.index for span in found}
    for worker in (0, 1):
        own = [span.index for span in found if span.thread == worker]
        gaps = [after - before for before, after in pairwise(own)]
        assert max(gaps) < 3 * 100_000 / MOST_SPANS


@pytest.mark.parametrize("workers", [MOST_SPANS // 8, MOST_SPANS, 3 * MOST_SPANS])
def test_very_many_workers_do_not_crowd_out_the_longest_tasks(workers: int) -> None:
    """As of a pool that replaces each worker after a task."""
    spans = [Span(k, k % workers, 1, k, k + 10, 1, 0) for k in range(4 * MOST_SPANS)]
    spans[77] = spans[77]._replace(end_ns=10**6)
    found = sample(crew(spans))
    assert len(found) == MOST_SPANS
    assert spans[77] in found
    if workers <= MOST_SPANS // 8:
        assert len(crew(found)) == workers
