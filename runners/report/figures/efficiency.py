"""The figure of the ladder: what became of the core-seconds that were provided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from runners.report.figures.drawing import Style, grid, heading, legend, note_missing, styled, title
from runners.report.figures.shown import MOST_LINES, MOST_N, MOST_PANELS, Shown, shown
from runners.words.causes import TITLES
from runners.words.labels import labels
from runners.words.rounding import in_order

_USEFUL = "useful"
_WAITING = "waiting"
_PARTS = {_USEFUL: "useful", **TITLES, _WAITING: "longer waiting"}
"""What a bar is made of, from the left, with the names for readers."""

# Okabe and Ito's colours, told apart with any colour vision; the hatches do it in print.
_STYLES: dict[str, Style] = {
    _USEFUL: {"facecolor": "#009e73"},
    "startup": {"facecolor": "#0072b2", "hatch": "////"},
    "dispatch": {"facecolor": "#56b4e9", "hatch": "...."},
    "balance": {"facecolor": "#f0e442", "hatch": "\\\\\\\\"},
    "blocking": {"facecolor": "#d55e00", "hatch": "xxxx"},
    "contention": {"facecolor": "#cc79a7", "hatch": "----"},
    "computation": {"facecolor": "#999999", "hatch": "||||"},
    _WAITING: {"facecolor": "#e69f00", "hatch": "++++"},
}
_EDGE: Style = {"edgecolor": "white", "lw": 0.5}
_BAR = 0.8  # of the distance between two bars
_GAP = 0.4  # between two lines, in bars
_PITCH = 0.18  # inches from bar to bar
_AROUND = 1.0  # inches of a panel beside its bars
_VISIBLE = 0.005
_MOST_TOLD = 1.5  # of what is useful: a loop that was so much slower is told of elsewhere
_MOST = 240  # bars below each other, in all rows of panels
_FEWEST = 4  # bars of a line with its name, where lines are left out


@dataclass(frozen=True, slots=True)
class _Panel:
    """One workload: all its cells, those to draw, and the height of each one's bar.

    `heads` are the names of the lines, above their bars. Heights count bars from the top.
    """

    name: str
    cells: pd.DataFrame
    drawn: pd.DataFrame
    at: Sequence[float]
    heads: Sequence[tuple[float, str]]

    @property
    def height(self) -> float:
        return max(self.at, default=4.0) + 0.6


def efficiency(summary: pd.DataFrame) -> Figure:
    """What became of the core-seconds provided: one bar for each executor and n.

    `summary` is the frame of `summarise`. Right of zero a bar shows where the core-seconds
    went, 100% in all. A loss below zero is a gain, work that took fewer core-seconds than in the
    plain loop, and lies left of zero: useful is the first part together with it, the number at the
    bar's end. Tasks that wait anyway have one loss instead of the last three. Cells that are not ok
    are named below their panel. Of many cells those of `shown` are there, and it says so.
    """
    found = _shown(summary.assign(**labels(summary)))
    cells = found.cells.sort_values(["line", "n"], key=_in_order)
    panels = [
        _panel(str(name), panel)
        for name, panel in sorted(cells.groupby("panel"), key=lambda one: in_order(str(one[0])))
    ]
    with styled():
        heights = [panel.height * _PITCH + _AROUND for panel in panels]
        figure, grid_axes = grid(heights, [panel.name for panel in panels])
        parts = [_draw(axes, panel) for panel, axes in zip(panels, grid_axes, strict=True)]
        seen = [name for name in _PARTS if any(name in drawn for drawn in parts)]
        legend(figure, (Patch(label=_PARTS[name], **_EDGE, **_STYLES[name]) for name in seen))
        heading(figure, found.note)
    return figure


def _shown(cells: pd.DataFrame) -> Shown:
    """Fewer of each panel, the more panels there are."""
    panels = min(cells["panel"].nunique(), MOST_PANELS)
    bars = _MOST // -(-panels // 3)
    lines = max(1, min(MOST_LINES, bars // _FEWEST, cells["line"].nunique()))
    return shown(cells, lines=lines, most_n=max(1, min(MOST_N, bars // lines - 1)))


def _in_order(column: "pd.Series[Any]") -> "pd.Series[Any]":
    return column.map(in_order) if column.name == "line" else column


def _panel(name: str, cells: pd.DataFrame) -> _Panel:
    drawn = cells.loc[(cells["status"] == "ok") & cells["loss_startup"].notna()]
    at: list[float] = []
    heads: list[tuple[float, str]] = []
    top = 0.0
    for line, bars in drawn.groupby("line", sort=False):
        heads.append((top, str(line)))
        at += [top + 1 + k for k in range(len(bars))]
        top = at[-1] + 1 + _GAP
    return _Panel(name, cells, drawn, at, heads)


def _draw(axes: Axes, panel: _Panel) -> set[str]:
    """Draw a panel; the parts that can be seen in it."""
    seen = set()
    left = 0.0
    edge = np.zeros(len(panel.drawn)), np.zeros(len(panel.drawn))
    for name, widths in _stack(panel.drawn):
        if np.abs(widths).max(initial=0) < _VISIBLE:
            continue
        seen.add(name)
        for start, part in zip(edge, (widths.clip(0), widths.clip(max=0)), strict=True):
            if part.any():
                axes.add_patch(PathPatch(_bars(panel.at, start, part), **_EDGE, **_STYLES[name]))
                start += part
        left = min(left, float(edge[1].min()))
    for y, (_, cell) in zip(panel.at, panel.drawn.iterrows(), strict=True):
        useful = 1 - cell[[f"loss_{factor}" for factor in TITLES]].sum()
        axes.annotate(
            f"{useful:.0%}" if useful <= _MOST_TOLD else f"over {_MOST_TOLD:.0%}",
            (1, y),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color=_STYLES[_USEFUL]["facecolor"],
            annotation_clip=False,
        )
    for y, line in panel.heads:
        axes.annotate(
            line, (0, y + 0.2), (2, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    _frame(axes, panel, left * 1.05)
    return seen


def _stack(cells: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Each part's widths, one for each cell: those above zero add up to 1."""
    losses = cells[[f"loss_{factor}" for factor in TITLES]].fillna(0)
    waiting = cells["waiting"].astype(bool)
    yield _USEFUL, (1 - losses.clip(lower=0).sum(axis=1)).to_numpy(float)
    for factor in TITLES:
        widths = losses[f"loss_{factor}"]
        if factor == "blocking":
            yield _WAITING, widths.where(waiting, 0).to_numpy(float)
            widths = widths.where(~waiting, 0)
        yield factor, widths.to_numpy(float)


def _bars(at: Sequence[float], start: NDArray[np.float64], width: NDArray[np.float64]) -> Path:
    """One path for all bars of a part: a hatch takes its time for each path anew."""
    below, above = (np.add(at, side * _BAR / 2) for side in (-1, 1))
    end = start + width
    corners = [(start, below), (end, below), (end, above), (start, above)]
    bars = np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1)
    return Path.make_compound_path_from_polys(bars[width != 0])


def _frame(axes: Axes, panel: _Panel, left: float) -> None:
    axes.set_ylim(panel.height, -0.3)
    axes.set_yticks(panel.at, [str(n) for n in panel.drawn["n"]])
    axes.set_ylabel("workers n")
    axes.set_xlim(left, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("core-seconds provided" + (" | left of 0%: gained" if left < 0 else ""))
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    if left < 0:
        axes.axvline(0, color="0.15", lw=0.8)
    title(axes, panel.name)
    note_missing(axes, panel.cells, panel.drawn)
