"""What a command would measure and how long that would take, told before it: `dry_run=true`."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from omegaconf import DictConfig

from runners.command import cluster, resume
from runners.command.cells import Cell, Known, earlier_of, panels
from runners.command.profiling import is_missing
from runners.command.progress import Place, clock, why
from runners.command.resume import Earlier
from runners.model import Plan, UsageError
from runners.words.rounding import counted

DAY_S = 24 * 60 * 60.0
NOTHING = "nothing was measured or written"


def accept_time(config: DictConfig, cells: int, budget_s: float) -> None:
    """Raise UsageError for a sweep that would take more than a day, unless that is allowed.

    `budget_s` are the time budgets of all its cells. It is asked before they are composed.
    """
    asked = cluster.chosen(config)
    jobs = max(1, asked[1].jobs if asked is not None else 1)  # a wrong number is told later
    if (
        budget_s / jobs <= DAY_S
        or config.dry_run
        or config.yes
        or config.measure.sweep_budget_s is not None
    ):
        return
    each = f" in each of {jobs} jobs" if jobs > 1 else ""
    raise UsageError(
        f"{cells:,} cells would take up to {days(budget_s / jobs)}{each}, by their time budgets "
        f"(measure.time_budget_s); set measure.sweep_budget_s=SECONDS, or yes=true if that is meant"
    )


def days(seconds: float) -> str:
    """A long time, in words: 2 days 3 h; a shorter one as a clock shows it."""
    if seconds < DAY_S:
        return clock(seconds)
    whole, rest = divmod(seconds, DAY_S)
    return f"{counted(int(whole), 'day')} {rest / 3600:.0f} h"


class Outlook:
    """What is there of the cells, and what is to come.

    `known` takes from the identity of a cell what is known before it is measured.
    """

    def __init__(self, cells: Sequence[Cell], config: DictConfig, known: Known = dict) -> None:
        self.cells = cells
        self.config = config
        self.earlier = {cell.number: earlier_of(cell, known) for cell in cells}
        self.to_come = [
            cell
            for cell in cells
            if isinstance(cell.what, Plan)
            and self.earlier[cell.number].outcome not in ("reused", "unreadable")
        ]

    def lines(self) -> Iterator[str]:
        """A line a cell, how many there are of each kind, and how long it would take."""
        quiet = self.config.sweep.progress == "json"
        for cell in self.cells:
            kind, reason = self._fate(cell)
            place = Place(cell.number + 1, len(self.cells), cell.name)
            if quiet:
                where = {"cell": place.at, "cells": place.cells, "name": cell.name}
                yield json.dumps({**where, "fate": kind, "reason": reason})
            else:
                yield f"{place}{cell.name:<40}  {kind}{': ' if reason else ''}{reason}"
        if quiet:
            return
        kinds = [self._fate(cell)[0] for cell in self.cells]
        counts = (f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        yield f"{counted(len(self.cells), 'cell')}: {', '.join(counts)}"
        yield from self._times()
        yield from self._profiles()
        yield NOTHING

    def _fate(self, cell: Cell) -> tuple[str, str]:
        """What becomes of a cell, and why."""
        earlier, what = self.earlier[cell.number], cell.what
        if earlier.outcome == "unreadable":
            return "unreadable", earlier.error
        if not isinstance(what, Plan):
            return str(what.status), str(what.error)
        if earlier.outcome == "new":
            return "to be measured", ""
        kind = {
            "reused": "there already",
            "continued": "to go on",
            "again": "to be measured again",
        }
        return kind[earlier.outcome], why(earlier, what)

    def _profiles(self) -> Iterator[str]:
        coming = {cell.number for cell in self.to_come}
        count = sum(
            isinstance(cell.what, Plan)
            and cell.what.profile
            and (cell.number in coming or is_missing(cell.what, cell.folder))
            for cell in self.cells
        )
        if count:
            yield f"profiles     of {counted(count, 'cell')} besides, some ten seconds each"

    def _times(self) -> Iterator[str]:
        if not self.to_come:
            return
        budget_s = sum(cell.budget_s for cell in self.to_come)
        limit_s = self.config.measure.sweep_budget_s
        most_s = min(budget_s, math.inf if limit_s is None else limit_s)
        limit = "time budgets" if most_s == budget_s else "measure.sweep_budget_s"
        count = counted(len(self.to_come), "cell")
        yield f"time         up to {days(most_s)}, the {limit} of {count}"
        taken = seconds_a_cell(self.cells, self.earlier)
        about_s = most_s
        if taken is not None:
            each_s, of = taken
            about_s = min(each_s * len(self.to_come), most_s)
            yield f"             about {days(about_s)}, as those took that are there ({of})"
        asked = cluster.chosen(self.config)
        if asked is None:
            cpus = max(c.what.usable_cpus for c in self.to_come if isinstance(c.what, Plan))
            yield f"core-hours   {about_s / 3600 * cpus:.2g}, for {cpus:g} CPUs"
            return
        yield from self._jobs(asked[1], about_s / budget_s)

    def _jobs(self, settings: Any, share: float) -> Iterator[str]:
        """How the cells are dealt out; `share` is the part of their budgets that they take."""
        parts = cluster.dealt(panels(self.to_come, self.config), settings.jobs)
        longest_s = max(sum(c.budget_s for panel in part for c in panel) for part in parts) * share
        limit = f"the limit of each is {days(settings.timeout_min * 60)}"
        yield f"jobs         {len(parts)}, the longest {days(longest_s)}; {limit}"
        hours = sum(cell.budget_s for cell in self.to_come) * share / 3600
        if settings.cpus is not None:
            yield f"core-hours   {hours * settings.cpus:.2g}, for {settings.cpus} CPUs a job"
        else:
            yield f"core-hours   {hours:.2g} times the CPUs that a job gets"


def seconds_a_cell(
    cells: Iterable[Cell], earlier: Mapping[int, Earlier]
) -> tuple[float, str] | None:
    """How long the cells took that are there, and of how many that is said; None without any.

    Cells that share their rounds took that long together: of each panel it is the time from its
    first run to its last, without what was longer than the time budget of a cell (an interruption).
    """
    starts: dict[Any, list[float]] = defaultdict(list)
    there = 0
    longest_s = 0.0
    for cell in cells:
        if earlier[cell.number].outcome not in ("reused", "continued"):
            continue
        if not isinstance(cell.what, Plan):
            continue
        there += 1
        longest_s = max(longest_s, cell.budget_s)
        for panel, begin_s in resume.begins(cell.folder):
            starts[panel or cell.number].append(begin_s)
    steps = [
        later - sooner
        for times in starts.values()
        for sooner, later in pairwise(sorted(times))
        if later - sooner <= longest_s
    ]
    return (sum(steps) / there, counted(there, "cell")) if steps else None
