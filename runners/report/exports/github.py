"""The custom JSON of github-action-benchmark: a file for speedups and one for times.

The action takes a list of objects with `name`, `unit` and `value`, and texts `range` and `extra`,
which it shows beside a value: https://github.com/benchmark-action/github-action-benchmark. In one
file all values are better when they are larger (`customBiggerIsBetter`), in the other when they are
smaller (`customSmallerIsBetter`).
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import astuple

import pandas as pd

from runners.analysis.cell import CellSummary, cells
from runners.analysis.interval import Interval
from runners.model import Environment
from runners.report.exports.names import names
from runners.words.rounding import bracketed, counted

ABOUT = "github-speedups.json and github-times.json, for github-action-benchmark"


def export(
    summary: pd.DataFrame, runs: pd.DataFrame, environments: Sequence[Environment]
) -> dict[str, bytes]:
    """The typical speedups, and the medians of both sides in seconds, with 95% intervals.

    Of the cells that are ok.
    """
    every = zip(names(summary), cells(summary), strict=True)
    named = [(name, cell) for name, cell in every if cell.rounds and cell.status == "ok"]
    speedups = [_entry(f"{name}: speedup", "×", cell.speedup, cell) for name, cell in named]
    return {
        "github-speedups.json": _written(speedups),
        "github-times.json": _written([one for name, cell in named for one in _times(name, cell)]),
    }


def _times(name: str, cell: CellSummary) -> Iterator[dict[str, object]]:
    yield _entry(f"{name}: serial time", "s", cell.times["baseline"].median, cell)
    yield _entry(f"{name}: parallel time", "s", cell.times["measured"].median, cell)


def _entry(name: str, unit: str, value: Interval, cell: CellSummary) -> dict[str, object]:
    extra = [counted(cell.rounds, "round"), counted(cell.processes, "interpreter")]
    extra += [flag.code for flag in cell.flags]
    found: dict[str, object] = {"name": name, "unit": unit, "value": value.estimate}
    if math.isfinite(value.low) and math.isfinite(value.high):
        interval = bracketed(*astuple(value)).partition(" ")[2]
        found["range"] = f"95% {interval}"
    return {**found, "extra": ", ".join(extra)}


def _written(entries: Sequence[dict[str, object]]) -> bytes:
    return json.dumps(entries, ensure_ascii=False, indent=1, allow_nan=False).encode(
        "utf-8", "replace"
    )
