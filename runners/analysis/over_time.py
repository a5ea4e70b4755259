"""A cell in results that follow one another: joined, a line for each machine, what changed."""

import math
from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from runners.analysis.headline import FEWEST_INTERPRETERS, student_t
from runners.analysis.interval import Interval
from runners.analysis.matching import DEFINES, PARAMETERS, match
from runners.analysis.steps import Change, Series, find_changes
from runners.analysis.verdicts import QUANTITIES, REPEATABILITY, Quantity, Times, spread
from runners.words.causes import reason
from runners.words.labels import labels
from runners.words.rounding import in_order


@dataclass(frozen=True, slots=True)
class Measured:
    """One result: the summary of its cells, the complete rounds of each by its name, its machine.

    Only times of the same machine are held against each other. `name` is its own, or that of its
    `commit`: that of the working tree where it was measured, None where that is not known or
    there were several. `committed` is the commit's date, `measured` that of the first run.
    """

    name: str
    summary: pd.DataFrame
    times: Mapping[str, Times]
    machine: str
    commit: str | None = None
    branch: str | None = None
    committed: datetime | None = None
    measured: datetime | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A cell in the result number `at`: seconds of both sides and the speedup.

    Without complete rounds there are no `values`, and `why` says so.
    """

    at: int
    row: int
    status: str
    rounds: int
    values: Mapping[Quantity, Interval]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """A cell over all results of one machine that have it, in order.

    `name` tells it from others. `changes` are those of each quantity, at the number of a result;
    their ratios are above 1 where it got better.
    """

    name: str
    n: int
    machine: str
    points: tuple[Point, ...]
    changes: Mapping[Quantity, tuple[Change, ...]]

    @property
    def measured(self) -> list[Point]:
        """Those that have times."""
        return [point for point in self.points if point.values]


@dataclass(frozen=True, slots=True)
class History:
    """Results in their order, which is told by `order`, and the cells that they have in common.

    `differs` says what is another one, besides the code, in a result than in an earlier one, by
    their numbers: of all neighbours, and of those at the steps of a cell. `busy` are the cells that
    were measured on a busy or unsteady machine, by the number of the result and the row.
    """

    results: Sequence[Measured]
    order: str
    tracks: Sequence[Track]
    differs: Mapping[tuple[int, int], Sequence[str]]
    busy: Collection[tuple[int, int]]
    margin: float

    @property
    def shown(self) -> list[Track]:
        """The cells that were measured at least twice, on whichever machine."""
        count: Counter[str] = Counter()
        for track in self.tracks:
            count[track.name] += len(track.measured)
        return [track for track in self.tracks if track.measured and count[track.name] > 1]

    @property
    def several_machines(self) -> bool:
        return len({track.machine for track in self.tracks}) > 1

    def name(self, track: Track) -> str:
        """Of the cell, with its machine where there are several."""
        return f"{track.name}, {track.machine}" if self.several_machines else track.name


def before(track: Track, at: int) -> int:
    """The number of the result that the cell was measured in before that one."""
    return max((point.at for point in track.measured if point.at < at), default=at)


def tracks(results: Sequence[Measured], margin: float = 0.0) -> list[Track]:
    """The cells of several results, the earliest first, joined as those of two are.

    Changes within the `margin` are none: a ratio less 1. Names are those of the latest results.
    """
    joined = _joined([result.summary for result in results])
    names = _names(results, joined)
    found: list[Track] = []
    known: dict[tuple[int, Quantity], Series] = {}
    for name, rows in zip(names, joined, strict=True):
        of_machine: dict[str, list[Point]] = {}
        noises: dict[tuple[str, Quantity], list[Noise]] = {}
        for at, row in rows.items():
            own = results[at]
            cell = own.summary.iloc[row]
            times = own.times.get(str(cell["cell"]))
            point = _point(at, row, cell, times)
            of_machine.setdefault(own.machine, []).append(point)
            if times is not None and point.values:
                for what in QUANTITIES:
                    noises.setdefault((own.machine, what), []).append(noise(times, what))
        n = int(results[max(rows)].summary["n"].iloc[rows[max(rows)]])
        for machine, points in of_machine.items():
            places = tuple(point.at for point in points if point.values)
            for what in QUANTITIES if places else ():
                known[len(found), what] = series(noises[machine, what], (machine, places, what))
            found.append(Track(name, n, machine, tuple(points), {}))
    changes = find_changes(known, margin)
    told = [
        replace(
            track,
            changes={
                what: tuple(_placed(one, track.measured, what) for one in changes[number, what])
                for what in QUANTITIES
                if (number, what) in changes
            },
        )
        for number, track in enumerate(found)
    ]
    return sorted(told, key=lambda track: in_order(track.name))


def _placed(change: Change, points: Sequence[Point], what: Quantity) -> Change:
    """At the number of its result, with a ratio above 1 for what got better."""
    ratio = change.ratio
    if what != "speedup":
        ratio = Interval(1 / ratio.estimate, 1 / ratio.high, 1 / ratio.low)
    return replace(change, at=points[change.at].at, ratio=ratio)


def _joined(summaries: Sequence[pd.DataFrame]) -> list[dict[int, int]]:
    """The cells of all: in which result, by its number, each is which row."""
    found: list[dict[int, int]] = []
    for number, summary in enumerate(summaries):
        latest = pd.concat(
            [summaries[max(own)].iloc[[own[max(own)]]] for own in found] or [summary.iloc[:0]],
            ignore_index=True,
        )
        matched = match(_defining(latest), _defining(summary))
        for track, row in matched.pairs:
            found[track][number] = row
        found += [{number: row} for row in matched.only_after]
    return found


def _defining(summary: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in summary.columns if str(name).startswith(PARAMETERS)]
    return summary[[*DEFINES, "fresh", "python", *names]]


def _names(results: Sequence[Measured], joined: Sequence[Mapping[int, int]]) -> list[str]:
    cells = pd.concat(
        [results[max(rows)].summary.iloc[[rows[max(rows)]]] for rows in joined], ignore_index=True
    )
    # On which machine each was measured last is told elsewhere.
    named = labels(cells.drop(columns="node_kind", errors="ignore"))
    parts = zip(named["panel"], named["line"], cells["n"], strict=True)
    return [f"{panel}, {line}, n = {n}" for panel, line, n in parts]


def _point(at: int, row: int, cell: "pd.Series[Any]", times: Times | None) -> Point:
    status, rounds = str(cell["status"]), int(cell["rounds"])
    if status != "ok":
        return Point(at, row, status, rounds, {}, reason(cell["error"]))
    if times is None:
        return Point(at, row, status, rounds, {}, "no complete round")
    values = {what: times.typical(what) for what in QUANTITIES}
    if cell["scaling"] == "weak":  # whose rounds are those of one task's worth
        values["parallel"] = values["parallel"].scaled(int(cell["n"]))
    return Point(at, row, status, rounds, values)


@dataclass(frozen=True, slots=True)
class Noise:
    """A typical value as logarithm, its standard error with degrees of freedom, and the standard
    deviation between the interpreters that it was measured with."""

    log: float
    error: float
    freedom: float
    spread: float


def noise(times: Times, what: Quantity) -> Noise:
    """Of one measurement of a cell."""
    found = times.typical(what)
    interpreters, rounds = len(np.unique(times.process)), len(times.process)
    kept = rounds - 2 * (rounds // 5)
    free = max((interpreters if interpreters >= FEWEST_INTERPRETERS else kept) - 1, 1)
    error = math.log(found.high / found.low) / 2 / student_t(0.95, free)  # NaN of one round
    return Noise(math.log(found.estimate), error, float(free), spread([times], what))


def series(measured: Sequence[Noise], group: Hashable = None) -> Series:
    """One cell, measured several times.

    Where there are few measurements, what they may differ by is the repeatability limit between
    the interpreters of one, as in a comparison of two.
    """
    logs, errors, freedom, spreads = np.array([astuple(one) for one in measured]).T
    near = REPEATABILITY * math.sqrt(float(np.square(spreads).mean()))
    return Series(logs, errors, freedom, group, math.inf if math.isnan(near) else near)
