"""What a figure of many cells shows: so much as can be read, and from one end to the other.

Panels, lines and numbers of workers beyond that are left out evenly: of panels and lines from that
with the highest speedup to that with the lowest, of numbers of workers from the fewest to the most.
So both ends are there and what is usual between them, and nothing depends on names or on the order
in which cells were measured. All of it is in the summary.
"""

from dataclasses import dataclass

import pandas as pd

from runners.words.labels import SERIAL
from runners.words.many import spread
from runners.words.rounding import in_order

MOST_PANELS, MOST_LINES, MOST_N = 24, 20, 48
"""Panels of a figure, its lines (executors), and the n of a line."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The cells that a figure shows, and a line on what it leaves out, or ""."""

    cells: pd.DataFrame
    note: str


def shown(
    cells: pd.DataFrame,
    panels: int = MOST_PANELS,
    lines: int = MOST_LINES,
    most_n: int = MOST_N,
) -> Shown:
    """Those of `cells` (a summary with its `labels`) that a figure shows: see this module.

    The serial executor, which is no line, is in all panels. Panels in which the lines that are
    shown have no speedup come after all others, and lines without any.
    """
    kept = cells["executor"] != SERIAL
    some_lines, told_lines = _some(cells.loc[kept], "line", lines, "executors")
    found = cells.loc[~kept | cells["line"].isin(some_lines)]
    some_panels, told_panels = _some(found, "panel", panels, "workloads")
    found = found.loc[found["panel"].isin(some_panels)]
    found, told_n = _some_n(found, most_n)
    told = [one for one in (told_panels, told_lines) if one]
    note = ""
    if told:
        note = f"{' and '.join(told)}, evenly from the highest speedup to the lowest"
    if told_n:
        note = "; ".join(filter(None, [note, told_n]))
    return Shown(found, f"Shown: {note}. All are in summary.parquet." if note else "")


def by_speedup(cells: pd.DataFrame, name: str) -> list[str]:
    """The values of that column, by the highest speedup of each; those without one come last."""
    known = cells["speedup"].where(cells["status"] == "ok")
    best = known.groupby(cells[name]).max()
    return sorted(map(str, best.index), key=lambda one: (*_descending(best[one]), in_order(one)))


def _descending(speedup: float) -> tuple[bool, float]:
    return (True, 0.0) if pd.isna(speedup) else (False, -speedup)


def _some(cells: pd.DataFrame, name: str, most: int, what: str) -> tuple[set[str], str]:
    """Which values of the column are shown, and how many of how many if not all."""
    count = cells[name].nunique()
    if count <= most:
        return set(cells[name]), ""
    ordered = by_speedup(cells, name)
    known = set(cells.loc[(cells["status"] == "ok") & cells["speedup"].notna(), name])
    measured = ordered[: len(known)]
    found = spread(measured, most) if len(measured) >= most else ordered[:most]
    return set(found), f"{most} of {count} {what}"


def _some_n(cells: pd.DataFrame, most: int) -> tuple[pd.DataFrame, str]:
    """Without the n of a line that are too many, evenly from the fewest to the most."""
    keys = ["panel", "line"]
    counts = cells.groupby(keys)["n"].transform("nunique")
    if not len(cells) or counts.max() <= most:
        return cells, ""
    kept = [
        group.loc[group["n"].isin(spread(sorted(set(group["n"])), most))].index
        for _, group in cells.groupby(keys)
    ]
    every = kept[0].append(kept[1:])
    return cells.loc[cells.index.isin(every)], f"of each line {most} of up to {counts.max()} n"
