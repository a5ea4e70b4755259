"""What a worker returns for a task, in each of the two forms."""

import asyncio
import pickle

import pytest

from runners.child import worker
from runners.child.worker import EitherForm, Record, adopt, install, run_task
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
    workload = Nap()
    payload = pickle.dumps(workload)
    adopt(payload, workload)
    install(payload)


def test_a_record_travels_as_a_plain_tuple() -> None:
    """A class of its own would be named in every pickled result."""
    wire = run_task(3)
    assert [type(part) for part in (wire, wire[0])] == [tuple, tuple]
    assert b"runners" not in pickle.dumps(wire)
    assert Record.named(wire).result == "plain 3"
    assert wire[0] is run_task(4)[0]  # within one message the worker is pickled once


@pytest.mark.parametrize("form", ["plain", "coroutine"])
def test_both_forms_return_a_record_of_their_result_or_error(form: str) -> None:
    function = EitherForm()

    def run(task: int) -> Record:
        wire = asyncio.run(function.acall(task)) if form == "coroutine" else function(task)
        return Record.named(wire)

    record = run(3)
    assert (record.result, record.error) == (f"{form} 3", None)
    assert record.start_ns <= record.end_ns
    record = run(-3)
    assert record.result is None
    assert "LookupError: negative" in str(record.error)


def test_only_the_function_of_a_workload_with_a_coroutine_form_has_one() -> None:
    assert isinstance(EitherForm(), Coroutine)
    assert not isinstance(run_task, Coroutine)  # though such a workload has been adopted
    assert isinstance(pickle.loads(pickle.dumps(EitherForm())), Coroutine)
