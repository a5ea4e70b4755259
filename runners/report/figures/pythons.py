"""The figure of several interpreters: the plain loop on each, and what executors add to it."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from runners.analysis.across import as_named, by_workload
from runners.analysis.interval import Floats
from runners.model import printable
from runners.report.figures.drawing import (
    DASHES,
    LABEL,
    MARKERS,
    Style,
    heading,
    legend,
    letters,
    new_figure,
    not_drawn,
    styled,
    title,
    wrapped,
)
from runners.report.figures.shown import shown
from runners.words.labels import SERIAL, labels
from runners.words.pythons import interpreters
from runners.words.rounding import in_order

_LOOP: Style = {"color": "0.15", "marker": "P", "ls": "-"}
_ONE: Style = {"color": "0.45", "lw": 1, "ls": (0, (6, 3))}
_IDEAL: Style = {"color": "0.45", "lw": 0.9, "ls": (0, (1.5, 1.5))}
_ROWS = 1.7, 2.6  # inches: of the plain loop, of the speedups
_COLUMNS = 4
_TICK = 0.45  # inches from interpreter to interpreter
_PANEL = 2.7, 5.5  # inches of a panel, from the narrowest to the widest
_ALONE = 4.2  # inches of a single one, at least
_AROUND = 0.8, 1.3  # inches beside and around the panels
_LETTER = 0.07  # inches of an interpreter's name, across
_TILTS = 35, 60, 90  # degrees, of names that have no room
_BESIDE = 0.6  # inches that the numbers take from the width of a panel
_WRAP = 26  # characters of such a name in a line
_LINE = 0.14  # inches of a line of text
_NOTE = 46  # characters in a line of the note
_SPREAD = 0.5  # between the outermost lines, of the distance between two interpreters
_DODGE = 0.1  # between neighbouring ones
_FAR = 6.0  # an axis is logarithmic where the highest point is so many times the lowest
_REACH = 2.0  # it goes so many times as far as its points for their intervals


@dataclass(frozen=True, slots=True)
class _Panel:
    """One workload: its cells, those to draw, and the names of its interpreters in their order.

    The cells have `place`, that of their interpreter on the x axis.
    """

    name: str
    weak: bool
    cells: pd.DataFrame
    drawn: pd.DataFrame
    names: Sequence[str]

    @property
    def loops(self) -> pd.DataFrame:
        """A cell of each interpreter, which has what is known of its plain loop."""
        known = self.cells.loc[self.cells["serial_ratio"].notna()]
        return known.drop_duplicates("place").sort_values("place")

    @property
    def first(self) -> str:
        """The interpreter that the others are compared with."""
        return self.names[int(self.loops["place"].iloc[0])]

    @property
    def ways(self) -> list[tuple[str, int]]:
        drawn = self.drawn.loc[self.drawn["executor"] != SERIAL, ["way", "n"]].drop_duplicates()
        return [(str(way), int(n)) for way, n in drawn.sort_values(["way", "n"]).to_numpy()]


def has_pythons(summary: pd.DataFrame) -> bool:
    """Whether any workload ran on several interpreters."""
    known = interpreters(summary)
    groups = by_workload(summary.assign(**labels(summary)))
    return any(len(as_named(group, known)) > 1 for group in groups)


def pythons(summary: pd.DataFrame) -> Figure:
    """The speed of the plain loop on each interpreter, and below it the speedups there.

    `summary` is the frame of `summarise`. A column of panels for each workload that ran on several
    interpreters, which are in the order named. Above is how many times as fast the plain loop is as
    on the first of them, below the speedup of each executor and n over the plain loop of the same
    interpreter, with 95% intervals. Cells that are not ok leave a gap and are named below. Of many
    workloads and executors those of `shown` are there, and it says so.
    """
    panels, told = _panels(summary)
    styles = _styles(
        sorted(
            {way for panel in panels for way in panel.ways}, key=lambda w: (in_order(w[0]), w[1])
        )
    )
    columns = min(len(panels), _COLUMNS)
    blocks = -(-len(panels) // columns)
    narrowest = _PANEL[0] if columns > 1 else _ALONE
    most = max(len(panel.names) for panel in panels)
    width = min(max(narrowest, _TICK * most), _PANEL[1])
    longest = max(len(name) for panel in panels for name in panel.names)
    tilt = _tilt(longest, (width - _BESIDE) / most)
    titles = max(wrapped(panel.name, letters(width)).count("\n") for panel in panels)
    notes = max(_note(panel).count("\n") + 1 for panel in panels)
    height = sum(_ROWS) + _AROUND[1] + _LINE * (notes + titles)
    height += min(longest, _WRAP) * _LETTER * math.sin(math.radians(tilt))
    with styled():
        figure = new_figure(columns * width + _AROUND[0], blocks * height)
        grid = figure.subplots(2 * blocks, columns, squeeze=False, height_ratios=_ROWS * blocks)
        for at in range(columns * blocks):
            above, below = (grid[2 * (at // columns) + k][at % columns] for k in (0, 1))
            if at < len(panels):
                alike = panels[at].first == panels[at - at % columns].first
                title(above, panels[at].name)
                _draw_loops(above, panels[at], named=at % columns == 0 or not alike)
                _draw_speedups(below, panels[at], styles, is_first=at % columns == 0)
                _name(below, panels[at], tilt)
            else:
                above.remove()
                below.remove()
        legend(figure, _handles(panels, styles))
        heading(figure, told)
    return figure


def _tilt(longest: int, room: float) -> int:
    """How far names of up to that length are turned that have so many inches each."""
    if longest * _LETTER <= 0.9 * room:
        return 0
    lines = -(-longest // _WRAP)
    fit = (tilt for tilt in _TILTS if room * math.sin(math.radians(tilt)) >= _LINE * lines)
    return next(fit, _TILTS[-1])


def _panels(summary: pd.DataFrame) -> tuple[list[_Panel], str]:
    """The panels by their names, and what is left out."""
    known = interpreters(summary)
    cells = summary.assign(**labels(summary))
    # A line is an executor with its n here, and one for all interpreters.
    lines = cells.assign(line=cells["way"] + ", n = " + cells["n"].astype(str))
    found = shown(lines)
    cells = cells.loc[found.cells.index]
    panels = []
    for group in by_workload(cells):
        order = as_named(group, known)
        if len(order) > 1 and group["serial_ratio"].notna().any():
            place = {at: k for k, at in enumerate(order)}
            own = group.loc[known.of[group.index] >= 0]
            own = own.assign(place=known.of[own.index].map(place))
            drawn = own.loc[(own["status"] == "ok") & own["speedup"].notna()]
            names = [printable(known.known[at].name) for at in order]
            weak = bool((own["scaling"] == "weak").all())
            panels.append(_Panel(str(own["panel"].iloc[0]), weak, own, drawn, names))
    return sorted(panels, key=lambda panel: in_order(panel.name)), found.note


def _styles(ways: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Style]:
    """Colour and marker for each executor, dashes for each n: those of several are told apart."""
    executors = list(dict.fromkeys(way for way, _ in ways))
    ns = sorted({n for _, n in ways})
    colours = sns.color_palette("colorblind", max(len(executors), 1))
    return {
        (way, n): {
            "color": colours[executors.index(way)],
            "marker": MARKERS[executors.index(way) % len(MARKERS)],
            "ls": DASHES[(len(ns) - 1 - ns.index(n)) % len(DASHES)],
            "mfc": colours[executors.index(way)] if n == ns[-1] else "white",
        }
        for way, n in ways
    }


def _draw_loops(axes: Axes, panel: _Panel, *, named: bool) -> None:
    loops = panel.loops
    ends = loops[["serial_ratio", "serial_ratio_high", "serial_ratio_low"]].to_numpy(float)
    axes.axhline(1, zorder=1, **_ONE)
    _draw_line(axes, panel, loops["place"].to_numpy(int), 1 / ends, 0.0, _LOOP)
    _frame(axes, panel)
    axes.tick_params(axis="x", labelbottom=False)
    if named:
        axes.set_ylabel(f"speed of the plain loop\n({panel.first} = 1)")


def _draw_speedups(
    axes: Axes, panel: _Panel, styles: Mapping[tuple[str, int], Style], *, is_first: bool
) -> None:
    axes.axhline(1, zorder=1, **_ONE)
    ways = panel.ways
    for k, (way, n) in enumerate(ways):
        of_it = (panel.drawn["way"] == way) & (panel.drawn["n"] == n)
        own = panel.drawn.loc[of_it].sort_values("place")
        shift = min(_DODGE, _SPREAD / len(ways)) * (k - (len(ways) - 1) / 2)
        ends = own[["speedup", "speedup_low", "speedup_high"]].to_numpy(float)
        _draw_line(axes, panel, own["place"].to_numpy(int), ends, shift, styles[way, n])
    _frame(axes, panel)
    low, high = axes.get_ylim()
    for n in sorted({n for _, n in ways}):
        if 1 < n <= 1.25 * high:
            high = max(high, n * 1.05)
            axes.axhline(n, zorder=1, **_IDEAL)
            axes.annotate(
                *(f"n = {n}", (1, n), (2, 0)),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                color="0.35",
            )
    axes.set_ylim(low, high)
    if panel.drawn.empty:
        axes.text(0.5, 0.5, "nothing to draw", transform=axes.transAxes, ha="center", color="0.4")
    axes.set_xlabel(_note(panel), loc="left", fontsize=7.5, color="0.35")
    if is_first:
        ratio = "scaled speedup n·T₁/Tₙ" if panel.weak else "speedup T₁/Tₙ"
        axes.set_ylabel(f"{ratio}\non the same interpreter")


def _draw_line(
    axes: Axes,
    panel: _Panel,
    places: NDArray[np.int_],
    ends: Floats,
    shift: float,
    style: Style,
) -> None:
    """A point for each place with its interval; `ends` are estimate, low and high. A gap is one."""
    table = np.full((len(panel.names), 3), np.nan)
    table[places] = ends
    middle, low, high = table.T
    axes.errorbar(
        np.arange(len(middle)) + shift,
        middle,
        # An end may pass the estimate in files of 0.2, and be infinite.
        yerr=[(middle - low).clip(0), (high - middle).clip(0, 100 * middle)],
        ms=4.5,
        mew=1.1,
        lw=1.3,
        elinewidth=1.2,
        capsize=3,
        zorder=3,
        **style,
    )


def _frame(axes: Axes, panel: _Panel) -> None:
    bars = [found for found in axes.containers if isinstance(found, ErrorbarContainer)]
    points, ends = (
        [y for part in parts for y in np.asarray(part.get_ydata(), float) if np.isfinite(y)]
        for parts in (
            [bar.lines[0] for bar in bars],
            [cap for bar in bars for cap in bar.lines[1]],
        )
    )
    points.append(1.0)
    # An interval of two rounds may reach anywhere: it leaves the frame.
    high = min(max(points + ends), _REACH * max(points))
    low = max(min(points + ends), min(points) / _REACH)
    axes.set_xlim(-0.5, len(panel.names) - 0.5)
    if max(points) > _FAR * min(points):
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(low / 1.2, high * 1.2)
    else:
        axes.set_ylim(0, high * 1.12)
    axes.set_xticks(range(len(panel.names)))
    sns.despine(ax=axes)
    axes.grid(axis="y", color="0.92", lw=0.7)
    axes.set_axisbelow(True)


def _name(axes: Axes, panel: _Panel, tilt: float) -> None:
    names = [wrapped(name, _WRAP) for name in panel.names]
    how: Style = {"rotation": tilt, "ha": "right", "rotation_mode": "anchor"} if tilt else {}
    axes.set_xticks(range(len(names)), names, **how)


def _note(panel: _Panel) -> str:
    lines = [
        line for note in not_drawn(panel.cells, panel.drawn) for line in textwrap.wrap(note, _NOTE)
    ]
    return "\n".join(lines)


def _handles(panels: Sequence[_Panel], styles: Mapping[tuple[str, int], Style]) -> Iterator[Line2D]:
    """The legend's entries: what is drawn in at least one of the panels."""
    yield Line2D([], [], label="plain loop", ms=4.5, lw=1.3, **_LOOP)
    for (way, n), style in styles.items():
        label = "\n".join(textwrap.wrap(f"{way}, n = {n}", LABEL))
        yield Line2D([], [], ms=4.5, mew=1.1, lw=1.3, label=label, **style)
    yield Line2D([], [], label="1: as fast as the plain loop", **_ONE)
    if any(n > 1 for panel in panels for _, n in panel.ways):
        yield Line2D([], [], label="ideal: n", **_IDEAL)
