"""The report's section on profiles: in which functions each side of a cell spends its time."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, get_args

from runners.analysis.places import Kind, Place, Places, places
from runners.model import Profile, Role
from runners.report.markdown import bullets, table
from runners.report.page.cells import href
from runners.results.profiles import PROFILES, read_profiles
from runners.words.escaping import Markdown
from runners.words.escaping import markdown as escaped
from runners.words.rounding import counted, duration

ABOUT = """\
What a sampling profiler saw in runs that are not among those that were timed. Times are
thread-seconds of a run, so that they add up over threads and processes; with a profiler beside it
each run takes a little longer. The ladder says which loss a cell has, this says in which functions.
Small differences are chance: samples are taken a hundred times a second."""
NAMES: Mapping[Kind, str] = {
    "pickling": "pickling",
    "GIL": "holding the GIL",
    "computing": "ready, without the GIL",
    "waiting": "waiting in tasks",
    "idle": "waiting outside tasks",
}
SIDES: Mapping[Role, str] = {"baseline": "plain loop", "measured": "measured side"}
MATTERS = 0.1
"""The part of the time that the GIL is held from which on pickling is told by itself."""
LEAST, MOST = 0.01, 5
"""Functions of a kind that are told: with this part of what a side takes, and so many at most."""
MOST_CELLS = 8
MOST_NAME = 120
"""Characters of a function's name."""


class Profiled(NamedTuple):
    """A cell with a profile: its name, its folder and what is in it."""

    name: str
    folder: Path
    profiles: Mapping[Role, Profile]


def profiled(cells: Iterable[tuple[Path, str]]) -> list[Profiled]:
    """Those of these cells, each a folder and a name, that have a profile."""
    found = (Profiled(name, folder, read_profiles(folder)) for folder, name in cells)
    return [one for one in found if one.profiles]


def section(found: list[Profiled], place: Path) -> list[str]:
    """The section as paragraphs, with links for a report in `place`; nothing without profiles."""
    if not found:
        return []
    parts = ["## Where in the code", ABOUT]
    if len(found) > MOST_CELLS:
        parts.append(
            f"{MOST_CELLS} of {len(found)} cells; the profiles of the others are in their folders."
        )
    for one in found[:MOST_CELLS]:
        own = places(one.profiles)
        lines = list(told(own))
        parts.append(f"### {escaped(one.name)}")
        if lines:
            parts.append(bullets(lines))
        parts += [table(["loss", "function", *SIDES.values()], _rows(own)), _graphs(one, place)]
    return parts


def told(found: Places) -> Iterator[str]:
    """What stands out: how much of the time in which the GIL is held is pickling, and where."""
    for role, side in SIDES.items():
        share = found.pickling(role)
        if share >= MATTERS:
            own = [one for one in found.places if one.kind == "pickling" and role in one.seconds]
            most = max(own, key=lambda one: one.seconds[role])
            of = "time that threads hold the GIL" if found.has_gil(role) else "CPU time"
            yield f"pickling is {share:.0%} of the {of} in the {side}, most in {_name(most)}"


def _rows(found: Places) -> Iterator[list[str]]:
    totals = {role: sum(found.totals[role].values()) for role in found.totals}
    for kind in get_args(Kind):
        matter = [
            one
            for one in found.places
            if one.kind == kind
            and any(seconds >= LEAST * totals[role] for role, seconds in one.seconds.items())
        ]
        for one in matter[:MOST]:
            times = (duration(one.seconds[role]) if role in one.seconds else "" for role in SIDES)
            yield [NAMES[kind], _name(one), *times]


def _name(place: Place) -> str:
    name = f"{place.function}, called by {place.caller}" if place.caller else place.function
    return name if len(name) <= MOST_NAME else f"{name[: MOST_NAME - 3]}..."


def _graphs(one: Profiled, place: Path) -> str:
    links = ", ".join(
        f"{SIDES[role]} [{PROFILES[role]}]({href(one.folder.resolve() / PROFILES[role], place)})"
        for role in one.profiles
    )
    how = "; ".join(
        f"{SIDES[role]}: {counted(own.runs, 'run')}, processes: {own.processes}, {own.tool}"
        for role, own in one.profiles.items()
    )
    return Markdown(
        f"Flame graphs, to be opened in <https://www.speedscope.app>: {links} ({escaped(how)})."
    )
