"""The rounds that count, out of the frame of runs: each of them has a run of both sides."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runners.analysis.interval import Floats
from runners.results.columns import COUNTS

Rows = NDArray[np.intp]
"""Positions of rows in a frame."""

LEVELS = tuple(f"L{k}_s" for k in range(7))


@dataclass(frozen=True, slots=True)
class Rounds:
    """Complete rounds, in order: arrays whose first axis is the round.

    `levels` are L0 to L6 of the measured run, shape (rounds, 7). `serial_busy_s` is the time of the
    same tasks in the baseline, `task_s` that of one of them.
    """

    process: NDArray[np.int64]
    baseline_s: Floats
    measured_s: Floats
    levels: Floats
    serial_busy_s: Floats
    task_s: Floats

    def part(self, rows: slice) -> "Rounds":
        return Rounds(*(getattr(self, f.name)[rows] for f in fields(self)))


def complete_rounds(runs: pd.DataFrame, code: Rows) -> tuple[Rows, Rows]:
    """Row positions of the baseline and the measured run of each complete round.

    `code` is the number of each row's cell; the rounds are in its order, and within a cell in
    theirs. A round is complete if both of its runs count.
    """
    usable = runs["wall_s"].notna()
    for name, value in COUNTS.items():
        usable &= runs[name] == value
    number = runs["round"].to_numpy(int)
    key = code * (number.max() + 1) + number
    sides = [
        np.flatnonzero((usable & (runs["role"] == role)).to_numpy(bool))
        for role in ("baseline", "measured")
    ]
    _, *common = np.intersect1d(key[sides[0]], key[sides[1]], return_indices=True)
    return sides[0][common[0]], sides[1][common[1]]


def read_rounds(runs: pd.DataFrame, baseline: Rows, measured: Rows, scale: Floats) -> Rounds:
    """What those rows say. The tasks of the measured run are `scale` times those of the baseline.

    `scale` has shape (rounds,).
    """
    levels = [numbers(runs, name, measured) for name in LEVELS[:-1]]
    serial_busy_s = numbers(runs, LEVELS[3], baseline)
    return Rounds(
        process=runs["process"].to_numpy(int)[measured],
        baseline_s=numbers(runs, "wall_s", baseline),
        measured_s=numbers(runs, "wall_s", measured),
        levels=np.column_stack([*levels, numbers(runs, LEVELS[5], baseline) * scale]),
        serial_busy_s=serial_busy_s * scale,
        task_s=serial_busy_s / numbers(runs, "tasks", baseline),
    )


def numbers(runs: pd.DataFrame, name: str, rows: Rows) -> Floats:
    """The values of a column in those rows, NaN where one is missing."""
    return runs[name].iloc[rows].to_numpy(float, na_value=np.nan)


def typical_round(runs: pd.DataFrame) -> int | None:
    """The complete round of a single cell whose ratio lies nearest the median ratio."""
    baseline, measured = complete_rounds(runs, np.zeros(len(runs), int))
    if not len(measured):
        return None
    logs = np.log(numbers(runs, "wall_s", baseline) / numbers(runs, "wall_s", measured))
    nearest = np.argmin(np.abs(logs - np.median(logs)))
    return int(runs["round"].iloc[measured[nearest]])


def round_ratios(runs: pd.DataFrame) -> pd.DataFrame:
    """T1/Tn of every complete round, as columns `cell` and `ratio`."""
    baseline, measured = complete_rounds(runs, pd.factorize(runs["cell"])[0])
    ratio = numbers(runs, "wall_s", baseline) / numbers(runs, "wall_s", measured)
    return pd.DataFrame({"cell": runs["cell"].to_numpy()[measured], "ratio": ratio})
