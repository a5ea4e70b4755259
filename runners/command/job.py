"""The function that Hydra runs for a cell, and what the command learns by it."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from runners.command import resume
from runners.command.cell import Candidate, Measured, measure_cells
from runners.command.folders import within
from runners.command.mistakes import explain, fail
from runners.command.progress import Place, Terminal, refused, tell
from runners.command.quiet import Watch
from runners.command.turns import turn
from runners.model import UsageError
from runners.planning import config, interpreters, versions
from runners.planning.environment import read_site
from runners.results.checked import planned
from runners.results.claim import Claimed, claimed
from runners.results.columns import SWEEP
from runners.results.owner import Owner
from runners.results.write import append
from runners.words.lines import say

site = cache(read_site)
"""What a single cell is planned with twice, by `Check` and by `Job`: read once.

The first time is before the workload is imported, which may set variables of the environment.
"""


BUSY = "being measured"
"""The status of a cell that another program has; it has its rows."""


def being_measured(owner: Owner) -> str:
    """Why a cell of a sweep is not measured that another program has."""
    return f"it is being measured by {owner.who}{owner.remedy}"


class Job:
    """Measures the cell of a configuration; returns its speedup, NaN where there is none.

    The speedup is what an optimising sweeper may use. `folder` is where the results of this command
    are, `sweep` the same for a sweep, of which `report` says whether it is to have a report;
    `is_stored` says whether all results could be written;
    `statuses` are those of the cells so far, `watch` sees what other programs take of the CPUs. A
    job that is run in another process has its own. `submitted` says how things are where cells are
    handed over, if they are, for each interpreter (`planning.identity.host`), and `commits` what
    revisions stood for there. `hosts` has the interpreters of the sweep, with the versions of the
    code, in their order, by what the configuration calls them. `shares_machine` says whether jobs
    of its sweep measure at the same time on a machine; None where there are none.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.sweep: Path | None = None
        self.report = True
        self.is_stored = True
        self.statuses: list[str] = []
        self.watch = Watch()
        self.submitted: Mapping[str, Mapping[str, Any]] = {}
        self.hosts: list[tuple[str, ...]] = []
        self.commits: Mapping[str, str] = {}
        self.is_here = True
        self.shares_machine: bool | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        """In another process, which a launcher has started: make the configuration known there."""
        self.__dict__.update(state)
        self.is_here = False
        config.register()
        versions.fix(self.commits)

    def __call__(self, cfg: DictConfig) -> float:
        folder = _folder()
        place = _place()
        if place is None:
            self.folder = Path(str(HydraConfig.get().run.dir))  # as it was typed
        try:
            if place is not None:
                within(Path(str(HydraConfig.get().sweep.dir)), folder)
            with ExitStack() as mine:
                mine.enter_context(claimed(folder))
                if place is not None:
                    self.shares_machine = bool(cfg.sweep.share_machine)
                    if not self.shares_machine:
                        mine.enter_context(turn(Path(str(HydraConfig.get().sweep.dir))))
                measured = self._measured(cfg, folder, place)
        except Claimed as error:
            if place is None:
                fail(error)
            tell(place, f"{place.name}: not measured, {being_measured(error.owner)}")
            measured = Measured(BUSY)
        except UsageError as error:
            fail(error)
        finally:
            if not self.is_here and cfg.versus is not None:
                interpreters.close()  # nobody else does, and the tree of a revision is to go
        self.statuses.append(measured.status)
        return measured.speedup

    def _measured(self, cfg: DictConfig, folder: Path, place: Place | None) -> Measured:
        try:
            plan = config.plan(cfg, site())
        except UsageError as error:
            run = replace(config.refusal(cfg, error), python_order=self.place(cfg))
            if not resume.holds(folder, run):
                append(folder, run)
            refused(run, place)
            return Measured(run.status)
        plan = replace(plan, python_order=self.place(cfg))
        submitted = self.submitted.get(plan.python.asked)
        candidate = Candidate(plan, folder, Terminal(plan, folder, place), submitted)
        return self.measure([candidate], folder)[0]

    def place(self, cfg: DictConfig) -> int:
        """The place of the host of a cell among those of the sweep, in order of appearance.

        A host is an interpreter and a version of the code. A cell by itself has the first one.
        """
        named = str(cfg.python), str(cfg.gil), str(cfg.versus)
        if named not in self.hosts:
            self.hosts.append(named)
        return self.hosts.index(named)

    def measure(self, cells: Sequence[Candidate], home: Path) -> list[Measured]:
        """Measure cells together. Those that cannot be stored, as on a full disk, have failed."""
        try:
            return measure_cells(cells, home, self.watch, shares_machine=self.shares_machine)
        except OSError as error:
            say(f"error: {explain(error, cells[0].folder)}", sys.stderr)
            self.is_stored = False
            return [Measured("failed") for _ in cells]
        except Claimed as error:  # what they share
            say(f"error: {explain(error)}", sys.stderr)
            return [Measured(BUSY) for _ in cells]


def _folder() -> Path:
    """Where the results of this cell go. Not what Hydra says: to it, ${ in a name means more."""
    hydra = HydraConfig.get()
    if hydra.mode != RunMode.MULTIRUN:
        return Path(str(hydra.run.dir)).absolute()
    return Path(str(hydra.sweep.dir), str(hydra.sweep.subdir)).absolute()


def _place() -> Place | None:
    """Where this cell stands in a sweep that is run by a launcher of Hydra's, or by its sweeper."""
    hydra = HydraConfig.get()
    if hydra.mode != RunMode.MULTIRUN:
        return None
    try:
        cells = planned(Path(hydra.sweep.dir) / SWEEP)
    except (OSError, ValueError):
        cells = 0
    return Place(int(hydra.job.num) + 1, cells, " ".join(hydra.overrides.task))
