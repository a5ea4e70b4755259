"""What a worker returns for a task, in each of the two forms."""

import asyncio
import pickle
import time

import pytest

from runners.child import worker
from runners.child.counters import Usage
from runners.child.records import Told, taken_apart
from runners.child.worker import MOST_TRACEBACKS, EitherForm, Wire, adopt, install, run_task
from runners.model import Coroutine


class Nap:
    """Has both forms, and says which one was run."""

    def __call__(self, task: int) -> str:
        if task < 0:
            raise LookupError("negative")
        return f"plain {task}"

    async def acall(self, task: int) -> str:
        await asyncio.sleep(0)
        if task < 0:
            raise LookupError("negative")
        return f"coroutine {task}"


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workload in this thread, for as long as a test lasts."""
    for name in ("_payload", "_workload", "_broken"):
        monkeypatch.setattr(worker, name, None)
    monkeypatch.setattr(worker, "_failed", 0)
    workload = Nap()
    payload = pickle.dumps(workload)
    adopt(payload, workload)
    install(payload)


def test_a_record_travels_as_a_plain_tuple() -> None:
    """A class of its own would be named in every pickled result."""
    wire = run_task(3)
    assert [type(part) for part in (wire, wire[0])] == [tuple, tuple]
    assert b"runners" not in pickle.dumps(wire)
    assert taken_apart([wire]).results == ["plain 3"]
    assert wire[0] is run_task(4)[0]  # within one message the worker is pickled once


def test_a_worker_says_where_it_is_if_its_clock_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = pickle.dumps(Nap())
    for clock, away in ((worker.clock_name(), None), ("another", worker.machine_name())):
        install(payload, clock=clock)
        assert taken_apart([run_task(1)]).away == ({} if away is None else {0: away})
    monkeypatch.setattr(worker, "_clock", None)
    monkeypatch.setattr("os.readlink", lambda path: f"{path} of another offset")
    install(payload, clock=clock)
    assert taken_apart([run_task(1)]).away


@pytest.mark.parametrize("form", ["plain", "coroutine"])
def test_both_forms_return_a_record_of_their_result_or_error(form: str) -> None:
    function = EitherForm()

    def run(task: int) -> Told:
        wire = asyncio.run(function.acall(task)) if form == "coroutine" else function(task)
        return taken_apart([wire])

    told = run(3)
    assert (told.results, told.failed) == ([f"{form} 3"], [])
    assert told.spans[0].start_ns <= told.spans[0].end_ns
    told = run(-3)
    assert told.results == [None]
    assert "LookupError: negative" in told.failed[0][1]


@pytest.mark.parametrize("form", ["plain", "coroutine"])
def test_of_very_many_failed_tasks_only_the_first_say_where(form: str) -> None:
    function = EitherForm()

    async def coroutines() -> list[Wire]:
        return [await function.acall(-1) for _ in range(MOST_TRACEBACKS + 1)]

    plain = form == "plain"
    wires = (
        list(map(function, [-1] * (MOST_TRACEBACKS + 1))) if plain else asyncio.run(coroutines())
    )
    errors = [error for _, error in taken_apart(wires).failed]
    assert all("Traceback" in error for error in errors[:MOST_TRACEBACKS])
    assert errors[MOST_TRACEBACKS:] == ["LookupError: negative"]
    install(pickle.dumps(Nap()))  # as the next run does
    assert "Traceback" in taken_apart([run_task(-1)]).failed[0][1]


def test_what_the_kernel_counted_is_not_read_after_each_short_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, readings = [10**9], iter([Usage(100, 1, 2, 50), Usage(400, 3, 2, 60)])
    monkeypatch.setattr(worker, "clock_ns", lambda: now[0])
    monkeypatch.setattr(worker, "read_usage", lambda: next(readings))
    here = worker.Here()
    assert here.used(now[0] + worker.READ_EVERY_NS - 1) is None
    assert here.used(now[0] + worker.READ_EVERY_NS) == (300, 2, 0, 60)


def test_an_equal_payload_is_not_loaded_again() -> None:
    """Plans of a panel have one each: a thread would replace the workload that others work with."""
    payload = pickle.dumps(Nap())
    workload = Nap()
    adopt(payload, workload)
    install(payload[:1] + payload[1:])
    assert worker._workload is workload
    install(pickle.dumps((Nap(),)))
    assert worker._workload is not workload


def test_a_task_that_switches_the_gil_on_says_so_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.child.gil.is_on", lambda: False)
    install(pickle.dumps(Nap()))
    assert taken_apart([run_task(1)])[2:4] == (False, None)
    monkeypatch.setattr("runners.child.gil.is_on", lambda: True)
    monkeypatch.setattr("runners.child.gil.enabled_by", lambda: "module")
    assert taken_apart([run_task(1)])[2:4] == (True, "module")


def test_unknown_usage_stays_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "read_usage", lambda: Usage(-1, -1, -1, 60))
    assert worker.Here().used(worker.clock_ns() + 10**9) == (-1, -1, -1, 60)


def test_a_coroutine_holds_the_loop_between_its_awaits_only() -> None:
    async def blocks(seconds: float) -> None:
        await asyncio.sleep(0.03)
        time.sleep(seconds)

    class Blocking:
        acall = staticmethod(blocks)

    worker._workload = Blocking()
    told = taken_apart([asyncio.run(EitherForm().acall(0.05))])
    [span] = told.spans
    assert told.held_s is not None
    assert 0.05 <= told.held_s <= (span.end_ns - span.start_ns) / 1e9 - 0.03
    assert span.cpu_ns / 1e9 < told.held_s
    assert taken_apart([run_task_of_nap()]).held_s is None


def run_task_of_nap() -> worker.Wire:
    worker._workload = Nap()
    return run_task(1)


def test_only_the_function_of_a_workload_with_a_coroutine_form_has_one() -> None:
    assert isinstance(EitherForm(), Coroutine)
    assert not isinstance(run_task, Coroutine)  # though such a workload has been adopted
    assert isinstance(pickle.loads(pickle.dumps(EitherForm())), Coroutine)
