"""Cells that are measured together: what is there already, their rounds, what is said of them."""

import math
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

from runners.command import resume
from runners.command.allocation import allocation
from runners.command.profiling import profile_cells
from runners.command.progress import Bar, Terminal
from runners.command.quiet import Watch, wait_for_quiet
from runners.command.resume import Earlier
from runners.door import libraries_only
from runners.measuring.measure import measure
from runners.model import Order, Panel, Plan, Run, run_of, timestamp
from runners.planning.interpreters import environment_of
from runners.results.claim import claimed
from runners.results.owner import job
from runners.results.read import read_runs
from runners.results.regular import refuse_link
from runners.results.write import append, append_spans, keep_spans, write_environment


@dataclass(frozen=True, slots=True)
class Measured:
    """How a cell ended, and its speedup; NaN where there is none."""

    status: str
    speedup: float = math.nan


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cell, the folder of its results, and who tells of it.

    `submitted` says how things were where the cell was handed over, if it was (`resume.begin`).
    """

    plan: Plan
    folder: Path
    display: Terminal
    submitted: Mapping[str, Any] | None = None

    @property
    def label(self) -> str:
        return self.display.name

    @property
    def is_alone(self) -> bool:
        """Whether it is not one of a sweep."""
        return self.display.place is None


class Shown(Protocol):
    """The progress of cells that are measured together, told of each run that has ended."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None: ...

    def update(self, run: Run) -> None: ...


Show = Callable[[Sequence[Terminal]], Shown]


def measure_cells(
    cells: Sequence[Candidate],
    home: Path,
    watch: Watch,
    show: Show = Bar,
    *,
    shares_machine: bool | None = None,
) -> list[Measured]:
    """Measure what is not already there, store every run as it ends, show what came out.

    What is to be measured makes one panel; the baseline of several cells has a folder in `home`.
    Whoever calls has claimed the cells' folders; `shares_machine` is what rows say of jobs of the
    same sweep. Raises OSError, and Claimed for that folder.
    """
    earlier = [resume.look(cell.folder, cell.plan) for cell in cells]
    todo = []
    for cell, old in zip(cells, earlier, strict=True):
        cell.display.begin(old)
        if old.outcome not in ("reused", "unreadable"):
            todo.append((cell, old))
    panel = None
    with ExitStack() as claims:
        if todo:
            first = todo[0][0]
            wait_for_quiet(first.plan, watch, first.display.say)
            panel = _measure(todo, home, claims, show, shares_machine)
        found = [
            (Measured("unreadable"), None) if old.outcome == "unreadable" else _shown(cell)
            for cell, old in zip(cells, earlier, strict=True)
        ]
        if panel is not None and cells[0].plan.measure.keep_spans == "median":
            keep_spans(panel, {number for _, number in found})
        profile_cells(cells, {cell.folder for cell, _ in todo})
    return [measured for measured, _ in found]


def leave_out(cell: Candidate, reason: str) -> Measured:
    """Do without measuring a cell, for this reason. An earlier result that stands is left alone."""
    earlier = resume.look(cell.folder, cell.plan)
    if earlier.outcome == "unreadable":
        cell.display.begin(earlier)
        return Measured("unreadable")
    if earlier.outcome == "continued" or earlier.status not in (None, "ok", "left out"):
        cell.display.say(f"stays as it is, {reason}")
    elif earlier.status != "left out":  # once is enough
        resume.begin(cell.folder, cell.plan, earlier)
        order = Order(0, 0, 0, "measured", cold=True, warmup=True)
        append(cell.folder, run_of(cell.plan, order, "left out", timestamp(), reason))
    measured, _ = _shown(cell)
    return measured


def _measure(
    todo: Sequence[tuple[Candidate, Earlier]],
    home: Path,
    claims: ExitStack,
    show: Show,
    shares_machine: bool | None,
) -> Path | None:
    """Returns the folder of what several cells share, which is claimed besides."""
    panel = Panel(tuple(cell.plan for cell, _ in todo))
    shared = None if panel.name is None else home / panel.name
    numbers = []
    if shared is not None:
        refuse_link(shared)
        claims.enter_context(claimed(shared))
        numbers = [resume.following(shared)]  # it can be read: before anything is set aside
    for cell, old in todo:
        # Before anything is measured: also a cell that is killed says on what machine it was.
        write_environment(cell.folder, environment_of(cell.plan.python.asked, cell.plan.version))
        resume.begin(cell.folder, cell.plan, old, cell.submitted)
    folders = {cell.plan.cell: cell.folder for cell, _ in todo}
    numbers += [resume.following(folder) for folder in folders.values()]
    if panel.name is not None and shared is not None:
        folders[panel.name] = shared
    displays = {cell.plan.cell: cell.display for cell, _ in todo}
    where = {"job": job(), "host": socket.gethostname() or None, **allocation()._asdict()}
    runs = measure(
        *panel.plans,
        earlier=[old.rounds for _, old in todo],
        next_round=max(number for number, _ in numbers),
        next_process=max(number for _, number in numbers),
    )
    # Closed at once, whatever is raised here: a traceback that is kept would keep it alive.
    with closing(runs), show(list(displays.values())) as bar:
        for run in runs:
            run = replace(run, share_machine=shares_machine, **where)
            append(folders[run.cell], run)
            if panel.plans[0].measure.keep_spans != "none" and run.role != "spin":
                append_spans(folders[run.cell], run)
            if run.status != "ok" and run.ended_by is not None:
                displays[run.cell].failed = run
            bar.update(run)
    return shared


def _shown(cell: Candidate) -> tuple[Measured, int | None]:
    """Show the summary of the cell; of its spans, those of the typical round are kept.

    Returns the number of that round as well.
    """
    # They load pandas and scipy: not before the measurement.
    with libraries_only():
        from runners.analysis.cell import cells
        from runners.analysis.rounds import of_cell, typical_round
        from runners.analysis.summary import summarise

        runs = of_cell(read_runs(cell.folder, below=False), cell.plan.cell)
        number = typical_round(runs)
        if cell.plan.measure.keep_spans == "median":
            keep_spans(cell.folder, {number})
        [found] = cells(summarise(runs))
        return Measured(cell.display.finish(found), found.speedup.estimate), number
