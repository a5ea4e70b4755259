"""What a reader should know before trusting a cell's numbers; docs/method.md has a table of it."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from runners.analysis.attainable import at_a_time, cpu_limit
from runners.analysis.estimators import has_trend, outliers, processes_disagree
from runners.analysis.machine import busy
from runners.analysis.rounds import Rounds
from runners.model import Flag

FEWEST_ROUNDS = 6
"""With fewer rounds no 95% interval of ranks exists."""
STEAL = 0.01
"""A flag is raised if the host gave more than this part of the CPU time to others."""
SHORT_S = 0.001
TIMER_COST = 0.05
"""A flag is raised if reading the clocks takes more than this part of the tasks' time."""


def flags(rounds: Rounds, cell: Mapping[str, Any]) -> Iterator[Flag]:
    """The flags of a cell, from its complete rounds and its row of the summary so far."""
    if why := busy(cell):
        yield Flag("busy_machine", why)
    logs = np.log(rounds.baseline_s / rounds.measured_s)
    if cell["rounds"] < FEWEST_ROUNDS:
        yield Flag("few_rounds", str(FEWEST_ROUNDS))
    for side, walls in (("baseline", rounds.baseline_s), ("measured", rounds.measured_s)):
        if count := int(outliers(walls).sum()):
            yield Flag("outliers", f"{side} ({count})")
    if has_trend(rounds.baseline_s, rounds.measured_s, logs):
        yield Flag("trend")
    if processes_disagree(logs, rounds.process):
        yield Flag("processes_disagree")
    if cell["hl_low"] > cell["speedup_high"] or cell["hl_high"] < cell["speedup_low"]:
        yield Flag("methods_disagree")
    if cell["steal_share"] > STEAL:
        yield Flag("steal", f"{cell['steal_share']:.1%}")
    if cell["throttled_s"] > 0:
        yield Flag("throttled", f"{cell['throttled_s']:.2f} s")
    running, limit = at_a_time(cell), cpu_limit(cell)
    if running > limit and not cell["waiting"]:
        yield Flag("oversubscribed", f"{running:g} > {cell['usable_cpus']:g}")
    for name in cell:
        library = re.fullmatch(r"metric\.(\w+)_threads", name)  # see `model.Metered`
        if library and cell[name] * running > cell["usable_cpus"] and limit < math.inf:
            counts = f"{cell[name]:g} x {running:g} > {cell['usable_cpus']:g}"
            yield Flag("library_threads", f"{library[1].upper()}, {counts}")
    timer_cost = cell["timer_s"] / cell["L3_s"] if cell["L3_s"] > 0 else 0.0
    if timer_cost > TIMER_COST:
        yield Flag("timer_cost", f"{timer_cost:.0%}")
    if min(cell["baseline_median_s"], cell["measured_median_s"]) < SHORT_S:
        yield Flag("short_runs")
    if not cell["steady"]:
        yield Flag("not_steady")
    if cell.get("efficiency_of_ceiling_low", math.nan) > 1:
        yield Flag("above_bound", f"{cell['speedup']:.2f} > {cell['attainable']:.2f}")
    weak = cell["scaling"] == "weak"
    # Rows of earlier versions do not say it: there were no fresh ones.
    copies = float(cell["n"]) if weak and math.isnan(cell["task_copies"]) else cell["task_copies"]
    if weak and copies > 1:
        yield Flag("same_tasks", f"{copies:g}")
