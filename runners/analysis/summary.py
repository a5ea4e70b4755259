"""The runs frame in, the summary frame out: one row per cell, every statistic, and only those.

The estimates themselves are in `headline` and `estimators`; here they meet the columns.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pandas as pd

from runners.analysis.across import serial_ratios
from runners.analysis.attainable import cpu_limit, workers
from runners.analysis.columns import MACHINE, MEDIANS, STATISTICS, arranged
from runners.analysis.compare import baseline_ratio, paired_speedups
from runners.analysis.core_hours import core_hours
from runners.analysis.estimators import (
    FACTORS,
    hodges_lehmann_ratio,
    ladder_factors,
    median_interval,
    ratio_of_means_fieller,
)
from runners.analysis.first_calls import first_calls
from runners.analysis.flags import flags, suspicions
from runners.analysis.headline import paired_ratio
from runners.analysis.interval import Floats, Interval
from runners.analysis.machine import attained, given, taken
from runners.analysis.nodes import crowded, placed
from runners.analysis.rounds import (
    LEVELS,
    Rounds,
    Rows,
    cell_codes,
    complete_rounds,
    numbers,
    read_rounds,
)
from runners.analysis.spent import measuring_s, spent
from runners.model import WAITING, Status
from runners.results.columns import UNFINISHED
from runners.words.nodes import node_kinds
from runners.words.pythons import PYTHON, interpreters

STATUSES = get_args(Status)
"""From best to worst, as the model lists them."""
LEFT = ("left_processes", "left_files", "left_shared_bytes")

CORES = ("placement", "physical_cores", "worker_cores")
APART = ("cell", "n", "usable_cpus", *CORES[1:], "folder", "node_kind", *PYTHON)
"""In what the cells of a family may differ; which interpreter they have is told by its place, and
on which kind of node they were by `node_kinds`."""

Record = dict[str, Any]
UNKNOWN = Interval(math.nan, math.nan, math.nan)


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each cell of `runs` (the frame of `read_runs`), in order of appearance.

    The columns are those of `columns.COLUMNS`. Only complete rounds count: neither cold nor
    warm-up, both sides ok. A cell without any keeps its row, with NaN for numbers. Ratios of weak
    scaling are scaled, n·T1/Tn; its L6 is n times the baseline's L5, since the baseline ran the
    tasks once.
    """
    code = cell_codes(runs)
    spending = pd.concat([spent(runs, code), measuring_s(runs, code)], axis=1)
    of_loops = runs["role"] == "spin"
    spins = runs[of_loops]
    if len(spins):
        runs = runs[~of_loops].reset_index(drop=True)
    code = cell_codes(runs)
    cells = _identities(runs, code)
    baseline, measured = complete_rounds(runs, code)
    ends = np.searchsorted(code[measured], np.arange(len(cells) + 1))
    scale = np.where(cells["scaling"] == "weak", cells["n"], 1).astype(float)
    rounds = read_rounds(runs, baseline, measured, scale[code[measured]])
    own = code >= 0
    outcomes = _outcomes(runs[own], code[own])
    places = placed(runs, code)
    outcomes["processes"] = [len(np.unique(rounds.process[slice(*e)])) for e in pairwise(ends)]
    outcomes["rounds"] = np.diff(ends)
    resources = _resources(runs, code, baseline, measured, cells["usable_cpus"])
    machine = given(spins, runs, cells)
    cold_s = _cold_walls(runs, code, len(cells))
    start = _starts(runs, code, len(cells))
    known = [cells, outcomes, places, resources, spending, machine]
    facts: list[Record] = [
        {str(name): value for name, value in row.items()}
        for row in pd.concat(known, axis=1).to_dict("records")
    ]

    for fact, first in zip(facts, first_calls(runs), strict=True):
        fact["first_calls"] = first
    records: list[Record] = [{"waiting": False, "flags": ()} for _ in facts]
    parts = [rounds.part(slice(*e)) for e in pairwise(ends)]
    pythons = interpreters(cells)
    waits = _waiting(cells, parts, pythons.of)
    serial = serial_ratios(cells, parts)
    one_worker: tuple[Interval, Rounds] | None = None
    for at, is_first in _by_family(cells, pythons.of):
        if is_first:
            one_worker = None
        mine = parts[at]
        if not len(mine.process):
            continue
        speedup = paired_ratio(mine.baseline_s, mine.measured_s, mine.process).scaled(scale[at])
        if facts[at]["n"] == 1 and one_worker is None:
            one_worker = speedup, mine
        shares = ("cpu_share", "native_share", "children_share", "held_share", "task_s")
        known_shares = {name: float(np.median(getattr(mine, name))) for name in shares}
        limit = cpu_limit(facts[at] | known_shares | {"L3_s": float(np.median(mine.levels[:, 3]))})
        provided = workers(facts[at])
        bound = min(float(provided), limit)
        is_coroutine = facts[at]["worker_kind"] == "coroutine"
        records[at] = {
            **_walls("baseline", mine.baseline_s),
            **_walls("measured", mine.measured_s),
            **_speedups(mine, speedup, bound if is_coroutine else provided, scale[at]),
            **known_shares,
            "waiting": waits[at],
            "bound": bound,
            "cold_baseline_s": cold_s[0][at],
            "cold_measured_s": cold_s[1][at],
            "cold_speedup": cold_s[0][at] / cold_s[1][at] * scale[at],
            "start_s": start[at],
            **_named("itself", baseline_ratio(mine) or UNKNOWN),
            **_named("earlier", _earlier(mine)),
            **_named("serial_ratio", serial[at]),
            **_ladder(mine, provided if is_coroutine else 1),
        }
        records[at] |= attained(facts[at] | records[at])
        if one_worker is not None and facts[at]["scaling"] == "strong":
            over_one = paired_speedups(mine, one_worker[1]) or speedup.over(one_worker[0])
            records[at] |= _named(
                "speedup_n1", over_one if facts[at]["n"] > 1 else Interval(1.0, 1.0, 1.0)
            )
    for at, suspected in enumerate(suspicions(parts)):
        if len(parts[at].process):
            if "not_steady" in suspected:
                outcomes.loc[at, "steady"] = False
            records[at]["flags"] = tuple(flags(parts[at], facts[at] | records[at], suspected))
    ours = [column.name for column in (*STATISTICS, *MACHINE) if column.name not in machine]
    computed = [*ours, "waiting", "flags"]
    statistics = pd.DataFrame(records, columns=computed)
    found = pd.concat([cells, outcomes, places, statistics, resources, spending, machine], axis=1)
    return arranged(pd.concat([found, crowded(found), core_hours(found)], axis=1))


def _identities(runs: pd.DataFrame, code: Rows) -> pd.DataFrame:
    """What defines each cell, from its first row."""
    found, first = np.unique(code, return_index=True)
    first = first[found >= 0]
    parameters = [
        name
        for group in ("workload.", "executor.")
        for name in runs.columns
        if name.startswith(group)
    ]
    names = ["cell", "workload", "executor", "baseline", "n", "scaling", *parameters]
    names += ["usable_cpus", "worker_kind", "fresh", *PYTHON, *CORES, "node_kind", "folder"]
    names += ["result"]
    return runs[names].iloc[first].reset_index(drop=True)


def _waiting(cells: pd.DataFrame, parts: list[Rounds], pythons: "pd.Series[int]") -> list[bool]:
    """Whether the tasks of each cell wait, even one by one: decided once for each workload.

    And for each interpreter and kind of node, of which one may compute for as long as another
    waits. By the middle
    of its cells, or by the lowest where the middle is not clearly above: a workload near the limit
    would else be of one kind here and of the other there.
    """
    names = ["workload", *(name for name in cells.columns if name.startswith("workload."))]
    names += ["result"]
    own = pd.Series([float(np.median(p.cpu_share)) if len(p.process) else math.nan for p in parts])
    keys = [pythons, node_kinds(cells), *(cells[name] for name in names)]
    by_workload = own.groupby(keys, dropna=False)
    middle, lowest = by_workload.transform("median"), by_workload.transform("min")
    found = (middle < WAITING) | ((lowest < WAITING) & (middle < 2 * WAITING))
    return [bool(one) for one in found]


def _outcomes(runs: pd.DataFrame, code: Rows) -> pd.DataFrame:
    """The worst status of each cell's rows with its first error, how it ended, if it was steady.

    That it was interrupted is nothing to say of a cell that went on.
    """
    rank = pd.Categorical(runs["status"], categories=STATUSES).codes.astype(int)
    last = pd.Series(code).duplicated(keep="last").eq(False).to_numpy(bool)
    went_on = (rank == STATUSES.index("interrupted")) & ~last
    rank[went_on] = 0
    worst = np.zeros(code.max() + 1, int)
    np.maximum.at(worst, code, rank)
    told = runs["error"].where(pd.Series(rank == worst[code], index=runs.index) & (rank > 0))
    by_cell = pd.DataFrame(
        {
            "error": told,
            "ended_by": runs["ended_by"].mask(went_on),
            **runs[["steady", "checked", "notes", "differs"]],
            "compared": runs["compared"].where(runs["role"] == "measured"),
            "drawn_alike": runs["equal_draws"].fillna(0) > 0,
            **{name: runs[name].fillna(0).astype(int) for name in LEFT},
        }
    ).groupby(code)
    # What fewer than a quarter of the runs left may be another program's.
    by_role = runs[LEFT[-1]].fillna(0).groupby([pd.Series(code, runs.index), runs["role"]])
    usual = by_role.quantile(0.75, interpolation="higher").groupby(level=0).max()
    left = {name: by_cell[name].max() for name in LEFT} | {LEFT[-1]: usual.astype(int)}
    ended_by, error = by_cell["ended_by"].last(), by_cell["error"].first()
    unfinished = (worst == 0) & ended_by.isna().to_numpy(bool)
    worst[unfinished] = STATUSES.index("interrupted")
    return pd.DataFrame(
        {
            "status": pd.Series([STATUSES[k] for k in worst], dtype="str"),
            "error": error.mask(unfinished, UNFINISHED),
            "ended_by": ended_by,
            "steady": by_cell["steady"].all().astype(bool),
            "compared": by_cell["compared"].max(),  # of `equal` and `same` the latter
            "checked": by_cell["checked"].first(),
            "differs": by_cell["differs"].first(),
            "notes": by_cell["notes"].first(),
            "drawn_alike": by_cell["drawn_alike"].sum(),
            **left,
        }
    )


def _resources(
    runs: pd.DataFrame, code: Rows, baseline: Rows, measured: Rows, cpus: "pd.Series[float]"
) -> pd.DataFrame:
    """Medians of the measured runs; what both sides lost to others is summed."""
    metrics = [name for name in runs.columns if name.startswith("metric.")]
    peaks = ("max_rss_bytes", "gil")
    sums = ("throttled_s",)
    twice = baseline[:, 0] != baseline[:, 1]
    both = np.concatenate([measured, baseline[:, 0], baseline[twice, 1]])
    codes = np.concatenate([code[measured], code[measured], code[measured][twice]])

    def of(names: Iterable[str], rows: Rows) -> pd.DataFrame:
        return pd.DataFrame({name: numbers(runs, name, rows) for name in names})

    median = of(MEDIANS, measured).groupby(code[measured]).median().reindex(cpus.index)
    peak = of(peaks, measured).groupby(code[measured]).max().reindex(cpus.index)
    total = of(sums, both).groupby(codes).sum(min_count=1).reindex(cpus.index)
    threads = of(["library_threads"], baseline[:, 0]).groupby(code[measured]).max()
    names = runs["libraries"].iloc[baseline[:, 0]].groupby(code[measured]).first()
    texts = runs[["gil_enabled_by", "away_machines", "chosen_workers", "worker_cpus"]]
    told = texts.iloc[measured].groupby(code[measured]).first().reindex(cpus.index)
    shares = taken(runs, both, codes, cpus)
    return pd.DataFrame(
        {
            **median,
            **shares,
            "throttled_s": total["throttled_s"],
            "max_rss_bytes": peak["max_rss_bytes"],
            "library_threads": threads["library_threads"].reindex(cpus.index),
            "libraries": names.reindex(cpus.index),
            "gil": peak["gil"].astype("boolean"),
            **told,
            **_metrics(runs, code, measured, metrics, len(cpus)),
        }
    )


def _metrics(
    runs: pd.DataFrame, code: Rows, measured: Rows, names: list[str], cells: int
) -> dict[str, Floats]:
    """Of each metric the median with its interval, and the largest value: `_low`, `_high`, `_max`.

    The largest is over all measured runs that are ok, cold and warm-up runs too: an effect that
    only they saw was seen. A cell that does not have the metric has NaN.
    """
    columns = {}
    bounds = np.searchsorted(code[measured], np.arange(cells + 1))
    every = np.flatnonzero(((runs["role"] == "measured") & (runs["status"] == "ok")).to_numpy(bool))
    for name in names:
        values = numbers(runs, name, measured)
        table = np.full((cells, 3), math.nan)
        largest = pd.Series(numbers(runs, name, every)).groupby(code[every]).max()
        for at, (start, stop) in enumerate(pairwise(bounds)):
            own = values[start:stop]
            own = own[~np.isnan(own)]
            if len(own):
                middle = median_interval(own)
                table[at] = middle.estimate, middle.low, middle.high
        for end, column in zip(("", "_low", "_high"), table.T, strict=True):
            columns[f"{name}{end}"] = column
        columns[f"{name}_max"] = largest.reindex(range(cells)).to_numpy(float)
    return columns


def _cold_walls(runs: pd.DataFrame, code: Rows, cells: int) -> tuple[Floats, Floats]:
    """Median seconds of the cold runs of each cell: of the baseline, of the measured side."""
    baseline, measured = complete_rounds(runs, code, {"status": "ok", "cold": True})

    def medians(walls: Floats) -> Floats:
        of_cells = pd.Series(walls).groupby(code[measured]).median()
        return np.asarray(of_cells.reindex(range(cells)), float)

    first, second = (numbers(runs, "wall_s", baseline[:, k]) for k in (0, 1))
    return medians(np.asarray((first + second) / 2)), medians(numbers(runs, "wall_s", measured))


def _starts(runs: pd.DataFrame, code: Rows, cells: int) -> Floats:
    """Seconds of a cold measured run before its first task and after its last: the median.

    For an executor that is kept over the runs, only the cold one has its start.
    """
    cold = (runs["cold"] & (runs["status"] == "ok") & (runs["role"] == "measured")).to_numpy(bool)
    first = runs[cold]
    outside = first["wall_s"] * (1 - first["L1_s"] / first["L0_s"])
    medians: Floats = outside.groupby(code[cold]).median().reindex(range(cells)).to_numpy(float)
    return medians


def _by_family(cells: pd.DataFrame, pythons: "pd.Series[int]") -> Iterator[tuple[int, bool]]:
    """Positions of the cells, those that differ in n alone together and n = 1 first.

    With each, whether it begins a family. Cells measured again in another folder (`<cell>#2`) are
    families of their own.
    """
    same = [name for name in cells.columns if name not in APART]
    base = cells["cell"].str.partition("#")[0]
    nodes = node_kinds(cells)
    repeat = cells.groupby([base, cells["result"], nodes], dropna=False).cumcount()
    keys = [*(cells[name] for name in same), repeat, pythons, nodes]
    family = cells.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
    previous = -1
    for at in np.lexsort((cells["n"], family)):
        yield int(at), bool(family[at] != previous)
        previous = family[at]


def _earlier(rounds: Rounds) -> Interval:
    """The speedup of the rounds in which the executor ran before the baseline over that of others.

    A round counts as before if its run came before the middle of those of the baseline.
    """
    found = []
    for which in (rounds.earlier, ~rounds.earlier):
        own = rounds.part(np.flatnonzero(which))
        if len(own.process) < 2:
            return UNKNOWN
        found.append(paired_ratio(own.baseline_s, own.measured_s))
    return found[0].over(found[1])


def _named(name: str, interval: Interval) -> Record:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _walls(side: str, x: Floats) -> Record:
    median = median_interval(x)
    values = (median.estimate, median.low, median.high, x.mean(), np.percentile(x, 95), x.max())
    names = ("median", "low", "high", "mean", "p95", "max")
    return {f"{side}_{name}_s": float(v) for name, v in zip(names, values, strict=True)}


def _speedups(rounds: Rounds, speedup: Interval, provided: float, scale: float) -> Record:
    sides = rounds.baseline_s, rounds.measured_s
    rank = hodges_lehmann_ratio(*sides).scaled(scale)
    return {
        **_named("speedup", speedup),
        **_named("efficiency", speedup.scaled(1 / provided)),
        "half_width": speedup.half_width,
        **_named("mean_ratio", ratio_of_means_fieller(*sides).scaled(scale)),
        "hl_ratio": rank.estimate,
        "hl_low": rank.low,
        "hl_high": rank.high,
    }


def _ladder(rounds: Rounds, at_a_time: float) -> Record:
    levels = rounds.levels
    if np.isnan(levels[:, :6]).any():  # rounds that happened to have none elsewhere are no sample
        levels = np.full_like(levels, math.nan)
    ladder = ladder_factors(levels, rounds.serial_own_s, at_a_time)
    record: Record = dict(zip(LEVELS, np.median(levels, axis=0).tolist(), strict=True))
    for step, factor in enumerate(FACTORS):
        record |= _named(factor, median_interval(ladder.factors[:, step]))
        record[f"loss_{factor}"] = median_interval(ladder.losses[:, step]).estimate
    return record
