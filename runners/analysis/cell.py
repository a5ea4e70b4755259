"""One cell of the summary as a typed record, for whoever works with a single one."""

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from runners.analysis.interval import Interval
from runners.analysis.rounds import LEVELS
from runners.model import SIDES, Flag, Loss, Role, Scaling, Status, Workers
from runners.words.causes import TITLES


@dataclass(frozen=True, slots=True)
class Times:
    """The times of one side's runs in seconds; `cold_s` is the median of the first in a process."""

    median: Interval
    mean_s: float
    p95_s: float
    max_s: float
    cold_s: float


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a plugin's own: its median over the rounds, and the largest in any run."""

    median: Interval
    largest: float


@dataclass(frozen=True, slots=True)
class CellSummary:
    """A row of the summary. `columns.COLUMNS` says what each value means, and in what unit.

    The three columns of an interval are one value here, and so are families of columns: `times` by
    side, `levels` from L0 to L6, `factors` and `losses` by the step of the ladder, `parameters` by
    the name of their column (`workload.end`), `metrics` by their own name. A loss holds the
    machine's part of it. A missing number is NaN,
    anything else that is missing None, but for `folder`, "" where it is not known.
    """

    cell: str
    workload: str
    executor: str
    baseline: str
    n: int
    scaling: Scaling
    parameters: Mapping[str, Any]
    usable_cpus: float
    worker_kind: Workers
    fresh: bool | None
    python: str | None
    python_order: int | None
    python_build: str | None
    code_version: str | None
    placement: str | None
    physical_cores: int | None
    worker_cores: int | None
    worth: float
    worker_cpus: str | None
    status: Status
    error: str | None
    ended_by: str | None
    steady: bool
    compared: str | None
    differs: str | None
    checked: bool | None
    processes: int
    rounds: int
    node_kind: str | None
    host: str | None
    job: str | None
    job_cpus: int | None
    job_nodes: int | None
    exclusive: bool | None
    nodes: int | None
    fewer_cpus: bool | None
    times: Mapping[Role, Times]
    speedup: Interval
    bound: float
    cpu_share: float
    native_share: float
    children_share: float
    held_share: float
    task_s: float
    efficiency: Interval
    half_width: float
    cold_speedup: float
    start_s: float
    mean_ratio: Interval
    hl_ratio: Interval
    speedup_n1: Interval
    serial_ratio: Interval
    itself: Interval
    earlier: Interval
    levels: tuple[float, ...]
    factors: Mapping[str, Interval]
    losses: tuple[Loss, ...]
    waiting: bool
    setup_s: float
    teardown_s: float
    tasks: float
    task_copies: float
    workers: float
    largest_task_share: float
    task_slowdown: float
    first_slowdown: float
    dealt: float
    fetched: float
    sorted: float
    sent_bytes: float
    returned_bytes: float
    transport_s: float
    timer_s: float
    counted_share: float
    warmup_share: float
    ceiling_share: float
    starting_share: float
    judging_share: float
    measuring_s: float
    steal_share: float
    others_share: float
    throttled_s: float
    ceiling: Interval
    machine_contention: float
    machine_computation: float
    machine_off_cpu: float
    attainable: float
    efficiency_of_ceiling: Interval
    core_hours: Interval
    baseline_core_hours: Interval
    measuring_core_hours: float
    max_rss_bytes: float
    memory_bytes: float
    baseline_memory_bytes: float
    worker_memory_bytes: float
    copied_memory_bytes: float
    group_memory_bytes: float
    baseline_group_memory_bytes: float
    task_cpu_s: float
    baseline_task_cpu_s: float
    library_threads: float
    libraries: str | None
    gil: bool | None
    gil_enabled_by: str | None
    away_tasks: float
    away_workers: float
    away_machines: str | None
    chosen_workers: str | None
    metrics: Mapping[str, Metric]
    flags: tuple[Flag, ...]
    folder: str
    result: str | None


def cells(summary: pd.DataFrame) -> list[CellSummary]:
    """The rows of the frame of `summarise`, in their order."""
    families = _families([str(name) for name in summary.columns])
    return [_cell(row, *families) for row in summary.to_dict("records")]


def _families(names: Collection[str]) -> tuple[list[str], list[str]]:
    """The columns of parameters, and those of metrics without what follows from them."""
    return (
        [name for name in names if name.startswith(("workload.", "executor."))],
        [name for name in names if name.startswith("metric.") and f"{name}_max" in names],
    )


def _cell(
    row: Mapping[Hashable, Any], parameters: Sequence[str], metrics: Sequence[str]
) -> CellSummary:
    def interval(estimate: str, low: str = "", high: str = "") -> Interval:
        names = estimate, low or f"{estimate}_low", high or f"{estimate}_high"
        return Interval(*(float(row[name]) for name in names))

    def times(side: Role) -> Times:
        return Times(
            median=interval(f"{side}_median_s", f"{side}_low_s", f"{side}_high_s"),
            mean_s=row[f"{side}_mean_s"],
            p95_s=row[f"{side}_p95_s"],
            max_s=row[f"{side}_max_s"],
            cold_s=row[f"cold_{side}_s"],
        )

    def stated(name: str) -> Any:
        return None if pd.isna(row[name]) else row[name]

    def machines(factor: str) -> float:
        lost = row.get(f"loss_{factor}_machine", math.nan)
        return 0.0 if math.isnan(lost) else float(lost)

    made: dict[str, Any] = {
        **{
            name: stated(name)
            for name in (
                *("error", "ended_by", "fresh", "compared", "checked", "libraries", "gil"),
                *("python", "python_order", "python_build", "gil_enabled_by", "result"),
                *("code_version", "differs", "node_kind", "host", "job", "job_cpus"),
                *("job_nodes", "exclusive", "nodes", "fewer_cpus"),
                *("away_machines", "chosen_workers"),
                *("placement", "physical_cores", "worker_cores", "worker_cpus"),
            )
        },
        "folder": stated("folder") or "",
        **{name: interval(name) for name in ("speedup", "efficiency", "mean_ratio", "speedup_n1")},
        **{name: interval(name) for name in ("itself", "earlier", "serial_ratio")},
        **{name: interval(name) for name in ("ceiling", "efficiency_of_ceiling")},
        **{name: interval(name) for name in ("core_hours", "baseline_core_hours")},
        "hl_ratio": interval("hl_ratio", "hl_low", "hl_high"),
        "times": {side: times(side) for side in SIDES},
        "levels": tuple(row[level] for level in LEVELS),
        "factors": {factor: interval(factor) for factor in TITLES},
        "losses": tuple(Loss(factor, row[f"loss_{factor}"], machines(factor)) for factor in TITLES),
        "parameters": {name: stated(name) for name in parameters},
        "metrics": {
            name.removeprefix("metric."): Metric(interval(name), row[f"{name}_max"])
            for name in metrics
        },
    }
    columns = {name: row[name] for name in _FIELDS if name not in made}
    return CellSummary(**made, **columns)


_FIELDS = tuple(f.name for f in fields(CellSummary))
