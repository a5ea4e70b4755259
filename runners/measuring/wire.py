"""What the measuring process sends, and nothing but that: rows as JSON, held against their shape.

Workloads run in that process, so that anything may come from there. What does not have the shape of
a row, or is not the row that was asked for, raises Garbled; nothing that comes is unpickled or run.
"""

import json
import math
import secrets
from dataclasses import asdict, replace
from multiprocessing.connection import Connection

import msgspec

from runners.model import Order, Run, Span

MOST_BYTES = 2**27
"""A row with some thousand spans, which is the most (`child.sample`), has less than 1 MB."""


class Garbled(Exception):
    """What came is not a row, or not the one that was asked for."""


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    """A row, without its spans, and those: the fields of each in their order.

    `token` is that of the order: a task that writes a row of its own does not know it.
    """

    token: str
    run: Run
    spans: list[Span]


class _Ready(msgspec.Struct, forbid_unknown_fields=True):
    """The measuring process can be given orders; by its monotonic clock."""

    ready_s: float


def send(connection: Connection, order: Order) -> str:
    """Returns the token that the row of that order has to bear."""
    token = secrets.token_hex(8)
    connection.send_bytes(json.dumps({"token": token, "order": asdict(order)}).encode())
    return token


def receive_ready(connection: Connection) -> float:
    """When it was ready. Raises Garbled, and EOFError or OSError if it is gone."""
    try:
        return msgspec.json.decode(connection.recv_bytes(MOST_BYTES), type=_Ready).ready_s
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Garbled(str(error)) from None


def receive(connection: Connection, order: Order, token: str) -> Run:
    """The row of that order. Raises Garbled, and EOFError or OSError if it is gone."""
    try:
        answer = msgspec.json.decode(connection.recv_bytes(MOST_BYTES), type=_Answer)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Garbled(str(error)) from None
    if answer.token != token:
        raise Garbled("it is not an answer to the order")
    run = replace(answer.run, spans=answer.spans)
    for name in ("process", "round", "position", "role", "side", "cold", "warmup"):
        if getattr(run, name) != getattr(order, name):
            raise Garbled(f"it is a row of another order ({name})")
    if not 0 <= (run.wall_s or 0.0) < math.inf:
        raise Garbled(f"wall_s={run.wall_s}")
    return run
