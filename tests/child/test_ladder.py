import math
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.child.ladder import crew, dealing, largest_task_share, levels, median
from runners.model import Span

MS = 1_000_000


def span(
    start: int, end: int, *, thread: int = 1, pid: int = 1, cpu: int | None = None, wait: int = 0
) -> Span:
    """A task from `start` to `end` in ms; it computes all the time unless `cpu` says otherwise."""
    cpu = end - start - max(wait, 0) if cpu is None else cpu
    wait = wait if wait == -1 else wait * MS
    return Span(0, pid, thread, start * MS, end * MS, cpu * MS, wait)


def test_levels_of_a_schedule_worked_by_hand() -> None:
    spans = [
        span(100, 400, thread=1, cpu=150, wait=50),
        span(500, 700, thread=1),
        span(150, 350, thread=2),
    ]
    assert levels(crew(spans), 1.0, 2) == pytest.approx((2.0, 1.2, 1.0, 0.7, 0.6, 0.55))


def test_same_thread_number_in_two_processes_is_two_workers() -> None:
    spans = [span(0, 10, pid=1), span(0, 10, pid=2), span(10, 20, pid=2)]
    assert len(crew(spans)) == 2
    assert levels(crew(spans), 0.02, 2)[2:4] == pytest.approx((0.04, 0.03))


def test_overlapping_tasks_of_one_worker_count_once() -> None:
    spans = [span(0, 100, cpu=0), span(20, 50, cpu=0), span(80, 130, cpu=0), span(200, 210, cpu=0)]
    assert levels(crew(spans), 0.3, 1) == pytest.approx((0.3, 0.21, 0.14, 0.14, 0.0, 0.0))


def test_unknown_run_queue_wait_merges_ready_with_cpu() -> None:
    spans = [span(0, 100, cpu=60, wait=30), span(100, 200, cpu=60, wait=-1)]
    assert levels(crew(spans), 0.2, 1)[4:] == pytest.approx((0.12, 0.12))


def test_wait_between_short_tasks_does_not_count_as_theirs() -> None:
    spans = [span(0, 10, cpu=8, wait=0), span(90, 100, cpu=8, wait=80)]
    assert levels(crew(spans), 0.1, 1)[3:] == pytest.approx((0.02, 0.02, 0.016))


def test_replaced_workers_do_not_turn_imbalance_into_a_gain() -> None:
    spans = [span(10 * k, 10 * k + 10, pid=k) for k in range(8)]
    assert levels(crew(spans), 0.08, 1)[1:4] == pytest.approx((0.08, 0.08, 0.08))


def test_no_spans() -> None:
    assert levels([], 0.5, 4) == (2.0, 0, 0, 0, 0, 0)
    assert crew([]) == []


@st.composite
def schedules(draw: st.DrawFn) -> tuple[list[Span], float, int]:
    """Spans of up to five workers that run one task after another, wall time in s, workers."""
    n = draw(st.integers(1, 5))
    times = st.integers(0, 10**9)
    spans: list[Span] = []
    for worker in range(draw(st.integers(1, n))):
        now = draw(times)
        for _ in range(draw(st.integers(1, 6))):
            start = now + draw(times)
            now = start + draw(st.integers(1, 10**9))
            cpu = draw(st.integers(0, now - start))
            wait = draw(st.integers(0, now - start - cpu))
            spans.append(Span(len(spans), 7, worker, start, now, cpu, wait))
    last = max(s.end_ns for s in spans)
    return draw(st.permutations(spans)), (last + draw(times)) / 1e9, n


@given(schedules(), st.floats(0.001, 100))
def test_factors_multiply_to_the_efficiency_and_losses_add_up(
    schedule: tuple[list[Span], float, int], serial_cpu_s: float
) -> None:
    spans, wall_s, n = schedule
    ladder = [*levels(crew(spans), wall_s, n), serial_cpu_s]
    steps = list(pairwise(ladder))
    efficiency = serial_cpu_s / (n * wall_s)
    assert sum(upper - lower for upper, lower in steps) / ladder[0] == pytest.approx(1 - efficiency)
    if ladder[5] > 0:
        product = math.prod(lower / upper for upper, lower in steps)
        assert product == pytest.approx(efficiency)


@given(schedules())
def test_no_step_is_a_gain_and_busy_time_is_all_time_in_tasks(
    schedule: tuple[list[Span], float, int],
) -> None:
    spans, wall_s, n = schedule
    ladder = levels(crew(spans), wall_s, n)
    for upper, lower in pairwise(ladder):
        assert lower <= upper * (1 + 1e-9)
    assert ladder[3] == pytest.approx(sum(s.end_ns - s.start_ns for s in spans) / 1e9)
    assert ladder[4] == pytest.approx(sum(s.cpu_ns + s.wait_ns for s in spans) / 1e9)
    assert ladder[5] == pytest.approx(sum(s.cpu_ns for s in spans) / 1e9)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=8))
def test_busy_time_of_coroutines_is_the_length_of_the_union(tasks: list[tuple[int, int]]) -> None:
    spans = [span(start, start + length, cpu=0) for start, length in tasks]
    union = {ms for start, length in tasks for ms in range(start, start + length)}
    assert levels(crew(spans), 1.0, 1)[3] == pytest.approx(len(union) / 1000)


def test_the_largest_task_is_a_share_of_all_task_time() -> None:
    assert largest_task_share([30, 10, 60]) == pytest.approx(0.6)
    assert largest_task_share([]) is None


def dealt(*workers_tasks: list[int], slower: int = 1) -> list[Span]:
    """Spans of tasks of the lengths in `LENGTHS`, a list of task numbers for each worker."""
    spans = []
    for thread, tasks in enumerate(workers_tasks):
        now = 0
        for index in tasks:
            took = LENGTHS[index] * slower
            spans.append(Span(index, 1, thread, now * MS, (now + took) * MS, took * MS, 0))
            now += took
    return spans


LENGTHS = [10, 10, 10, 10, 40, 40]
TIMES = [length / 1000 for length in LENGTHS]


def test_who_got_which_task_by_their_times_in_the_baseline() -> None:
    """In halves, the second worker has the long tasks; fetched one by one, it has one of them."""
    found = dealing(crew(dealt([0, 1, 2], [3, 4, 5], slower=3)), TIMES, 2)
    assert found is not None
    assert (found.dealt, found.fetched, found.sorted) == pytest.approx((1.5, 1, 1))
    assert (found.task_slowdown, found.first_slowdown) == pytest.approx((3, 3))


def test_the_longest_last_are_worse_than_the_longest_first() -> None:
    times = [0.01, 0.01, 0.01, 0.03]
    spans = [Span(k, 1, k % 2, k * MS, (k + 1) * MS, MS, 0) for k in range(4)]
    found = dealing(crew(spans), times, 2)
    assert found is not None
    assert (found.fetched, found.sorted) == pytest.approx((4 / 3, 1))


def test_weak_scaling_deals_each_task_several_times() -> None:
    spans = [Span(k, 1, k, 0, 2 * MS, MS, 0) for k in range(4)]
    found = dealing(crew(spans), [0.002, 0.001], 4)
    assert found is not None
    assert found.dealt == pytest.approx(4 / 3)
    assert dealing(crew(spans[:3]), [0.002, 0.001], 4) is None
    assert dealing(crew(spans), [], 4) is None


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_the_median_is_that_of_the_standard_library(values: list[float]) -> None:
    assert median(values) == statistics.median(values)
