"""A sweep: its cells planned before the first one runs, measured here or handed to a launcher.

The two classes of `hydra_plugins/speedup_lab.py` call this module; it keeps nothing but what is in
the sweep's folder.
"""

import copy
import json
import math
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from runners.command import cluster, folders, resume
from runners.command.auto import Auto, second
from runners.command.budget import Pace
from runners.command.cell import Candidate, Measured
from runners.command.cells import (
    Cell,
    Known,
    earlier_of,
    measure_panel,
    panels,
    planned,
    same_versions,
    with_partners,
)
from runners.command.chunk import Ended
from runners.command.folders import MULTIRUN
from runners.command.grid import AUTO, Grid
from runners.command.job import BUSY, Job, being_measured, site
from runners.command.jobs import Submitted
from runners.command.mistakes import explain, fail
from runners.command.outlook import Outlook, accept_time
from runners.command.profiling import is_missing
from runners.command.progress import Place, tell, why
from runners.model import Plan, UsageError
from runners.planning import interpreters, versions
from runners.planning.environment import Site
from runners.planning.identity import anywhere, handed_over, host
from runners.results import claim
from runners.results.columns import SWEEP
from runners.results.write import write_json, write_whole
from runners.words.flags import remedy, told
from runners.words.lines import say

HERE = ("JoblibLauncher", "LocalLauncher")
"""The launchers of Hydra that run jobs on this machine, of joblib and of submitit."""
ORDERS = ("random", "given")
OUTPUTS = ("text", "json")


class Sweep:
    """One sweep of this command. `config` is Hydra's for the sweep as a whole."""

    def __init__(self, context: HydraContext, job: TaskFunction, config: DictConfig) -> None:
        if not isinstance(job, Job):
            raise UsageError(
                "the sweeper and launcher speedup_lab serve python -m runners alone; choose "
                "hydra/sweeper=basic hydra/launcher=basic"
            )
        self.context = context
        self.job = job
        self.config = config
        self.folder = Path(str(config.hydra.sweep.dir))
        self.grid = Grid(context.config_loader, config)
        self.quiet = bool(config.sweep.progress == "json")
        site()  # before a plugin is imported
        self.began_s = time.monotonic()

    def run(
        self, params: Mapping[str, Any], arguments: Sequence[str], launcher: Launcher | None
    ) -> list[JobReturn]:
        """Measure the grid: here, or by a launcher of Hydra's, a cell a job."""
        try:
            _check(self.config)
            combinations = self.grid.combinations(params, arguments)
            accept_time(self.config, len(combinations), self.grid.budget_s(combinations))
            is_auto = any(AUTO in cell for cell in combinations)
            if is_auto:
                combinations = self._auto(launcher).written_out(combinations)
                accept_time(self.config, len(combinations), self.grid.budget_s(combinations))
            # Jobs run on machines that have CPUs of their own, and answer for them.
            is_here = launcher is None and cluster.chosen(self.config) is None
            where = site() if is_here else replace(site(), topology=None)
            cells = planned(self.grid, combinations, where, self._place, self.job.place)
            packed = self._packed(len(cells), launcher)
            known: Known = dict if launcher is None else handed_over
            if packed is not None:
                known = anywhere
            if self.config.dry_run and is_auto:
                say(
                    "note: n=auto tries 2 and 4 times the CPUs as well if the tasks wait, no more "
                    "workers than there are tasks, and numbers between two that differ",
                    sys.stderr,
                )
            if self.config.dry_run:
                return self._looked_ahead(cells, known)
            live = packed.live() if packed is not None else []
            if packed is not None and live:  # before anything of theirs is written anew
                packed.taken_up(live, [cell for cell in cells if _is_missing(cell)])
        except UsageError as error:
            fail(error)
        _tell_of_files(cells)
        for line in same_versions([cell.what for cell in cells]):
            say(f"note: {line}", sys.stderr)
        self.claim(len(cells))
        left = (file.parent for file in self.folder.glob(f"*/{claim.CLAIM}*"))
        for folder in {*left, *(cell.folder for cell in cells)}:
            claim.clear(folder)
        if launcher is None and self.config.sweep.panel:
            both = with_partners(cells, known)
            if both != cells:
                say(
                    "note: cells that stand, and whose other version of the code does not, are "
                    "measured again: both have to share their rounds",
                    sys.stderr,
                )
            cells = both
        missing = [cell for cell in cells if not self._stands(cell, len(cells), known)]
        if packed is not None:
            return self._in_jobs(packed, live, missing)
        if launcher is None:
            together = panels(missing, self.config, by_executor=is_auto)
            returns = self._measured(together, len(cells))
            return [*returns, *(self._second(cells, where) if is_auto else ())]
        return self._handed_over(missing, cells, launcher)

    def _auto(self, launcher: Launcher | None) -> Auto:
        """What writes n=auto out. Raises UsageError where it is not this machine that measures."""
        found = cluster.chosen(self.config)
        if found is not None or launcher is not None:
            what = f"cluster={found[0]}" if found is not None else "hydra/launcher"
            raise UsageError(
                f"n=auto: it asks this machine, and with {what} another one may measure; name the "
                "numbers, as in n=1,2,4,8"
            )
        return Auto(self.grid, site(), trying=not self.config.dry_run)

    def _second(self, cells: Sequence[Cell], where: Site) -> list[JobReturn]:
        """Measure what lies between two numbers of workers that differ, for n=auto."""
        more = list(second(cells, self.folder))
        if not more:
            return []
        found = planned(self.grid, more, where, self._place, self.job.place, len(cells))
        write_json(self.folder / SWEEP, {"cells": len(cells) + len(found)})
        missing = [cell for cell in found if not self._stands(cell, len(cells) + len(found), dict)]
        together = panels(missing, self.config, by_executor=True)
        return self._measured(together, len(cells) + len(found))

    def _looked_ahead(self, cells: Sequence[Cell], known: Known) -> list[JobReturn]:
        """Tell what would be measured, and measure nothing."""
        if self.config.sweep.panel:
            cells = with_partners(cells, known)
        for line in Outlook(cells, self.config, known).lines():
            say(line)
        return []

    def claim(self, cells: int) -> None:
        """Make the sweep's folder, for this program alone until its end."""
        self.job.folder = self.job.sweep = self.folder
        self.job.report = bool(self.config.sweep.report)
        try:
            claim.take(self.folder)
            write_json(self.folder / SWEEP, {"cells": cells})  # first, for it names the folder
            write_whole(self.folder / MULTIRUN, OmegaConf.to_yaml(self.config).encode())
        except (UsageError, OSError) as error:
            fail(error, self.folder)

    def _place(self, cfg: DictConfig) -> Path:
        """The folder of a cell. Raises UsageError where it may have no results."""
        folder = self.folder / str(cfg.hydra.sweep.subdir)
        folders.within(self.folder, folder)
        if folder.exists():
            folders.accept_cell(folder)
        return folder

    def _stands(self, cell: Cell, cells: int, known: Known) -> bool:
        """Whether an earlier measurement of that cell is there and stands. If so, it is told.

        `known` takes from its identity what is known before it is measured.
        """
        earlier = earlier_of(cell, known)
        place = Place(cell.number + 1, cells, cell.name, quiet=self.quiet)
        if earlier.outcome == "unreadable":
            self._without(place, cell, "unreadable", f"it cannot be read: {earlier.error}")
            return True
        if earlier.outcome != "reused" or _lacks_profile(cell):
            return False
        status = str(earlier.status)
        if self.quiet:
            _print_json(place, cell, status=status, reused=True)
        else:
            words = why(earlier, cell.what) if isinstance(cell.what, Plan) else status
            tell(place, f"{place.name}: reused, {words}")
        self.job.statuses.append(status)
        return True

    def _without(self, place: Place, cell: Cell, status: str, words: str, **times: float) -> None:
        """Do without measuring a cell, and say why. What is in its folder is left alone."""
        if self.quiet:
            _print_json(place, cell, status=status, reused=False, error=words, **times)
        else:
            tell(place, f"{place.name}: not measured, {words}")
        self.job.statuses.append(status)

    def _measured(self, together: Sequence[Sequence[Cell]], count: int) -> list[JobReturn]:
        """Measure cells in this process, one panel after another."""
        returns = []
        pace = Pace(self.began_s, [cell.budget_s for panel in together for cell in panel])
        before = count - len(pace.budgets_s)
        done = 0
        for panel in together:
            with ExitStack() as claims:
                begun, free, places = [], [], []
                for at, cell in enumerate(panel, done + 1):
                    times = partial(pace.told, done + len(panel))
                    left = partial(pace.left, done)
                    place = Place(before + at, count, cell.name, times, left, self.quiet)
                    config = copy.deepcopy(self.grid.config(cell.overrides, cell.number))
                    try:
                        claims.enter_context(claim.claimed(cell.folder))
                        begun.append(self._run(_nothing, config))
                    except claim.Claimed as error:
                        self._without(place, cell, BUSY, being_measured(error.owner))
                        continue
                    except OSError as error:
                        self._without(place, cell, "failed", explain(error, cell.folder))
                        continue
                    free.append(cell)
                    places.append(place)
                measured = measure_panel(free, places, pace, self._together) if free else []
            done += len(panel)
            for cell, place, found in zip(free, places, measured, strict=True):
                self.job.statuses.append(found.status)
                elapsed_s, left_s = pace.ended(done)
                if self.quiet:
                    _print_json(
                        *(place, cell),
                        status=found.status,
                        reused=False,
                        elapsed_s=elapsed_s,
                        left_s=left_s,
                    )
            for returned, found in zip(begun, measured, strict=True):
                returned.return_value = found.speedup
            returns += begun
        return returns

    def _packed(self, cells: int, launcher: Launcher | None) -> cluster.Packed | None:
        """What submits this sweep as jobs, if it is to be. Raises UsageError."""
        found = cluster.chosen(self.config)
        if found is None:
            return None
        if launcher is not None:
            raise UsageError(
                f"cluster={found[0]}: it submits jobs itself; leave hydra/launcher out"
            )
        share = bool(self.config.sweep.share_machine)
        if found[0] == "local" and found[1].jobs > 1:
            _tell_of_turns(share)
        return cluster.Packed(*found, self.folder, cells, share_machine=share)

    def _in_jobs(
        self, packed: cluster.Packed, live: Sequence[Submitted], missing: Sequence[Cell]
    ) -> list[JobReturn]:
        """Have the cells measured by jobs of a cluster, and tell of each as it ends."""
        alone = [cell for cell in missing if not isinstance(cell.what, Plan)]
        self._measured([[cell] for cell in alone], packed.count)
        missing = [cell for cell in missing if isinstance(cell.what, Plan)]
        if not missing:
            return []
        try:
            submitted = live or packed.submit(panels(missing, self.config))
        except UsageError as error:
            fail(error)
        say(packed.told(submitted, len(missing)), sys.stderr)
        if packed.settings.detach and not live:
            say(f"the same command with {shlex.quote(f'resume={self.folder}')} watches them")
            self.job.report = False
            return []
        watched = cluster.Watched(packed, submitted, missing)
        try:
            for cell, ended in watched.ended():
                self._tell(packed, cell, ended)
        except KeyboardInterrupt:
            if not packed.settings.detach:
                say(packed.cancelled(submitted), sys.stderr)
            raise
        for cell in watched.left.values():
            self._tell(packed, cell, cluster.unfinished(cell))
        return []

    def _tell(self, packed: cluster.Packed, cell: Cell, ended: Ended) -> None:
        """Tell of a cell of a job, and note how it ended."""
        place = Place(cell.number + 1, packed.count, cell.name)
        if self.quiet:
            facts = {"host": ended.host, "job": ended.job}
            _print_json(place, cell, status=ended.status, reused=False, **facts)
        else:
            where = f"   {ended.host}, job {ended.job}" if ended.host else ""
            line = f"{ended.text or f'{place}{cell.name}: {ended.status}'}{where}"
            say(line, indent=len(str(place)))
        self.job.statuses.append(ended.status)

    def _together(self, cells: Sequence[Candidate]) -> list[Measured]:
        return self.job.measure(cells, self.folder)

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

    def _handed_over(
        self, missing: Sequence[Cell], cells: Sequence[Cell], launcher: Launcher
    ) -> list[JobReturn]:
        """Have a launcher run the cells, each in a process or on a machine of its choice."""
        # Jobs are numbered as they are handed over: folders named by that number need them all.
        raw = OmegaConf.to_container(self.config.hydra.sweep, resolve=False)
        numbered = isinstance(raw, dict) and "job." in str(raw["subdir"])
        free = [cell for cell in missing if not self._is_busy(cell, len(cells))]
        chosen = cells if numbered and free else free
        if not chosen:
            return []
        if type(launcher).__name__ in HERE:
            _tell_of_turns(bool(self.config.sweep.share_machine))
        asked = {cell.what.python.asked for cell in chosen if isinstance(cell.what, Plan)}
        there = replace(site(), topology=None)
        self.job.submitted = {one: host(there, interpreters.of(one)) for one in asked}
        self.job.commits = versions.commits()
        returns = list(launcher.launch([cell.overrides for cell in chosen], initial_job_idx=0))
        for cell, done in zip(chosen, returns, strict=True):
            _ = done.return_value
            if cell in free and not self._is_busy(cell, len(cells)):
                self.job.statuses.append(resume.last_status(cell.folder) or "failed")
        return returns

    def _is_busy(self, cell: Cell, cells: int) -> bool:
        """Whether another program is measuring a cell, as an earlier sweep's job; told if so."""
        if (owner := claim.holder(cell.folder)) is not None:
            place = Place(cell.number + 1, cells, cell.name)
            self._without(place, cell, BUSY, being_measured(owner))
        return owner is not None

    def launch(self, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """What another sweeper asks for: these jobs, of which it alone knows how many there are."""
        setup_globals()
        if self.job.sweep is None:
            self.claim(0)
        returns = []
        for at, overrides in enumerate(jobs, first):
            config = copy.deepcopy(self.grid.config(tuple(overrides), at))
            try:
                self._place(config)
            except UsageError as error:
                fail(error)
            returns.append(self._run(self.job, config))
        return returns


def _is_missing(cell: Cell) -> bool:
    """Whether a job has to measure that cell, as far as it is known here."""
    if not isinstance(cell.what, Plan):
        return False
    outcome = earlier_of(cell, anywhere).outcome
    return outcome not in ("reused", "unreadable") or _lacks_profile(cell)


def _lacks_profile(cell: Cell) -> bool:
    return isinstance(cell.what, Plan) and is_missing(cell.what, cell.folder)


def _tell_of_turns(share: bool) -> None:
    """Say what becomes of cells that jobs would measure at the same time on this machine."""
    how = (
        "disturb each other (sweep.share_machine=true)"
        if share
        else "take turns; sweep.share_machine=true lets them disturb each other"
    )
    say(f"note: jobs on the same CPUs of this machine {how}", sys.stderr)


def _nothing(_: DictConfig) -> float:
    """What Hydra runs for a cell, so that the folder is as it makes it."""
    return math.nan


def _print_json(place: Place, cell: Cell, **facts: Any) -> None:
    where = {"cell": place.at, "cells": place.cells, "number": cell.number, "name": cell.name}
    print(json.dumps(where | facts), flush=True)


def _tell_of_files(cells: Sequence[Cell]) -> None:
    """Say once of each of the user's files what it does when it is imported."""
    plans = (cell.what for cell in cells if isinstance(cell.what, Plan))
    for flag in dict.fromkeys(flag for plan in plans for flag in plan.flags):
        if flag.code == "unguarded":
            say(f"note: {told(flag)}: {remedy(flag)}", sys.stderr)


def _check(config: DictConfig) -> None:
    for key, allowed in (("order", ORDERS), ("progress", OUTPUTS)):
        if config.sweep[key] not in allowed:
            raise UsageError(f"sweep.{key}={config.sweep[key]}: choose {' or '.join(allowed)}")
