"""Workloads whose tasks talk to each other, on real threads and real processes."""

import multiprocessing
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runners.child.sync import thread_sync
from runners.child.trial import Trial
from runners.executors.thread import Thread
from runners.model import InvalidParameter, Order, Run, UsageError, WrongResult
from runners.testing import WorkloadSuite
from runners.workloads import meeting, transfer
from runners.workloads.output_lines import OutputLines
from runners.workloads.queues import NUMBERS, Part, Queues
from runners.workloads.shared_value import SharedValue
from runners.workloads.squares import Squares
from runners.workloads.transfer import NOTHING, Transfer, _opened
from tests.conftest import MakePlan

EXECUTORS = (
    ("executor=thread",),
    ("executor=process",),
    ("executor=process", "executor.start_method=spawn"),
)
CHANNELS = ("queue", "simple_queue", "pipe", "pipe_duplex", "shared_memory")


class TestQueues(WorkloadSuite):
    workload = Queues(kind="fifo", producers=2, consumers=2, items=50)


class TestSquares(WorkloadSuite):
    workload = Squares(numbers=20, consumers=2)


class TestTransfer(WorkloadSuite):
    workload = Transfer(channel="pipe", size_bytes=100, messages=5)


class TestSharedValue(WorkloadSuite):
    workload = SharedValue(task="count", kind="array", lock="none", increments=100, pieces=3)


class TestLectureOfSharedValue(WorkloadSuite):
    workload = SharedValue(task="lecture", kind="value", lock="explicit", increments=1, pieces=1)


class TestOutputLines(WorkloadSuite):
    workload = OutputLines(lock="none", write="parts", lines=10, pieces=3)


def measured(make_plan: MakePlan, *overrides: str) -> Run:
    """One run of the measured side, in this process."""
    trial = Trial(make_plan(*overrides))
    try:
        return trial.run(
            Order(process=0, round=0, position=0, role="measured", cold=True, warmup=True)
        )
    finally:
        trial.close()


def in_threads(workload: Any, sync: Any = None) -> list[Any]:
    """The results of all tasks at the same time, each in its thread."""
    shared = workload.share(sync or thread_sync())
    tasks = workload.tasks()
    with Thread(len(tasks), initializer=workload.attach, initargs=(shared,)) as executor:
        return executor.map(workload, tasks)


# On threads and on processes by changing nothing but the executor

RUNS: dict[tuple[str, ...], list[str]] = {
    ("queues", "n=2", "workload.items=100"): ["items_per_s"],
    ("queues", "n=2", "workload.items=101", "workload.kind=simple"): ["items_per_s"],
    ("squares", "n=2", "workload.numbers=50"): ["numbers_per_s"],
    **{
        ("transfer", "n=2", "workload.messages=3", f"workload.channel={channel}"): [
            *("mb_per_s", "latency_s", "messages", "errors"),
        ]
        for channel in CHANNELS
    },
    ("shared_value", "n=2", "workload.increments=100"): ["updates", "lost_updates"],
    ("shared_value", "n=1", "workload.task=lecture", "workload.lock=none"): [],
    ("output_lines", "n=2", "workload.lines=10"): ["lines", "mixed_lines"],
}


@pytest.mark.parametrize("executor", EXECUTORS, ids=" ".join)
@pytest.mark.parametrize("workload", RUNS, ids=" ".join)
def test_workload_runs(
    make_plan: MakePlan, workload: tuple[str, ...], executor: tuple[str, ...]
) -> None:
    run = measured(make_plan, f"workload={workload[0]}", *workload[1:], *executor)
    assert (run.status, run.error) == ("ok", None)
    assert [*run.metrics] == RUNS[workload]
    assert run.metrics.get("errors", 0) == 0


@pytest.mark.parametrize("executor", ["pool", "process_pool", "thread_pool", "asyncio"])
def test_pools_run_all_tasks_at_once(make_plan: MakePlan, executor: str) -> None:
    run = measured(
        *(make_plan, "workload=squares", "workload.numbers=50", "workload.consumers=3"),
        *(f"executor={executor}", "n=4"),
    )
    assert (run.status, run.error) == ("ok", None)


@pytest.mark.parametrize("kind", ["fifo", "lifo", "priority", "simple"])
def test_queue_keeps_its_order_between_threads(kind: Any) -> None:
    workload = Queues(kind=kind, producers=1, consumers=1, items=10)
    results = in_threads(workload)
    expected = {"lifo": NUMBERS[::-1], "priority": sorted(NUMBERS)}.get(kind, NUMBERS)
    assert results[1].order == expected
    workload.check(results)


@pytest.mark.parametrize(("kind", "name"), [("lifo", "LifoQueue"), ("priority", "PriorityQueue")])
def test_queue_that_processes_do_not_have_is_unsupported(
    make_plan: MakePlan, kind: str, name: str
) -> None:
    run = measured(make_plan, "workload=queues", f"workload.kind={kind}", "executor=process", "n=2")
    assert run.status == "unsupported"
    assert f"multiprocessing has no {name}" in str(run.error)


@pytest.mark.parametrize(
    ("workload", "n"),
    [
        (("queues", "workload.producers=2", "workload.consumers=3"), 5),
        (("squares", "workload.consumers=3"), 4),
        (("transfer",), 2),
    ],
)
def test_too_few_workers_are_refused(
    make_plan: MakePlan, workload: tuple[str, ...], n: int
) -> None:
    name, *overrides = workload
    with pytest.raises(UsageError, match=f"set n={n}"):
        make_plan(f"workload={name}", *overrides, "executor=process", f"n={n - 1}")


@pytest.mark.parametrize("channel", ["queue", "pipe"])
def test_very_large_objects_get_through(make_plan: MakePlan, channel: str) -> None:
    size = 64 << 20
    run = measured(
        *(make_plan, "workload=transfer", f"workload.channel={channel}", "workload.messages=1"),
        *(f"workload.size_bytes={size}", "executor=process", "n=2"),
    )
    assert (run.status, run.error, run.metrics["errors"]) == ("ok", None, 0)


def test_number_of_messages_follows_from_their_size() -> None:
    counts = [Transfer("queue", size, None).count for size in (1, 320_000, 64 << 20)]
    assert counts == [1000, 100, 1]


@pytest.mark.parametrize("kind", ["value", "array"])
@pytest.mark.parametrize("executor", ["thread", "process"])
def test_no_update_is_lost_under_a_lock(make_plan: MakePlan, kind: str, executor: str) -> None:
    run = measured(
        *(make_plan, "workload=shared_value", "workload.lock=explicit", f"workload.kind={kind}"),
        *("workload.increments=2000", f"executor={executor}", "n=3"),
    )
    assert run.metrics == {"updates": 8000, "lost_updates": 0}


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_no_lines_are_mixed_under_a_lock(make_plan: MakePlan, executor: str) -> None:
    run = measured(
        *(make_plan, "workload=output_lines", "workload.lock=lock", "workload.lines=500"),
        *(f"executor={executor}", "n=3"),
    )
    assert run.metrics == {"lines": 2000, "mixed_lines": 0}


@pytest.mark.parametrize(
    "workload",
    [
        ("workload=squares", "workload.numbers=50"),
        ("workload=output_lines", "workload.lines=50"),
    ],
    ids=" ".join,
)
def test_files_are_emptied_before_each_run_and_gone_in_the_end(
    make_plan: MakePlan, workload: tuple[str, ...]
) -> None:
    trial = Trial(make_plan(*workload, "executor=thread", "n=2"))
    [path] = {part for part in trial.tasks[-1] if "/" in str(part)}
    for role in ("baseline", "measured", "measured"):
        order = Order(process=0, round=0, position=0, role=role, cold=True, warmup=True)
        assert trial.run(order).status == "ok"
    assert Path(path).stat().st_size > 0
    trial.close()
    assert not Path(path).parent.exists()


# What is wrong is found out


def part(items: list[int], order: list[int] | None = None) -> Part:
    return Part(0, 1, order or [], items)


@pytest.mark.parametrize(
    ("kind", "order", "items", "problem"),
    [
        ("fifo", NUMBERS, [[0, 1, 2], [3, 4, 5]], None),
        ("fifo", NUMBERS, [[5, 0], [1, 2, 3, 4]], None),  # 5 and 0 are of different producers
        ("fifo", NUMBERS, [[4, 2], [0, 1, 3, 5]], "items of producer 0 overtook each other"),
        ("lifo", NUMBERS[::-1], [[4, 2], [0, 1, 3, 5]], None),
        ("simple", NUMBERS, [[0, 1, 2], [3, 4]], "not every one of 6 items came out once"),
        ("fifo", NUMBERS, [[0, 1, 2], [3, 4, 4]], "not every one"),
        ("fifo", sorted(NUMBERS), [[0, 1, 2], [3, 4, 5]], "a fifo queue gives"),
        ("lifo", NUMBERS, [[0, 1, 2], [3, 4, 5]], "a lifo queue gives"),
        ("priority", NUMBERS, [[0, 1, 2], [3, 4, 5]], "a priority queue gives"),
    ],
)
def test_order_and_number_of_items_are_checked(
    kind: Any, order: list[int], items: list[list[int]], problem: str | None
) -> None:
    workload = Queues(kind=kind, producers=2, consumers=2, items=6)
    results = [part([]), part([]), part(items[0], order), part(items[1])]
    if problem is None:
        workload.check(results)
    else:
        with pytest.raises(WrongResult, match=problem):
            workload.check(results)


@pytest.mark.parametrize("consumers", [1, 2])
def test_wrong_square_in_the_output_is_found(consumers: int) -> None:
    with Squares(numbers=10, consumers=consumers) as workload:
        results = in_threads(workload)
        workload.check(results)
        output = Path(workload.tasks()[1][1])
        lines = output.read_text().splitlines(keepends=True)
        output.write_text("".join([*lines[1:], lines[0]]))
        if consumers == 1:
            with pytest.raises(WrongResult):
                workload.check(results)
        else:
            workload.check(results)
        output.write_text("".join(["1\n", *lines[1:]]))
        with pytest.raises(WrongResult, match="not the squares"):
            workload.check(results)


def test_consumer_that_cannot_write_fails_and_nobody_waits_for_it() -> None:
    with Squares(numbers=10, consumers=1) as workload:
        shared = workload.share(thread_sync())
        (role, source), (_, _) = workload.tasks()
        with (
            Thread(2, initializer=workload.attach, initargs=(shared,)) as executor,
            pytest.raises(OSError, match="No space left"),
        ):
            executor.map(workload, [(role, source), ("consume", "/dev/full")])


class Refusing(queue.Queue[bytes]):
    """Takes no large objects."""

    def put(self, item: bytes, block: bool = True, timeout: float | None = None) -> None:
        if len(item) > 10:
            raise ValueError("too large")
        super().put(item, block, timeout)


class Damaging(queue.Queue[bytes]):
    def put(self, item: bytes, block: bool = True, timeout: float | None = None) -> None:
        super().put(item[:-1], block, timeout)


class Losing(queue.Queue[bytes]):
    """Passes an empty message on in place of any other."""

    def put(self, item: bytes, block: bool = True, timeout: float | None = None) -> None:
        super().put(b"", block, timeout)


def queues_of(kind: type[Any]) -> Any:
    return SimpleNamespace(Barrier=threading.Barrier, Queue=kind)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_a_process_cannot_pickle_is_counted_and_nobody_waits(method: str) -> None:
    """The queue of processes pickles in a thread of its own, whose errors nobody sees."""
    queue = multiprocessing.get_context(method).Queue()
    send, receive, refused = _opened(queue, queue)
    send(lambda: None)  # type: ignore[arg-type]
    assert receive() == NOTHING
    assert len(refused) == 1
    queue.close()
    queue.join_thread()


def test_objects_that_are_refused_are_counted() -> None:
    workload = Transfer("queue", size_bytes=11, messages=3)
    results = in_threads(workload, queues_of(Refusing))
    workload.check(results)
    metrics = workload.metrics(results)
    assert (metrics["errors"], metrics["mb_per_s"]) == (6, 0)
    small = Transfer("queue", size_bytes=10, messages=3)
    results = in_threads(small, queues_of(Refusing))
    small.check(results)
    assert small.metrics(results)["errors"] == 0


@pytest.mark.parametrize(
    ("kind", "problem"), [(Damaging, "not the checksums"), (Losing, "0 came, and 0")]
)
def test_damaged_and_lost_messages_are_found(kind: type[Any], problem: str) -> None:
    workload = Transfer("queue", size_bytes=11, messages=3)
    with pytest.raises(WrongResult, match=problem):
        workload.check(in_threads(workload, queues_of(kind)))


def test_throughput_and_latency_follow_from_the_times() -> None:
    workload = Transfer("queue", size_bytes=1000, messages=4)
    sent = transfer.Sent(0, [9000, 2000, 4000, 6000], 1_000_000, {})
    received = transfer.Received(0, 8, 4, {})
    assert workload.metrics([sent, received]) == {
        **{"mb_per_s": pytest.approx(4.0), "latency_s": pytest.approx(3e-6)},
        **{"messages": 12, "errors": 0},
    }


@pytest.mark.parametrize(
    ("kind", "lock", "lost", "fine"),
    [
        *[("value", "explicit", 0, True), ("value", "explicit", 1, False)],
        *[("array", "explicit", 0, True), ("array", "explicit", 1, False)],
        *[("value", "none", 7, True), ("array", "implicit", 7, True)],
        *[("value", "none", -1, False), ("array", "implicit", 20, False)],
    ],
)
def test_lost_updates_are_counted_and_judged(kind: Any, lock: Any, lost: int, fine: bool) -> None:
    workload = SharedValue("count", kind, lock, increments=10, pieces=2)
    value, array = workload.share(multiprocessing.get_context("spawn"))
    value.value = array[3] = 20 - lost
    assert workload.metrics([10, 10]) == {"updates": 20, "lost_updates": lost}
    if fine:
        workload.check([10, 10])
    else:
        with pytest.raises(WrongResult, match=f"{lost} updates are lost"):
            workload.check([10, 10])


def test_caller_has_to_see_the_numbers_of_the_lecture() -> None:
    workload = SharedValue("lecture", "value", "implicit", increments=1, pieces=1)
    _, array = workload.share(thread_sync())
    seen = [workload(task) for task in workload.tasks()]
    assert seen == [(3.1415927, [0, -1, -2, -3, -4, -5, -6, -7, -8, -9])]
    workload.check(seen)
    array[9] = 9
    with pytest.raises(WrongResult, match="worker and caller see"):
        workload.check(seen)


def test_mixed_lines_are_counted_and_judged() -> None:
    results = [3, 3]
    for lock in ("none", "lock"):
        with OutputLines(lock, "parts", lines=3, pieces=2) as workload:
            workload.attach(workload.share(thread_sync()))
            assert [workload(task) for task in workload.tasks()] == results
            workload.check(results)
            path = Path(workload.tasks()[0][0])
            content = path.read_bytes()
            assert content.count(b"\n") == 6
            assert workload.metrics(results) == {"lines": 6, "mixed_lines": 0}

            # As if two tasks had written a part each in turn.
            one, other = b"line 0 of task 0 (0)\n", b"line 2 of task 1 (2)\n"
            rest = content.replace(one, b"").replace(other, b"")
            path.write_bytes(rest + b"line 0 of line 2 of task 1 (2)\ntask 0 (0)\n")
            assert workload.metrics(results) == {"lines": 6, "mixed_lines": 2}
            if lock == "lock":
                with pytest.raises(WrongResult, match="2 of 6 lines are mixed"):
                    workload.check(results)
            else:
                workload.check(results)

            path.write_bytes(rest)
            with pytest.raises(WrongResult, match="bytes of"):
                workload.check(results)


# Nobody waits for ever

PIPE = multiprocessing.Pipe()
"""Both ends stay open: a closed one would be seen at once at the other."""


@pytest.mark.parametrize(
    "make",
    [
        thread_sync().Queue,
        thread_sync().SimpleQueue,
        multiprocessing.Queue,
        multiprocessing.SimpleQueue,
        lambda: PIPE[0],
    ],
)
def test_waiting_for_a_message_has_an_end(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting, "PATIENCE_S", 0.02)
    with pytest.raises(TimeoutError, match=r"nothing came from the other tasks within 0\.02 s"):
        meeting.taker(make())()


def test_waiting_for_the_others_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "PATIENCE_S", 0.02)
    monkeypatch.setattr(transfer, "PATIENCE_S", 0.02)
    for sync in (thread_sync(), multiprocessing.get_context("spawn")):
        with pytest.raises(TimeoutError, match=r"did not come within 0\.02 s"):
            meeting.meet(sync.Barrier(2))
        slot = transfer.Slot(sync, 10)
        with pytest.raises(TimeoutError, match=r"did not come within 0\.02 s"):
            slot.take()
        slot.put(b"full")
        with pytest.raises(TimeoutError, match=r"did not come within 0\.02 s"):
            slot.put(b"twice")
        assert slot.take() == b"full"


# Parameters


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Queues("fifo", 0, 1, 1), "producers"),
        (lambda: Queues("fifo", 1, 0, 1), "consumers"),
        (lambda: Queues("fifo", 1, 1, 0), "items"),
        (lambda: Squares(0, 1), "numbers"),
        (lambda: Squares(1, 0), "consumers"),
        (lambda: Transfer("pipe", 0, 1), "size_bytes"),
        (lambda: Transfer("pipe", 1, 0), "messages"),
        (lambda: SharedValue("count", "value", "none", 0, 1), "increments"),
        (lambda: SharedValue("count", "value", "none", 1, 0), "pieces"),
        (lambda: OutputLines("none", "whole", 0, 1), "lines"),
        (lambda: OutputLines("none", "whole", 1, 0), "pieces"),
    ],
)
def test_value_that_cannot_work_is_refused(make: Callable[[], object], name: str) -> None:
    with pytest.raises(InvalidParameter, match="must be at least 1") as refused:
        make()
    assert refused.value.name == name
