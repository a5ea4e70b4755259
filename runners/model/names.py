"""The words that rows and plans are made of, and what a reader should know of a cell."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Role = Literal["baseline", "measured", "spin"]
WAITING = 0.05
"""Tasks whose serial run spends less than this share of its wall time on a CPU are waiting."""
SIDES: tuple[Role, Role] = ("baseline", "measured")
"""The roles of a workload's own runs; `spin` is a run of loops that ask what the machine gives."""
Scaling = Literal["strong", "weak"]
Warmth = Literal["same process", "inherited", "fresh", "kept"]
Workers = Literal["caller", "thread", "process", "interpreter", "coroutine", "remote", "unknown"]
VERDICT_ROUNDS = 30
"""A test of a speedup needs so many: of fewer, some on a loaded machine told the wrong thing,
whatever their interval (`benchmarks.demands`)."""
Gil = Literal["on", "off"]
"""Whether an interpreter that can do without its global lock is to have it."""
Status = Literal[
    "ok",
    "left out",
    "incomplete",
    "unsupported",
    "failed",
    "wrong",
    "timeout",
    "crashed",
    "interrupted",
]
"""How a run ended, or a cell: from best to worst.

`incomplete`: some of its results never came, or something else went wrong that may pass, as where
a server did not answer. It is measured again when the sweep is gone on with.
`unsupported`: this pair, in this configuration, can never be measured.
`left out`: a cell that was not measured, for it no longer fitted into the time of its sweep.
`interrupted`: the program was asked to stop, or ended before the cell did.
"""

KeepSpans = Literal["median", "all", "none"]

FlagCode = Literal[
    "busy_machine",
    "few_rounds",
    "outliers",
    "trend",
    "processes_disagree",
    "position",
    "methods_disagree",
    "steal",
    "throttled",
    "oversubscribed",
    "fewer_cpus",
    "not_exclusive",
    "beyond_cores",
    "library_threads",
    "timer_cost",
    "short_runs",
    "not_steady",
    "time_spent",
    "same_tasks",
    "above_bound",
    "first_calls",
    "equal_draws",
    "leaves_behind",
    "shared_connection",
    "by_name",
    "unguarded",
    "computing_coroutines",
    "loop_threads",
    "open_ports",
    "gil_enabled",
    "copied_memory",
    "other_clocks",
]


def listed(cpus: Iterable[int]) -> str:
    """CPUs as the kernel writes them: `0-3,8`."""
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and cpu == parts[-1][1] + 1:
            parts[-1][1] = cpu
        else:
            parts.append([cpu, cpu])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)


def function_label(name: str) -> str:
    """How a function is called for readers: `zlib.compress` for zlib:compress, `mine.f` for
    path/to/mine.py:f, `f` for one that has no module, `pickled:f-1a2b3c`."""
    place, _, attribute = name.rpartition(":")
    if place == "pickled":
        return attribute.rpartition("/")[2].rpartition("-")[0]
    module = place.rpartition("/")[2].removesuffix(".py") if place.endswith(".py") else place
    return f"{module}.{attribute}" if module else attribute


@dataclass(frozen=True, slots=True)
class Flag:
    """What a reader should know before trusting a cell's numbers; `words.flags` says it in words.

    `detail` is what the code does not say about this cell, as in "4 > 2"; "" if it says all.
    """

    code: FlagCode
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """Core time lost on the step `factor` of the ladder, as a share of what was provided.

    `machine` is the part of it that loops that share nothing lose as well; 0 where nobody asked.
    """

    factor: str
    share: float
    machine: float = 0.0
