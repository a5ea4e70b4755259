"""The cells of a grid: planned, named, put in panels, and a panel measured."""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from runners.child.plugins import BrokenPlugin
from runners.command import resume
from runners.command.budget import OutOfTime, Pace
from runners.command.cell import Candidate, Measured, leave_out
from runners.command.grid import Grid
from runners.command.mistakes import explain
from runners.command.progress import Place, Terminal, differing, refused
from runners.command.resume import Earlier
from runners.model import REFUSALS, Plan, Run, UsageError
from runners.planning.config import plan, refusal
from runners.planning.environment import Site
from runners.results.write import append
from runners.words.functions import of_parameters, shown
from runners.words.versions import Codes, same_code

Known = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From the identity of a cell to the part of it that is known before it is measured."""


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


def planned(
    grid: Grid,
    combinations: Sequence[tuple[str, ...]],
    site: Site,
    place: Callable[[DictConfig], Path],
    order: Callable[[DictConfig], int],
    first: int = 0,
) -> list[Cell]:
    """Every cell, composed and planned.

    `place` says where its results go, `order` which place its interpreter has, `first` is the
    number of the first one. Raises UsageError, one line with the cell, at the first mistake.
    """
    cells: list[Cell] = []
    places: dict[Path, int] = {}
    common = set(combinations[0]).intersection(*combinations) if combinations else set()
    for number, overrides in enumerate(combinations, first):
        own = " ".join(text for text in overrides if text not in common)
        name = f"cell {number + 1} of {first + len(combinations)}" + (f" ({own})" if own else "")
        try:
            cfg = grid.config(overrides, number)
            folder = place(cfg)
            what: Plan | Run
            try:
                what = plan(cfg, site)
            except UsageError as error:
                # A version of the code that lacks something is a finding: the one here was planned.
                if cfg.versus is None and not _is_a_result(error, overrides):
                    raise
                what = refusal(cfg, error)
            what = replace(what, python_order=order(cfg))
            if (other := places.setdefault(folder, number)) != number:
                raise UsageError(
                    f"it would have the folder of cell {other + 1}; name what differs in "
                    "hydra.sweep.subdir, or leave that out"
                )
        except (HydraException, OmegaConfBaseException, UsageError, OSError) as error:
            raise UsageError(f"{name}: {explain(error)}") from error
        cells.append(Cell(number, "", overrides, folder, what))
    names = differing([cell.what for cell in cells])
    return [replace(cell, name=name) for cell, name in zip(cells, names, strict=True)]


def same_versions(cells: Sequence[Plan | Run]) -> list[str]:
    """A line for each workload that is the same in another version of the code."""
    plans = [cell for cell in cells if isinstance(cell, Plan)]
    here = {_pair(one): one for one in plans if one.version is None}
    names = shown(of_parameters(one.workload, one.parameters) for one in plans)
    known: dict[str, list[tuple[str, Codes]]] = {}
    for one, name in zip(plans, names, strict=True):
        if one.version is not None and (own := here.get(_pair(one))) is not None:
            codes = one.identity["code"], own.identity["code"]
            known.setdefault(one.version.asked, []).append((name, codes))
    return [
        f"versus={asked}: {line}" for asked, pairs in known.items() for line in same_code(pairs)
    ]


def with_partners(cells: Sequence[Cell], known: Known = dict) -> list[Cell]:
    """The cells; of two versions of one that share rounds, both are measured if one has to be.

    An earlier result of one of them would have no round in common with the other's. `known` takes
    from the identity of a cell what is known before it is measured.
    """
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        if isinstance(cell.what, Plan):
            groups.setdefault(_pair(cell.what), []).append(cell)
    again: set[int] = set()
    for group in groups.values():
        if len(group) > 1:
            outcomes = [earlier_of(cell, known).outcome for cell in group]
            if "reused" in outcomes and {*outcomes} & {"new", "again", "continued"}:
                pairs = zip(group, outcomes, strict=True)
                again |= {cell.number for cell, what in pairs if what in ("reused", "continued")}
    return [
        replace(cell, what=replace(cell.what, measure=replace(cell.what.measure, force=True)))
        if cell.number in again and isinstance(cell.what, Plan)
        else cell
        for cell in cells
    ]


def earlier_of(cell: Cell, known: Known = dict) -> Earlier:
    """What the folder of a cell holds of it. `known` is as for `with_partners`."""
    try:
        if isinstance(cell.what, Plan):
            return resume.look(cell.folder, cell.what, known(cell.what.identity))
        if cell.what.status != "incomplete" and resume.holds(cell.folder, cell.what):
            return Earlier("reused", status=cell.what.status)
    except OSError as error:
        return resume.unreadable(error)
    return Earlier("new")


def _pair(plan: Plan) -> str:
    """What a cell has in common with the same one of another version of the code."""
    parameters = sorted(plan.parameters.items())
    host = *plan.host[:2], plan.placement
    return repr((plan.workload, plan.executor, plan.n, plan.scaling, host, parameters))


def panels(
    cells: Sequence[Cell], config: DictConfig, *, by_executor: bool = False
) -> list[list[Cell]]:
    """The cells in the groups that are to be measured together, in the order of the sweep.

    With `by_executor`, each executor has a panel for all its numbers of workers.
    """
    most = int(config.sweep.panel_cells) if config.sweep.panel else 1
    found = panelled(cells, most, by_executor=by_executor and most > 1)
    if config.sweep.order == "random":
        random.Random(config.measure.seed).shuffle(found)
    return found


def panelled(cells: Sequence[Cell], most: int, *, by_executor: bool = False) -> list[list[Cell]]:
    """The cells in panels of up to `most`: same workload, parameters, scaling and settings.

    With `by_executor` the same executor as well, and as many cells as that has.

    Of more cells, those that differ in their interpreter alone are together, then those with the
    same n, as far as possible. A cell without a plan is by itself.
    """
    alike: dict[Any, dict[int, list[Cell]]] = {}
    seen: Counter[str] = Counter()
    for cell in cells:
        plan = cell.what
        key: Any = cell.number
        if isinstance(plan, Plan):
            # Two cells that are the same but for their folder are not one panel's.
            work = json.dumps(plan.identity["workload"], sort_keys=True, default=str)
            kind = plan.renewing, plan.compared  # which another version may have otherwise
            how = repr(replace(plan.measure, force=False))
            own = _executor(plan) if by_executor else ""
            key = plan.workload, work, plan.scaling, how, kind, own, seen[plan.cell]
            seen[plan.cell] += 1
        alike.setdefault(key, {}).setdefault(plan.n, []).append(cell)
    panels: list[list[Cell]] = []
    for by_n in alike.values():
        panels.append([])
        room = max(most, sum(map(len, by_n.values()))) if by_executor else most
        for same_n in by_n.values():
            for part in _parts(same_n, room):
                if len(panels[-1]) + len(part) > room:
                    panels.append([])
                panels[-1] += part
    return panels


def _parts(cells: Sequence[Cell], most: int) -> list[list[Cell]]:
    """Cells in parts of up to `most`, those together that differ in their interpreter alone."""
    alike: dict[str, list[Cell]] = {}
    for cell in cells:
        alike.setdefault(_executor(cell.what), []).append(cell)
    parts: list[list[Cell]] = [[]]
    for same in alike.values():
        for at in range(0, len(same), most):
            piece = same[at : at + most]
            if len(parts[-1]) + len(piece) > most:
                parts.append([])
            parts[-1] += piece
    return parts


def _executor(cell: Plan | Run) -> str:
    """The executor of a cell with its parameters."""
    own = {
        name: value
        for name, value in cell.parameters.items()
        # Each interpreter has a default of its own.
        if name.startswith("executor.") and name != "executor.start_method"
    }
    return f"{cell.executor} {own}"


def measure_panel(
    panel: Sequence[Cell],
    places: Sequence[Place],
    pace: Pace,
    measure: Callable[[Sequence[Candidate]], list[Measured]],
) -> list[Measured]:
    """Measure cells together. One without a plan is by itself, and gets its row."""

    def candidates(plans: Sequence[Plan]) -> list[Candidate]:
        return [
            Candidate(plan, cell.folder, Terminal(plan, cell.folder, place))
            for plan, cell, place in zip(plans, panel, places, strict=True)
        ]

    plans = [cell.what for cell in panel if isinstance(cell.what, Plan)]
    try:
        fitted = pace.fitted(plans)
    except OutOfTime as reason:
        return [leave_out(candidate, str(reason)) for candidate in candidates(plans)]
    if fitted:
        return measure(candidates(fitted))
    rows = [cell.what for cell in panel if isinstance(cell.what, Run)]
    for row, cell, place in zip(rows, panel, places, strict=True):
        if not resume.holds(cell.folder, row):
            append(cell.folder, row)
        refused(row, place)
    return [Measured(row.status) for row in rows]


def _is_a_result(error: UsageError, overrides: Sequence[str]) -> bool:
    """Whether a cell that cannot be planned is a row, not a mistake of this command.

    It is where a plugin cannot serve the pair, or is broken itself, unless it is the command that
    has given it a parameter that it does not know.
    """
    if isinstance(error, BrokenPlugin):
        return error.key not in {text.lstrip("+").partition("=")[0] for text in overrides}
    return isinstance(error.__cause__, REFUSALS)
