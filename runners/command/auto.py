"""`n=auto`: which numbers of workers are tried.

First 1, 2, 4 and so on up to the CPUs, in one panel. If that shows which n is enough, and that the
ones beside it are slower, what lies between is tried in a second panel.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from runners.analysis.how_many import HowMany
from runners.command.cells import Cell
from runners.command.grid import AUTO, Grid
from runners.model import WAITING, Plan, UsageError
from runners.planning.config import plan
from runners.planning.environment import Site
from runners.words.labels import SERIAL

if TYPE_CHECKING:
    import pandas as pd

BETWEEN = 3
"""So many numbers at most are tried in a second panel, on either side."""

Overrides = tuple[str, ...]


def to_try(usable: float, cores: int | None, tasks: int | None, *, waits: bool) -> list[int]:
    """The numbers of workers of the first panel.

    Powers of two up to the usable CPUs, these, the physical cores, and 2 and 4 times the usable
    CPUs where tasks wait; none above the number of tasks, which is tried itself if that cuts some.
    """
    cpus = max(math.floor(usable), 1)
    found = {1 << k for k in range(cpus.bit_length())} | {cpus}
    found |= {cores} if cores is not None and cores <= cpus else set()
    found |= {2 * cpus, 4 * cpus} if waits else set()
    return sorted({min(n, tasks or n) for n in found})


class Auto:
    """Writes `n=auto` out for the cells of a sweep. With `trying`, a workload is run for that once.

    How many tasks there are, and whether they wait, is asked of its plain loop.
    """

    def __init__(self, grid: Grid, site: Site, *, trying: bool) -> None:
        self.grid = grid
        self.site = site
        self.trying = trying
        self.known: dict[str, tuple[int | None, bool]] = {}

    def written_out(self, cells: Iterable[Overrides]) -> list[Overrides]:
        """Each cell with n=auto as one for each number that is to be tried, others as they are."""
        return [
            with_n(cell, n) if AUTO in cell else cell
            for cell in cells
            for n in (self._numbers(cell) if AUTO in cell else [0])
        ]

    def _numbers(self, cell: Overrides) -> list[int]:
        if f"executor={SERIAL}" in cell:
            return [1]  # the plain loop is the same with any n
        topology = self.site.topology
        cores = None if topology is None else topology.physical_cores
        every = to_try(self.site.usable_cpus, cores, None, waits=False)
        if not self.trying:
            return every
        for n in every:  # the first that can be had: some workloads need two
            try:
                one = plan(self.grid.config(with_n(cell, n), 0), self.site)
            except (HydraException, OmegaConfBaseException, UsageError, OSError):
                continue  # which is told of the cell
            work = json.dumps(one.identity["workload"], sort_keys=True, default=str)
            key = repr((one.workload, work, one.host, one.scaling))
            if key not in self.known:
                self.known[key] = _asked(one)
            tasks, waits = self.known[key]
            cap = tasks if one.scaling == "strong" else None
            return to_try(self.site.usable_cpus, cores, cap, waits=waits)
        return every


def _asked(one: Plan) -> tuple[int | None, bool]:
    """How many tasks a workload has, and whether they wait; nothing is kept of the trial.

    The first run warms up, and computes what later ones need not.
    """
    from runners.measuring.measure import measure

    settings = replace(
        one.measure, min_rounds=1, max_rounds=1, interpreters=1, warmup=1, keep_spans="none"
    )
    with closing(measure(replace(one, measure=settings))) as runs:
        for run in runs:
            if run.status != "ok":
                break  # which is told of the cell
            if run.role == "baseline" and run.wall_s and not run.warmup:
                cpu_s = (run.process_cpu_s or 0.0) + (run.children_cpu_s or 0.0)
                tasks = None if run.tasks is None else run.tasks // (run.task_copies or 1)
                return tasks, cpu_s < WAITING * run.wall_s
    return None, False


def second(cells: Sequence[Cell], folder: Path) -> Iterator[Overrides]:
    """What is left to be tried, by what the results in the folder say of these cells.

    For each executor, what `between` says.
    """
    from runners.analysis.recommend import recommend
    from runners.analysis.summary import summarise
    from runners.results.read import read_runs

    runs = read_runs(folder)
    summary = summarise(runs)
    by_name = {cell.what.cell: cell for cell in cells}
    tried = {cell.overrides for cell in cells}
    for overrides in _there(summary, by_name):  # an earlier command has begun them
        if overrides not in tried:
            tried.add(overrides)
            yield overrides
    for found in recommend(summary, runs):
        for workers in found.workers:
            enough = workers.enough
            cell = None if enough is None else by_name.get(enough.cell.partition("#")[0])
            if cell is None:
                continue
            for n in between(workers):
                overrides = with_n(cell.overrides, n)
                if overrides not in tried:
                    tried.add(overrides)
                    yield overrides


def _there(summary: "pd.DataFrame", by_name: Mapping[str, Cell]) -> Iterator[Overrides]:
    """The other cells that are there on the lines of these cells, with other numbers of workers."""
    from runners.words.labels import labels

    named = labels(summary)
    places = list(zip(named["panel"], named["line"], summary["python"], strict=True))
    names = summary["cell"].astype(str).str.partition("#")[0]
    ours = {
        place: by_name[name].overrides
        for place, name in zip(places, names, strict=True)
        if name in by_name
    }
    for place, name, n in zip(places, names, summary["n"], strict=True):
        if name not in by_name and place in ours:
            yield with_n(ours[place], int(n))


def between(workers: HowMany) -> list[int]:
    """Numbers between the n that is enough and those beside it that are shown to be slower.

    Up to BETWEEN on each side, evenly spaced: fewer workers may be enough as well, and the best
    may be above.
    """
    if workers.enough is None:
        return []
    beside = [one.n for one in (workers.below, workers.enough, workers.above) if one is not None]
    return [
        low + step
        for low, high in pairwise(beside)
        for step in sorted({round((high - low) * k / (BETWEEN + 1)) for k in range(1, BETWEEN + 1)})
        if 0 < step < high - low
    ]


def with_n(cell: Overrides, n: int) -> Overrides:
    """The same cell with another number of workers."""
    return tuple(f"n={n}" if text.startswith("n=") else text for text in cell)
