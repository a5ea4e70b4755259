"""What the files of a result folder are called, and the columns of the runs frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from runners.model import SCHEMA, Role, Scaling, Status, Warmth, Workers

if TYPE_CHECKING:
    import pandas as pd

RUNS = "runs.jsonl"
SPANS = "spans.jsonl"
ENVIRONMENT = "environment.json"
SWEEP = "sweep.json"
IDENTITY = "cell.json"
"""What makes a cell the same as another measurement of it: `planning.identity`."""

MOST = 10**18
"""No number in a row is larger, unless its column says less: whatever is computed from it fits."""

CELL = r"\A(panel-)?[0-9a-f]{12}\Z"
NAME = r"\A[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}\Z"
"""What cells and panels are called, and workloads and executors: a line."""

VERSION = NAME.replace("{1,", "{0,")

ENDED_BY = ("precision", "rounds", "time budget", "failure", "interrupted")
MOST_WORKERS = 10**6
MOST_NUMBER = 10**9
"""No round, process or side has a higher number."""
SHORTEST_S, LONGEST_S = 1e-9, 10**9
"""Of times on a clock: it counts nanoseconds, and nothing lasts for thirty years.

What is a difference of two readings of the kernel's may be below zero, in its ticks."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a frame: its name, pandas dtype, unit ("" where it has none) and meaning.

    A `*` in the name stands for any name: such a column is there for each parameter or metric.
    `docs/results.md` shows the columns in tables.

    A row in which a number is not from `least` to `most`, or a text is not `among` its words or
    does not match `pattern`, is not a run, nor is one without a column that is `needed`.
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    least: float = 0
    most: float = MOST
    among: tuple[str, ...] = ()
    pattern: str = ""
    needed: bool = False


WORKLOAD_PARAMETERS = Column(
    "workload.*", "that of its values", "", "a parameter of the workload, by its own name"
)
EXECUTOR_PARAMETERS = Column(
    "executor.*", "that of its values", "", "a parameter of the executor, by its own name"
)
METRICS = Column(
    *("metric.*", "Int64 or float64", "that in its name"),
    "a figure that the workload or executor tells of the run, by the name that it gives",
)

FIXED = (
    Column("schema", "int64", "", "version of the rows' format", least=1, most=SCHEMA),
    Column(
        *("cell", "str", ""),
        "twelve hexadecimal digits that stand for all that defines the measurement; a second or "
        "third folder that holds the same has `#2` or `#3` after them; for the baseline of several "
        "cells the name of their panel",
        pattern=CELL,
        needed=True,
    ),
    Column(
        *("panel", "str", ""),
        "where the baseline is that a run is compared with, that of the same round and process: "
        "the panel of cells that were measured in the same rounds, or the cell itself",
        pattern=CELL,
    ),
    Column(
        "workload",
        "str",
        "",
        "what was computed: its name in `conf/workload`",
        pattern=NAME,
        needed=True,
    ),
    Column(
        "executor",
        "str",
        "",
        "how it was run in parallel: its name in `conf/executor`",
        pattern=NAME,
        needed=True,
    ),
    Column(
        *("baseline", "str", ""),
        "the executor of the baseline: `serial`, the plain loop, or `thread` where the tasks have "
        "to meet",
        pattern=NAME,
        needed=True,
    ),
    Column("n", "int64", "count", "workers asked for", least=1, most=MOST_WORKERS),
    Column(
        *("scaling", "str", ""),
        "`strong`: the same tasks for every n; `weak`: n times the tasks for n workers",
        among=get_args(Scaling),
        needed=True,
    ),
    Column(
        *("usable_cpus", "float64", "CPUs"),
        "how many CPUs the program may keep busy, by its affinity and its control group's quota",
        least=0.001,
        most=MOST_WORKERS,
        needed=True,
    ),
    Column(
        *("worker_kind", "str", ""),
        "what the executor's workers are: caller, thread, process, interpreter, coroutine, remote "
        "or unknown",
        among=get_args(Workers),
        needed=True,
    ),
    Column(
        *("python", "str", ""),
        "the interpreter that ran the tasks: `3.13.1`, `3.15.0t` where it was built to do without "
        "the global interpreter lock, `PyPy 3.11.13`; with `, GIL on` or `, GIL off` where `gil=` "
        "was set",
        pattern=NAME,
    ),
    Column(
        *("python_order", "Int64", ""),
        "its place among the interpreters of the command, and versions of the code, from 0, the "
        "first one named",
        most=MOST_NUMBER,
    ),
    Column(
        *("python_build", "str", ""),
        "when it was built, by what compiler and how configured",
    ),
    Column(
        *("code_version", "str", ""),
        "which version of the user's code ran: `HEAD~1 (1a2b3c4)`, or the name of a folder, of one "
        "that `versus=` names; empty for the one that is here",
        pattern=VERSION,
    ),
    Column(
        *("process", "int64", ""),
        "number of the measuring process, a fresh interpreter, from 0; where each side of a round "
        "has one of its own, they share a number",
        most=MOST_NUMBER,
    ),
    Column(
        *("round", "int64", ""),
        "number of the round, from 0 over all processes, warm-up included; its runs share it",
        most=MOST_NUMBER,
    ),
    Column("position", "int64", "", "place of the run in its round, from 0", most=MOST_NUMBER),
    Column(
        *("side", "Int64", ""),
        "number of the side in its panel: with three cells or more the baseline runs twice a round",
        most=MOST_NUMBER,
    ),
    Column(
        *("role", "str", ""),
        "what the side is: `baseline` or `measured`; or `spin`, n loops at once that share "
        "nothing, for what the machine gives",
        among=get_args(Role),
        needed=True,
    ),
    Column("cold", "bool", "", "the round is the first one of its process"),
    Column("warmup", "bool", "", "the round is part of the warm-up"),
    Column(
        *("fresh", "boolean", ""),
        "the run is the only one of its interpreter (`measure.fresh`): it is a first one and "
        "counts, so that it is neither `cold` nor `warmup`",
    ),
    Column(
        *("warmth", "str", ""),
        "how warm the code is in the executor's workers: `same process` (as the baseline's), "
        "`inherited` (forked from it), `fresh` (a new interpreter) or `kept` (from run to run)",
        among=get_args(Warmth),
    ),
    Column(
        *("starting_s", "float64", "s"),
        "what starting the measuring process took, in the row of its first run",
        most=LONGEST_S,
    ),
    Column(
        *("ending_s", "float64", "s"),
        "what leaving the workload and executors that were kept took (`__exit__`), in the row of "
        "the last run of the measuring processes that ended together: the longest",
    ),
    Column(
        *("judging_s", "float64", "s"),
        "what preparing the run and judging its results took, outside `wall_s`",
        least=-LONGEST_S,
        most=LONGEST_S,
    ),
    Column(
        *("status", "str", ""),
        "ok, left out (for lack of time), incomplete (results never came, or a trouble that may "
        "pass), unsupported (never possible), failed, wrong, timeout, crashed or interrupted",
        among=get_args(Status),
        needed=True,
    ),
    Column("started_at", "datetime64[us, UTC]", "", "when the run was started"),
    Column("error", "str", "", "why it is not ok, a traceback where there is one"),
    Column(
        *("steady", "boolean", ""),
        "times no longer fell when the warm-up before this run ended; only in rows of schema 1",
    ),
    Column(
        *("ended_by", "str", ""),
        "in the last row of a cell: what ended it (`precision`, `rounds`, "
        "`time budget`, `failure`, `interrupted`)",
        among=ENDED_BY,
    ),
    Column(
        *("wall_s", "float64", "s"),
        "how long the run took, from before the executor was made to after its workers had ended; "
        "without metric.initializer_s, unless workload.initializer_timed=true",
        least=SHORTEST_S,
        most=LONGEST_S,
    ),
    Column(
        "setup_s",
        "float64",
        "s",
        "first part of `wall_s`: making and entering the executor",
        most=LONGEST_S,
    ),
    Column(
        "teardown_s",
        "float64",
        "s",
        "last part of `wall_s`: from the last result to the end",
        most=LONGEST_S,
    ),
    Column("tasks", "Int64", "count", "tasks of the run"),
    Column(
        *("task_copies", "Int64", "count"),
        "how often each of the workload's tasks is among them: n times under weak scaling, unless "
        "the workload makes fresh ones",
    ),
    Column("job", "str", "", "the number that a batch system has given, by its variable"),
    Column(
        *("share_machine", "boolean", ""),
        "whether jobs of the same sweep may have measured on the same CPUs at the same time",
    ),
    Column(*("host", "str", ""), "the name of the machine that measured", pattern=NAME),
    Column(
        *("job_cpus", "Int64", "CPUs"),
        "how many CPUs of this machine the batch job was given; missing where there is no job, or "
        "it is not Slurm's",
        most=MOST_WORKERS,
    ),
    Column(
        *("job_nodes", "Int64", "count"),
        "how many nodes it was given",
        most=MOST_WORKERS,
    ),
    Column(
        *("exclusive", "boolean", ""),
        "whether no other job may run on its nodes; missing where that is not known, or there is "
        "no job",
    ),
    Column(
        *("placement", "str", ""),
        "which CPUs workers were pinned to, one each: `none`, `cores` (one on each core first), "
        "`siblings` (both threads of a core first), `node` (all in one NUMA node), or a list",
        pattern=r"\A(none|cores|siblings|node|\[[0-9,]{1,400000}\])\Z",
    ),
    Column(
        *("worker_cpus", "str", ""),
        "the CPUs that the workers of this run were pinned to, as `0-1,4`",
        pattern=r"\A[0-9,-]{1,400000}\Z",
    ),
    Column(
        *("physical_cores", "Int64", "count"),
        "how many cores the CPUs are on that the program may use, threads of one core counted "
        "once; missing where the machine does not tell",
        least=1,
        most=MOST_WORKERS,
    ),
    Column(
        *("worker_cores", "Int64", "count"),
        "how many cores those are on that workers are pinned to; fewer than workers where two "
        "threads of a core have one each",
        least=1,
        most=MOST_WORKERS,
    ),
    Column(
        *("worth", "float64", "ratio"),
        "the setting measure.worth: how much more speedup makes more workers worth having",
        least=0,
        most=1,
    ),
    Column("workers", "Int64", "count", "distinct workers that ran tasks"),
    Column(
        *("chosen_workers", "str", ""),
        "which workers of a cluster that ran already were used, as their scheduler calls them",
    ),
    Column(
        *("away_tasks", "Int64", "count"),
        "tasks that were timed by another machine's clock: they are not in timelines, and the run "
        "has no ladder",
    ),
    Column("away_workers", "Int64", "count", "workers that ran these"),
    Column("away_machines", "str", "", "the machines of these, as they call themselves"),
    Column(
        *("voluntary_switches", "Int64", "count"),
        "how often a thread of the measuring process, or of a worker in another one while it ran "
        "tasks, gave its CPU back",
    ),
    Column("involuntary_switches", "Int64", "count", "how often one had its CPU taken away"),
    Column("process_cpu_s", "float64", "s", "CPU time of the measuring process in the run"),
    Column(
        *("caller_cpu_s", "float64", "s"),
        "the part of it that the thread had which called the executor; the rest went to other "
        "threads, a library's own ones among them",
    ),
    Column(
        *("children_cpu_s", "float64", "s"),
        "CPU time of the processes that descend from it; in part from ticks of 10 ms",
        least=-LONGEST_S,
        most=LONGEST_S,
    ),
    Column(
        *("library_threads", "Int64", "count"),
        "threads of the measuring process that are not Python's own, after the run",
    ),
    Column(
        *("libraries", "str", ""),
        "whose they are, with the number that each may have, as threadpoolctl tells where it is "
        "installed: `openblas 2`",
    ),
    Column("cpus", "Int64", "count", "CPUs that the program may run on, whatever its quota"),
    Column(
        "steal_s",
        "float64",
        "s",
        "time of these CPUs that the host gave to other guests",
        least=-LONGEST_S,
        most=LONGEST_S,
    ),
    Column(
        "throttled_s",
        "float64",
        "s",
        "how long the control group's CPU quota held it back",
        least=-LONGEST_S,
        most=LONGEST_S,
    ),
    Column(
        *("pressure_s", "float64", "s"),
        "how long some task of the control group that has the quota, or of the machine, was ready "
        "and had no CPU",
        least=-LONGEST_S,
        most=LONGEST_S,
    ),
    Column(
        *("others_cpu_s", "float64", "s"),
        "time of these CPUs that other programs took; from ticks of 10 ms, so that a little less "
        "than none is none",
        least=-LONGEST_S,
        most=LONGEST_S,
    ),
    Column(
        *("max_rss_bytes", "Int64", "bytes"),
        "largest resident set that the measuring process had in the run, or a worker in another "
        "process so far",
    ),
    Column(
        *("memory_bytes", "Int64", "bytes"),
        "the most memory that the measuring process and all it started had at a time in a run that "
        "was not timed: the sum of their proportional set sizes, looked at each 5 ms, and so at "
        "least that; in the cell's first row, with `measure.memory=true`",
    ),
    Column("baseline_memory_bytes", "Int64", "bytes", "the same of the baseline"),
    Column(
        *("worker_memory_bytes", "Int64", "bytes"),
        "the most memory in that run that one worker in another process had to itself",
    ),
    Column(
        *("copied_memory_bytes", "Int64", "bytes"),
        "what forked workers copied in that run of what they had shared when they began, at least",
    ),
    Column(
        *("group_memory_bytes", "Int64", "bytes"),
        "the peak of a control group for the processes of that run, with caches of files and "
        "memory of the kernel's; missing where none could be made",
    ),
    Column("baseline_group_memory_bytes", "Int64", "bytes", "the same of the baseline"),
    Column("gil", "boolean", "", "the global interpreter lock was on where the tasks ran"),
    Column(
        *("gil_enabled_by", "str", ""),
        "the extension modules for which an interpreter that was built to do without the lock has "
        "switched it on, `?` where that is not known",
    ),
    Column(
        *("compared", "str", ""),
        "how its results were compared with those of other runs of the tasks: `equal`; `same`: "
        "not equal, but the same to the workload; `part`: some of them, for other runs do not have "
        "all its tasks; not at all: `any`, since the workload takes any for the same, `empty`, "
        "since all are None, or the setting by which they are not, as `compare=none`; null in a "
        "first run",
    ),
    Column(
        *("checked", "boolean", ""),
        "the workload itself tells results that are not right, without comparing them",
    ),
    Column(
        *("equal_draws", "Int64", "count"),
        "tasks that returned what one on another worker had, though the plain loop gives each "
        "another result every time; missing where results are compared, or tasks repeat them",
    ),
    Column(
        *("differs", "str", ""),
        "the first result that another version of the user's code gives otherwise (`versus`); "
        "missing where all are the same, and in all but the first rounds of a process",
    ),
    Column(
        *("left_processes", "Int64", "count"),
        "processes that were started in the run and still there after it, but for those of an "
        "executor that is kept",
    ),
    Column(
        *("left_files", "Int64", "count"),
        "new files and folders in the working folder after the run, whoever made them",
    ),
    Column(
        *("left_shared_bytes", "Int64", "bytes"),
        "new shared memory of this user after the run that no process uses any longer, but for "
        "what is known to be another program's",
    ),
    Column(
        *("notes", "str", ""),
        "flags that were known before anything was measured, as JSON: detail by code",
    ),
    Column(
        *("largest_task_share", "float64", "ratio"),
        "the longest task's part of the time of all tasks, by their times in the baseline",
        most=1,
    ),
    Column("first_task_s", "float64", "s", "time of the run's first task"),
    Column("task_median_s", "float64", "s", "time of a task: the median of the run"),
    Column(
        *("task_slowdown", "float64", "ratio"),
        "time of a task / its time in the baseline: the median of the run",
    ),
    Column(
        *("first_slowdown", "float64", "ratio"), "the same of the first task of each worker alone"
    ),
    Column(
        *("dealt", "float64", "ratio"),
        "what the busiest worker was dealt over an equal part, by the tasks' times in the baseline",
    ),
    Column(
        *("fetched", "float64", "ratio"),
        "the same if free workers had fetched the tasks one by one, in their order",
    ),
    Column("sorted", "float64", "ratio", "the same, the longest tasks first"),
    Column(
        *("sent_bytes", "float64", "bytes"),
        "what a task weighs on its way to a worker in another process: pickled, the mean of a "
        "sample; 0 where workers were forked with their tasks",
    ),
    Column("returned_bytes", "float64", "bytes", "the same of a result on its way back"),
    Column(
        *("transport_s", "float64", "s"),
        "what it takes to pickle, send and unpickle all tasks and results, one after the other: "
        "tried once, outside the run",
    ),
    Column(
        *("held_s", "float64", "s"),
        "how long coroutines had the event loop to themselves: the steps between their awaits",
    ),
    Column("timer_s", "float64", "s", "what the clock readings around the tasks cost in all"),
    Column(
        *("begin_ns", "Int64", "ns"),
        "when the run began, by the clock of its spans (`time.perf_counter_ns`)",
    ),
    Column("L0_s", "float64", "core-s", "core time provided: workers × `wall_s`"),
    Column(
        *("L1_s", "float64", "core-s"),
        "the window: workers × the time from the first task's start to the last one's end",
    ),
    Column(
        *("L2_s", "float64", "core-s"),
        "workers × the longest time that one of them spent on tasks",
    ),
    Column("L3_s", "float64", "core-s", "the time that all workers spent on tasks"),
    Column("L4_s", "float64", "core-s", "CPU time of the tasks and their wait for a CPU"),
    Column("L5_s", "float64", "core-s", "CPU time of the tasks"),
    Column("L6_s", "float64", "core-s", "CPU time of the same tasks in the baseline of the round"),
    Column(
        *("node_kind", "str", ""),
        "what the machine is, by the cell's `environment.json`: its processor, with its cores and "
        "CPUs; machines of one kind can stand for each other, whatever their names",
    ),
    Column(
        *("folder", "str", ""),
        "the cell's folder, relative to what the folders that were read have in common",
    ),
    Column(
        *("result", "str", ""),
        "the name of the result it belongs to, where those of several folders are kept apart",
    ),
)
"""The columns that every frame of runs has, in order; the parameters and metrics come after them.

`L6_s`, `node_kind`, `folder` and `result` are not in the file: they are filled in when it is read.
Lower-case `int64` and `bool` columns are in every row; a line without one of them is not a run.
"""

FILLED_IN = ("L6_s", "node_kind", "folder", "result")

COLUMNS = (*FIXED, WORKLOAD_PARAMETERS, EXECUTOR_PARAMETERS, METRICS)
"""All of them. Parameters and metrics have the dtype of their values, Int64, float64, boolean or
str. Lists, mappings and columns whose type differs between cells are text: a string as it is,
anything else as JSON.
"""

DTYPES = {column.name: column.dtype for column in FIXED}
"""The dtype of every fixed column of the runs frame."""

COUNTS = {"status": "ok", "cold": False, "warmup": False}
"""What the row of a run says if the run counts; it also has a `wall_s`. A cell's round is complete
where its run counts, and one of the baseline of the same panel, round and process.
"""


def counts(row: Mapping[str, object]) -> bool:
    """Whether that row of a run counts."""
    return row.get("wall_s") is not None and all(row.get(k) == v for k, v in COUNTS.items())


UNFINISHED = "the program ended before the cell did"
"""The error of a cell whose last row does not say what ended it."""

FORMER = {"skipped: of measure.sweep_budget_s=": "left out", UNFINISHED: "interrupted"}
"""How the error of a cell begins that was called incomplete as well, and what its status is now."""


def statuses(frame: "pd.DataFrame") -> "pd.Series[str]":
    """The column `status` of runs or of a summary, in today's words."""
    found = frame["status"]
    for beginning, status in FORMER.items():
        former = frame["error"].fillna("").str.startswith(beginning) & (found == "incomplete")
        found = found.mask(former, status)
    return found
