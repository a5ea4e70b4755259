"""What comes of a run: the records of its tasks in, status, error, spans and results out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from runners.child.judge import Judge, Outcome, changed, failure
from runners.child.parts import pickled
from runners.child.timing import SLACK_NS, Timing
from runners.executors.serial import Serial
from runners.model import Incomplete, Status, Unavailable, Unsupported, WorkerDied, WrongResult

WORKER = (10, 11, True, None, None, None)


@dataclass
class Doubling:
    """Doubles small numbers."""

    chance: Callable[[], int] = field(default=lambda: 0)

    def tasks(self) -> Sequence[int]:
        return [1, 2]

    def __call__(self, task: int) -> int:
        return 2 * task + self.chance()

    def check(self, results: Sequence[Any]) -> None:
        if len(results) != 2:
            raise WrongResult("there are two tasks")


class Choosing(Doubling):
    """Its results may be left uncompared."""

    compared = True
    uncompared_by = "strict=false"


class Sharing(Doubling):
    def share(self, sync: Any) -> None: ...

    def attach(self, shared: Any) -> None: ...


class Growing(Doubling):
    """Makes more tasks of its kind."""

    def tasks_for(self, count: int) -> Sequence[int]:
        return list(range(1, 2 * count + 1))

    def check(self, results: Sequence[Any]) -> None:
        if list(results) != [2 * task for task in self.tasks_for(len(results) // 2)]:
            raise WrongResult("not doubled")


class Renewed(Doubling):
    """Has tasks of its own in each round."""

    def tasks_of(self, number: int) -> Sequence[int]:
        return [2 * number + 1 + self.chance(), 2 * number + 2]

    def check(self, results: Sequence[Any]) -> None:
        if len(results) % 2:
            raise WrongResult("there are two tasks a number")


class Near(Doubling):
    def same(self, one: int, other: int) -> bool:
        return abs(one - other) <= 1


def wire(result: Any, *, error: str | None = None, start: int = 0, end: int = 5) -> Any:
    return WORKER, start, end, 3, -1, None, error, result


class Own(Serial):
    def metrics(self) -> dict[str, float]:
        return {"own": 1.0}


def timing(*records: Any, end_ns: int = 10) -> Timing:
    return Timing(0, 0, 0, end_ns, Own(), records, list(records))


@pytest.mark.parametrize("timed", [True, False])
def test_the_clock_stands_still_while_workers_make_themselves_ready(timed: bool) -> None:
    class Initialized(Doubling):
        initializer_timed = timed

        def initialize(self) -> None: ...

    def ready(worker: int, begin: int, end: int, start: int) -> Any:
        return (
            (10, worker, True, None, (begin, end), None),
            start,
            start + 5,
            3,
            -1,
            None,
            None,
            worker,
        )

    # The second was ready after the first task had begun; of it, 40 to 90 lie before that.
    records = [ready(2, 30, 70, 90), ready(4, 40, 100, 100), ready(2, 30, 70, 97)]
    run = Timing(20, 35, 110, 120, Serial(), records, records)
    outcome = Judge(Initialized(), [1, 2, 1], True).judge(run, 3)
    assert outcome.metrics == {"initializer_s": 50e-9}
    assert outcome.timing is not None
    assert outcome.timing.end_ns == 120
    assert outcome.timing.wall_s == pytest.approx((100 if timed else 50) / 1e9)
    assert outcome.timing.setup_s == pytest.approx(15e-9)
    assert all(span.start_ns >= outcome.timing.begin_ns for span in outcome.spans)
    # A worker that is kept made itself ready in an earlier run.
    kept = Judge(Initialized(), [1], True).judge(
        Timing(80, 80, 110, 120, Serial(), records[:1], records[:1]), 1
    )
    assert kept.metrics == {"initializer_s": 0.0}
    # The plain loop makes itself ready while its executor is entered.
    alone = [ready(2, 25, 75, 90)]
    loop = Judge(Initialized(), [1], True).judge(
        Timing(20, 80, 110, 120, Serial(), alone, alone), 1
    )
    assert loop.timing is not None
    assert loop.timing.setup_s == pytest.approx((60 if timed else 10) / 1e9)


def judged(workload: Doubling, *runs: Sequence[int], compared: bool = True) -> Outcome:
    """What comes of the last of these runs, each with its results."""
    judge = Judge(workload, workload.tasks(), compared)
    return [judge.judge(timing(*map(wire, results)), len(results)) for results in runs][-1]


def test_a_run_that_went_well() -> None:
    outcome = judged(Doubling(), [2, 4])
    assert (outcome.status, outcome.error, outcome.gil) == ("ok", None, True)
    assert outcome.results == [2, 4]
    assert outcome.metrics == {"own": 1.0}
    assert [(span.index, span.thread, span.end_ns) for span in outcome.spans] == [
        (0, 11, 5),
        (1, 11, 5),
    ]


@pytest.mark.parametrize(
    ("records", "status", "error"),
    [
        ([wire(2)], "wrong", "the executor returned 1 results for 2 tasks"),
        ([wire(2), None], "incomplete", "1 of 2 results never came"),
        ([wire(2), 4], "wrong", "the executor did not return what the tasks returned"),
        ([wire(2), "abcdefghi"], "wrong", "the executor did not return what the tasks returned"),
        ([wire(2), (*wire(4), 0)], "wrong", "the executor did not return what the tasks"),
        ([wire(2), wire(None, error="Oh")], "failed", "1 of 2 tasks failed; task 1:\nOh"),
    ],
)
def test_records_that_cannot_be_judged(records: list[Any], status: Status, error: str) -> None:
    outcome = Judge(Doubling(), [1, 2], True).judge(timing(*records), 2)
    assert outcome.status == status
    assert str(outcome.error).startswith(error)
    assert outcome.results == ()
    assert outcome.timing is not None


def test_an_executor_whose_metrics_fail_has_failed() -> None:
    class Broken(Serial):
        def metrics(self) -> dict[str, float]:
            raise LookupError("nothing was counted")

    run = timing(wire(2))._replace(executor=Broken())
    outcome = Judge(Doubling(), [1], True).judge(run, 1)
    assert outcome.status == "failed"
    assert "nothing was counted" in str(outcome.error)


def test_the_spans_of_tasks_that_failed_are_kept() -> None:
    outcome = Judge(Doubling(), [1], True).judge(timing(wire(None, error="Oh")), 1)
    assert [span.end_ns for span in outcome.spans] == [5]


def test_a_clock_that_goes_back_leaves_no_time() -> None:
    outcome = Judge(Doubling(), [1], True).judge(timing(wire(2), end_ns=-1), 1)
    assert (outcome.status, outcome.timing, outcome.spans) == ("failed", None, ())


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (-SLACK_NS, SLACK_NS, True),
        (-SLACK_NS - 1, 5, False),
        (0, SLACK_NS + 10, True),
        (0, SLACK_NS + 11, False),
    ],
)
def test_a_single_span_of_another_clock_takes_all_with_it(start: int, end: int, kept: bool) -> None:
    records = [wire(2, start=start, end=end), wire(4)]
    outcome = Judge(Doubling(), [1, 2], True).judge(timing(*records), 2)
    assert outcome.status == "ok"
    assert outcome.gil is True
    assert len(outcome.spans) == (2 if kept else 0)
    assert outcome.away == (None if kept else (2, 1, ""))


def test_tasks_by_another_machines_clock_are_counted_and_the_others_stay() -> None:
    """Whatever they say: that clock may be close to this one."""
    away = [wire(4), *(wire(6) for _ in range(6))]
    named = [((*WORKER[:5], f"node{at % 6}"), *rest) for at, (_, *rest) in enumerate(away)]
    outcome = Judge(Doubling(), [1, 2], True).judge(timing(wire(2), *named), 8)
    assert [span.index for span in outcome.spans] == [0]
    assert outcome.away == (7, 6, "node0, node1, node2, node3, 2 more")


def test_results_are_those_of_the_first_run() -> None:
    outcome = judged(Doubling(), [2, 4], [2, 5])
    assert (outcome.status, outcome.results) == ("wrong", [2, 5])
    told = "serial and parallel results differ, first at task 1: 5 is not 4"
    assert outcome.error == told


def test_the_tasks_of_weak_scaling_are_compared_one_copy_after_another() -> None:
    assert judged(Doubling(), [2, 4], [2, 4, 2, 4]).status == "ok"
    outcome = judged(Doubling(), [2, 4], [2, 4, 2, 5])
    assert "first at task 3" in str(outcome.error)


def test_a_workload_may_say_what_is_the_same() -> None:
    assert judged(Near(), [2, 4], [3, 5]).status == "ok"
    assert judged(Near(), [2, 4], [2, 6]).status == "wrong"


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        (Doubling, "give the workload a method same(a, b)"),
        (Choosing, "set workload.strict=false to leave them uncompared"),
    ],
)
def test_tasks_at_random_are_told_from_wrong_ones(kind: type[Doubling], remedy: str) -> None:
    outcome = judged(kind(chance=count().__next__), [2, 4], [2, 5])
    assert outcome.status == "wrong"
    assert str(outcome.error).startswith("not deterministic: called again in the plain loop, task")
    assert str(outcome.error).endswith(remedy)


def test_tasks_that_share_are_not_run_on_their_own() -> None:
    outcome = judged(Sharing(chance=count().__next__), [2, 4], [2, 5])
    assert str(outcome.error).startswith("serial and parallel results differ")


def test_results_that_are_left_uncompared_are_checked_all_the_same() -> None:
    assert judged(Doubling(), [2, 4], [7, 7], compared=False).status == "ok"
    outcome = judged(Doubling(), [2, 4], [7], compared=False)
    assert (outcome.status, outcome.error) == ("wrong", "there are two tasks")


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (Unsupported("not here"), "unsupported", "not here"),
        (Unavailable("not now"), "incomplete", "not now"),
        (Incomplete("some never came"), "incomplete", "some never came"),
        (WorkerDied("exit code 3"), "crashed", "exit code 3"),
        (LookupError("two"), "failed", "LookupError: two"),
        (type("BrokenExecutor", (RuntimeError,), {})("lost"), "crashed", "lost"),
        (TypeError("cannot pickle a lock"), "failed", "has to be picklable"),
    ],
)
def test_an_exception_becomes_an_outcome(error: Exception, status: Status, told: str) -> None:
    try:
        raise error
    except Exception as problem:
        outcome = failure(problem)
    assert outcome.status == status
    assert told in str(outcome.error)


@pytest.mark.parametrize(
    ("tasks", "change", "expected"),
    [
        ([[1, 2]], lambda tasks: tasks[0].reverse(), True),
        ([[1, 2]], lambda tasks: None, False),
        ([{1: 2, 3: 4}], lambda tasks: tasks[0].update({1: tasks[0].pop(1)}), False),
    ],
)
def test_tasks_that_change_are_noticed(
    tasks: list[Any], change: Callable[[list[Any]], None], expected: bool
) -> None:
    before = pickled(tasks)
    assert before is not None
    change(tasks)
    assert changed(before, tasks) is expected


def test_tasks_that_cannot_be_pickled_are_left_alone() -> None:
    assert pickled([lambda: None]) is None


def test_fresh_tasks_are_checked_together_and_begin_with_those_of_the_baseline() -> None:
    assert judged(Growing(), [2, 4], [2, 4, 6, 8]).status == "ok"
    assert judged(Growing(), [2, 4, 6, 8], [2, 4], [2, 4, 6, 8]).status == "ok"
    assert judged(Growing(), [2, 4], [2, 4, 2, 4]).status == "wrong"
    assert judged(Doubling(), [2, 4], [2, 4, 2, 4]).status == "ok"


def test_fresh_results_are_compared_with_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Growing, "check", lambda *_: None)
    outcome = judged(Growing(), [2, 4], [2, 4, 6, 8], [2, 4, 6, 9])
    assert outcome.status == "wrong"
    assert outcome.error is not None
    assert "first at task 3: 9 is not 8" in outcome.error


class Anything(Doubling):
    """Its results may differ, and its check looks at each."""

    def same(self, one: Any, other: Any) -> bool:
        return True

    def check(self, results: Sequence[Any]) -> None:
        if [type(result) for result in results] != [int] * 2:
            raise WrongResult("not two whole numbers")


class Unsure(Doubling):
    """Nothing is known of its results."""

    def same(self, one: Any, other: Any) -> bool:
        return True

    def check(self, results: Sequence[Any]) -> None:
        pass


class Half(Doubling):
    """Compares even numbers, and takes all others for the same."""

    def same(self, one: Any, other: Any) -> bool:
        return one % 2 == 1 or bool(one == other)


class Careless(Doubling):
    """Its comparison and its check cannot bear what is no number."""

    def same(self, one: int, other: int) -> bool:
        return abs(one - other) < 1

    def check(self, results: Sequence[Any]) -> None:
        assert sum(results) > 0


@pytest.mark.parametrize(
    ("workload", "runs", "compared", "checked"),
    [
        (Doubling(), [[2, 4], [2, 4]], "equal", False),
        (Doubling(), [[2, 4]], None, False),
        (Growing(), [[2, 4], [2, 4]], "equal", True),
        (Growing(), [[2, 4], [2, 4, 6, 8]], "part", True),
        (Doubling(), [[2, 4], [2, 4, 2, 4]], "equal", False),
        (Doubling(), [[2, 4, 2, 4], [2, 4]], "equal", False),
        (Near(), [[2, 4], [3, 5]], "same", False),
        (Near(), [[2, 4], [2, 4]], "equal", False),
        (Near(), [[2, 4], [3, 5], [2, 4]], "same", False),
        (Half(), [[2, 5], [2, 7]], "same", False),
        (Half(), [[1, 5], [3, 7]], "any", False),
        (Careless(), [[2, 4], [2, 4]], "equal", True),
        (Anything(), [[2, 4], [6, 8]], "any", True),
        (Unsure(), [[2, 4], [6, 8]], "any", False),
        (Doubling(), [[None, None], [None, None]], "empty", False),
        (Doubling(), [[None, 4], [None, 4]], "equal", False),
        (Sharing(), [[2, 4], [2, 4]], "equal", False),
    ],
)
def test_what_was_looked_at_is_told(
    workload: Doubling, runs: list[list[Any]], compared: str | None, checked: bool
) -> None:
    outcome = judged(workload, *runs)
    assert outcome.status == "ok"
    assert (outcome.compared, outcome.checked) == (compared, checked)


def test_results_that_are_not_to_be_compared_name_the_setting() -> None:
    outcome = judged(Choosing(), [2, 4], [7, 7], compared=False)
    assert (outcome.compared, outcome.checked) == ("strict=false", False)
    outcome = judged(Anything(), [2, 4], [7, 7], compared=False)
    assert (outcome.compared, outcome.checked) == ("none", True)


def test_a_run_that_is_not_ok_says_nothing_of_it() -> None:
    outcome = judged(Doubling(), [2, 4], [2, 5])
    assert (outcome.status, outcome.compared, outcome.checked) == ("wrong", None, None)


def test_large_results_that_are_looked_up_were_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.child.judge.SLOW_NS", -1)
    outcome = judged(Doubling(), [2, 4], [2, 4], [2, 4])
    assert (outcome.compared, outcome.checked) == ("equal", False)


def renewed(judge: Judge, number: int, results: Sequence[int]) -> Outcome:
    judge.begin(number, judge.workload.tasks_of(number))  # type: ignore[attr-defined]
    return judge.judge(timing(*map(wire, results)), len(results))


def test_results_are_compared_within_a_round_that_has_tasks_of_its_own() -> None:
    judge = Judge(Renewed(), [], compared=True)
    assert renewed(judge, 0, [2, 4]).status == "ok"
    assert renewed(judge, 0, [2, 4, 6, 8]).status == "ok"  # weak scaling: those of the next number
    assert renewed(judge, 1, [6, 8]).status == "ok"
    outcome = renewed(judge, 1, [6, 9])
    assert outcome.status == "wrong"
    assert "differ, first at task 1: 9 is not 8" in str(outcome.error)
    # What was right in one round is not right in the next.
    judge.slow = True
    assert [renewed(judge, number, [1, 1]).status for number in (2, 3)] == ["ok", "ok"]
    assert renewed(judge, 3, [1, 2]).status == "wrong"


def test_tasks_that_are_others_whenever_they_are_made_are_blamed_for_it() -> None:
    judge = Judge(Renewed(chance=count().__next__), [], compared=True)
    assert renewed(judge, 4, [2, 4]).status == "ok"
    outcome = renewed(judge, 4, [3, 4])
    assert "the arguments for number 4 are others whenever they are made" in str(outcome.error)


def test_results_of_other_processes_are_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "0"

    def beside(*results: Any) -> Outcome:
        judge = Judge(Doubling(), [1, 2], compared=True)  # another process has another one
        return judge.beside(str(file), timing(*map(wire, results)), len(results))

    assert beside(2, 4, 6).status == "wrong"
    assert not file.exists()  # only what is ok is held against others
    assert beside(2, 4).status == "ok"
    assert beside(2, 4).status == "ok"
    outcome = beside(2, 5)
    assert outcome.status == "wrong"
    assert "differ, first at task 1: 5 is not 4" in str(outcome.error)
    file.write_bytes(b"damaged")
    assert "cannot be read" in str(beside(2, 4).error)
    file.unlink()
    [line] = str(beside(2, lambda: 4).error).splitlines()
    assert "cannot be pickled" in line
