"""Only rows of the right shape, and those that were asked for, come from the measuring process."""

import json
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.child import answers
from runners.door import Interrupted
from runners.measuring import wire
from runners.measuring.interrupts import Interrupts
from runners.measuring.measure import measure
from runners.measuring.process import Child
from runners.model import Order, Plan, Run, Span, run_of, timestamp
from tests.conftest import PLUGINS, MakePlan, planning

ORDER = Order(0, 3, 1, "measured", cold=False, warmup=False)
Step = Callable[[Connection, str], object]


@pytest.fixture(scope="module")
def plan() -> Plan:
    with planning() as make:
        return make("workload=countdown", "executor=thread")


def row(plan: Plan, **values: Any) -> Run:
    """A row of that order, whose run lasts 50 µs from now on, after it has been run."""
    begin_ns = time.perf_counter_ns()
    time.sleep(0.0001)
    spans = [Span(k, 9, 9, begin_ns + k, begin_ns + 40_000, 3, -1) for k in range(2)]
    ran: dict[str, Any] = {
        "begin_ns": begin_ns,
        "wall_s": 5e-5,
        "setup_s": 1e-6,
        "tasks": 2,
        "spans": spans,
    }
    return replace(run_of(plan, ORDER, "ok", timestamp()), parameters={}, **(ran | values))


def told(plan: Plan, *steps: Step, limit_s: float = 10.0) -> Run:
    """What the parent makes of a process that takes these steps when it has its order."""
    ours, theirs = socket.socketpair()
    child = Connection(theirs.detach())

    def work() -> None:
        token = ""
        order = answers.next_order(child)
        assert order == ORDER
        for step in steps:
            try:
                found = step(child, token)
            except (OSError, EOFError):  # the parent has heard enough
                return
            token = found if isinstance(found, str) else token

    def wait() -> None:
        if time.monotonic() > until_s:
            raise TimeoutError("the run took too long")
        time.sleep(0.0001)

    until_s = time.monotonic() + limit_s
    pipe = wire.Wire(ours)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        return pipe.run(plan, ORDER, wait)
    finally:
        pipe.close()
        thread.join()
        child.close()


def done(child: Connection, _: str) -> str:
    answers.send(child, {"done": "run"})
    token = json.loads(child.recv_bytes())["token"]
    assert isinstance(token, str)
    return token


def sending(what: Callable[[str], dict[str, Any]] | bytes) -> Step:
    def send(child: Connection, token: str) -> None:
        child.send_bytes(what if isinstance(what, bytes) else json.dumps(what(token)).encode())

    return send


def answer(run: Run, **change: Any) -> Callable[[str], dict[str, Any]]:
    """A row as it travels, with another value here and there."""
    plain = answers.answer(run)
    spans = change.pop("spans", plain["spans"])
    return lambda token: {"token": token, "run": plain["run"] | change, "spans": spans}


def test_a_row_arrives_as_it_was_sent(plan: Plan) -> None:
    sent = row(plan, metrics={"a": 1, "b": 0.5, "\udc80 name": 2.0}, libraries="x\udc80")
    found = told(plan, lambda child, _: answers.tell(child, sent))
    assert found == replace(
        sent,
        levels=list(sent.levels),
        metrics={"a": 1, "b": 0.5, "\\udc80 name": 2.0},
        libraries="x\\udc80",
    )


def test_numbers_that_are_not_finite_are_not_sent(plan: Plan) -> None:
    sent = row(plan, metrics={"a": float("nan"), "b": 2.0}, max_rss_bytes=None)
    assert told(plan, lambda child, _: answers.tell(child, sent)).metrics == {"b": 2.0}


@pytest.mark.parametrize(
    "change",
    [
        *({"round": 4}, {"role": "baseline"}, {"cold": True}, {"n": 3}, {"cell": "0"}),
        *({"workload": "primes"}, {"executor": "pool"}, {"notes": "{}"}, {"side": 1}),
        *({"wall_s": -1.0}, {"wall_s": "0.5"}, {"wall_s": 0.0}, {"wall_s": None}, {"wall_s": 3.0}),
        *({"wall_s": True}, {"setup_s": 1.0}, {"teardown_s": -1e-9}, {"tasks": 1.5}),
        *({"tasks": None}, {"tasks": 1}, {"begin_ns": 0}, {"begin_ns": 10**40}),
        *({"status": "fine"}, {"status": "interrupted"}, {"status": "left out"}),
        *({"started_at": "today"}, {"levels": [1.0, "x"]}, {"levels": [1e300]}),
        *({"metrics": {"a": 1e300}}, {"metrics": {"a": "1"}}, {"metrics": [1]}),
        *({"error": 5}, {"held_s": -1.0}, {"max_rss_bytes": -(10**30)}),
        *({"spans": [[0] * 7]}, {"spans": [[0] * 6]}, {"spans": [[0.5] * 7]}, {"spans": {}}),
    ],
)
def test_what_is_not_the_row_that_was_asked_for_is_garbled(
    change: dict[str, Any], plan: Plan
) -> None:
    with pytest.raises(wire.Garbled):
        told(plan, done, lambda child, token: sending(answer(row(plan), **change))(child, token))


@pytest.mark.parametrize("place", range(7))
@pytest.mark.parametrize("value", [-2, 10**30])
def test_spans_that_no_task_can_have_are_garbled(place: int, value: int, plan: Plan) -> None:
    sent = row(plan)
    [first, other] = answers.answer(sent)["spans"]
    bad = [*other[:place], value, *other[place + 1 :]]
    for spans in ([first, bad], [first, first]):
        with pytest.raises(wire.Garbled):
            told(plan, done, sending(answer(sent, spans=spans)))


TEXTS = (
    *(b"", b"\x80\x04N.", b"[1, 2]", b'{"run": {}}', b"null", b"NaN", b"\xff", b"1" * 5000),
    *(b"[" * 100_000, b'{"run":' * 3000 + b"0" + b"}" * 3000, b'{"done": "all"}'),
    *(b'{"done": "run", "more": 1}', b'{"token": "' + b"a" * 16 + b'"}'),
)


@pytest.mark.parametrize("data", TEXTS)
def test_anything_else_is_garbled(data: bytes, plan: Plan) -> None:
    with pytest.raises(wire.Garbled):
        told(plan, sending(data))
    with pytest.raises(wire.Garbled):
        told(plan, done, sending(data))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_row_or_garbled(data: bytes) -> None:
    """In the pipe itself, and so with any size announced."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        pipe = wire.Wire(ours)
        with pytest.raises((wire.Garbled, EOFError)):
            pipe.ready_s(lambda: None)
        pipe.close()


@given(
    st.dictionaries(st.sampled_from(sorted(set(Run.__slots__) - {"spans"})), JSON, max_size=4),
    st.lists(st.lists(st.integers(), min_size=7, max_size=7), max_size=2) | JSON,
)
def test_any_values_are_a_row_that_can_be_kept_or_garbled(
    plan: Plan, change: dict[str, Any], spans: Any
) -> None:
    data = json.dumps(answer(row(plan), **change, spans=spans)("token")).encode()
    now_ns = time.perf_counter_ns()
    try:
        found = wire.decoded(data, plan, ORDER, "token", now_ns - 10**9, now_ns)
    except wire.Garbled:
        return
    json.dumps(found.row(), allow_nan=False).encode()
    assert found.status != "ok" or found.wall_s


def test_loops_have_as_many_workers_as_were_asked_for_if_they_ran(plan: Plan) -> None:
    order = replace(ORDER, role="spin", loops=5, most_loops=5)
    for status, n, fits in (("ok", 5, True), ("ok", 2, False), ("crashed", 2, True)):
        sent = row(plan, role="spin", n=n, status=status, warmth=None, fresh=False, notes=None)
        data = json.dumps(answer(sent)("token")).encode()
        now_ns = time.perf_counter_ns()
        try:
            wire.decoded(data, plan, order, "token", now_ns - 10**9, now_ns)
        except wire.Garbled:
            assert not fits
        else:
            assert fits


def test_a_row_that_a_task_writes_is_not_believed(plan: Plan) -> None:
    """It does not know the token, and says that the run is done before it is."""
    forged = sending(lambda _: answer(row(plan))("guess"))
    for steps in ([forged], [forged, done], [done, forged], [done, done]):
        with pytest.raises(wire.Garbled):
            told(plan, *steps)


def test_what_comes_beside_a_row_is_seen(plan: Plan) -> None:
    def twice(child: Connection, token: str) -> None:
        data = json.dumps(answer(row(plan))(token)).encode()
        os.write(child.fileno(), 2 * (struct.pack("!i", len(data)) + data))

    with pytest.raises(wire.Garbled, match="after the row"):
        told(plan, done, twice)
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b"\0")
        with pytest.raises(wire.Garbled, match="before this run"):
            wire.Wire(ours).run(plan, ORDER, lambda: None)
        ours.close()


def test_the_rest_of_a_message_is_not_waited_for_without_end(plan: Plan) -> None:
    def announce(child: Connection, _: str) -> None:
        os.write(child.fileno(), struct.pack("!i", 5000) + b"x")

    with pytest.raises(TimeoutError, match="too long; of a message 1 of 5000 bytes came"):
        told(plan, announce, limit_s=0.1)
    for size in (2**31 - 1, -1, -5):
        with pytest.raises(wire.Garbled, match="announced"):
            told(plan, lambda child, _, n=size: os.write(child.fileno(), struct.pack("!i", n)))  # type: ignore[misc]


def test_an_order_has_its_shape() -> None:
    ours, theirs = socket.socketpair()
    parent, child = Connection(ours.detach()), Connection(theirs.detach())
    with parent, child:
        good = asdict(ORDER)
        answers.send(parent, {"order": good})
        assert answers.next_order(child) == ORDER
        wrong = ({"round": "3"}, {"cold": 1}, {"role": "spy"}, {"results": 1}, {"more": 1})
        for bad in ({}, *(good | change for change in wrong)):
            answers.send(parent, {"order": bad})
            with pytest.raises(ValueError, match="the parent sent"):
                answers.next_order(child)


@pytest.mark.parametrize("what", ["announcing", "forging", "doubling"])
def test_a_task_that_writes_to_the_parent_ends_its_own_cell(
    what: str, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))
    plan = make_plan(
        *("workload=misbehaving", f"workload.what={what}", "executor=thread"),
        f"measure.timeout_s={1.5 if what == 'announcing' else 60}",
    )
    *_, last = measure(plan)
    assert last.status == ("timeout" if what == "announcing" else "crashed")
    # Of two processes with one end of the pipe, either may read what is meant for the other.
    assert what == "doubling" or "files that it has not opened" in str(last.error)


def test_a_request_to_stop_is_heard_within_a_message(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))
    plan = make_plan("workload=misbehaving", "workload.what=announcing", "executor=thread")
    order = replace(ORDER, role="baseline", cold=True, warmup=True)
    with pytest.raises(Interrupted):
        run_and_interrupt(plan, order)


def run_and_interrupt(plan: Plan, order: Order) -> None:
    with Interrupts() as interrupts, Child([plan], 0, interrupts) as child:
        child.settle()
        threading.Timer(0.5, partial(os.kill, os.getpid(), signal.SIGINT)).start()
        child.run(order)


def test_plans_that_nobody_reads_are_not_waited_for(make_plan: MakePlan) -> None:
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    with theirs:
        pipe = wire.Wire(ours)
        huge = [replace(make_plan(), payload=bytes(2**22))]
        pipe.give(huge, 0.05, reader)
        os.write(writer, b"!")
        pipe.give(huge, 60, reader)
        pipe.close()
    os.close(reader)
    os.close(writer)


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
    for executor in ("process", "process_pool", "pool"):
        plan = make_plan("workload=misbehaving", "workload.what=looking", f"executor={executor}")
        runs = list(measure(plan))
        assert {run.error for run in runs} == {None}
