"""What a reader should know before trusting a cell's numbers; docs/method.md has a table of it."""

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, get_args

import numpy as np

from runners.analysis.attainable import at_a_time, cpu_limit
from runners.analysis.estimators import disagreements, falls, holm, trends
from runners.analysis.machine import busy
from runners.analysis.nodes import has_fewer_cpus
from runners.analysis.rounds import Rounds
from runners.model import SIDES, Flag, FlagCode
from runners.words.causes import MOSTLY_CPU, OWN_CPUS, bytes_text
from runners.words.many import alike
from runners.words.rounding import counted

TESTS: tuple[FlagCode, ...] = ("trend", "processes_disagree", "position", "not_steady")
CHANCE = 0.01
"""The probability that chance alone raises a flag in a report, whatever the number of its cells."""
FEWEST_ROUNDS = 6
"""With fewer rounds no 95% interval of ranks exists."""
STEAL = 0.01
"""A flag is raised if the host gave more than this part of the CPU time to others."""
SHORT_S = 0.001
MOST = 0.5
SPENT = {
    "warmup_share": "warming up",
    "starting_share": "starting interpreters",
    "judging_share": "comparing results",
}
"""What a flag is raised for if it takes more than MOST of the time of a measurement."""
COPIED_BYTES, COPIED = 16e6, 0.1
"""A flag is raised if forked workers copied more than both, the second as a part of all memory:
each copies some of the interpreter."""
COMPUTED_S = 0.0001
"""Of shorter coroutines, most of the CPU time is that of calling them."""
TIMER_COST = 0.05
"""A flag is raised if reading the clocks takes more than this part of the tasks' time."""


def _library_threads(cell: Mapping[str, Any], running: float) -> Iterator[Flag]:
    """Of threads that tasks have of their own: more than there are CPUs, with those of all workers.

    As the workload tells (see `model.Metered`), else as it was seen.
    """
    told = [(f"{name.upper()}, ", cell[key]) for key, name in _metrics_of_threads(tuple(cell))]
    if not told and cell["native_share"] > OWN_CPUS:
        told = [("", cell["library_threads"] + 1)]
    for name, threads in told:
        if threads * running > cell["usable_cpus"]:
            counts = f"{threads:g} x {running:g} > {cell['usable_cpus']:g}"
            yield Flag("library_threads", f"{name}{counts}")


@lru_cache(maxsize=4)
def _metrics_of_threads(columns: tuple[str, ...]) -> list[tuple[str, str]]:
    """Which columns tell of threads, and of what: they are the same of all cells."""
    found = (re.fullmatch(r"metric\.(\w+)_threads", name) for name in columns)
    return [(one[0], one[1]) for one in found if one]


def suspicions(cells: Sequence[Rounds]) -> list[list[FlagCode]]:
    """The flags of each cell that a test raises; all tests of all cells are corrected together."""
    p: dict[tuple[int, FlagCode], float] = {}
    for n, places in alike(len(rounds.process) for rounds in cells).items():
        if not n:
            continue
        walls = np.stack([[cells[at].baseline_s, cells[at].measured_s] for at in places])
        process, earlier = (
            np.stack([getattr(cells[at], name) for at in places]) for name in ("process", "earlier")
        )
        logs = np.log(walls[:, 0] / walls[:, 1])
        tests: dict[FlagCode, list[float]] = {
            "trend": trends(np.concatenate([walls, logs[:, None]], axis=1)),
            "processes_disagree": disagreements(logs, process),
            "position": disagreements(logs, earlier),
            "not_steady": falls(walls.swapaxes(1, 2), process),
        }
        for code, values in tests.items():
            p |= {(at, code): value for at, value in zip(places, values, strict=True)}
    p = {(at, code): p[at, code] for at in range(len(cells)) for code in TESTS if (at, code) in p}
    tested = [test for test, value in p.items() if not math.isnan(value)]
    raised = holm([p[test] for test in tested], CHANCE)
    found: list[list[FlagCode]] = [[] for _ in cells]
    for (at, code), is_raised in zip(tested, raised, strict=True):
        if is_raised:
            found[at].append(code)
    return found


def flags(cell: Mapping[str, Any], suspected: Collection[FlagCode]) -> Iterator[Flag]:
    """The flags of a cell that has complete rounds, from its row of the summary so far.

    That also says how many outliers either side has. `suspected` are its own of `suspicions`.
    """
    if why := busy(cell):
        yield Flag("busy_machine", why)
    if cell["rounds"] < FEWEST_ROUNDS:
        # One that does not count, and a tenth more.
        enough_s = (cell["baseline_median_s"] + cell["measured_median_s"]) * 1.1 * FEWEST_ROUNDS
        enough_s += (cell["baseline_median_s"] + cell["measured_median_s"]) * 1.1
        yield Flag("few_rounds", f"{FEWEST_ROUNDS} rounds: they take about {enough_s:.2g} s")
    if first := cell.get("first_calls"):
        yield Flag("first_calls", first)
    for side in SIDES:
        if count := cell[f"{side}_outliers"]:
            yield Flag("outliers", f"{side} ({count})")
    yield from map(Flag, suspected)
    total_low, total_high = cell["mean_ratio_low"], cell["mean_ratio_high"]
    if total_low > cell["speedup_high"] or total_high < cell["speedup_low"]:
        yield Flag("methods_disagree")
    if cell["steal_share"] > STEAL:
        yield Flag("steal", f"{cell['steal_share']:.1%}")
    if cell["throttled_s"] > 0:
        yield Flag("throttled", f"{cell['throttled_s']:.2f} s")
    running, limit = at_a_time(cell), cpu_limit(cell)
    of_the_job = list(_of_the_job(cell))
    yield from of_the_job
    if running > max(limit, cell["usable_cpus"]) and not cell["waiting"]:
        if "fewer_cpus" not in {flag.code for flag in of_the_job}:  # which says the same
            yield Flag("oversubscribed", f"{running:g} > {cell['usable_cpus']:g}")
    elif (cores := _cores(cell)) * limit / cell["usable_cpus"] < running and not cell["waiting"]:
        yield Flag("beyond_cores", f"{running:g} > {cores:g}")
    coroutine = cell["worker_kind"] == "coroutine"
    computes = cell["cpu_share"] > MOSTLY_CPU and cell["task_s"] > COMPUTED_S
    if coroutine and computes and cell["n"] > 1:
        yield Flag("computing_coroutines", f"{cell['cpu_share']:.0%}")
    if coroutine and cell["native_share"] > OWN_CPUS:
        yield Flag("loop_threads", f"{cell['native_share']:.1f}")
    elif limit < math.inf:
        yield from _library_threads(cell, running)
    timer_cost = cell["timer_s"] / cell["L3_s"] if cell["L3_s"] > 0 else 0.0
    if timer_cost > TIMER_COST and not first:  # more of it would be found ready, too
        yield Flag("timer_cost", f"{timer_cost:.0%}")
    if min(cell["baseline_median_s"], cell["measured_median_s"]) < SHORT_S and not first:
        yield Flag("short_runs")
    if not cell["steady"] and "not_steady" not in suspected:  # in rows of earlier versions
        yield Flag("not_steady")
    for share, what in SPENT.items():
        wanted = share == "starting_share" and cell.get("fresh") is True
        if cell[share] > MOST and not first and not wanted:
            yield Flag("time_spent", f"{cell[share]:.0%} {what}")
    if cell.get("efficiency_of_ceiling_low", math.nan) > 1:
        yield Flag("above_bound", f"{cell['speedup']:.2f} > {cell['attainable']:.2f}")
    if (runs := cell.get("drawn_alike", 0)) > 0:
        yield Flag("equal_draws", f"{runs:g}")
    if isinstance(by := cell.get("gil_enabled_by"), str):
        yield Flag("gil_enabled", by.replace("?", "a module that is not known"))
    copied = cell.get("copied_memory_bytes", math.nan)
    if copied > max(COPIED_BYTES, COPIED * cell["memory_bytes"]):
        yield Flag("copied_memory", bytes_text(copied))
    if cell["away_tasks"] > 0:
        tasks = f"{cell['away_tasks']:g} of {cell['tasks']:g} tasks"
        where = f" on {cell['away_machines']}" if isinstance(cell["away_machines"], str) else ""
        who = counted(int(cell["away_workers"]), "worker")
        yield Flag("other_clocks", f"{tasks}, of {who}{where},")
    yield from _leaves_behind(cell)
    yield from _noted(cell.get("notes"))
    weak = cell["scaling"] == "weak"
    # Rows of earlier versions do not say it: there were no fresh ones.
    copies = float(cell["n"]) if weak and math.isnan(cell["task_copies"]) else cell["task_copies"]
    if weak and copies > 1:
        yield Flag("same_tasks", f"{copies:g}")


def _of_the_job(cell: Mapping[str, Any]) -> Iterator[Flag]:
    """What the batch job that a cell was measured in did not have for itself."""
    if isinstance(cell.get("job"), str) and has_fewer_cpus(cell):
        yield Flag("fewer_cpus", f"{cell['usable_cpus']:g} for {cell['n']:g}")
    if cell.get("exclusive") is False:
        yield Flag("not_exclusive")


def _cores(cell: Mapping[str, Any]) -> float:
    """The physical cores that workers have; infinite where nobody knows how many there are."""
    known = (cell.get("worker_cores"), cell.get("physical_cores"))
    return next((float(one) for one in known if one is not None and one == one), math.inf)


def _leaves_behind(cell: Mapping[str, Any]) -> Iterator[Flag]:
    """What a run left, by the worst of them."""
    left = [
        f"{count:g} {one if count == 1 else more}"
        for name, one, more in (
            ("left_processes", "process", "processes"),
            ("left_files", "file in the working folder", "files in the working folder"),
            ("left_shared_bytes", "byte of shared memory", "bytes of shared memory"),
        )
        if (count := cell.get(name, 0)) > 0
    ]
    if left:
        yield Flag("leaves_behind", ", ".join(left))


def _noted(notes: object) -> Iterator[Flag]:
    """The flags that the rows brought with them, but for those that only a later version knows."""
    if isinstance(notes, str):
        for code, detail in json.loads(notes).items():
            if code in get_args(FlagCode):
                yield Flag(code, detail)
