"""Where the time of a watched pool went: the ladder without a serial run, batch by batch."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from runners.child.ladder import crew, levels
from runners.model import Span

Interval = tuple[int, int]
"""Two times of `perf_counter_ns`."""


class Parts(NamedTuple):
    """Core-seconds of a pool of n workers, from the first task given in to the last result.

    They add up to `provided_s`, n times that time. `empty_s` is the time in which no task was in
    the pool, between its batches; `first_s` that until the first task began to run. From
    `startup_s` to `cpu_s` they are the steps of the ladder (`child.ladder`), each batch by itself:
    a program that waits for the results of one before it gives in the next has idle workers at
    the end of each. `startup_s` has `first_s` within it.
    """

    provided_s: float
    empty_s: float
    first_s: float
    startup_s: float
    dispatch_s: float
    balance_s: float
    blocking_s: float
    contention_s: float
    cpu_s: float

    def losses(self) -> dict[str, float]:
        """The steps by their names in `words.causes.TITLES`, and `empty`."""
        names = ("empty", "startup", "dispatch", "balance", "blocking", "contention")
        return {name: getattr(self, f"{name}_s") for name in names}


def batches(open_ns: Iterable[Interval]) -> list[Interval]:
    """When there was any task in the pool, from the times in which each of them was."""
    found: list[Interval] = []
    for begin, end in sorted(open_ns):
        if found and begin <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = found[-1][0], end
        else:
            found.append((begin, end))
    return found


def parts(spans: Sequence[Span], found: Sequence[Interval], workers: int) -> Parts:
    """Of those tasks in those batches, at least one."""
    begins = [begin for begin, _ in found]
    by_batch: list[list[Span]] = [[] for _ in found]
    for span in spans:
        by_batch[max(bisect_right(begins, span.start_ns) - 1, 0)].append(span)
    l0, l1, l2, l3, l4, l5 = map(
        sum,
        zip(
            *(
                levels(crew(mine), (end - begin) / 1e9, workers)
                for (begin, end), mine in zip(found, by_batch, strict=True)
            ),
            strict=True,
        ),
    )
    wall_ns = found[-1][1] - found[0][0]
    open_ns = sum(end - begin for begin, end in found)
    first = min(map(attrgetter("start_ns"), spans), default=found[-1][1]) - found[0][0]
    return Parts(
        workers * wall_ns / 1e9,
        workers * (wall_ns - open_ns) / 1e9,
        workers * first / 1e9,
        l0 - l1,
        l1 - l2,
        l2 - l3,
        l3 - l4,
        l4 - l5,
        l5,
    )
