"""The runs frame in, the summary frame out: one row per cell, every statistic, and only those.

The estimates themselves are in `headline` and `estimators`; here they meet the columns.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pandas as pd

from runners.analysis.across import serial_ratios
from runners.analysis.attainable import cpu_limit, workers
from runners.analysis.columns import MACHINE, MEDIANS, MEMORY, STATISTICS, arranged
from runners.analysis.compare import baseline_ratio, paired_speedups
from runners.analysis.core_hours import core_hours
from runners.analysis.estimators import median_intervals
from runners.analysis.first_calls import first_calls
from runners.analysis.flags import flags, suspicions
from runners.analysis.interval import Floats, Interval
from runners.analysis.machine import attained, given, taken
from runners.analysis.nodes import crowded, placed
from runners.analysis.rounds import (
    Rounds,
    Rows,
    cell_codes,
    complete_rounds,
    numbers,
    read_rounds,
)
from runners.analysis.spent import measuring_s, spent
from runners.analysis.together import UNKNOWN, estimates
from runners.model import WAITING, Status
from runners.results.columns import UNFINISHED
from runners.words.many import alike
from runners.words.nodes import node_kinds
from runners.words.pythons import PYTHON, interpreters

STATUSES = get_args(Status)
"""From best to worst, as the model lists them."""
LEFT = ("left_processes", "left_files", "left_shared_bytes")

CORES = ("placement", "physical_cores", "worker_cores", "worth")
APART = ("cell", "n", "usable_cpus", *CORES[1:], "folder", "node_kind", *PYTHON)
"""In what the cells of a family may differ; which interpreter they have is told by its place, and
on which kind of node they were by `node_kinds`."""

Record = dict[str, Any]


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
    memory = pd.DataFrame({name: runs[name].astype("float64") for name in MEMORY})
    resources = resources.assign(**memory[own].groupby(code[own]).max())
    machine = given(spins, runs, cells)
    cold_s = _cold_walls(runs, code, len(cells))
    start = _starts(runs, code, len(cells))
    known = [cells, outcomes, places, resources, spending, machine]
    facts = _records(known)

    for fact, first in zip(facts, first_calls(runs), strict=True):
        fact["first_calls"] = first
    records: list[Record] = [{"waiting": False, "flags": ()} for _ in facts]
    parts = [rounds.part(slice(*e)) for e in pairwise(ends)]
    pythons = interpreters(cells)
    at_a_time = [workers(f) if f["worker_kind"] == "coroutine" else 1 for f in facts]
    estimated = estimates(rounds, ends, scale, np.array(at_a_time, float))
    waits = _waiting(cells, estimated, pythons.of)
    serial = serial_ratios(cells, parts)
    one_worker: tuple[Interval, Rounds] | None = None
    for at, is_first in _by_family(cells, pythons.of):
        if is_first:
            one_worker = None
        mine = parts[at]
        if not len(mine.process):
            continue
        alone = estimated[at]
        speedup = Interval(*(alone[name] for name in ("speedup", "speedup_low", "speedup_high")))
        if facts[at]["n"] == 1 and one_worker is None:
            one_worker = speedup, mine
        limit = cpu_limit(facts[at] | alone)
        provided = workers(facts[at])
        bound = min(float(provided), limit)
        is_coroutine = facts[at]["worker_kind"] == "coroutine"
        records[at] = alone | {
            **_named("efficiency", speedup.scaled(1 / (bound if is_coroutine else provided))),
            "half_width": speedup.half_width,
            "waiting": waits[at],
            "bound": bound,
            "cold_baseline_s": cold_s[0][at],
            "cold_measured_s": cold_s[1][at],
            "cold_speedup": cold_s[0][at] / cold_s[1][at] * scale[at],
            "start_s": start[at],
            **_named("itself", baseline_ratio(mine) or UNKNOWN),
            **_named("serial_ratio", serial[at]),
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
            records[at]["flags"] = tuple(flags(facts[at] | records[at], suspected))
    ours = [column.name for column in (*STATISTICS, *MACHINE) if column.name not in machine]
    computed = [*ours, "waiting", "flags"]
    statistics = pd.DataFrame(records, columns=computed)
    every = [cells, outcomes, places, statistics, resources, spending, machine]
    found = pd.concat(every, axis=1)
    return arranged(pd.concat([found, crowded(found), core_hours(found)], axis=1))


def _records(frames: Sequence[pd.DataFrame]) -> list[Record]:
    """The rows of frames side by side, as `to_dict` has them, which takes ten times as long.

    A missing number of a type that has no NaN is None.
    """
    columns = {
        str(name): [None if value is pd.NA else value for value in frame[name].tolist()]
        for frame in frames
        for name in frame
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


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


def _waiting(
    cells: pd.DataFrame, estimated: Sequence[Record], pythons: "pd.Series[int]"
) -> list[bool]:
    """Whether the tasks of each cell wait, even one by one: decided once for each workload.

    And for each interpreter and kind of node, of which one may compute for as long as another
    waits. By the middle
    of its cells, or by the lowest where the middle is not clearly above: a workload near the limit
    would else be of one kind here and of the other there.
    """
    names = ["workload", *(name for name in cells.columns if name.startswith("workload."))]
    names += ["result"]
    own = pd.Series([one.get("cpu_share", math.nan) for one in estimated])
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
    task_cpu = (runs["process_cpu_s"] + runs["children_cpu_s"]) / runs["tasks"]
    task_cpu_s = task_cpu.where(runs["tasks"] > 0).to_numpy(float, na_value=math.nan)
    cpu_s = {
        name: pd.Series(task_cpu_s[rows]).groupby(code[measured]).median().reindex(cpus.index)
        for name, rows in (("task_cpu_s", measured), ("baseline_task_cpu_s", baseline[:, 0]))
    }
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
            **cpu_s,
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
        for n, places in alike(np.diff(bounds).tolist()).items():
            if n:
                rows = bounds[places][:, None] + np.arange(n)
                table[places] = median_intervals(values[rows])
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


def _named(name: str, interval: Interval) -> Record:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}
