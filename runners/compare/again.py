"""`--remeasure`: cells of a result measured again, as they were, by the code as it is here now.

What a cell is stands in its own folder, as Hydra left it there. The new rounds go to a folder of
their own, beside that of the result.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runners.command.budget import Pace
from runners.command.cell import Candidate, Measured
from runners.command.cells import Cell, measure_panel, panelled
from runners.command.job import Job, site
from runners.command.mistakes import explain
from runners.command.progress import Place, differing
from runners.compare.side import Side
from runners.model import Plan, UsageError, printable
from runners.planning import config
from runners.planning.identity import differences
from runners.results import claim
from runners.results.checked import WHOLE_BYTES
from runners.results.columns import IDENTITY, SWEEP
from runners.results.named import sweep_of
from runners.results.regular import read_whole
from runners.results.write import write_json

OPTION = "--remeasure"
CONFIG, HYDRA = ".hydra/config.yaml", ".hydra/hydra.yaml"
"""What a cell was measured by, and which options were chosen for it."""
UNREADABLE = (OSError, ValueError, KeyError, AttributeError, yaml.YAMLError, OmegaConfBaseException)
"""What reading them raises, also where they are not what Hydra writes."""


@dataclass(frozen=True, slots=True)
class Again:
    """Cells that are to be measured again: their plans, and the folder that they are to have."""

    folder: Path
    cells: tuple[Cell, ...]
    together: int

    def measure(self) -> None:
        """Measure them, those together that may share rounds. What becomes of each is its row."""
        job = Job()
        panels = panelled(self.cells, self.together)
        pace = Pace(time.monotonic(), [cell.budget_s for panel in panels for cell in panel])

        def measure(candidates: Sequence[Candidate]) -> list[Measured]:
            return job.measure(candidates, self.folder)

        claim.take(self.folder)
        try:
            write_json(self.folder / SWEEP, {"cells": len(self.cells)})
            done = 0
            for panel in panels:
                places = [
                    Place(at, len(self.cells), cell.name) for at, cell in enumerate(panel, done + 1)
                ]
                measure_panel(panel, places, pace, measure)
                done += len(panel)
                pace.ended(done)
        finally:
            claim.release_all()


def planned(side: Side, rows: Sequence[int]) -> Again:
    """How these cells of a result are measured again; nothing is measured yet.

    The cells of the new folder are in the order of `rows`, each in a folder that has its number for
    a name. Raises UsageError where a cell could not be measured here as it was.
    """
    config.register_names()
    places = [side.place(row) for row in rows]
    configurations = [_configuration(side, place) for place in places]
    plans = [
        _plan(side, row, place, cfg)
        for row, place, cfg in zip(rows, places, configurations, strict=True)
    ]
    folder = _free(sweep_of(side.folder))
    cells = [
        Cell(number, name, (), folder / str(number), plan)
        for number, (name, plan) in enumerate(zip(differing(plans), plans, strict=True), 1)
    ]
    sweep = configurations[0].sweep
    return Again(folder, tuple(cells), int(sweep.panel_cells) if sweep.panel else 1)


def _configuration(side: Side, place: Path) -> DictConfig:
    try:
        loaded = _yaml(place / CONFIG)
        choices = OmegaConf.to_container(_yaml(place / HYDRA).hydra.runtime.choices)
        cfg = OmegaConf.merge(OmegaConf.structured(config.Config), loaded)
        assert isinstance(cfg, DictConfig)
    except UNREADABLE as error:
        told = getattr(error, "strerror", None) or "it is not what the program writes"
        raise UsageError(
            f"{OPTION}: {side.name} has no configuration to measure from ({place / CONFIG}: "
            f"{told}); only what `python -m runners` measured can be measured again"
        ) from None
    OmegaConf.set_struct(cfg, False)
    cfg.hydra = {"runtime": {"choices": choices}}
    return cfg


def _yaml(path: Path) -> Any:
    return OmegaConf.create(read_whole(path, WHOLE_BYTES).decode())


def _plan(side: Side, row: int, place: Path, cfg: DictConfig) -> Plan:
    """The plan of that cell, which has to be the one that it was measured by."""
    old = side.identity(row)
    if old is None:
        raise UsageError(
            f"{OPTION}: {place} has no {IDENTITY} that says by which code, packages and machine it "
            "was measured; measure that result anew"
        )
    try:
        plan = config.plan(cfg, site())
    except (HydraException, OmegaConfBaseException, UsageError, OSError) as error:
        raise UsageError(
            f"{OPTION}: {side.name} cannot be measured here: {explain(error)}"
        ) from None
    now = json.loads(json.dumps(plan.identity, default=str))
    if changed := differences(old, now):
        what = printable("; ".join(changed))
        raise UsageError(
            f"{OPTION}: {side.name} would not be what it was: {what}; have that again, or measure "
            "the result anew"
        )
    return plan


def _free(place: Path) -> Path:
    """A folder that is not there yet, beside that of the result: its own would be mixed with it."""
    number = 1
    while (folder := place.with_name(f"{place.name}-again{number if number > 1 else ''}")).exists():
        number += 1
    return folder
