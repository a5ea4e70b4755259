"""What the workers told of the tasks of a run, taken apart in one walk: there may be a million."""

import gc
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from runners.child.counters import Usage
from runners.child.worker import Wire
from runners.model import Span


class Told(NamedTuple):
    """The tasks of a run, in their order.

    `gil` says whether it was on where any of them ran, and `gil_enabled_by` names what had switched
    it on there. `held_s` is how long coroutines had the event loop to themselves; None of plain
    functions. `elsewhere` is what workers in other
    processes than this one used together (of memory, the largest one); None if there are none.
    `failed` are the numbers of the tasks that raised, each with its error. `ready` are the times in
    which workers made themselves ready, the begin and the end of each. `away` has the machine of
    each task that was timed by another clock than this process's; these have no part in `ready`.
    """

    spans: list[Span]
    results: list[Any]
    gil: bool | None
    gil_enabled_by: str | None
    held_s: float | None
    elsewhere: Usage | None
    failed: list[tuple[int, str]]
    ready: set[tuple[int, int]]
    away: dict[int, str]


def taken_apart(wires: Iterable[Wire]) -> Told:
    """Raises TypeError or ValueError if they are not what `worker.run_task` returned."""
    collects = gc.isenabled()
    gc.disable()  # it would walk through the spans again and again while they grow in number
    try:
        return _taken_apart(wires)
    finally:
        if collects:
            gc.enable()


def _taken_apart(wires: Iterable[Wire]) -> Told:
    here = os.getpid()
    spans: list[Span] = []
    results: list[Any] = []
    failed: list[tuple[int, str]] = []
    apart: list[tuple[int, int, int, int]] = []
    is_apart = False
    with_gil: bool | None = None
    enabled_by: set[str] = set()
    readied: set[tuple[int, int]] = set()
    away: dict[int, str] = {}
    held_ns = -1
    for wire in wires:
        (pid, thread, gil, by, ready, machine), start, end, cpu, held, used, error, result = wire
        with_gil = with_gil or gil
        if by is not None:
            enabled_by.add(by)
        if machine is not None:
            away[len(spans)] = machine
        elif ready is not None:
            readied.add(ready)
        # What was not read is part of the next reading.
        spans.append(Span(len(spans), pid, thread, start, end, cpu, used[0] if used else 0))
        if pid != here or machine is not None:
            is_apart = True
            if used is not None:
                apart.append(used)
        if held >= 0:
            held_ns = max(held_ns, 0) + held
        if error is not None:
            failed.append((len(results), error))
        results.append(result)
    return Told(
        spans,
        results,
        with_gil,
        ", ".join(sorted(enabled_by)) or None,
        held_ns / 1e9 if held_ns >= 0 else None,
        _together(apart) if is_apart else None,
        failed,
        readied,
        away,
    )


def _together(used: list[tuple[int, int, int, int]]) -> Usage:
    if not used:  # read at no task's end
        return Usage(0, 0, 0, -1)
    waits, voluntary, involuntary, rss = zip(*used, strict=True)
    wait, *switches = (
        -1 if min(counts) < 0 else sum(counts) for counts in (waits, voluntary, involuntary)
    )
    return Usage(wait, switches[0], switches[1], max(rss))
