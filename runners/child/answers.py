"""How orders come from the parent, and rows go to it, which need not believe that they do.

`measuring.wire` is the other end, and says how they go.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from multiprocessing.connection import Connection
from typing import Any, Literal, get_args, get_origin

from runners.model import Order, Run


def next_order(connection: Connection) -> Order | Literal["close"] | None:
    """What is to be run next, or that all is to be closed; None where the parent has gone.

    Raises ValueError if that is no order.
    """
    try:
        message = json.loads(connection.recv_bytes())
    except EOFError:
        return None
    if message == {"close": True}:
        return "close"
    given = message.get("order") if isinstance(message, dict) else None
    kinds = {f.name: f.type for f in fields(Order)}
    if not isinstance(given, dict) or given.keys() != kinds.keys():
        raise ValueError(f"the parent sent what is no order: {message!r:.200}")
    for name, value in given.items():
        if not _fits(value, kinds[name]):
            raise ValueError(f"the parent sent an order with {name}={value!r:.200}")
    return Order(**given)


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    return isinstance(value, kind) and isinstance(value, bool) <= (kind is bool)


def tell(connection: Connection, run: Run) -> None:
    """Send a row: when it is asked for, with the token that it has to bear."""
    send(connection, {"done": "run"})
    token = json.loads(connection.recv_bytes())["token"]
    send(connection, {"token": token, **answer(run)})


def answer(run: Run) -> dict[str, Any]:
    """A row as it travels: without its parameters, which the reader has."""
    known = {f.name: getattr(run, f.name) for f in fields(run)}
    spans = known.pop("spans")  # whole numbers, and many
    return {"run": _plain(known | {"parameters": {}}), "spans": spans}


def send(connection: Connection, message: dict[str, Any]) -> None:
    """Send it as JSON."""
    connection.send_bytes(json.dumps(message, allow_nan=False).encode())


def _plain(value: Any) -> Any:
    """What JSON has, and UTF-8: of a mapping, names whose number is not finite are left out."""
    if isinstance(value, Mapping):
        known = {_text(str(name)): _plain(part) for name, part in value.items()}
        return {name: part for name, part in known.items() if part is not None}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _text(text: str) -> str:
    """Names of files may have parts that no encoding has."""
    return text.encode(errors="backslashreplace").decode()
