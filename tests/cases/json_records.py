"""JSON of a megabyte: the text travels to the worker, and all that is in it travels back."""

import json
from typing import Any


def parse(text: str) -> Any:
    return json.loads(text)


def calls() -> list[tuple[str]]:
    rows = [{"id": k, "name": f"row {k}", "values": [k / 7] * 3} for k in range(12_000)]
    return [(json.dumps(rows),)] * 8


def parse_and_count(text: str) -> int:
    """Only what is asked of it."""
    return len(json.loads(text))
