"""The rounds that count, out of the frame of runs: each of them has a run of both sides."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runners.analysis.interval import Floats
from runners.model import PANEL
from runners.results.columns import COUNTS
from runners.words.pythons import PYTHON

SHORT_S = 0.002
"""Of a shorter run of the baseline it is not said whose threads used the CPUs."""

FEWEST = 2
"""Fewer rounds that two sides have in common have no interval."""

Rows = NDArray[np.intp]
"""Positions of rows in a frame."""

LEVELS = tuple(f"L{k}_s" for k in range(7))


@dataclass(frozen=True, slots=True)
class Rounds:
    """Complete rounds, in order: arrays whose first axis is the round.

    `levels` are L0 to L6 of the measured run, shape (rounds, 7). `serial_own_s` is the time of the
    same tasks in the baseline without their wait for a CPU, which other load makes, and `task_s`
    the time of one of them. `native_share` and `children_share` are the CPUs that other threads of
    the measuring process, and its child processes, had meanwhile, `held_share` the part of it that
    coroutines had the event loop to themselves. `panel` and `number` are those of
    the round, and `earlier` says whether the measured run came before that of the baseline. Where
    that ran twice, `itself` is the ratio of its two times, whose truth is 1; else NaN.
    """

    panel: NDArray[np.object_]
    number: NDArray[np.int64]
    process: NDArray[np.int64]
    earlier: NDArray[np.bool_]
    baseline_s: Floats
    measured_s: Floats
    levels: Floats
    serial_own_s: Floats
    task_s: Floats
    native_share: Floats
    children_share: Floats
    held_share: Floats
    itself: Floats

    @property
    def cpu_share(self) -> Floats:
        """The part of the tasks' own time that they are on a CPU when run one by one."""
        return self.levels[:, 6] / self.serial_own_s

    def part(self, rows: slice | Rows) -> "Rounds":
        return Rounds(*(getattr(self, f.name)[rows] for f in fields(self)))


def in_common(one: Rounds, other: Rounds) -> tuple[Rounds, Rounds]:
    """The rounds of two cells in which both were run, in the same order."""
    if np.array_equal(one.number, other.number) and np.array_equal(one.panel, other.panel):
        return one, other  # as most often in a panel, and quicker than below
    places, others = (
        pd.MultiIndex.from_arrays([rounds.panel.astype(str), rounds.number])
        for rounds in (one, other)
    )
    common = places.intersection(others, sort=False)
    return one.part(places.get_indexer(common)), other.part(others.get_indexer(common))


def shared(runs: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows are the baseline of several cells, and so of no cell themselves."""
    return runs["cell"].str.startswith(PANEL).to_numpy(bool)


def cell_codes(runs: pd.DataFrame) -> Rows:
    """The number of each row's cell, in order of appearance; -1 for a baseline of several."""
    own = ~shared(runs)
    code = np.full(len(runs), -1)
    code[own] = pd.factorize(runs["cell"][own])[0]
    return code


def python_codes(runs: pd.DataFrame) -> Rows:
    """A number for each row's interpreter, as its command named it; 0 where it is a single one."""
    names = [name for name in PYTHON if name in runs and runs[name].nunique(dropna=False) > 1]
    if not names:
        return np.zeros(len(runs), np.intp)
    return np.asarray(runs.groupby(names, sort=False, dropna=False).ngroup(), np.intp)


def of_cell(runs: pd.DataFrame, cell: str) -> pd.DataFrame:
    """The runs of a cell, and those of the baselines that it shares with others."""
    own = runs["cell"] == cell
    panels = runs["panel"][own].unique()
    return runs[own | (runs["panel"].isin(panels) & shared(runs))]


def complete_rounds(
    runs: pd.DataFrame, code: Rows, what: Mapping[str, object] = COUNTS
) -> tuple[Rows, Rows]:
    """Row positions of the runs of each complete round of each cell.

    The first array, shape (rounds, 2), has those of the baseline: one of them twice, where it ran
    once. The second, shape (rounds,), has those of the measured side. `code` is `cell_codes`; the
    rounds are in its order, and within a cell in theirs. A round is complete if its runs are all
    that `what` says.
    """
    usable = runs["wall_s"].notna().to_numpy(bool, copy=True)
    for name, value in what.items():
        usable &= (runs[name] == value).to_numpy(bool)
    key = runs.groupby(["panel", "round", "process"], sort=False, dropna=False).ngroup().to_numpy()
    role, side = runs["role"].to_numpy(), runs["side"].fillna(0).to_numpy(int)
    baselines = np.flatnonzero(usable & (role == "baseline"))
    baselines = baselines[np.lexsort((side[baselines], key[baselines]))]
    keys, first = np.unique(key[baselines], return_index=True)
    last = np.r_[first[1:], len(baselines)] - 1
    measured = np.flatnonzero(usable & (role == "measured") & np.isin(key, keys))
    number = runs["round"].to_numpy(int)
    measured = measured[np.lexsort((number[measured], code[measured]))]
    again = np.zeros(len(measured), bool)  # a row that is there twice counts once
    again[1:] = (np.diff(code[measured]) == 0) & (np.diff(key[measured]) == 0)
    measured = measured[~again]
    at = np.searchsorted(keys, key[measured])
    return np.column_stack([baselines[first[at]], baselines[last[at]]]), measured


def read_rounds(runs: pd.DataFrame, baseline: Rows, measured: Rows, scale: Floats) -> Rounds:
    """What those rows say. The tasks of the measured run are `scale` times those of the baseline.

    `baseline` and `measured` are those of `complete_rounds`, `scale` has shape (rounds,). Times of
    a baseline that ran twice are their geometric mean.
    """
    serial_busy_s, ready_s, cpu_s = (_mean(runs, LEVELS[k], baseline) for k in (3, 4, 5))
    position = runs["position"].to_numpy(int)
    first = baseline[:, 0]
    busy_s = numbers(runs, LEVELS[3], first)
    process_s, caller_s, children_s = (
        numbers(runs, f"{whose}_cpu_s", first) for whose in ("process", "caller", "children")
    )
    # Threads are the workers of some baselines: theirs is the tasks' own time. And in a moment,
    # reading the clocks is most of what there is.
    known = (runs["baseline"].iloc[first] != "thread").to_numpy(bool) & (busy_s > SHORT_S)
    first_s, second_s = (numbers(runs, "wall_s", baseline[:, k]) for k in (0, 1))
    return Rounds(
        panel=runs["panel"].to_numpy(object)[measured],
        number=runs["round"].to_numpy(int)[measured],
        process=runs["process"].to_numpy(int)[measured],
        earlier=position[measured] < position[baseline].mean(axis=1),
        baseline_s=_mean(runs, "wall_s", baseline),
        measured_s=numbers(runs, "wall_s", measured),
        levels=np.column_stack([numbers(runs, name, measured) for name in LEVELS]),
        serial_own_s=(serial_busy_s - (ready_s - cpu_s)) * scale,
        task_s=serial_busy_s / numbers(runs, "tasks", first),
        native_share=np.where(known, (process_s - caller_s) / busy_s, np.nan),
        children_share=children_s / busy_s,
        held_share=numbers(runs, "held_s", first) / busy_s,
        itself=np.where(first == baseline[:, 1], np.nan, first_s / second_s),
    )


def _mean(runs: pd.DataFrame, name: str, rows: Rows) -> Floats:
    first, second = (numbers(runs, name, rows[:, k]) for k in (0, 1))
    return np.where(rows[:, 0] == rows[:, 1], first, np.sqrt(first * second))


def numbers(runs: pd.DataFrame, name: str, rows: Rows) -> Floats:
    """The values of a column in those rows, NaN where one is missing."""
    return runs[name].iloc[rows].to_numpy(float, na_value=np.nan)


def typical_round(runs: pd.DataFrame) -> int | None:
    """The complete round of a single cell whose ratio lies nearest the median ratio."""
    ratios = round_ratios(runs)
    if not len(ratios):
        return None
    logs = np.log(ratios["ratio"].to_numpy())
    return int(ratios["round"].iloc[int(np.argmin(np.abs(logs - np.median(logs))))])


def round_ratios(runs: pd.DataFrame, what: Mapping[str, object] = COUNTS) -> pd.DataFrame:
    """T1/Tn of every round that is complete by `what`, as columns `cell`, `round` and `ratio`.

    `warmup` says which do not count, cold ones too. The rounds of a cell are in order.
    """
    baseline, measured = complete_rounds(runs, cell_codes(runs), what)
    ratio = _mean(runs, "wall_s", baseline) / numbers(runs, "wall_s", measured)
    of = runs[["cell", "round", "cold", "warmup"]].iloc[measured].reset_index(drop=True)
    return of.assign(ratio=ratio, warmup=of.pop("cold") | of["warmup"])
