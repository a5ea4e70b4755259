"""Only rows of the right shape, and those that were asked for, come from the measuring process."""

import json
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from runners.child.answers import answer, send
from runners.measuring import wire
from runners.measuring.measure import measure
from runners.model import Order, Run, Span
from tests import synthetic
from tests.conftest import PLUGINS, MakePlan

ORDER = Order(0, 3, 1, "measured", cold=False, warmup=False)


def row(**values: Any) -> Run:
    [*_, template] = (run for run in synthetic.runs() if run.role == "measured")
    place = {"process": 0, "round": 3, "position": 1, "side": 0, "parameters": {}}
    return Run(
        **{name: getattr(template, name) for name in Run.__slots__}
        | {**place, "cold": False, "warmup": False, **values}
    )


def received(message: dict[str, Any] | bytes, token: str = "token") -> Run:
    ours, theirs = Pipe()
    with ours, theirs:
        if isinstance(message, bytes):
            theirs.send_bytes(message)
        else:
            send(theirs, message)
        return wire.receive(ours, ORDER, token)


def test_a_row_arrives_as_it_was_sent() -> None:
    sent = row(spans=[Span(0, 1, 2, 3, 4, 5, -1)], metrics={"a": 1, "b": 0.5})
    found = received({"token": "token", **answer(sent)})
    assert found == replace(sent, levels=list(sent.levels))


def test_numbers_that_are_not_finite_are_not_sent() -> None:
    sent = row(metrics={"a": float("nan"), "b": 2.0}, max_rss_bytes=None)
    found = received({"token": "token", **answer(sent)})
    assert found.metrics == {"b": 2.0}


@pytest.mark.parametrize(
    "change",
    [
        {"round": 4},
        {"role": "baseline"},
        {"cold": True},
        {"wall_s": -1.0},
        {"wall_s": "0.5"},
        {"status": "fine"},
        {"levels": [1.0, "x"]},
        {"tasks": 1.5},
    ],
)
def test_what_is_not_the_row_that_was_asked_for_is_garbled(change: dict[str, Any]) -> None:
    message = {"token": "token", **answer(row())}
    message["run"] |= change
    with pytest.raises(wire.Garbled):
        received(json.dumps(message).encode())


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\x80\x04N.", b"[1, 2]", b'{"run": {}}', b"null", b"[" * 100_000),
        json.dumps({"token": "another", **answer(row())}).encode(),
        json.dumps({"token": "token", "more": 1, **answer(row())}).encode(),
        json.dumps({"token": "token", **answer(row()), "spans": [[1, 2]]}).encode(),
    ],
)
def test_anything_else_is_garbled(data: bytes) -> None:
    with pytest.raises(wire.Garbled):
        received(data)


def test_what_a_task_writes_to_the_parent_is_neither_believed_nor_run(
    make_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talked = tmp_path / "talked"
    monkeypatch.setenv("TALKED", str(talked))
    monkeypatch.syspath_prepend(str(PLUGINS))
    plan = make_plan("workload=misbehaving", "workload.what=talking", "executor=thread")
    *_, last = measure(plan)
    assert talked.read_text() == "written\n"
    assert last.status == "crashed"
    assert "not the row of this run" in str(last.error)


def test_workers_and_programs_that_tasks_start_cannot_write_to_the_parent(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))
    for executor in ("process", "pool"):
        plan = make_plan("workload=misbehaving", "workload.what=looking", f"executor={executor}")
        runs = list(measure(plan))
        assert {run.error for run in runs} == {None}
