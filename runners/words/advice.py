"""What a row of the summary means in words: where the efficiency went, and what to do about it."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

TITLES = {
    "startup": "start-up and join",
    "dispatch": "dispatch",
    "balance": "load balance",
    "blocking": "blocking",
    "contention": "CPU contention",
    "computation": "slower computation",
}
"""The steps of the ladder, from the top: name in the summary's columns, and name for readers."""

MATTERS = 0.05
"""A loss is explained from this share of the provisioned core-seconds on."""

MOSTLY_CPU = 0.5
"""Serial tasks that are on the CPU for this part of their time or more compute rather than wait."""

REMEDIES = {
    "fewer than": "the intervals are wide: raise measure.time_budget_s or shrink the tasks",
    "outliers": "something else ran now and then; nothing was left out, medians hardly move",
    "trend over rounds": "the machine grew slower or faster: rest it, or measure longer",
    "processes disagree": "raise measure.interpreters: each fresh interpreter has its own speed",
    "methods disagree": "few or very uneven rounds: look at the single rounds in the figure",
    "steal": "other guests of this host took CPU time: repeat at a quieter time",
    "throttled": "the control group's CPU quota was used up: fewer workers, or a larger quota",
    "more workers than usable CPUs": "they take turns: n up to the usable CPUs is enough",
    "threads x workers": "each worker has its own: cap them, if the workload can, or fewer workers",
    "runs shorter than 1 ms": "the executor's own cost is all that is seen: give it more work",
    "timer cost": "tasks are so short that timing them costs: put more work into each",
    "no steady state": "times still fell when warm-up ended: raise measure.warmup or the budget",
}


@dataclass(frozen=True, slots=True)
class Loss:
    """Core-seconds lost on one step of the ladder, and what may be done about them.

    `factor` is the step's name in the summary's columns, `title` its name for readers, `share` the
    loss as a part of the provisioned core-seconds.
    """

    factor: str
    title: str
    share: float
    hint: str


def explain(summary: Mapping[Any, Any]) -> list[Loss]:
    """The losses that matter of a cell, a row of the summary: the largest first, with a hint."""
    losses = [
        Loss(factor, title, share, _hint(factor, share, summary))
        for factor, title in TITLES.items()
        if (share := float(summary[f"loss_{factor}"])) >= MATTERS
    ]
    return sorted(losses, key=attrgetter("share"), reverse=True)


def remedy(flag: str) -> str:
    """What to do about one of the summary's flags."""
    return next(text for start, text in REMEDIES.items() if flag.startswith(start))


def _hint(factor: str, share: float, summary: Mapping[Any, Any]) -> str:
    match factor:
        case "startup":
            return (
                f"starting and joining workers takes {share:.0%} of the core-seconds: "
                "keep a pool's workers (executor.reuse=true) or give it more work"
            )
        case "dispatch":
            return (
                f"handing out tasks takes {share:.0%} of the core-seconds: "
                "larger chunksize, or fewer and larger tasks"
            )
        case "balance":
            return _balance(summary)
        case "blocking":
            return _blocking(summary)
        case "contention":
            n, usable = int(summary["n"]), summary["usable_cpus"]
            if n > usable:
                return f"{n} workers share {usable:g} {'CPU' if usable == 1 else 'CPUs'}"
            return "other load or steal on the machine takes CPU time from the workers"
        case _:
            # A process forked from one that has warmed up inherits its warm code.
            cold = summary.get("executor.start_method") in ("spawn", "forkserver")
            if summary["worker_kind"] == "process" and cold:
                return "workers run cold code: fork after warm-up or reuse the pool"
            return "tasks compute more slowly side by side: caches, memory bandwidth, frequency"


def _balance(summary: Mapping[Any, Any]) -> str:
    n, tasks, share = int(summary["n"]), int(summary["tasks"]), summary["largest_task_share"]
    if tasks < n:
        return f"{tasks} {'task' if tasks == 1 else 'tasks'} for {n} workers: cut the work finer"
    # A task of at most 1/n of the work would fit beside the others: it is not what limits.
    if share > 1 / n:
        return f"one task is {share:.0%} of all work: cut it finer"
    return "some workers finish early: more tasks, or tasks of equal size"


def _blocking(summary: Mapping[Any, Any]) -> str:
    if summary["waiting"]:
        return "tasks wait longer than they do one by one: what they wait for is shared"
    computing = summary["cpu_share"] >= MOSTLY_CPU
    if summary["worker_kind"] == "thread" and summary["gil"] is not False and computing:
        return "tasks hold the GIL: use processes"
    return "workers wait for I/O or locks: share less, or hold locks for a shorter time"


def reason(error: object) -> str:
    """One line of an error text: the exception of a traceback, the first line of anything else."""
    if not isinstance(error, str):
        return "no reason recorded"
    lines = [line.strip() for line in error.splitlines() if line.strip()] or [""]
    return textwrap.shorten(lines[-1] if "Traceback" in error else lines[0], 300)
