"""The columns of the summary: what `summarise` gives, in this order, and what its files hold."""

from itertools import groupby
from typing import Any

import pandas as pd

from runners.analysis.rounds import LEVELS
from runners.results.columns import EXECUTOR_PARAMETERS, FIXED, METRICS, WORKLOAD_PARAMETERS, Column
from runners.words.causes import TITLES

_OF_RUNS = {column.name: column for column in FIXED}
_WAITED = "; to each from `L4_s` on is added what the tasks wait for in the baseline too"
_STEPS = [
    (step, above, below, _WAITED if below in LEVELS[4:] else "")
    for step, above, below in zip(TITLES.items(), LEVELS, LEVELS[1:], strict=False)
]


def _number(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "float64", unit, meaning)


def _interval(
    estimate: str, unit: str, meaning: str, low: str = "", high: str = ""
) -> tuple[Column, Column, Column]:
    return (
        _number(estimate, unit, meaning),
        _number(low or f"{estimate}_low", unit, f"lower end of the 95% interval of `{estimate}`"),
        _number(high or f"{estimate}_high", unit, f"upper end of the 95% interval of `{estimate}`"),
    )


def _times(side: str, what: str) -> tuple[Column, ...]:
    median = f"{side}_median_s"
    return (
        *_interval(median, "s", f"median time of {what}", f"{side}_low_s", f"{side}_high_s"),
        _number(f"{side}_mean_s", "s", f"mean time of {what}"),
        _number(f"{side}_p95_s", "s", f"95th percentile of the times of {what}"),
        _number(f"{side}_max_s", "s", f"longest time of {what}"),
    )


IDENTITY = (
    *(_OF_RUNS[name] for name in ("cell", "workload", "executor", "baseline", "n", "scaling")),
    *(WORKLOAD_PARAMETERS, EXECUTOR_PARAMETERS),
    *(_OF_RUNS[name] for name in ("usable_cpus", "worker_kind", "fresh")),
    *(_OF_RUNS[name] for name in ("python", "python_order", "python_build", "code_version")),
    *(_OF_RUNS[name] for name in ("placement", "physical_cores", "worker_cores", "worth")),
)
"""What defines a cell."""

OUTCOME = (
    Column(
        *("status", "str", ""),
        "the worst status of its runs; also `interrupted` if the program ended before the cell did",
    ),
    Column("error", "str", "", "why it is not ok"),
    Column("ended_by", "str", "", "what ended it, as in the last row of its runs"),
    Column("steady", "bool", "", "times no longer fell when warm-up ended, in each process"),
    Column("processes", "int64", "count", "measuring processes of the complete rounds"),
    Column("rounds", "int64", "count", "complete rounds: all numbers below are about them"),
    *(_OF_RUNS[name] for name in ("compared", "checked", "differs")),
)
"""What became of it."""

STATISTICS = (
    *_times("baseline", "the baseline's runs"),
    *_times("measured", "the executor's runs"),
    *_interval(
        *("speedup", "ratio"),
        "the headline: baseline / measured time of a typical round, the 20% trimmed mean of the "
        "rounds' log ratios, with weak scaling n times that",
    ),
    _number("bound", "ratio", "attainable speedup: the most that workers and CPUs allow"),
    _number("cpu_share", "ratio", "part of the tasks' time in the baseline that they are on a CPU"),
    _number(
        *("native_share", "CPUs"),
        "what threads of a library's own, or of the tasks, used beside the caller's thread in the "
        "baseline, per second of its tasks",
    ),
    _number("children_share", "CPUs", "the same of processes that the tasks started"),
    _number(
        *("held_share", "ratio"),
        "part of their time in the baseline that coroutines had the event loop to themselves; "
        "missing for other tasks",
    ),
    _number("task_s", "s", "mean time of a task in the baseline, the median over rounds"),
    *_interval(
        "efficiency", "ratio", "`speedup` / workers; of coroutines, which share a thread, / `bound`"
    ),
    _number("half_width", "ratio", "half the width of the speedup's interval / `speedup`"),
    _number("cold_baseline_s", "s", "median time of the baseline's first runs in a process"),
    _number("cold_measured_s", "s", "median time of the executor's first runs in a process"),
    _number("cold_speedup", "ratio", "the speedup of these first runs"),
    _number(
        *("start_s", "s"),
        "what the executor's first run in a process spends before its first task and after its "
        "last one, the median",
    ),
    *_interval(
        *("itself", "ratio"),
        "the baseline against itself: its first run in a round / its second, whose truth is 1; "
        "missing where it ran once",
    ),
    *_interval(
        *("earlier", "ratio"),
        "`speedup` of the rounds in which the executor ran before the baseline / that of others",
    ),
    *_interval(
        "mean_ratio", "ratio", "the total: ratio of the mean times, with Fieller's interval"
    ),
    *_interval(
        *("hl_ratio", "ratio", "pseudomedian of the rounds' ratios, with the signed-rank interval"),
        *("hl_low", "hl_high"),
    ),
    *_interval(
        *("speedup_n1", "ratio"),
        "`speedup` / the speedup of the same executor with n = 1, where that was measured: in "
        "their common rounds, or else from both",
    ),
    *_interval(
        *("serial_ratio", "ratio"),
        "the plain loop's time on this interpreter, with this version of the code / that on the "
        "first one named: above 1 it is slower here; missing where the workload was measured on "
        "one alone",
    ),
    *(_number(level, "core-s", f"{_OF_RUNS[level].meaning}, the median") for level in LEVELS),
    *(
        column
        for (factor, title), above, below, waited in _STEPS
        for column in _interval(
            *(factor, "ratio"),
            f"{title}: `{below}` / `{above}`, the median; 1 where nothing is lost{waited}",
        )
    ),
    *(
        _number(
            *(f"loss_{factor}", "ratio"),
            f"{title}: (`{above}` − `{below}`) / `L0_s`, the median: the part of the core time "
            f"that was lost{waited}",
        )
        for (factor, title), above, below, waited in _STEPS
    ),
)
"""What is computed from its complete rounds; missing where it has none."""

MEDIANS = (
    *("setup_s", "teardown_s", "tasks", "task_copies", "workers", "largest_task_share"),
    *("task_slowdown", "first_slowdown", "dealt", "fetched", "sorted"),
    *("sent_bytes", "returned_bytes", "transport_s", "timer_s", "away_tasks", "away_workers"),
)
"""Columns of the runs of which the summary has the median over the executor's runs."""

MEMORY = (
    *("memory_bytes", "baseline_memory_bytes", "worker_memory_bytes", "copied_memory_bytes"),
    *("group_memory_bytes", "baseline_group_memory_bytes"),
)
"""Columns of the runs that tell of memory, in one row of a cell."""

NODE = (
    _OF_RUNS["node_kind"],
    Column("host", "str", "", "the names of the machines that measured it; mostly one"),
    Column("job", "str", "", _OF_RUNS["job"].meaning),
    _OF_RUNS["job_cpus"],
    _OF_RUNS["job_nodes"],
    _OF_RUNS["exclusive"],
    Column(
        *("nodes", "Int64", "count"),
        "how many nodes its workers were on: 1, and of workers elsewhere those of the job; missing "
        "where nobody knows",
    ),
    Column(
        *("fewer_cpus", "boolean", ""),
        "the program may keep fewer CPUs busy than there are workers; missing for workers on other "
        "machines",
    ),
)
"""Where it was measured."""

COSTS = (
    *_interval(
        *("core_hours", "core-h"),
        "what one run of the tasks takes: workers × `measured_median_s`; coroutines, and the plain "
        "loop, take one core",
    ),
    *_interval(
        *("baseline_core_hours", "core-h"),
        "the same of the baseline: one core × `baseline_median_s`",
    ),
    _number(
        *("measuring_s", "s"),
        "how long it was measured, with an equal part of what several cells share",
    ),
    _number(
        *("measuring_core_hours", "core-h"),
        "what measuring it took: `job_cpus`, or where there are none all `usable_cpus`, × "
        "`measuring_s`",
    ),
)
"""What it costs where computing time is counted."""

RESOURCES = (
    Column(
        *("waiting", "bool", ""),
        "tasks wait even one by one: decided once for all cells of a workload",
    ),
    *(
        _number(name, _OF_RUNS[name].unit, f"{_OF_RUNS[name].meaning}, the median")
        for name in MEDIANS
    ),
    *(
        _number(f"{name}_share", "ratio", f"part of the time of the measurement that {what} took")
        for name, what in (
            ("counted", "the rounds that count"),
            ("warmup", "the others"),
            ("ceiling", "asking what the machine gives"),
            ("starting", "starting interpreters"),
            ("judging", "preparing runs and comparing their results"),
        )
    ),
    _number("steal_share", "ratio", "part of the CPUs' time that the host gave to other guests"),
    _number(
        *("others_share", "ratio"),
        "part of the usable CPUs' time that other programs took, in the runs of both sides",
    ),
    _number("throttled_s", "s", "how long the CPU quota held the runs of both sides back, in all"),
    _number("max_rss_bytes", "bytes", "largest resident set that a run of the executor saw"),
    *(
        _number(name, "bytes", _OF_RUNS[name].meaning.replace("; in the cell's first row,", ","))
        for name in MEMORY
    ),
    _number(
        *("task_cpu_s", "s"),
        "CPU time of the measuring process and those it started / tasks of the run, the median",
    ),
    _number("baseline_task_cpu_s", "s", "the same of the baseline"),
    _number(
        "library_threads", "count", "threads beside Python's own ones, after a run of the baseline"
    ),
    _OF_RUNS["libraries"],
    Column("gil", "boolean", "", "the global interpreter lock was on in a run of the executor"),
    _OF_RUNS["gil_enabled_by"],
    _OF_RUNS["away_machines"],
    _OF_RUNS["chosen_workers"],
    _OF_RUNS["worker_cpus"],
    *NODE,
    *COSTS,
)
"""What its rounds took and gave, and where."""

MACHINE = (
    *_interval(
        *("ceiling", "ratio"),
        "what the machine gave to n loops at once that share nothing: n times the time of one "
        "alone / theirs",
    ),
    _number("machine_contention", "ratio", "`contention` of these loops"),
    _number("machine_computation", "ratio", "`computation` of these loops"),
    _number(
        *("machine_off_cpu", "ratio"),
        "part of their time that loops had no CPU, of no more than there are CPUs",
    ),
    _number(
        *("attainable", "ratio"),
        "attainable speedup under the ceiling; missing where tasks wait",
    ),
    *_interval("efficiency_of_ceiling", "ratio", "`speedup` / `attainable`, with a ceiling"),
    _number(
        *("loss_contention_machine", "ratio"),
        "part of `loss_contention` that loops that share nothing lose as well",
    ),
    _number("loss_computation_machine", "ratio", "the same part of `loss_computation`"),
)
"""What the machine gave meanwhile; missing where it was not asked."""

FIGURES = (
    *_interval(METRICS.name, METRICS.unit, f"{METRICS.meaning}: the median over rounds"),
    _number(
        f"{METRICS.name}_max",
        METRICS.unit,
        "the largest in any run of the executor, warm-up included",
    ),
)
"""Of each metric; missing for a cell that does not have it."""

REMARKS = (
    Column(
        *("flags", "object", ""),
        "what to know before trusting the numbers: a tuple of `Flag`; in a file one text, with "
        "`; ` between them",
    ),
    *(_OF_RUNS[name] for name in ("folder", "result")),
)

COLUMNS = (*IDENTITY, *OUTCOME, *STATISTICS, *RESOURCES, *MACHINE, *FIGURES, *REMARKS)

DTYPES: dict[str, Any] = {column.name: column.dtype for column in COLUMNS if "*" not in column.name}
"""The dtype of every fixed column of the summary."""


def arranged(found: pd.DataFrame) -> pd.DataFrame:
    """The columns of `found` that are declared, in their order, the fixed ones with their types.

    A fixed one that is not there is missing in each row: an older version did not have it.
    """
    names: list[str] = []
    declared = (column.name for column in COLUMNS)
    for stem, family in groupby(declared, lambda name: name.partition("*")[0]):
        patterns = list(family)
        if stem in DTYPES:
            names.append(stem)
            continue
        for name in (name.removeprefix(stem) for name in found.columns if name.startswith(stem)):
            members = [pattern.replace("*", name) for pattern in patterns]
            if set(members) <= set(found.columns):
                names += members
    known = found.reindex(columns=names)
    # `known.astype(DTYPES)` puts together so many columns for ten times as long.
    typed = {
        name: column.astype(DTYPES[name])
        if name in DTYPES and column.dtype != DTYPES[name]
        else column
        for name, column in known.items()
    }
    return pd.DataFrame(typed, index=known.index, columns=names)
