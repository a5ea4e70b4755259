"""One cell: what is there of it already, its rounds, their storage, what is said of it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runners.command import resume
from runners.command.progress import Terminal
from runners.measuring.measure import measure
from runners.model import Plan
from runners.planning.environment import read_environment
from runners.results.read import read_runs
from runners.results.write import append, append_spans, keep_spans, write_environment

if TYPE_CHECKING:
    from runners.analysis.cell import CellSummary


@dataclass(frozen=True, slots=True)
class Measured:
    """How a cell ended, and its speedup; NaN where there is none."""

    status: str
    speedup: float = math.nan


def measure_cell(plan: Plan, folder: Path, display: Terminal) -> Measured:
    """Measure what is not already there, store every run as it ends, show what came out."""
    earlier = resume.look(folder, plan)
    display.begin(earlier)
    if earlier.outcome != "reused":
        resume.begin(folder, plan, earlier)
        for run in measure(plan, earlier.rounds, earlier.next_round, earlier.next_process):
            append(folder, run)
            if plan.measure.keep_spans != "none":
                append_spans(folder, run)
            display.update(run)
        write_environment(folder, read_environment())
    cell = _summary(folder, plan)
    return Measured(display.finish(cell), cell.speedup.estimate)


def _summary(folder: Path, plan: Plan) -> "CellSummary":
    """The summary of the cell; of its spans, those of the typical round are kept."""
    # They load pandas and scipy: not before the measurement.
    from runners.analysis.cell import cells
    from runners.analysis.rounds import typical_round
    from runners.analysis.summary import summarise

    runs = read_runs(folder)
    runs = runs[runs["cell"] == plan.cell]
    if plan.measure.keep_spans == "median":
        keep_spans(folder, typical_round(runs))
    [found] = cells(summarise(runs))
    return found
