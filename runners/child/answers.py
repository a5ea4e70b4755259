"""How a row travels to the parent, which need not believe that it comes from here.

`measuring.wire` is the other end.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from multiprocessing.connection import Connection
from typing import Any

from runners.model import Run


def answer(run: Run) -> dict[str, Any]:
    """A row as it travels: without its parameters, which the reader has."""
    known = {f.name: getattr(run, f.name) for f in fields(run)}
    spans = known.pop("spans")  # whole numbers, and many
    return {"run": _plain(known | {"parameters": {}}), "spans": spans}


def send(connection: Connection, message: dict[str, Any]) -> None:
    """Send it as JSON."""
    connection.send_bytes(json.dumps(message, allow_nan=False).encode())


def _plain(value: Any) -> Any:
    """What JSON has: names of a mapping whose number is not finite are left out."""
    if isinstance(value, Mapping):
        known = {name: _plain(part) for name, part in value.items()}
        return {name: part for name, part in known.items() if part is not None}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
