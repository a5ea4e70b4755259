"""The timeline of a run: its lanes and phases, and its trace for Perfetto. Standard library only.

The trace is in the Trace Event Format of Chrome, which https://ui.perfetto.dev opens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from operator import attrgetter
from typing import Any

from runners.model import Span, Timeline

TITLES = {"baseline": "baseline: plain loop", "measured": "measured"}


@dataclass(frozen=True, slots=True)
class Lane:
    """Tasks that one worker ran one after the other, in order.

    Workers are numbered from 1 in the order of their first tasks. One whose tasks overlap, as
    coroutines do, has several lanes.
    """

    worker: int
    pid: int
    thread: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a run, in nanoseconds since its begin."""

    name: str
    start_ns: int
    end_ns: int


def lanes(spans: Sequence[Span]) -> list[Lane]:
    """The tasks of a run by worker, in the order in which the workers began.

    Each is in the first lane of its worker that is free.
    """
    by_worker: dict[tuple[int, int], list[list[Span]]] = {}
    free: dict[tuple[int, int], list[int]] = {}
    busy: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for span in sorted(spans, key=attrgetter("start_ns", "end_ns")):
        worker = span.pid, span.thread
        own = by_worker.setdefault(worker, [])
        idle, running = free.setdefault(worker, []), busy.setdefault(worker, [])
        while running and running[0][0] <= span.start_ns:
            heappush(idle, heappop(running)[1])
        if idle:
            at = heappop(idle)
        else:
            at = len(own)
            own.append([])
        own[at].append(span)
        heappush(running, (span.end_ns, at))
    return [
        Lane(number, pid, thread, tuple(lane))
        for number, ((pid, thread), own) in enumerate(by_worker.items(), 1)
        for lane in own
    ]


def phases(timeline: Timeline) -> tuple[Phase, Phase, Phase]:
    """Start-up, window and join: L0 - L1 of the ladder, split at the first and the last task."""
    begin, end = timeline.begin_ns, round(timeline.wall_s * 1e9)
    first = min(span.start_ns for span in timeline.spans) - begin
    last = max(span.end_ns for span in timeline.spans) - begin
    return Phase("start-up", 0, first), Phase("window", first, last), Phase("join", last, end)


def sampled(timeline: Timeline) -> str:
    """That only a part of the tasks is there, as the end of a title; "" where all are."""
    shown, away = len(timeline.spans), timeline.away_tasks or 0
    tasks = None if timeline.tasks is None else timeline.tasks - away
    told = "" if tasks is None or tasks <= shown else f", a sample of {shown:,} of {tasks:,} tasks"
    return told + (f", without {away:,} by other machines' clocks" if away else "")


def trace_events(timelines: Sequence[Timeline], name: str) -> dict[str, Any]:
    """Runs in the Trace Event Format: a process for each, which all begin at time 0.

    `name` says what was measured. Times are in microseconds. A worker is a thread of its run's
    process: viewers tell threads apart by number alone, so that no two have the same. `tdur` is
    the CPU time of a task.
    """
    numbers = count(1)
    in_order = sorted(timelines, key=attrgetter("role"))
    events = [event for timeline in in_order for event in _events(timeline, name, numbers)]
    return {"displayTimeUnit": "ms", "otherData": {"name": name}, "traceEvents": events}


def _events(timeline: Timeline, name: str, numbers: Iterator[int]) -> Iterator[dict[str, Any]]:
    pid = main = next(numbers)  # a process's first thread has its number
    title = f"{TITLES[timeline.role]}, round {timeline.round}: {name}{sampled(timeline)}"
    yield _metadata("process_name", title, pid, main)
    yield _metadata("thread_name", "run", pid, main)
    run = Phase(timeline.role, 0, round(timeline.wall_s * 1e9))
    facts = {"setup_us": timeline.setup_s * 1e6, "teardown_us": timeline.teardown_s * 1e6}
    yield _complete(run.name, run.start_ns, run.end_ns, pid, main) | {"args": facts}
    for phase in phases(timeline):
        yield _complete(phase.name, phase.start_ns, phase.end_ns, pid, main)
    for lane in lanes(timeline.spans):
        tid = next(numbers)
        who = f"worker {lane.worker} (pid {lane.pid}, thread {lane.thread})"
        yield _metadata("thread_name", who, pid, tid)
        for span in lane.spans:
            start, end = (ns - timeline.begin_ns for ns in (span.start_ns, span.end_ns))
            args: dict[str, float] = {"task": span.index}
            if span.wait_ns >= 0:
                args["run_queue_wait_us"] = span.wait_ns / 1e3
            event = _complete(f"task {span.index}", start, end, pid, tid)
            yield event | {"tdur": span.cpu_ns / 1e3, "args": args}


def _complete(name: str, start_ns: int, end_ns: int, pid: int, tid: int) -> dict[str, Any]:
    times = {"ts": start_ns / 1e3, "dur": (end_ns - start_ns) / 1e3}
    return {"name": name, "ph": "X", **times, "pid": pid, "tid": tid}


def _metadata(kind: str, name: str, pid: int, tid: int) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}}
