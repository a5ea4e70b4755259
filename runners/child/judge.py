"""What came of a run: whether the results of its tasks can be believed, and what its row says."""

import hashlib
import operator
import os
import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NoReturn

from runners.child import parts
from runners.child.counters import Counters, Usage
from runners.child.draws import Draws
from runners.child.faults import at_fault, cut, is_of_pickling, untravelled, used_up
from runners.child.parts import pickled
from runners.child.remedies import remedied
from runners.child.timing import Timing
from runners.child.worker import Record, described
from runners.model import (
    Comparable,
    Fresh,
    Incomplete,
    Lenient,
    Renewing,
    Sharing,
    Span,
    Status,
    Unsupported,
    WorkerDied,
    Workers,
    Workload,
    WrongResult,
    in_one_line,
)

APART: tuple[Workers, ...] = ("process", "interpreter", "remote", "unknown")
"""Workers with a memory of their own."""
EQUAL_DRAWS = "tasks returned equal draws: {}; seed per task"
FORKED = "workers that were forked from one process share its random state"
SEEDED = "workers begin with the same random state, which their module sets"


class Incomparable(Exception):
    """Results, or the tasks themselves, are such that they cannot be compared."""


class NotDeterministic(WrongResult):
    """The plain loop itself gives another result each time."""


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
    equal_draws: int | None = None

    def but(self, status: Status, error: str) -> "Outcome":
        """The same, with another end."""
        return replace(self, status=status, error=error)


SLOW_NS = 1_000_000
"""Results that take longer to be checked are first looked up among those that were found right."""


class Judge:
    """Holds results against the truth and, if they are `compared`, those of the first run.

    Large results that are byte for byte what was right before, pickled, are not checked again.
    `forked` says that processes which do the tasks are forked from this one.
    """

    def __init__(
        self, workload: Workload, tasks: Sequence[Any], compared: bool, forked: bool = False
    ) -> None:
        self.workload = workload
        self.tasks = tasks
        self.number = 0
        self.compared = compared
        self.equal_draws = EQUAL_DRAWS.format(FORKED if forked else SEEDED)
        self.first: Sequence[Any] | None = None
        self.first_workers: Sequence[Any] | None = None
        self.first_in_loop = self.in_loop = False
        self.right: set[bytes] = set()
        self.slow = False
        self.same = workload.same if isinstance(workload, Comparable) else operator.eq
        self.draws = Draws()
        self.random_task: int | None = None

    def begin(self, number: int, tasks: Sequence[Any]) -> None:
        """The next runs are of the tasks of that number, of a workload that is `Renewing`."""
        if number != self.number:
            self.first = None
            self.right.clear()
            self.draws = Draws()
        self.number, self.tasks = number, tasks

    def beside(
        self, kept: str | None, timing: Timing, count: int, workers: Workers = "caller"
    ) -> Outcome:
        """As `judge`, with the runs of other processes: their results are in the file `kept`.

        The first run to be ok writes it. None: there are no others.
        """
        if kept is None:
            return self.judge(timing, count, workers)
        # What the plain loop gave in another process need not come again in this one.
        self.first_in_loop = False
        try:
            self.first, self.first_workers = _recalled(kept)
        except Exception:
            return Outcome("failed", f"the results of the round cannot be read:\n{described()}")
        is_first = self.first is None
        outcome = self.judge(timing, count, workers)
        if outcome.status != "ok" or not is_first:
            return outcome
        data = pickled((self.first, self.first_workers))
        if data is None:
            told = (
                "results cannot be pickled, and so not be compared with those of the other side, "
                f"which is measured in another process; {self._uncompared()}"
            )
            return outcome.but("failed", told)
        try:
            with open(kept, "wb") as file:
                file.write(data)
        except OSError as error:
            return outcome.but("failed", f"the results cannot be kept to compare: {error}")
        return outcome

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
        return self._judge_records(outcome, timing, records, workers)

    def _judge_records(
        self, outcome: Outcome, timing: Timing, records: list[Record], workers: Workers
    ) -> Outcome:
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
            known = remedied(text)
            told = f" {known}" if known else f"\n{text}"
            count = f"{len(failed)} of {len(records)} tasks failed; task {index}:"
            return outcome.but("failed", f"{count}{told}")
        outcome = replace(outcome, results=[record.result for record in records])
        self.in_loop = workers == "caller"
        try:
            self._check(outcome.results, ran_by(records, workers))
        except NotDeterministic as problem:
            return self._random(outcome, workers, str(problem))
        except WrongResult as wrong:
            return outcome.but("wrong", str(wrong))
        except Incomparable as reason:
            return outcome.but("failed", str(reason))
        except Exception:
            return outcome.but("failed", f"the results could not be checked:\n{described()}")
        if self.compared or self.draws.settled or workers not in ("caller", *APART):
            return outcome
        return replace(outcome, equal_draws=self._drawn(outcome.results, ran_by(records, workers)))

    def _random(self, outcome: Outcome, workers: Workers, told: str) -> Outcome:
        is_shown = self.draws.found and workers in ("caller", *APART)
        return outcome.but("wrong", self.equal_draws if is_shown else told)

    def look_again(self, timing: Timing) -> None:
        """Note what the random task drew on workers that have run it several times."""
        try:
            records = [Record.named(wire) for wire in timing.told()[0]]
        except Exception:
            return
        workers = [(record.pid, record.thread) for record in records]
        self.draws.run([record.result for record in records], workers, self.random_task)

    def _drawn(self, results: Sequence[Any], workers: Sequence[Any] | None) -> int | None:
        """Note results for `draws`, and how many are equal draws; None of the plain loop."""
        if workers is not None:
            return self.draws.run(results, workers)
        self.draws.loop(results)
        return None

    def _check(self, results: Sequence[Any], workers: Sequence[Any] | None) -> None:
        """Raise `WrongResult` unless the results are true and the same as all others so far."""
        known = _digest(results) if self.slow else None
        if known in self.right:
            return
        began_ns = time.perf_counter_ns()
        self._check_anew(results, workers)
        if known is not None:
            self.right.add(known)
        elif time.perf_counter_ns() - began_ns > SLOW_NS:
            self.slow = True

    def _check_anew(self, results: Sequence[Any], workers: Sequence[Any] | None) -> None:
        # Fresh tasks begin with those that every run has; copies of them are looked at one by one.
        longer = isinstance(self.workload, Fresh | Renewing)
        size = len(results) if longer else len(self.tasks)
        for start in range(0, max(len(results), 1), max(size, 1)):
            part = results[start : start + size]
            self.workload.check(part)
            if self.compared and self.first is not None:
                ran = workers if workers is None else workers[start : start + size]
                self._compare(part, ran, start)
            if self.first is None or len(part) > len(self.first):
                self.first = part
                self.first_in_loop = self.in_loop
                self.first_workers = workers if workers is None else workers[start : start + size]

    def _compare(self, part: Sequence[Any], workers: Sequence[Any] | None, start: int) -> None:
        assert self.first is not None
        for index, (mine, other) in enumerate(zip(part, self.first, strict=False)):
            if self._same(mine, other):
                continue
            if (kind := parts.without_equality(mine, other)) is not None:
                self._cannot_compare(kind)
            self._blame_the_arguments()
            again = self._called_again(index)
            known = [other] if self.first_in_loop else []
            pairs = pairwise([*known, *again])
            if (pair := next((pair for pair in pairs if not self._same(*pair)), None)) is not None:
                self._drawn(self.first, self.first_workers)
                self._drawn(part, workers)
                self._blame_the_task(index, again, pair)
            raise WrongResult(
                f"serial and parallel results differ, first at task {start + index}: "
                f"{_short(mine)} is not {_short(other)}"
            )

    def _same(self, one: Any, other: Any) -> bool:
        try:
            return bool(self.same(one, other))
        except Exception as problem:
            if not isinstance(self.workload, Lenient):  # it is a fault of the workload's own
                raise
            raise Incomparable(
                f"results cannot be compared: {in_one_line(problem)}; return plain data from the "
                f"task, or {self._uncompared()}"
            ) from problem

    def _cannot_compare(self, kind: type) -> NoReturn:
        example = " (as .hexdigest() is)" if hasattr(kind, "hexdigest") else ""
        raise Incomparable(
            f"results cannot be compared: objects of type {parts.type_name(kind)} have no == of "
            f"their own; return plain data from the task{example}, or {self._uncompared()}"
        )

    def _uncompared(self) -> str:
        if isinstance(self.workload, Lenient):
            return f"set workload.{self.workload.uncompared_by}"
        return "give the workload a method same(a, b)"

    def _blame_the_arguments(self) -> None:
        """Raise `WrongResult` if the tasks of a number are others whenever they are made."""
        if not isinstance(self.workload, Renewing):
            return
        one, two = (pickled(list(self.workload.tasks_of(self.number))) for _ in range(2))
        if one != two:
            raise WrongResult(
                f"not deterministic: the arguments of round {self.number} are others whenever they "
                f"are made; draw them from random.Random({self.number}), the number that is given"
            )

    def _called_again(self, index: int) -> list[Any]:
        """What that task gives in the plain loop, twice; nothing where it has no meaning alone."""
        # The tasks of some belong together, and of fresh ones the plain loop may have had none.
        if isinstance(self.workload, Sharing) or index >= len(self.tasks):
            return []
        return [self.workload(self.tasks[index]) for _ in range(2)]

    def _blame_the_task(self, index: int, again: Sequence[Any], pair: tuple[Any, Any]) -> NoReturn:
        """Raise for a task that gave these results in the plain loop, of which a pair differs."""
        if (used := parts.find(self.tasks[index], parts.is_iterator)) is not None:
            raise Incomparable(used_up(self.workload, (index, *used[0]), used[1]))
        self.random_task, self.draws.random = index, True
        for result in again:
            self.draws.note(index, result)
        for _ in range(2):
            if self.draws.rising:  # by chance, or because it is a clock
                self.draws.note(index, self.workload(self.tasks[index]))
        to_leave = " to leave them uncompared" if isinstance(self.workload, Lenient) else ""
        raise NotDeterministic(
            f"not deterministic: called twice in the plain loop, task {index} gives "
            f"{_short(pair[0])} and {_short(pair[1])}; {self._uncompared()}{to_leave}"
        )

    def failure(self, problem: Exception) -> Outcome:
        """What came of a run on workers that raised this, which is being handled."""
        outcome = failure(problem)
        if outcome.status == "failed" and is_of_pickling(problem):
            told = at_fault(problem, self.workload, self.tasks, self._some_results())
            return outcome if told is None else outcome.but("failed", told)
        return outcome

    def _some_results(self) -> Sequence[Any]:
        """Some of what the tasks return; nothing where none can be had."""
        if self.first is not None:
            return self.first
        try:
            return [] if isinstance(self.workload, Sharing) else [self.workload(self.tasks[0])]
        except Exception:
            return []


def ran_by(records: Sequence[Record], workers: Workers) -> list[tuple[int, int]] | None:
    """Which worker did each task; None for those that share the memory of the plain loop."""
    return [(record.pid, record.thread) for record in records] if workers in APART else None


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
    if is_of_pickling(problem):
        text = untravelled(problem)
    else:
        text = remedied(in_one_line(problem)) or described()
    return Outcome("crashed" if _is_broken(problem) else "failed", text)


def _is_broken(error: Exception) -> bool:
    """Whether a pool of `concurrent.futures`, which need not be loaded here, lost a worker."""
    return any(kind.__name__ == "BrokenExecutor" for kind in type(error).__mro__)


def _recalled(path: str) -> tuple[Sequence[Any] | None, Sequence[Any] | None]:
    """The results that are in that file, and which worker did each; None where there are none."""
    try:
        with open(path, "rb") as file:
            found: tuple[Sequence[Any], Sequence[Any] | None] = pickle.load(file)
    except FileNotFoundError:
        return None, None
    return found


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
    return cut(repr(value), 80)
