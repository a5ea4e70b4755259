"""Lanes and traces of random schedules: nothing is lost, nothing overlaps."""

import json
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.model import Role, Span, Timeline
from runners.report.trace import lanes, phases, sampled, trace_events

NS = st.integers(0, 10**9)
TASK = st.tuples(st.integers(1, 3), st.integers(1, 3), NS, NS, NS, st.integers(-1, 10**6))
BEGIN_NS = 10**15 + 7


def timeline(spans: list[Span], role: Role = "measured", spare_ns: int = 0) -> Timeline:
    wall_ns = max(span.end_ns for span in spans) - BEGIN_NS + spare_ns
    return Timeline(0, 5, role, BEGIN_NS, wall_ns / 1e9, 0.0, 0.0, tuple(spans))


@st.composite
def schedules(draw: st.DrawFn) -> list[Span]:
    """Tasks of any workers at any times, overlapping ones of one worker too."""
    tasks = draw(st.lists(TASK, min_size=1, max_size=30))
    return [
        Span(index, pid, thread, BEGIN_NS + start, BEGIN_NS + start + wall, cpu, wait)
        for index, (pid, thread, start, wall, cpu, wait) in enumerate(tasks)
    ]


def trace(*timelines: Timeline) -> list[dict[str, Any]]:
    """The events, as a reader of the file would see them."""
    events: list[dict[str, Any]] = json.loads(
        json.dumps(trace_events(timelines, "primes"), allow_nan=False)
    )["traceEvents"]
    return events


def tasks(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if "tdur" in event]


@given(schedules())
def test_each_task_is_in_one_lane_of_its_worker(spans: list[Span]) -> None:
    found = lanes(spans)
    assert sorted(span.index for lane in found for span in lane.spans) == list(range(len(spans)))
    for lane in found:
        assert {(span.pid, span.thread) for span in lane.spans} == {(lane.pid, lane.thread)}
        assert all(a.end_ns <= b.start_ns for a, b in pairwise(lane.spans))


@given(schedules())
def test_workers_are_numbered_in_the_order_of_their_first_tasks(spans: list[Span]) -> None:
    first: dict[int, int] = {}
    for lane in lanes(spans):
        first.setdefault(lane.worker, lane.spans[0].start_ns)
    assert list(first) == list(range(1, len({(span.pid, span.thread) for span in spans}) + 1))
    assert list(first.values()) == sorted(first.values())


@given(schedules(), st.integers(0, 10**6))
def test_the_phases_fill_the_run(spans: list[Span], spare_ns: int) -> None:
    run = timeline(spans, spare_ns=spare_ns)
    start_up, window, join = phases(run)
    assert start_up.start_ns == 0
    assert start_up.end_ns == window.start_ns == min(s.start_ns for s in spans) - BEGIN_NS
    assert window.end_ns == join.start_ns == join.end_ns - spare_ns
    assert join.end_ns == pytest.approx(run.wall_s * 1e9, abs=1)


@given(schedules(), st.integers(0, 10**6))
def test_tasks_and_phases_lie_within_their_run(spans: list[Span], spare_ns: int) -> None:
    run, *inner = (e for e in trace(timeline(spans, spare_ns=spare_ns)) if e["ph"] == "X")
    assert run["name"] == "measured"
    for event in inner:
        assert event["dur"] >= 0
        assert event["ts"] >= 0
        assert event["ts"] + event["dur"] <= run["dur"] + 1e-6
    assert sum(event["dur"] for event in inner[:3]) == pytest.approx(run["dur"])


@given(schedules())
def test_durations_are_those_of_the_tasks(spans: list[Span]) -> None:
    found = {event["args"]["task"]: event for event in tasks(trace(timeline(spans)))}
    assert set(found) == set(range(len(spans)))
    for span in spans:
        event = found[span.index]
        assert event["ts"] * 1e3 == pytest.approx(span.start_ns - BEGIN_NS)
        assert event["dur"] * 1e3 == pytest.approx(span.end_ns - span.start_ns)
        assert event["tdur"] * 1e3 == pytest.approx(span.cpu_ns)
        assert ("run_queue_wait_us" in event["args"]) == (span.wait_ns >= 0)


@given(schedules(), schedules())
def test_no_two_threads_have_one_number(a: list[Span], b: list[Span]) -> None:
    events = trace(timeline(a, "measured"), timeline(b, "baseline"))
    threads = defaultdict(set)
    for event in events:
        threads[event["tid"]].add(event["pid"])
    assert all(len(processes) == 1 for processes in threads.values())
    assert len(threads) == 2 + len(lanes(a)) + len(lanes(b))
    by_thread = defaultdict(list)
    for event in tasks(events):
        by_thread[event["tid"]].append(event)
    for found in by_thread.values():  # events of one thread that overlap would not be drawn
        assert all(x["ts"] + x["dur"] <= y["ts"] + 1e-6 for x, y in pairwise(found))


def test_everything_has_a_name() -> None:
    spans = [Span(0, 41, 42, BEGIN_NS, BEGIN_NS + 5, 4, -1)]
    events = trace(timeline(spans, "measured"), timeline(spans, "baseline"))
    names = [event["args"]["name"] for event in events if event["ph"] == "M"]
    assert names == [
        *("baseline: plain loop, round 5: primes", "run", "worker 1 (pid 41, thread 42)"),
        *("measured, round 5: primes", "run", "worker 1 (pid 41, thread 42)"),
    ]
    assert {event["pid"] for event in events} == {1, 3}


def test_a_sample_of_the_tasks_says_so() -> None:
    spans = [Span(k, 1, 1, BEGIN_NS + k, BEGIN_NS + k + 1, 1, 0) for k in range(1200)]
    whole = replace(timeline(spans), tasks=1200)
    assert sampled(whole) == sampled(timeline(spans)) == ""
    part = replace(whole, tasks=100_000)
    assert sampled(part) == ", a sample of 1,200 of 100,000 tasks"
    away = replace(part, away_tasks=98_800)
    assert sampled(away) == ", without 98,800 by other machines' clocks"
    [name] = [event for event in trace(part) if event["name"] == "process_name"]
    assert name["args"]["name"].endswith(sampled(part))
