"""One cell: what is there of it already, its rounds, their storage, what is said of it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runners.command import resume
from runners.command.progress import Terminal
from runners.measuring.measure import measure
from runners.model import Plan
from runners.planning.environment import read_environment
from runners.results.read import read_runs
from runners.results.write import append, append_spans, keep_spans, write_environment


@dataclass(frozen=True, slots=True)
class Measured:
    """How a cell ended, and its speedup; NaN where there is none."""

    status: str
    speedup: float = math.nan


def measure_cell(plan: Plan, folder: Path, display: Terminal) -> Measured:
    """Measure what is not already there, store every run as it ends, show what came out."""
    earlier = resume.look(folder, plan)
    display.begin(earlier.status, earlier.words)
    if earlier.status is None:
        resume.begin(folder, plan, earlier)
        for run in measure(plan, earlier.rounds, earlier.next_round, earlier.next_process):
            append(folder, run)
            if plan.measure.keep_spans != "none":
                append_spans(folder, run)
            display.update(run)
        write_environment(folder, read_environment())
    row = _summary(folder, plan)
    return Measured(display.finish(row), float(row["speedup"]))


def _summary(folder: Path, plan: Plan) -> dict[Any, Any]:
    """The cell's row of the summary; of its spans, those of the typical round are kept."""
    from runners.analysis import summary  # loads pandas and scipy: not before the measurement

    runs = read_runs(folder)
    runs = runs[runs["cell"] == plan.cell]
    if plan.measure.keep_spans == "median":
        keep_spans(folder, summary.typical_round(runs))
    [row] = summary.summarise(runs).to_dict("records")
    return row
