"""Which spans of a run with very many tasks are kept, so that its picture stays true."""

import heapq
from collections.abc import Sequence
from operator import attrgetter
from typing import TypeVar

from runners.child.ladder import Crew
from runners.model import Span

MOST_SPANS = 2_000
"""Of a run with more tasks a sample of so many spans is kept: what a figure can show.

Nothing is computed from the sample: the ladder and all that follows from it have all spans.
"""

Item = TypeVar("Item")

_index = attrgetter("index")


def sample(workers: Crew, most: int = MOST_SPANS) -> list[Span]:
    """At most so many spans (4 or more) of the workers of a run, in task order; all if they fit.

    The first and the last task of the run are among them, and those of each worker; then the
    longest ones; the rest is spread evenly over the tasks of each worker in their order. Of so many
    workers that they would fill the half, some are chosen, spread evenly as well.
    """
    spans = [span for mine in workers for span in mine]
    if len(spans) <= most:
        return sorted(spans, key=_index)
    first = min((mine[0] for mine in workers), key=attrgetter("start_ns"))
    last = max(spans, key=attrgetter("end_ns"))
    # By place: an index is not told twice in a run, but who knows what an executor does.
    chosen = {_index(span): span for span in (first, last)}
    for mine in _evenly(workers, max(1, most // 4) - 1):
        chosen |= {_index(span): span for span in (mine[0], mine[-1])}
    longest = heapq.nlargest(most // 4, spans, key=lambda span: span.end_ns - span.start_ns)
    for span in longest:
        if len(chosen) < most:
            chosen[span.index] = span
    others = [span for span in spans if span.index not in chosen]
    chosen |= {span.index: span for span in _evenly(others, most - len(chosen))}
    return sorted(chosen.values(), key=_index)


def _evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of them, equally far apart."""
    if len(items) <= most:
        return list(items)
    return [items[k * len(items) // most] for k in range(most)]
