"""Parsing of JSON: limited, in a build with a GIL, by the GIL, held while objects are made."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from runners.model import WrongResult, at_least


@dataclass(frozen=True, slots=True)
class JsonParse:
    """In each of `pieces` tasks, a document of `records` records is parsed `repeat` times."""

    records: int
    repeat: int
    pieces: int

    def __post_init__(self) -> None:
        at_least(self, 1, "records", "repeat", "pieces")

    def tasks(self) -> Sequence[int]:
        return range(self.pieces)

    def __call__(self, task: int) -> tuple[int, float]:
        """The number of records, and the sum of their values."""
        document = _document(self.records)
        for _ in range(self.repeat):
            parsed = json.loads(document)
        return len(parsed), sum(record["value"] for record in parsed)

    def check(self, results: Sequence[tuple[int, float]]) -> None:
        """The values are 0, 1/4, 2/4, ...: their sum is known, and exact in a float."""
        expected = self.records, self.records * (self.records - 1) / 8
        if list(results) != [expected] * self.pieces:
            raise WrongResult(f"{self.pieces} documents have to hold {expected}, not {results}")


@cache
def _document(records: int) -> str:
    """Written without `json`, so that it does not come from what is to read it."""
    return f"[{','.join(map(_record, range(records)))}]"


def _record(k: int) -> str:
    return (
        f'{{"id": {k}, "name": "record {k}", "value": {k / 4}, "tags": ["small", "caf\\u00e9"], '
        f'"even": {"false" if k % 2 else "true"}, "parent": null}}'
    )
