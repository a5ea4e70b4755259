"""The workloads whose tasks share a list, a point, locks, a semaphore, an event or a condition."""

import dataclasses
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runners.child.sync import thread_sync
from runners.child.trial import Trial
from runners.model import InvalidParameter, Order, Run, UsageError, Workload, WrongResult
from runners.testing import WorkloadSuite
from runners.workloads import condition, meeting, semaphore, shared_list
from runners.workloads.condition import Condition, Made, Taken
from runners.workloads.event import Event, Setting
from runners.workloads.point import Point
from runners.workloads.relock import Relock
from runners.workloads.semaphore import Semaphore
from runners.workloads.shared_list import Seen, SharedList
from tests.conftest import MakePlan

ROOT = Path(__file__).parents[2]
LESS: dict[Any, dict[str, Any]] = {
    SharedList: {
        **{"guard": "none", "loop": "items", "items": 60, "deleters": 2, "passes": 3},
        **{"steps": 10},
    },
    Point: {"lock": "none", "writers": 2, "readers": 2, "moves": 300, "reads": 300},
    Relock: {"lock": "lock", "timeout_s": 0.01, "pieces": 2},
    Semaphore: {"limit": 2, "dwell_s": 0.002, "pieces": 6},
    Event: {"waiters": 2, "repeat": 3, "pause_s": 0.001},
    Condition: {"items": 50, "capacity": 3, "producers": 2, "consumers": 2, "timeout_s": 0.01},
}
N = {SharedList: 3, Point: 4, Relock: 2, Semaphore: 4, Event: 3, Condition: 4}

CASES: list[tuple[Any, dict[str, Any]]] = [
    *((SharedList, {"guard": g, "loop": k}) for g in ("lock", "queue") for k in ("items", "index")),
    *((SharedList, {"guard": "none", "loop": loop}) for loop in ("items", "index")),
    *((Point, {"lock": lock}) for lock in ("none", "lock", "rlock")),
    *((Relock, {"lock": lock}) for lock in ("lock", "rlock")),
    *((kind, {}) for kind in (Semaphore, Event, Condition)),
]


def small(kind: Any, **parameters: Any) -> Any:
    return kind(**LESS[kind] | parameters)


class TestSharedListUnguarded(WorkloadSuite):
    workload = small(SharedList)


class TestSharedListLocked(WorkloadSuite):
    workload = small(SharedList, guard="lock", loop="index")


class TestSharedListByQueue(WorkloadSuite):
    workload = small(SharedList, guard="queue")


class TestPoint(WorkloadSuite):
    workload = small(Point)


class TestPointLocked(WorkloadSuite):
    workload = small(Point, lock="lock")


class TestPointReentrant(WorkloadSuite):
    workload = small(Point, lock="rlock")


class TestRelock(WorkloadSuite):
    workload = small(Relock)


class TestRelockReentrant(WorkloadSuite):
    workload = small(Relock, lock="rlock")


class TestSemaphore(WorkloadSuite):
    workload = small(Semaphore)


class TestEvent(WorkloadSuite):
    workload = small(Event)


class TestCondition(WorkloadSuite):
    workload = small(Condition)


@pytest.mark.parametrize("kind", [SharedList, Point, Relock, Semaphore, Event, Condition])
def test_the_defaults_can_be_run_by_two_workers(make_plan: MakePlan, kind: Any) -> None:
    for executor in ("thread", "process"):
        assert make_plan(f"workload={stem_of(kind)}", f"executor={executor}").n == 2


def stem_of(kind: Any) -> str:
    return str(kind.__module__.rpartition(".")[2])


@pytest.fixture
def run(make_plan: MakePlan) -> Iterator[Callable[..., Run]]:
    """`run(kind, "executor=thread", ...)`: one measured run of the small workload."""
    open_trials = []

    def run(kind: Any, *overrides: str, role: Any = "measured", **parameters: Any) -> Run:
        values = [f"workload.{key}={value}" for key, value in (LESS[kind] | parameters).items()]
        trial = Trial(make_plan(f"workload={stem_of(kind)}", f"n={N[kind]}", *values, *overrides))
        open_trials.append(trial)
        return trial.run(Order(process=0, round=0, position=0, role=role, cold=True, warmup=True))

    yield run
    for trial in open_trials:
        trial.close()


def workers(run: Run) -> int:
    return len({(span.pid, span.thread) for span in run.spans})


@pytest.mark.parametrize("executor", ["thread", "process"])
@pytest.mark.parametrize(("kind", "parameters"), CASES)
def test_threads_and_processes_run_it_by_changing_the_executor_only(
    run: Callable[..., Run], kind: Any, parameters: dict[str, Any], executor: str
) -> None:
    one = run(kind, f"executor={executor}", **parameters)
    assert (one.status, one.error) == ("ok", None)
    assert workers(one) == N[kind]
    expected: dict[Any, dict[str, float]] = {
        SharedList: {"items_due": 60, "passes": 3},
        Point: {"reads": 600},
        Relock: {"blocked": float(parameters.get("lock") == "lock")},
        Semaphore: {"extra_releases_accepted": 0},
        Event: {"wakes": 6},
        Condition: {"handovers": 50, "timed_out": 1},
    }
    assert {name: one.metrics[name] for name in expected[kind]} == expected[kind]
    lost = {SharedList: ("items_skipped", "items_due"), Point: ("torn_reads", "reads")}
    if kind in lost:
        name, tries = lost[kind]
        guarded = "none" not in parameters.values()
        assert 0 <= one.metrics[name] <= (0 if guarded else one.metrics[tries])
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(("kind", "parameters"), CASES)
def test_the_baseline_misses_and_tears_nothing(
    run: Callable[..., Run], kind: Any, parameters: dict[str, Any]
) -> None:
    one = run(kind, "executor=process", role="baseline", **parameters)
    assert (one.status, one.error) == ("ok", None)
    together = kind in (Event, Condition)
    assert one.baseline == ("thread" if together else "serial")
    assert workers(one) == (N[kind] if together else 1)
    if not together:
        found = [one.metrics.get(name, 0) for name in ("items_skipped", "torn_reads")]
        assert [*found, one.metrics.get("index_errors", 0)] == [0, 0, 0]


@pytest.mark.parametrize("kind", [SharedList, Event, Condition])
def test_spawned_processes_get_what_is_shared(run: Callable[..., Run], kind: Any) -> None:
    one = run(kind, "executor=process", "executor.start_method=spawn")
    assert (one.status, one.error) == ("ok", None)


@pytest.mark.parametrize("kind", [Event, Condition])
def test_too_few_workers_are_refused_with_the_number_needed(make_plan: MakePlan, kind: Any) -> None:
    values = [f"workload.{key}={value}" for key, value in LESS[kind].items()]
    with pytest.raises(UsageError, match=f"set n={N[kind]}"):
        make_plan(f"workload={stem_of(kind)}", "executor=thread", "n=2", *values)


def attached(workload: Any, shared: Any = None) -> Any:
    workload.attach(workload.share(thread_sync()) if shared is None else shared)
    return workload


def refusal(workload: Workload, results: list[Any]) -> str:
    with pytest.raises(WrongResult) as refused:
        workload.check(results)
    return str(refused.value)


# What each of them counts, on objects that misbehave on demand


class Shrinking(list[int]):
    """Loses each odd number as soon as it has been looked at."""

    def __iter__(self) -> Iterator[int]:
        for number in super().__iter__():
            yield number
            if number % 2:
                self.remove(number)

    def __getitem__(self, place: Any) -> Any:
        number = super().__getitem__(place)
        if number % 2:
            self.remove(number)
        return number


@pytest.mark.parametrize(("loop", "errors"), [("items", 0), ("index", 1)])
def test_items_that_a_deletion_hides_are_counted(loop: str, errors: int) -> None:
    numbers: Any = {"guard": "lock", "loop": loop, "items": 10, "deleters": 1, "passes": 2}
    workload = small(SharedList, **numbers)
    _, lock = workload.share(thread_sync())
    seen = attached(workload, (Shrinking(range(10)), lock))(0)
    # Seen are 0, 1, 3, 5, 7, 9: each deletion hides the even number after it. Then only 0 to 8 by
    # twos are left.
    assert seen == Seen(skipped=4, index_errors=errors)
    assert "in spite of guard=lock" in refusal(workload, [5, seen])
    unguarded = small(SharedList, **numbers | {"guard": "none"})
    unguarded.check([5, seen])
    counted = {"items_due": 10, "items_skipped": 4, "passes": 2, "index_errors": errors}
    assert unguarded.metrics([5, seen]) == counted


class Watched(list[int]):
    """Looks whether the lock is held whenever it is iterated or changed."""

    lock: Any

    def __iter__(self) -> Iterator[int]:
        for number in super().__iter__():
            assert self.lock.locked()
            yield number

    def remove(self, number: int) -> None:
        assert self.lock.locked()
        super().remove(number)


def test_the_lock_is_held_for_each_pass_and_each_removal() -> None:
    workload = small(SharedList, guard="lock", items=10)
    numbers = Watched(range(10))
    numbers.lock = thread_sync().Lock()
    attached(workload, (numbers, numbers.lock))
    assert workload(0) == Seen(0, 0)
    assert workload(1) == 3
    assert not numbers.lock.locked()


@pytest.mark.parametrize("guard", ["none", "lock", "queue"])
def test_only_what_nobody_deletes_is_left_of_the_list(guard: str) -> None:
    workload = small(SharedList, guard=guard, items=20)
    shared = workload.share(thread_sync())
    attached(workload, shared)
    for task in workload.tasks():
        workload(task)
    assert shared[0] == [0, 3, 6, 9, 12, 15, 18]


def test_requests_that_never_come_end_the_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_list, "PATIENCE_S", 0.01)
    workload = attached(small(SharedList, guard="queue"))
    with pytest.raises(TimeoutError, match="no request to delete came"):
        workload(0)


def test_readings_of_half_a_change_are_counted_against_all() -> None:
    workload = attached(small(Point))
    workload._point.set_x(1.0)
    torn = workload("read")
    assert torn == ("read", 300)
    workload._point.set_y(1.0)
    assert workload("read") == ("read", 0)
    written = [("write", 300)] * 2
    workload.check([*written, torn, ("read", 0)])
    counted = {"reads": 600, "torn_reads": 300}
    assert workload.metrics([*written, torn, ("read", 0)]) == counted
    assert "at most 0 torn" in refusal(small(Point, lock="lock"), [*written, torn, ("read", 0)])
    assert "at most 300 torn" in refusal(workload, [*written, ("read", 301), ("read", 0)])


@pytest.mark.parametrize("lock", ["lock", "rlock"])
@pytest.mark.parametrize("sync", [thread_sync(), multiprocessing.get_context()])
def test_a_point_moves_and_is_read_under_its_mutex(lock: str, sync: Any) -> None:
    workload = small(Point, lock=lock)
    at, mutex = workload.share(sync)
    held = []

    class Watched:
        def __enter__(self) -> None:
            mutex.acquire()
            held.append("taken")

        def __exit__(self, *exception: object) -> None:
            mutex.release()
            held.append("left")

    point = attached(workload, (at, Watched()))._point
    point.move(2.0, 3.0)
    inner = ["taken", "left"] * 2 if lock == "rlock" else []
    assert held == ["taken", *inner, "left"]
    assert point.read() == (2.0, 3.0)
    assert held[len(inner) + 2 :] == ["taken", "left"]


def test_a_lock_that_is_the_other_kind_is_found() -> None:
    for lock, other in (("lock", "rlock"), ("rlock", "lock")):
        workload = attached(small(Relock, lock=other))
        results = [workload(task) for task in workload.tasks()]
        assert "a second time has to give" in refusal(small(Relock, lock=lock), results)


def test_a_plain_lock_is_waited_for_until_the_limit_and_left_free() -> None:
    workload = small(Relock, timeout_s=0.05)
    locks = workload.share(thread_sync())
    obtained, waited_s = attached(workload, locks)(0)
    assert not obtained
    assert waited_s > 0.04
    assert not any(lock.locked() for lock in locks)
    assert workload.metrics([(False, 0.1), (False, 0.2)]) == {"blocked": 1, "waited_s": 0.2}


def test_one_too_many_inside_a_semaphore_is_wrong() -> None:
    workload = small(Semaphore)
    right = [(1, True), (2, True), (2, True), (2, True), (1, True), (2, False)]
    workload.check(right)
    assert workload.metrics(right) == {
        "most_inside": 2,
        "extra_releases": 6,
        "extra_releases_accepted": 1,
    }
    assert "have to see 1 to 2 tasks inside" in refusal(workload, [(3, True), *right[1:]])


def test_tasks_inside_are_counted_and_leave_again() -> None:
    workload = small(Semaphore)
    shared = workload.share(thread_sync())
    _, _, inside, _ = shared
    inside.value = 1
    assert attached(workload, shared)(0) == (2, True)
    assert inside.value == 1


def test_a_semaphore_that_nobody_leaves_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(semaphore, "PATIENCE_S", 0.01)
    workload = small(Semaphore)
    shared = workload.share(thread_sync())
    shared[0].acquire()
    shared[0].acquire()
    with pytest.raises(TimeoutError, match="nobody left the semaphore"):
        attached(workload, shared)(0)


def test_an_event_is_judged_by_its_flag_and_by_who_went_on_when() -> None:
    workload = small(Event, repeat=1)
    right = Setting(at_ns=1000, before=False, after=True, cleared=True)
    workload.check([[right], [3000], [8000]])
    counted = {"wakes": 2, "wake_median_s": pytest.approx(4.5e-6), "wake_max_s": 7e-6}
    assert workload.metrics([[right], [3000], [8000]]) == counted
    assert "before the event was set" in refusal(workload, [[right], [3000], [999]])
    for change in ({"before": True}, {"after": False}, {"cleared": False}):
        wrong = dataclasses.replace(right, **change)
        assert "has to be false, true after set" in refusal(workload, [[wrong], [3000], [8000]])
    assert "3 lists of 1 times" in refusal(workload, [[right], [3000], []])


@pytest.mark.parametrize("task", [0, 1])
def test_an_event_without_the_others_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch, task: int
) -> None:
    monkeypatch.setattr(meeting, "PATIENCE_S", 0.01)
    with pytest.raises(TimeoutError, match="the other tasks did not come"):
        attached(small(Event))(task)


def test_every_number_has_to_be_handed_over_once() -> None:
    workload = small(Condition, items=4)
    made = [Made(2, 1_000_000_000), Made(2, 2_000_000_000)]
    taken = [Taken([0, 3], 3_000_000_000, True, 0.02), Taken([2, 1], 2_500_000_000, True, 0.03)]
    workload.check([*made, *taken])
    assert workload.metrics([*made, *taken]) == {
        "handovers": 4,
        "handovers_per_s": 2.0,
        "timed_out": 1,
        "timed_wait_s": 0.03,
    }
    for numbers in ([1], [1, 3], [1, 1], [2, 1, 1]):
        wrong = dataclasses.replace(taken[1], numbers=numbers)
        assert "below 4 has to arrive once" in refusal(workload, [*made, taken[0], wrong])
    early = dataclasses.replace(taken[1], timed_out=False)
    assert "before its time limit" in refusal(workload, [*made, taken[0], early])


def test_the_consumer_of_the_last_number_wakes_the_others() -> None:
    told = []

    class Noting(threading.Condition):
        def notify_all(self) -> None:
            told.append((self, list(done)))
            super().notify_all()

    workload = small(Condition, items=2, producers=1)
    ring, done, *_ = workload.share(thread_sync())
    ring[:] = [1, 0, 0]
    done[:] = [2, 0]
    lock = threading.Lock()
    not_empty, not_full = Noting(lock), Noting(lock)
    taken = attached(workload, (ring, done, not_empty, not_full, threading.Barrier(1)))(1)
    assert taken.numbers == [1, 0]
    assert told == [(not_empty, [2, 2])]


@pytest.mark.parametrize("task", [0, 1])
def test_a_buffer_that_nobody_changes_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch, task: int
) -> None:
    monkeypatch.setattr(condition, "PATIENCE_S", 0.01)
    workload = small(Condition, producers=1, consumers=1)
    ring, done, not_empty, not_full, _ = workload.share(thread_sync())
    alone = threading.Barrier(1)
    with pytest.raises(TimeoutError, match="nobody changed the buffer"):
        attached(workload, (ring, done, not_empty, not_full, alone))(task)


@pytest.mark.parametrize(
    ("kind", "name", "value", "problem"),
    [
        *((SharedList, name, 0, "at least 1, not 0") for name in ("items", "deleters", "passes")),
        (SharedList, "steps", -1, "at least 0, not -1"),
        *((Point, n, 0, "at least 1, not 0") for n in ("writers", "readers", "moves", "reads")),
        (Relock, "pieces", 0, "at least 1, not 0"),
        (Relock, "timeout_s", -0.1, "finite and at least 0 seconds, not -0.1"),
        (Relock, "timeout_s", float("inf"), "finite"),
        *((Semaphore, name, 0, "at least 1, not 0") for name in ("limit", "pieces")),
        (Semaphore, "dwell_s", float("nan"), "finite and at least 0 seconds"),
        *((Event, name, 0, "at least 1, not 0") for name in ("waiters", "repeat")),
        (Event, "pause_s", -1.0, "finite and at least 0 seconds"),
        *((Condition, n, 0, "at least 1, not 0") for n in ("items", "capacity", "producers")),
        (Condition, "consumers", 0, "at least 1, not 0"),
        (Condition, "timeout_s", float("inf"), "finite and at least 0 seconds"),
    ],
)
def test_value_that_cannot_work_is_refused(
    kind: Any, name: str, value: object, problem: str
) -> None:
    with pytest.raises(InvalidParameter) as refused:
        small(kind, **{name: value})
    assert refused.value.name == name
    assert problem in refused.value.problem
