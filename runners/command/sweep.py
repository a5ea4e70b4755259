"""A sweep: its cells planned before the first one runs, measured here or handed to a launcher.

The two classes of `hydra_plugins/speedup_lab.py` call this module; it keeps nothing but what is in
the sweep's folder.
"""

import copy
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runners.command import resume
from runners.command.cell import Measured
from runners.command.grid import Grid
from runners.command.job import Job
from runners.command.mistakes import fail
from runners.command.progress import Place, Terminal, clock, differing, refused, why
from runners.model import OutOfTime, Plan, Run, Unsupported, UsageError
from runners.planning.config import plan, refusal
from runners.planning.environment import read_site
from runners.planning.identity import Code
from runners.planning.plugins import BrokenPlugin
from runners.results.columns import SWEEP
from runners.results.write import append, write_json

ORDERS = ("random", "given")
OUTPUTS = ("text", "json")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a sweep: a plan, or the row that says why there is none.

    `number` is its place in the grid, from 0 on, and Hydra's `job.num`; `name` tells it from the
    others.
    """

    number: int
    name: str
    overrides: tuple[str, ...]
    folder: Path
    what: Plan | Run

    @property
    def budget_s(self) -> float:
        return self.what.measure.time_budget_s if isinstance(self.what, Plan) else 0.0


class Sweep:
    """One sweep of this command. `config` is Hydra's for the sweep as a whole."""

    def __init__(self, context: HydraContext, job: TaskFunction, config: DictConfig) -> None:
        assert isinstance(job, Job)
        self.context = context
        self.job = job
        self.config = config
        self.folder = Path(str(config.hydra.sweep.dir))
        self.grid = Grid(context.config_loader, config)
        self.quiet = bool(config.sweep.progress == "json")
        self.began_s = time.monotonic()

    def run(
        self, params: Mapping[str, Any], arguments: Sequence[str], launcher: Launcher | None
    ) -> list[JobReturn]:
        """Measure the grid: here, or by a launcher of Hydra's, a cell a job."""
        try:
            _check(self.config)
            combinations = self.grid.combinations(params, arguments)
        except UsageError as error:
            fail(error)
        cells = self._planned(combinations)
        self.claim(len(cells))
        missing = [cell for cell in cells if not self._stands(cell, len(cells))]
        if launcher is None:
            if self.config.sweep.order == "random":
                random.Random(self.config.measure.seed).shuffle(missing)
            return self._measured(missing, len(cells))
        return self._handed_over(missing, cells, launcher)

    def claim(self, cells: int) -> None:
        """Make the sweep's folder, for this program alone."""
        self.job.folder = self.job.sweep = self.folder
        self.job.report = bool(self.config.sweep.report)
        try:
            resume.lock(self.folder)
            OmegaConf.save(self.config, self.folder / "multirun.yaml")
            write_json(self.folder / SWEEP, {"cells": cells})
        except (UsageError, OSError) as error:
            fail(error, self.folder)

    def _planned(self, combinations: Sequence[tuple[str, ...]]) -> list[Cell]:
        """Every cell, composed and planned. The first mistake ends the program before a run."""
        site, code = read_site(), Code()
        cells: list[Cell] = []
        places: dict[Path, int] = {}
        common = set(combinations[0]).intersection(*combinations) if combinations else set()
        for number, overrides in enumerate(combinations):
            own = " ".join(text for text in overrides if text not in common)
            name = f"cell {number + 1} of {len(combinations)}" + (f" ({own})" if own else "")
            try:
                cfg = self.grid.config(overrides, number)
                folder = self.folder / str(cfg.hydra.sweep.subdir)
                what: Plan | Run
                try:
                    what = plan(cfg, site, code)
                except UsageError as error:
                    if not _is_a_result(error, overrides):
                        raise
                    what = refusal(cfg, error)
            except (HydraException, OmegaConfBaseException, UsageError, OSError) as error:
                fail(error, cell=name)
            if (other := places.setdefault(folder, number)) != number:
                fail(
                    UsageError(
                        f"it would have the folder of cell {other + 1}; name what differs in "
                        "hydra.sweep.subdir, or leave that out"
                    ),
                    cell=name,
                )
            cells.append(Cell(number, "", overrides, folder, what))
        names = differing([cell.what for cell in cells])
        return [replace(cell, name=name) for cell, name in zip(cells, names, strict=True)]

    def _stands(self, cell: Cell, cells: int) -> bool:
        """Whether an earlier measurement of that cell is there and stands. If so, it is told."""
        if isinstance(cell.what, Plan):
            earlier = resume.look(cell.folder, cell.what)
            if earlier.outcome != "reused":
                return False
            status, words = str(earlier.status), why(earlier, cell.what)
        elif resume.holds(cell.folder, cell.what):
            status = words = cell.what.status
        else:
            return False
        place = Place(cell.number + 1, cells, cell.name)
        if self.quiet:
            _print_json(place, cell, status=status, reused=True)
        else:
            print(f"{place}{place.name}: reused, {words}")
        self.job.statuses.append(status)
        return True

    def _measured(self, cells: Sequence[Cell], count: int) -> list[JobReturn]:
        """Measure cells in this process, one after another."""
        returns = []
        pace = Pace(self.began_s, [cell.budget_s for cell in cells])
        for at, cell in enumerate(cells, count - len(cells) + 1):
            place = Place(at, count, cell.name, pace.told, self.quiet)
            job = partial(self._measure, cell, place, pace)
            config = copy.deepcopy(self.grid.config(cell.overrides, cell.number))
            returns.append(self._run(job, config))
        return returns

    def _run(self, job: Any, config: DictConfig) -> JobReturn:
        done = run_job(
            task_function=job,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self.context,
        )
        _ = done.return_value  # raises what the job raised: a fault of the program
        return done

    def _measure(self, cell: Cell, place: Place, pace: "Pace", _: DictConfig) -> float:
        measured = self._ended(cell, place, pace)
        self.job.statuses.append(measured.status)
        elapsed_s, left_s = pace.ended()
        if place.quiet:
            times = {"elapsed_s": elapsed_s, "left_s": left_s}
            _print_json(place, cell, status=measured.status, reused=False, **times)
        return measured.speedup

    def _ended(self, cell: Cell, place: Place, pace: "Pace") -> Measured:
        row = cell.what
        if isinstance(row, Plan):
            try:
                fitted = pace.fitted(row)
            except OutOfTime as error:
                row = refusal(self.grid.config(cell.overrides, cell.number), error)
            else:
                return self.job.measure(fitted, cell.folder, Terminal(fitted, cell.folder, place))
        append(cell.folder, row)
        refused(row, place)
        return Measured(row.status)

    def _handed_over(
        self, missing: Sequence[Cell], cells: Sequence[Cell], launcher: Launcher
    ) -> list[JobReturn]:
        """Have a launcher run the cells, each in a process or on a machine of its choice."""
        # Jobs are numbered as they are handed over: folders named by that number need them all.
        raw = OmegaConf.to_container(self.config.hydra.sweep, resolve=False)
        numbered = isinstance(raw, dict) and "job." in str(raw["subdir"])
        chosen = cells if numbered else missing
        if not chosen:
            return []
        returns = list(launcher.launch([cell.overrides for cell in chosen], initial_job_idx=0))
        for cell, done in zip(chosen, returns, strict=True):
            _ = done.return_value
            if cell in missing:
                self.job.statuses.append(resume.last_status(cell.folder) or "failed")
        return returns

    def launch(self, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """What another sweeper asks for: these jobs, of which it alone knows how many there are."""
        setup_globals()
        if self.job.sweep is None:
            self.claim(0)
        return [
            self._run(self.job, copy.deepcopy(self.grid.config(tuple(overrides), first + at)))
            for at, overrides in enumerate(jobs)
        ]


class Pace:
    """How long a sweep has taken and will take, from the time budgets of its cells."""

    def __init__(self, began_s: float, budgets_s: Sequence[float]) -> None:
        self.began_s = self.cell_began_s = began_s
        self.measuring_began_s = time.monotonic()
        self.budgets_s = list(budgets_s)
        self.done = 0
        self.longest_s = 0.0

    def fitted(self, plan: Plan) -> Plan:
        """The plan, its time cut to what the sweep has left. Raises OutOfTime at too little.

        As much as the longest cell so far took is enough: before the first one, anything is.
        """
        self.cell_began_s = time.monotonic()
        budget_s = plan.measure.sweep_budget_s
        if budget_s is None:
            return plan
        left_s = self.measuring_began_s + budget_s - self.cell_began_s
        if left_s <= self.longest_s:
            raise OutOfTime(
                f"skipped: of measure.sweep_budget_s={budget_s:g} only {max(left_s, 0):.1f} s "
                "are left"
            )
        measure = replace(plan.measure, time_budget_s=min(plan.measure.time_budget_s, left_s))
        return replace(plan, measure=measure)

    def ended(self) -> tuple[float, float]:
        """Note that a cell has ended; seconds since the sweep began, and seconds left."""
        now_s = time.monotonic()
        self.longest_s = max(self.longest_s, now_s - self.cell_began_s)
        self.done += 1
        return now_s - self.began_s, self._left_s(now_s, self.done)

    def told(self) -> str:
        """The same in words, for the line of a cell that is about to end."""
        now_s = time.monotonic()
        left_s = self._left_s(now_s, self.done + 1)
        return f"{clock(now_s - self.began_s)}, {clock(left_s)} left" if left_s else ""

    def _left_s(self, now_s: float, done: int) -> float:
        """The budgets of what is left, in the proportion in which those so far were used up."""
        spent_s, planned_s = now_s - self.measuring_began_s, sum(self.budgets_s[:done])
        return sum(self.budgets_s[done:]) * (spent_s / planned_s if planned_s else 1.0)


def _print_json(place: Place, cell: Cell, **facts: Any) -> None:
    where = {"cell": place.at, "cells": place.cells, "number": cell.number, "name": cell.name}
    print(json.dumps(where | facts), flush=True)


def _check(config: DictConfig) -> None:
    for key, allowed in (("order", ORDERS), ("progress", OUTPUTS)):
        if config.sweep[key] not in allowed:
            raise UsageError(f"sweep.{key}={config.sweep[key]}: choose {' or '.join(allowed)}")


def _is_a_result(error: UsageError, overrides: Sequence[str]) -> bool:
    """Whether a cell that cannot be planned is a row, not a mistake of this command.

    It is where a plugin cannot serve the pair, or is broken itself, unless it is the command that
    has given it a parameter that it does not know.
    """
    if isinstance(error, BrokenPlugin):
        return error.key not in {text.lstrip("+").partition("=")[0] for text in overrides}
    return isinstance(error.__cause__, Unsupported)
