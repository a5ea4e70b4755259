"""What came of a run: whether the results of its tasks can be believed, and what its row says."""

import hashlib
import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from runners.child.comparing import APART, FOREIGN, Comparison, Incomparable, Returned
from runners.child.counters import Counters, Usage
from runners.child.faults import at_fault, is_of_pickling, may_be_of_pickling, untravelled
from runners.child.parts import pickled
from runners.child.records import Told, taken_apart
from runners.child.remedies import remedied
from runners.child.timing import WITHOUT_JOIN_S, Timing
from runners.child.worker import NotInstalled, described
from runners.model import (
    Fresh,
    Incomplete,
    Initializing,
    Lenient,
    Renewing,
    Sharing,
    Span,
    Status,
    Unavailable,
    Unsupported,
    WorkerDied,
    Workers,
    Workload,
    WrongResult,
    in_one_line,
)


class Away(NamedTuple):
    """Tasks that were timed by other clocks than the run: how many workers did how many of them on
    which machines."""

    tasks: int
    workers: int
    machines: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, and what is known of it. It has `results` if they can be judged.

    From `gil` to `spans` it is what all its tasks told (`records.Told`); `spans` are without those
    that are `away`.
    """

    status: Status = "ok"
    error: str | None = None
    timing: Timing | None = None
    counters: Counters | None = None
    max_rss_bytes: int | None = None
    gil: bool | None = None
    gil_enabled_by: str | None = None
    elsewhere: Usage | None = None
    held_s: float | None = None
    spans: Sequence[Span] = ()
    away: Away | None = None
    results: Sequence[Any] = ()
    compared: str | None = None
    checked: bool | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    equal_draws: int | None = None
    differs: str | None = None
    worker_cpus: str | None = None

    def but(self, status: Status, error: str) -> "Outcome":
        """The same, with another end."""
        return replace(self, status=status, error=error)


INITIALIZER_S = "initializer_s"
"""The metric of `Timing.initializing`."""
MOST_NAMED = 4
"""Of so many machines the names are told."""
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
        self.comparison = Comparison(workload, tasks)
        self.right: set[bytes] = set()
        self.slow = False
        self.checked: bool | None = None

    def begin(self, number: int, tasks: Sequence[Any]) -> None:
        """The next runs are of the tasks of that number, of a workload that is `Renewing`."""
        if number != self.comparison.number:
            self.comparison = Comparison(self.workload, tasks, number)
            self.right.clear()
        self.tasks = self.comparison.tasks = tasks

    def beside(
        self, kept: str | None, timing: Timing, count: int, workers: Workers = "caller"
    ) -> Outcome:
        """As `judge`, with the runs of other processes: their results are in the file `kept`.

        The first run to be ok writes it. None: there are no others.
        """
        if kept is None:
            return self.judge(timing, count, workers)
        try:
            first = self.comparison.first = _recalled(kept)
        except Exception:
            return Outcome("failed", f"the results of the round cannot be read:\n{described()}")
        outcome = self.judge(timing, count, workers)
        if outcome.status != "ok" or first is not None:
            return outcome
        data = pickled(self.comparison.first)
        if data is None:
            told = (
                "results cannot be pickled, and so not be compared with those of the other side, "
                f"which is measured in another process; {self.comparison.uncompared()}"
            )
            return outcome.but("failed", told)
        try:
            with open(kept, "wb") as file:
                file.write(data)
        except OSError as error:
            return outcome.but("failed", f"the results cannot be kept to compare: {error}")
        return outcome

    def across(self, folder: str | None, version: str, outcome: Outcome) -> Outcome:
        """With what another version of the user's code, beside this one, gives otherwise."""
        if folder is None or outcome.status != "ok" or not self.compared:
            return outcome
        from runners.child.across import differing  # for runs of several versions alone

        told = differing(folder, version, self.comparison, outcome.results)
        return replace(outcome, differs=told)

    def judge(self, timing: Timing, count: int, workers: Workers = "caller") -> Outcome:
        """What came of a run of `count` tasks: the workload's own, with weak scaling n times.

        `workers` did them; the caller alone is the plain loop.
        """
        try:
            wires, metrics = timing.told()
        except Exception as problem:
            return failure(problem)
        if timing.wall_s < 0:
            return Outcome("failed", "the clock went back during the run", metrics=metrics)
        outcome = Outcome(timing=timing.without_records(), metrics=metrics)
        if len(wires) != count:
            text = f"the executor returned {len(wires)} results for {count} tasks"
            return outcome.but("wrong", text)
        if never := sum(wire is None for wire in wires):
            return outcome.but("incomplete", f"{never} of {count} results never came")
        try:
            told = taken_apart(wires)
        except (TypeError, ValueError):
            return outcome.but("wrong", "the executor did not return what the tasks returned")
        outcome = replace(
            outcome,
            gil=told.gil,
            gil_enabled_by=told.gil_enabled_by,
            elsewhere=told.elsewhere,
            held_s=told.held_s,
            **_by_this_clock(timing, told),
        )
        if isinstance(self.workload, Initializing) and outcome.spans:
            part = timing.initializing(outcome.spans, told.ready)
            metrics = {**metrics, INITIALIZER_S: (part[1] - part[0]) / 1e9}
            if not self.workload.initializer_timed and WITHOUT_JOIN_S in metrics:
                metrics[WITHOUT_JOIN_S] -= metrics[INITIALIZER_S]
            kept = timing if self.workload.initializer_timed else timing.without(part)
            outcome = replace(outcome, timing=kept.without_records(), metrics=metrics)
        if told.failed:
            index, text = told.failed[0]
            known = remedied(text)
            what = f"{len(told.failed)} of {len(wires)} tasks failed; task {index}:"
            return outcome.but("failed", what + (f" {known}" if known else f"\n{text}"))
        return self._judge_results(outcome, told, workers)

    def _judge_results(self, outcome: Outcome, told: Told, workers: Workers) -> Outcome:
        returned = Returned.of(told, workers)
        outcome = replace(outcome, results=returned.results)
        is_first = self.comparison.first is None
        draws = self.comparison.draws
        looks = workers in ("caller", *APART)
        try:
            self._check(returned)
        except WrongResult as wrong:
            return outcome.but("wrong", str(wrong))
        except Incomparable as reason:
            return outcome.but("failed", str(reason))
        except Exception:
            return outcome.but("failed", f"the results could not be checked:\n{described()}")
        if self.checked is None:
            self.checked = self._is_checked(returned.results)
        compared = self._compared(returned.results, is_first)
        outcome = replace(outcome, compared=compared, checked=self.checked)
        if not looks or self.compared or draws.settled:
            return outcome
        return replace(outcome, equal_draws=self.comparison.drawn(returned))

    def _compared(self, results: Sequence[Any], is_first: bool) -> str | None:
        """How the results of a run, which are right, were compared: `Run.compared`."""
        if not self.compared:
            return self.workload.uncompared_by if isinstance(self.workload, Lenient) else "none"
        return None if is_first else self.comparison.kind(results)

    def _is_checked(self, results: Sequence[Any]) -> bool:
        """Whether the workload's check tells them from what no task returns."""
        try:
            self.workload.check([FOREIGN] * self._size(results))
        except Exception:
            return True
        return False

    def look_again(self, timing: Timing) -> bool:
        """Whether workers that ran the random task several times have shown equal draws by now."""
        told = taken_apart(timing.told()[0])
        return self.comparison.drawn_again(Returned.of(told, "process"))

    def _check(self, returned: Returned) -> None:
        """Raise `WrongResult` unless the results are true and the same as all others so far."""
        known = _digest(returned.results) if self.slow else None
        if known in self.right:
            return
        began_ns = time.perf_counter_ns()
        self._check_anew(returned)
        if known is not None:
            self.right.add(known)
        elif time.perf_counter_ns() - began_ns > SLOW_NS:
            self.slow = True

    def _check_anew(self, returned: Returned) -> None:
        count, size = len(returned.results), self._size(returned.results)
        for start in range(0, max(count, 1), max(size, 1)):
            part = returned.part(start, size)
            self.workload.check(part.results)
            if self.compared:
                self.comparison.compare(part, start)
            self.comparison.keep(part)

    def _size(self, results: Sequence[Any]) -> int:
        """How many results the workload checks at once."""
        # Fresh tasks begin with those that every run has; copies of them are looked at one by one.
        longer = isinstance(self.workload, Fresh | Renewing)
        return len(results) if longer else len(self.tasks)

    def failure(self, problem: BaseException) -> Outcome:
        """What came of a run on workers that raised this, which is being handled."""
        outcome = failure(problem)
        if outcome.status in ("failed", "crashed") and may_be_of_pickling(problem):
            results = self._some_results(outcome.status == "failed")
            told = at_fault(problem, self.workload, self.tasks, results)
            return outcome if told is None else outcome.but("failed", told)
        return outcome

    def _some_results(self, may_run: bool) -> Sequence[Any]:
        """Some of what the tasks return; nothing where none can be had. A task that `may_run`
        ended no worker."""
        if self.comparison.first is not None:
            return self.comparison.first.results
        if not may_run or isinstance(self.workload, Sharing):
            return []
        try:
            return [self.workload(self.tasks[0])]
        except Exception:
            return []


def failure(problem: BaseException) -> Outcome:
    """What came of a run that raised this exception, which is being handled."""
    match problem:
        case NotInstalled():
            return Outcome("failed", str(problem))
        case Unsupported():
            return Outcome("unsupported", str(problem))
        case Incomplete() | Unavailable():
            return Outcome("incomplete", str(problem))
        case WorkerDied():
            return Outcome("crashed", str(problem))
    if is_of_pickling(problem):
        text = untravelled(problem)
    else:
        text = remedied(in_one_line(problem)) or described()
    return Outcome("crashed" if _is_broken(problem) else "failed", text)


def _by_this_clock(timing: Timing, told: Told) -> dict[str, Any]:
    """The spans that can be put on the clock of the run, and what is to be said of the others."""
    spans = told.spans
    if told.away:
        spans = [span for span in spans if span.index not in told.away]
    if not timing.contains(spans):  # a clock that nobody told of: of a virtual machine that moved
        spans = []
    if len(spans) == len(told.spans):
        return {"spans": spans}
    known = {span.index for span in spans}
    away = [span for span in told.spans if span.index not in known]
    workers = {(told.away.get(span.index, ""), span.pid, span.thread) for span in away}
    machines = sorted({name for name, *_ in workers} - {""})
    if len(machines) > MOST_NAMED:
        machines = [*machines[:MOST_NAMED], f"{len(machines) - MOST_NAMED} more"]
    return {"spans": spans, "away": Away(len(away), len(workers), ", ".join(machines))}


def _is_broken(error: BaseException) -> bool:
    """Whether a pool of `concurrent.futures`, which need not be loaded here, lost a worker."""
    return any(kind.__name__ == "BrokenExecutor" for kind in type(error).__mro__)


def _recalled(path: str) -> Returned | None:
    """What is in that file; None where there is none yet."""
    try:
        with open(path, "rb") as file:
            found: Returned = pickle.load(file)
    except FileNotFoundError:
        return None
    # What the plain loop gave in another process need not come again in this one.
    return found._replace(in_loop=False)


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
