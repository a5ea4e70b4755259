"""Profiles of cells that are measured: `profile=true`. Nothing of it is among what was timed."""

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from runners.command import resume
from runners.command.progress import NAMES
from runners.door import libraries_only
from runners.measuring.interrupts import Interrupts
from runners.measuring.launching import launched
from runners.measuring.profile import profile
from runners.measuring.untimed import Untimed
from runners.model import SIDES, Plan, Profile, printable
from runners.results.profiles import has_profiles, remove_profiles, write_profile
from runners.words.lines import say


class Cell(Protocol):
    """What is to be known of a cell here."""

    @property
    def plan(self) -> Plan: ...
    @property
    def folder(self) -> Path: ...
    @property
    def label(self) -> str: ...
    @property
    def is_alone(self) -> bool: ...


def is_missing(plan: Plan, folder: Path) -> bool:
    """Whether a cell that was measured is still to be profiled."""
    return plan.profile and resume.last_status(folder) == "ok" and not has_profiles(folder)


def profile_cells(cells: Sequence[Cell], anew: Collection[Path]) -> None:
    """Profile both sides of these cells, where that is asked for and not there already.

    Those in the folders `anew` were measured anew: their old profiles go. Cells that share a
    baseline share its profile. What cannot be profiled is told in a line. Raises Interrupted.
    """
    for cell in cells:
        if cell.folder in anew:
            remove_profiles(cell.folder)
    todo = [cell for cell in cells if is_missing(cell.plan, cell.folder)]
    if not todo:
        return
    baselines: dict[object, Profile] = {}
    with Interrupts() as interrupts:
        for cell in todo:
            plan = launched(cell.plan, interrupts)
            for role in SIDES:
                known = baselines.get(plan.host) if role == "baseline" else None
                try:
                    found = known if known is not None else profile(plan, role, interrupts)
                except Untimed as why:
                    told = f"{cell.label}: no profile of the {role} side: {why}"
                    say(f"note: {printable(told)}", sys.stderr)
                    break  # what stands in the way of one does so of the other
                if role == "baseline":
                    baselines[plan.host] = found
                write_profile(cell.folder, found, f"{cell.label}, {role} side")
            if cell.is_alone and has_profiles(cell.folder):
                _tell(cell.folder)


def _tell(folder: Path) -> None:
    """What stands out in the profiles of a single cell."""
    with libraries_only():
        from runners.analysis.places import places
        from runners.report.profiles import told
        from runners.results.profiles import PROFILES, read_profiles
    lines = [*told(places(read_profiles(folder))), f"flame graphs: {', '.join(PROFILES.values())}"]
    for line in lines:
        say(f"{'profile':<{NAMES}}{printable(line)}", indent=NAMES)
