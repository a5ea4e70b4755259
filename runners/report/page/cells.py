"""A cell as the page shows it: its row of the table, and what is seen when it is opened."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from runners.analysis.candidate import times
from runners.analysis.cell import CellSummary
from runners.report.entries import Entry
from runners.report.facts import Fact
from runners.report.facts import facts as facts_of
from runners.report.facts import notes as notes_of
from runners.report.page import svg
from runners.results.profiles import PROFILES
from runners.words.causes import TITLES, bytes_text, reason
from runners.words.labels import plain
from runners.words.rounding import duration, in_order

LINKED = ("runs.jsonl", "timeline.png", "trace.json", *PROFILES.values())
MOST_POINTS, ALL_POINTS = 200, 60_000
"""Rounds that are drawn of a cell, and of all of them."""
MOST_ERROR = 3000
"""Characters of an error, its last ones."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a cell has in a column; `key` is what it is sorted by, None for what is missing."""

    text: str
    key: float | str | None
    bar: str = ""


@dataclass(slots=True)
class Shown:
    """A cell on the page. `values` has of each filter the places of the cell's values."""

    id: str
    entry: Entry
    fields: dict[str, Field]
    values: list[str] = field(default_factory=list)
    points: str = ""
    rounds: str = ""
    parameters: list[tuple[str, str]] = field(default_factory=list)
    others: str = ""
    environment: int = 0
    command: str = ""
    where: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)

    @property
    def cell(self) -> CellSummary:
        return self.entry.cell

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def why(self) -> str:
        return "" if self.cell.status == "ok" else reason(self.cell.error)

    @property
    def error(self) -> list[str]:
        """The lines of its error, where there is more of it than `why`."""
        text = self.cell.error or ""
        return text[-MOST_ERROR:].splitlines() if text.strip() != self.why else []

    @property
    def facts(self) -> list[Fact]:
        return facts_of(self.cell) if self.cell.rounds else []

    @property
    def notes(self) -> list[Fact]:
        return notes_of(self.cell)

    @property
    def ladder(self) -> list[tuple[str, str, Markup]]:
        """What became of the core time: a name, a share and a bar of each part."""
        losses = [loss for loss in self.cell.losses if math.isfinite(loss.share)]
        if not losses:
            return []
        at = 1 - sum(loss.share for loss in losses)
        parts = [("useful", at, svg.part_bar(0.0, at))]
        for loss in reversed(losses):
            parts.append((TITLES[loss.factor], loss.share, svg.part_bar(at, at + loss.share)))
            at += loss.share
        return [(name, f"{share:z.0%}", bar) for name, share, bar in parts]


def shown(found: Sequence[Entry], interpreters: Mapping[str, str]) -> list[Shown]:
    """The cells, with the fields of their rows. `interpreters` are by the names of cells."""
    ends = [_end(one.cell) for one in found]
    most = max((end for end in ends if math.isfinite(end)), default=1.0)
    return [
        Shown(
            "c-" + re.sub(r"[^0-9A-Za-z]", "-", one.cell.cell),
            one,
            _fields(one, interpreters.get(one.cell.cell, ""), most),
        )
        for one in found
    ]


def _end(cell: CellSummary) -> float:
    """How far a scale has to go for a speedup; a wide interval may go beyond it."""
    estimate = cell.speedup.estimate
    return max(1.0, min(cell.speedup.high, 1.5 * estimate) if cell.speedup.high > 0 else estimate)


def _fields(one: Entry, interpreter: str, most: float) -> dict[str, Field]:
    cell = one.cell
    line = one.line.removesuffix(f", {interpreter}") if interpreter else one.line
    serial, parallel = (cell.times[side].median for side in ("baseline", "measured"))
    estimate = cell.speedup.estimate
    sorted_by = estimate if cell.status == "ok" else math.nan  # others come last
    bar = svg.interval_bar(astuple(cell.speedup), most) if math.isfinite(estimate) else ""
    return {
        "workload": Field(one.panel, in_order(one.panel)),
        "executor": Field(line, in_order(line)),
        "python": Field(interpreter, in_order(interpreter)),
        "n": Field(str(cell.n), cell.n),
        "speedup": _number(times(cell.speedup), sorted_by, bar),
        "serial": _number(duration(serial.estimate), serial.estimate),
        "parallel": _number(duration(parallel.estimate), parallel.estimate),
        "efficiency": _percent(cell.efficiency.estimate),
        "machine": _percent(cell.efficiency_of_ceiling.estimate),
        "memory": _number(
            bytes_text(cell.memory_bytes) if cell.memory_bytes > 0 else "", cell.memory_bytes
        ),
        "rss": _number(
            bytes_text(cell.max_rss_bytes) if cell.max_rss_bytes > 0 else "", cell.max_rss_bytes
        ),
        "rounds": Field(str(cell.rounds), cell.rounds),
        "flags": Field(", ".join(map(named_flag, flags)), len(flags))
        if (flags := list(dict.fromkeys(flag.code for flag in cell.flags)))
        else Field("", None),
    }


def named_flag(code: str) -> str:
    """A flag in as few words as its code has."""
    return code.replace("_", " ")


def _number(text: str, key: float, bar: str = "") -> Field:
    return Field(text, key if math.isfinite(key) else None, bar)


def _percent(share: float) -> Field:
    return _number(f"{share:.0%}" if math.isfinite(share) else "", share)


def describe(
    one: Shown,
    swept: Sequence[str],
    rounds: Sequence[tuple[float, bool]],
    most_points: int,
    folder: Path,
    place: Path,
) -> None:
    """Fill in what is seen when the cell is opened.

    `rounds` are speedups in the order of time, and whether each is one that does not count; of
    more than `most_points` some are left out that do count. `folder` is that of its results,
    `place` that of the page.
    """
    cell = one.cell
    own = {k: plain(v) for k, v in cell.parameters.items() if v is not None}
    one.parameters = [(name, own[name]) for name in swept if name in own]
    one.others = ", ".join(f"{k} = {v}" for k, v in own.items() if k not in swept)
    if rounds:
        step = math.ceil(len(rounds) / most_points)
        drawn = [one for at, one in enumerate(rounds) if at % step == 0 or one[1]]
        values, hollow = zip(*drawn, strict=True)
        told = f"{len(drawn)} of " if step > 1 else ""
        one.rounds = (
            f"Speedups of {told}{len(rounds)} rounds in the order of time, from "
            f"{min(values):.3g}× to {max(values):.3g}×"
        )
        one.points = svg.points(values, hollow, astuple(cell.speedup), one.rounds)
    if cell.folder:
        try:
            there = {file.name for file in folder.iterdir()}
        except OSError:
            there = set()
        names = [name for name in LINKED if name in there]
        one.links = [(name, href(folder / name, place)) for name in names]
        one.links += [("the folder", f"{href(folder, place)}/")] if there else []


def href(path: Path, place: Path) -> str:
    """A file as a page in `place` refers to it: whatever it is called, no scheme begins it."""
    return quote(os.fsencode(os.path.relpath(path, place.resolve())))
