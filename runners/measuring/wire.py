"""What goes to the measuring process and comes from it. The latter is not believed.

Workloads run over there, so that anything may come. What comes is rows as JSON, held against their
shape and against the order; what is anything else raises Garbled. Nothing of it is unpickled or
run, and nothing is waited for that need not come: neither the rest of a message that was announced,
nor room for an order.

A run is told in three steps: an order, word that it is done, and its row, which has to bear a token
that is not given away before that word has come. While tasks run, nobody over there knows it, and
whatever else stands in the pipe is seen: before an order is given, and beside each row.
"""

import json
import math
import secrets
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec

from runners.model import Order, Plan, Run, Span, run_of
from runners.model.plain import dumped

MOST_BYTES = 2**24
"""A row has some 200 kB at most: of very many tasks a sample is kept (`child.sample`)."""
PIECE_BYTES = 2**18
WHOLE = 2**63
"""Numbers are smaller: those of a clock in nanoseconds, or of bytes, are."""
SLACK_S = 0.002
"""What readings of one clock in several processes may be apart."""

T = TypeVar("T")
Wait = Callable[[], object]
"""Returns when something can be read, and raises when it has taken too long."""


class Garbled(Exception):
    """What came is not a row, or not the one that was asked for."""


class _Ready(msgspec.Struct, forbid_unknown_fields=True):
    """The measuring process can be given orders; by its monotonic clock."""

    ready_s: float


class _Done(msgspec.Struct, forbid_unknown_fields=True):
    """The run is over, and its row can be asked for."""

    done: Literal["run"]


class _Closed(msgspec.Struct, forbid_unknown_fields=True):
    """What the measuring process had open has been closed, and what failed of that."""

    problem: str | None


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    """A row, without its spans, and those: the fields of each in their order."""

    token: str
    run: Run
    spans: list[Span]


class Wire:
    """The parent's end of the pipe to a measuring process, which has the other one."""

    def __init__(self, ours: socket.socket) -> None:
        self.ours = ours
        self.ours.setblocking(False)

    def fileno(self) -> int:
        return self.ours.fileno()

    def close(self) -> None:
        self.ours.close()

    def give(self, plans: Sequence[Plan], limit_s: float, stop: int) -> None:
        """What may be ordered, as plain data. That can be more than a pipe holds.

        Given up after `limit_s` seconds, when `stop` can be read, or when the process is gone: the
        first order will say why.
        """
        data = memoryview(framed(dumped([asdict(plan) for plan in plans])))
        until_s = time.monotonic() + limit_s
        waiting = select.poll()
        waiting.register(self.ours, select.POLLOUT)
        waiting.register(stop, select.POLLIN)
        while data:
            try:
                data = data[self.ours.send(data) :]
            except BlockingIOError:
                ready = waiting.poll(max(until_s - time.monotonic(), 0) * 1000)
                if not ready or any(descriptor == stop for descriptor, _ in ready):
                    return
            except OSError:
                return

    def ready_s(self, wait: Wait) -> float:
        """When it was ready. Raises Garbled, and EOFError or OSError if it is gone."""
        return _decoded(self._message(wait), _Ready).ready_s

    def run(self, plan: Plan, order: Order, wait: Wait) -> Run:
        """Have it run that order of that plan; the row, without its parameters.

        Raises Garbled, and EOFError or OSError if it is gone.
        """
        self._look("before this run")
        began_ns = time.perf_counter_ns()
        self._send({"order": asdict(order)})
        _decoded(self._message(wait), _Done)
        ended_ns = time.perf_counter_ns()
        self._look("when the run was done")
        token = secrets.token_hex(8)
        self._send({"token": token})
        data = self._message(wait)
        self._look("after the row")
        return decoded(data, plan, order, token, began_ns, ended_ns)

    def closed(self, wait: Wait) -> str | None:
        """Have the process close what it has open; what failed of that. Raises as `run` does."""
        self._send({"close": True})
        return _decoded(self._message(wait), _Closed).problem

    def _send(self, message: dict[str, Any]) -> None:
        """A small message; OSError if the pipe is full of others that nobody over there reads."""
        data = framed(json.dumps(message).encode())
        if self.ours.send(data) != len(data):
            raise OSError("the measuring process does not read its orders")

    def _look(self, when: str) -> None:
        """Raise Garbled where something is there that was not asked for."""
        try:
            found = self.ours.recv(1)
        except BlockingIOError:
            return
        if not found:
            raise EOFError
        raise Garbled(f"something came that was not asked for, {when}")

    def _message(self, wait: Wait) -> bytes:
        """The next message, framed as `multiprocessing.connection` does it."""
        (size,) = struct.unpack("!i", self._bytes(4, wait))
        if not 0 <= size <= MOST_BYTES:
            raise Garbled(f"a message of {size} bytes is announced")
        return self._bytes(size, wait)

    def _bytes(self, count: int, wait: Wait) -> bytes:
        got = bytearray()
        while len(got) < count:
            try:
                wait()
            except TimeoutError as error:
                if not got and count == 4:
                    raise
                raise TimeoutError(
                    f"{error}; of a message {len(got)} of {count} bytes came: a task writes to "
                    "files that it has not opened"
                ) from None
            try:
                part = self.ours.recv(min(count - len(got), PIECE_BYTES))
            except BlockingIOError:
                continue
            if not part:
                raise EOFError
            got += part
        return bytes(got)


def framed(data: bytes) -> bytes:
    """A message as `multiprocessing.connection` sends it."""
    if len(data) < 2**31:
        return struct.pack("!i", len(data)) + data
    return struct.pack("!iQ", -1, len(data)) + data


def _decoded(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError) as error:
        raise Garbled(" ".join(str(error).split())) from None


# What a row has to be


_FROM_A_RUN = ("ok", "incomplete", "unsupported", "failed", "wrong", "crashed")
"""How a run can end by what the measuring process knows; the other words are the parent's."""
_CLOCKED = ("wall_s", "setup_s", "teardown_s", "held_s", "timer_s")
_GIVEN = (
    *("cell", "workload", "executor", "baseline", "n", "scaling", "usable_cpus", "worker_kind"),
    *("process", "round", "position", "role", "cold", "warmup", "side", "fresh", "warmth", "notes"),
    *("placement", "physical_cores", "worker_cores", "worth"),
)
"""What a row says of its order and its plan."""


def decoded(data: bytes, plan: Plan, order: Order, token: str, began_ns: int, ended_ns: int) -> Run:
    """The row that `data` is, of a run between these readings of the clock. Raises Garbled."""
    answer = _decoded(data, _Answer)
    if answer.token != token:
        raise Garbled("it is not an answer to the order")
    run = replace(answer.run, spans=answer.spans)
    _check(run, plan, order, began_ns, ended_ns)
    return run


def _check(run: Run, plan: Plan, order: Order, began_ns: int, ended_ns: int) -> None:
    """Raise Garbled unless it is a row of that order, which was run between these readings."""
    expected = run_of(plan, order, run.status, run.started_at)
    if order.role == "spin" and run.status == "ok":
        expected = replace(expected, n=order.loops)
    for name in _GIVEN:
        if getattr(run, name) != getattr(expected, name):
            raise Garbled(f"it is a row of another order ({name})")
    if run.status not in _FROM_A_RUN:
        raise Garbled(f"status={run.status}")
    try:
        datetime.fromisoformat(run.started_at)
    except ValueError:
        raise Garbled("started_at is no time") from None
    known = [(f.name, getattr(run, f.name)) for f in fields(run)]
    numbers: list[tuple[object, Any]] = [*known, *run.metrics.items(), *enumerate(run.levels)]
    for place, value in numbers:
        if isinstance(value, int | float) and not abs(value) < WHOLE:
            raise Garbled(f"{place} is no number that was measured")
    for name in _CLOCKED:
        if not (getattr(run, name) or 0.0) >= 0:
            raise Garbled(f"{name}={getattr(run, name)}")
    if run.status == "ok":
        _check_times(run, (ended_ns - began_ns) / 1e9)
    _check_spans(run)


def _check_times(run: Run, most_s: float) -> None:
    if run.begin_ns is None or run.tasks is None or not run.wall_s:
        raise Garbled("it has no time")
    inner_s = (run.setup_s or 0.0) + (run.teardown_s or 0.0)
    if run.wall_s > most_s + SLACK_S or inner_s > run.wall_s + SLACK_S:
        raise Garbled(f"wall_s={run.wall_s}, of {most_s:.3f} s that it can have lasted")


def _check_spans(run: Run) -> None:
    slack_ns = SLACK_S * 1e9
    first_ns, last_ns = -math.inf, math.inf
    if run.begin_ns is not None and run.wall_s is not None:
        first_ns = run.begin_ns - slack_ns
        last_ns = run.begin_ns + run.wall_s * 1e9 + slack_ns
    for span in run.spans:
        if not first_ns <= span.start_ns <= span.end_ns <= last_ns:
            raise Garbled("a task lies outside of its run")
        if not (0 <= span.index < (run.tasks or 0) and 0 <= span.cpu_ns < WHOLE):
            raise Garbled("a task has a number or a time that cannot be")
        if not all(-1 <= value < WHOLE for value in (span.pid, span.thread, span.wait_ns)):
            raise Garbled("a task has a worker or a wait that cannot be")
    if len({span.index for span in run.spans}) != len(run.spans):
        raise Garbled("a task is there twice")
