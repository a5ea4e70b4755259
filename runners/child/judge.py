"""What came of a run: whether the results of its tasks can be believed, and what its row says."""

import hashlib
import operator
import os
import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runners.child.counters import Counters, Usage
from runners.child.timing import Timing
from runners.child.worker import NotInstalled, Record, described
from runners.model import (
    Comparable,
    Fresh,
    Incomplete,
    Lenient,
    Sharing,
    Span,
    Status,
    Unsupported,
    WorkerDied,
    Workload,
    WrongResult,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, and what is known of it. It has `results` if they can be judged.

    `elsewhere` is what workers in other processes used together (of memory, the largest one),
    `held_s` how long coroutines had the event loop to themselves.
    """

    status: Status = "ok"
    error: str | None = None
    timing: Timing | None = None
    counters: Counters | None = None
    gil: bool | None = None
    elsewhere: Usage | None = None
    held_s: float | None = None
    spans: Sequence[Span] = ()
    results: Sequence[Any] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)

    def but(self, status: Status, error: str) -> "Outcome":
        """The same, with another end."""
        return replace(self, status=status, error=error)


SLOW_NS = 1_000_000
"""Results that take longer to be checked are first looked up among those that were found right."""


class Judge:
    """Holds results against the truth and, if they are `compared`, those of the first run.

    Large results that are byte for byte what was right before, pickled, are not checked again.
    """

    def __init__(self, workload: Workload, tasks: Sequence[Any], compared: bool) -> None:
        self.workload = workload
        self.tasks = tasks
        self.compared = compared
        self.first: Sequence[Any] | None = None
        self.right: set[bytes] = set()
        self.slow = False
        self.same = workload.same if isinstance(workload, Comparable) else operator.eq

    def judge(self, timing: Timing, count: int) -> Outcome:
        """What came of a run of `count` tasks: the workload's own, with weak scaling n times."""
        try:
            wires, metrics = timing.told()
        except Exception as problem:
            return failure(problem)
        if timing.wall_s < 0:
            return Outcome("failed", "the clock went back during the run", metrics=metrics)
        outcome = Outcome(timing=timing, metrics=metrics)
        if len(wires) != count:
            text = f"the executor returned {len(wires)} results for {count} tasks"
            return outcome.but("wrong", text)
        if never := sum(wire is None for wire in wires):
            return outcome.but("incomplete", f"{never} of {count} results never came")
        try:
            records = [Record.named(wire) for wire in wires]
        except (TypeError, ValueError):
            return outcome.but("wrong", "the executor did not return what the tasks returned")
        return self._judge_records(outcome, timing, records)

    def _judge_records(self, outcome: Outcome, timing: Timing, records: list[Record]) -> Outcome:
        spans = [
            Span(k, one.pid, one.thread, one.start_ns, one.end_ns, one.cpu_ns, one.used.wait_ns)
            for k, one in enumerate(records)
        ]
        if not all(map(timing.contains, spans)):
            spans = []  # on another machine's clock: they cannot be put on this one
        gil = records[0].gil if records else None
        held = [one.held_ns for one in records if one.held_ns >= 0]
        outcome = replace(
            outcome,
            gil=gil,
            elsewhere=_elsewhere(records),
            held_s=sum(held) / 1e9 if held else None,
            spans=spans,
        )
        failed = [(k, one.error) for k, one in enumerate(records) if one.error is not None]
        if failed:
            index, text = failed[0]
            told = f"{len(failed)} of {len(records)} tasks failed; task {index}:\n{text}"
            return outcome.but("failed", told)
        outcome = replace(outcome, results=[record.result for record in records])
        try:
            self._check(outcome.results)
        except WrongResult as wrong:
            return outcome.but("wrong", str(wrong))
        except Exception:
            return outcome.but("failed", f"the results could not be checked:\n{described()}")
        return outcome

    def _check(self, results: Sequence[Any]) -> None:
        """Raise `WrongResult` unless the results are true and the same as all others so far."""
        known = _digest(results) if self.slow else None
        if known in self.right:
            return
        began_ns = time.perf_counter_ns()
        self._check_anew(results)
        if known is not None:
            self.right.add(known)
        elif time.perf_counter_ns() - began_ns > SLOW_NS:
            self.slow = True

    def _check_anew(self, results: Sequence[Any]) -> None:
        # Fresh tasks begin with those that every run has; copies of them are looked at one by one.
        size = len(results) if isinstance(self.workload, Fresh) else len(self.tasks)
        for start in range(0, max(len(results), 1), max(size, 1)):
            part = results[start : start + size]
            self.workload.check(part)
            if self.compared and self.first is not None:
                self._compare(part, self.first, start)
            if self.first is None or len(part) > len(self.first):
                self.first = part

    def _compare(self, part: Sequence[Any], first: Sequence[Any], start: int) -> None:
        for index, (mine, other) in enumerate(zip(part, first, strict=False)):
            if not self.same(mine, other):
                self._blame_the_task(index)
                raise WrongResult(
                    f"serial and parallel results differ, first at task {start + index}: "
                    f"{_short(mine)} is not {_short(other)}"
                )

    def _blame_the_task(self, index: int) -> None:
        """Raise `WrongResult` if the plain loop itself does not repeat the result of that task."""
        if isinstance(self.workload, Sharing):  # its tasks cannot be run on their own
            return
        if index >= len(self.tasks):  # a fresh one, of which the plain loop had none
            return
        one, two = (self.workload(self.tasks[index]) for _ in range(2))
        if not self.same(one, two):
            remedy = (
                f"set workload.{self.workload.uncompared_by} to leave them uncompared"
                if isinstance(self.workload, Lenient)
                else "give the workload a method same(a, b)"
            )
            raise WrongResult(
                f"not deterministic: called twice in the plain loop, task {index} gives "
                f"{_short(one)} and {_short(two)}; {remedy}"
            )


def _elsewhere(records: Sequence[Record]) -> Usage | None:
    """What the workers in other processes than this one used; None if there are none."""
    here = os.getpid()
    used = [record.used for record in records if record.pid != here]
    if not used:
        return None
    waits, voluntary, involuntary, rss = zip(*used, strict=True)
    wait, *switches = (
        -1 if min(counts) < 0 else sum(counts) for counts in (waits, voluntary, involuntary)
    )
    return Usage(wait, switches[0], switches[1], max(rss))


def failure(problem: Exception) -> Outcome:
    """What came of a run that raised this exception, which is being handled."""
    match problem:
        case Unsupported():
            return Outcome("unsupported", str(problem))
        case Incomplete():
            return Outcome("incomplete", str(problem))
        case WorkerDied():
            return Outcome("crashed", str(problem))
    text = _unpicklable(problem) or described()
    return Outcome("crashed" if _is_broken(problem) else "failed", text)


def _is_broken(error: Exception) -> bool:
    """Whether a pool of `concurrent.futures`, which need not be loaded here, lost a worker."""
    return any(kind.__name__ == "BrokenExecutor" for kind in type(error).__mro__)


def _unpicklable(error: Exception) -> str:
    """What to do about arguments or results that cannot travel; nothing for another error."""
    told = str(error)
    if isinstance(error, NotInstalled) or not (
        isinstance(error, pickle.PickleError) or "pickle" in told
    ):
        return ""
    return (
        f"{type(error).__name__}: {_cut(told, 200)}; what travels to another process and "
        "back has to be picklable: plain data, and functions and classes at the top level of a "
        "module; or use threads"
    )


def pickled(values: Sequence[Any]) -> bytes | None:
    """Tasks or results, pickled; None if they cannot be."""
    try:
        return pickle.dumps(values)
    except Exception:
        return None


def _digest(results: Sequence[Any]) -> bytes | None:
    """Stands for results that are pickled to the same bytes; None if they cannot be pickled."""
    data = pickled(results)
    return None if data is None else hashlib.sha256(data).digest()


def changed(before: bytes, tasks: Sequence[Any]) -> bool:
    """Whether the tasks themselves have changed since they were pickled, not only their bytes."""
    if pickled(tasks) == before:
        return False
    try:
        return bool(pickle.loads(before) != tasks)
    except Exception:  # arrays, say, have no one answer to that
        return True


def _short(value: Any) -> str:
    return _cut(repr(value), 80)


def _cut(text: str, size: int) -> str:
    """The text, without its middle if it is longer than that."""
    return text if len(text) <= size else f"{text[: size // 2 - 3]} ... {text[-size // 2 + 2 :]}"
