"""What was measured: the tasks of a run, its row, and the machine."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runners.model.names import Flag, Role, Scaling, Status, Warmth, Workers
from runners.model.plan import Order, Plan


class Span(NamedTuple):
    """One task as its worker saw it. Times in nanoseconds of `time.perf_counter_ns`.

    `wait_ns` is the time the worker's thread stood ready in the kernel's run queue without a CPU,
    or -1 where the kernel does not tell. It is not read after each short task, so that these
    share a reading: it is then the wait since the worker's previous reading. A tuple, as there may
    be a million of them.
    """

    index: int  # type: ignore[assignment]  # in place of the method that a tuple has
    pid: int
    thread: int
    start_ns: int
    end_ns: int
    cpu_ns: int
    wait_ns: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """The tasks of one run and the frame they stand in: one line of `spans.jsonl`.

    The run lasted `wall_s` seconds from `begin_ns`, on the same clock as its spans; its first
    `setup_s` and last `teardown_s` seconds went into making and ending the executor. Of a run with
    very many `tasks` the spans are a sample (`child.sample`), maybe not of all its `workers`; None
    in files of version 0.2. Spans of `away_tasks` are not there: they are by other clocks.
    """

    process: int
    round: int
    role: Role
    begin_ns: int
    wall_s: float
    setup_s: float
    teardown_s: float
    spans: tuple[Span, ...]
    tasks: int | None = None
    workers: int | None = None
    away_tasks: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One timed run of one side of a round: one tidy row of `runs.jsonl`.

    `round` counts the rounds of a panel over all its processes, warm-up included; the runs of a
    round share it. `panel` names where the baseline is that a measured run is compared with, that
    of the same round and process; None: it is with the cell's own runs. The baseline of several
    cells has that name for its cell.
    `fresh` says that the run is the first of an interpreter that was started for it alone.
    `side` is the number of the side in its panel. `starting_s` is what starting its process took,
    if it is the first run there, `ending_s` what leaving the workload took, if it is the last one,
    `judging_s` what preparing the run and judging its results took.
    `begin_ns` is on the clock of the spans. `task_copies` says how often the run has each of the
    workload's tasks. `largest_task_share` is the longest task's part of the time of all tasks,
    `timer_s` what the clock readings around the tasks cost in all workers together. Seconds end in
    `_s`, sizes in `_bytes`. `levels` are L0 to L5 of the core-second ladder; L6, the L5 of the
    round's baseline, is filled in by `read_runs`. `spans` are those of all tasks or, of very
    many, a sample; all else follows from all of them. `notes` are the flags known beforehand, as
    JSON: detail by code. From `voluntary_switches` to `others_cpu_s` the names are those of
    `child.counters.Counters`.
    `compared`, `checked` and `differs` tell what was found out about its results
    (`results.columns`), `away_tasks` how many spans were left out, by how many workers of which
    machines, `left_processes`, `left_files` and `left_shared_bytes` what is there after
    it that was not there before it. `placement` and the numbers of cores are the plan's,
    `worker_cpus` the CPUs that the workers of the run were pinned to, as `0,2`. `worth` is the
    setting of that name. What ends in `memory_bytes` is of runs that were not timed
    (`measuring.memory`), in the first row of a cell.
    """

    cell: str
    workload: str
    executor: str
    baseline: str
    n: int
    scaling: Scaling
    usable_cpus: float
    worker_kind: Workers
    parameters: Mapping[str, Any]
    process: int
    round: int
    position: int
    role: Role
    cold: bool
    warmup: bool
    status: Status
    started_at: str
    error: str | None = None
    panel: str | None = None
    fresh: bool | None = None
    side: int = 0
    warmth: Warmth | None = None
    starting_s: float | None = None
    ending_s: float | None = None
    judging_s: float | None = None
    steady: bool | None = None
    ended_by: str | None = None
    wall_s: float | None = None
    setup_s: float | None = None
    teardown_s: float | None = None
    tasks: int | None = None
    task_copies: int | None = None
    workers: int | None = None
    levels: Sequence[float] = ()
    largest_task_share: float | None = None
    first_task_s: float | None = None
    task_median_s: float | None = None
    task_slowdown: float | None = None
    first_slowdown: float | None = None
    dealt: float | None = None
    fetched: float | None = None
    sorted: float | None = None
    sent_bytes: float | None = None
    returned_bytes: float | None = None
    transport_s: float | None = None
    held_s: float | None = None
    timer_s: float | None = None
    begin_ns: int | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None
    process_cpu_s: float | None = None
    caller_cpu_s: float | None = None
    children_cpu_s: float | None = None
    library_threads: int | None = None
    libraries: str | None = None
    cpus: int | None = None
    steal_s: float | None = None
    throttled_s: float | None = None
    pressure_s: float | None = None
    others_cpu_s: float | None = None
    max_rss_bytes: int | None = None
    gil: bool | None = None
    compared: str | None = None
    checked: bool | None = None
    equal_draws: int | None = None
    differs: str | None = None
    left_processes: int | None = None
    left_files: int | None = None
    left_shared_bytes: int | None = None
    notes: str | None = None
    python: str | None = None
    python_order: int | None = None
    python_build: str | None = None
    code_version: str | None = None
    gil_enabled_by: str | None = None
    job: str | None = None
    share_machine: bool | None = None
    away_tasks: int | None = None
    away_workers: int | None = None
    away_machines: str | None = None
    chosen_workers: str | None = None
    host: str | None = None
    job_cpus: int | None = None
    job_nodes: int | None = None
    exclusive: bool | None = None
    placement: str = "none"
    worker_cpus: str | None = None
    physical_cores: int | None = None
    worker_cores: int | None = None
    worth: float | None = None
    memory_bytes: int | None = None
    baseline_memory_bytes: int | None = None
    worker_memory_bytes: int | None = None
    copied_memory_bytes: int | None = None
    group_memory_bytes: int | None = None
    baseline_group_memory_bytes: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    spans: Sequence[Span] = field(default=(), repr=False)

    def row(self) -> dict[str, Any]:
        """The row as plain data: what `runs.jsonl` holds. Spans have a file of their own."""
        plain = {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name not in ("parameters", "levels", "metrics", "spans")
        }
        levels = {f"L{k}_s": value for k, value in enumerate(self.levels)}
        metrics = {f"metric.{name}": value for name, value in self.metrics.items()}
        return {"schema": SCHEMA, **plain, **self.parameters, **levels, **metrics}


def run_of(
    plan: Plan, order: Order, status: Status, started_at: str, error: str | None = None
) -> Run:
    """A row of this cell with what every row says; `replace` puts in what else is known."""
    return Run(
        cell=plan.cell,
        workload=plan.workload,
        executor=plan.executor,
        baseline=plan.baseline,
        n=plan.n,
        scaling=plan.scaling,
        usable_cpus=plan.usable_cpus,
        worker_kind=plan.worker_kind,
        parameters=plan.parameters,
        process=order.process,
        round=order.round,
        position=order.position,
        role=order.role,
        cold=order.cold,
        warmup=order.warmup,
        status=status,
        started_at=started_at,
        error=error,
        side=order.side,
        fresh=plan.measure.fresh and order.role != "spin",
        warmth=plan.warmth if order.role == "measured" else None,
        notes=_notes(plan.flags) if order.role == "measured" else None,
        python=plan.python_label,
        python_order=plan.python_order,
        python_build=plan.python.build,
        code_version=plan.version.name if plan.version is not None else "",
        placement=plan.placement,
        physical_cores=plan.physical_cores,
        worker_cores=plan.worker_cores,
        worth=plan.measure.worth,
    )


def _notes(flags: Sequence[Flag]) -> str | None:
    return json.dumps({flag.code: flag.detail for flag in flags}) if flags else None


SCHEMA = 2
"""Version of the rows' format. Raised when a reader of the old one would misread the new one.

1: each cell had a baseline of its own, in its file.
"""


@dataclass(frozen=True, slots=True)
class Environment:
    """Facts about the machine and the interpreter that a result depends on.

    Names follow pyperf's metadata where it has one. What cannot be read here is None.
    """

    facts: Mapping[str, Any]
    usable_cpus: float
