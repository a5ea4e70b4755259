"""The figure of what a speedup costs in memory."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from runners.report.figures.drawing import (
    Style,
    grid,
    heading,
    legend,
    line_styles,
    note_missing,
    styled,
    title,
)
from runners.report.figures.shown import shown
from runners.words.causes import bytes_text
from runners.words.labels import labels
from runners.words.rounding import in_order

_HEIGHT = 3.4  # inches
_BASELINE: Style = {"color": "0.35", "ls": (0, (1, 1.5)), "lw": 1.2}
_ROOM = 1.12  # beyond the largest numbers


def has_memory(summary: pd.DataFrame) -> bool:
    """Whether there is a cell to draw."""
    return bool(_is_drawn(summary).any())


def memory(summary: pd.DataFrame) -> Figure:
    """Speedup against the memory of all processes, a point for each executor and n.

    `summary` is the frame of `summarise`. One panel for each workload; points of an executor are
    joined in the order of n, which stands in each. The vertical line is the baseline's memory,
    the largest where there are several.
    Bars are 95% intervals of the speedup; of the memory there is one run. Cells that are not ok, or
    of which it was not measured, are named below their panel. Of many cells those of `shown` are
    there, and it says so.
    """
    found = shown(summary.assign(**labels(summary)))
    cells = found.cells
    panels = [(str(name), panel) for name, panel in cells.groupby("panel")]
    panels.sort(key=lambda one: in_order(one[0]))
    lines = sorted(set(cells.loc[_is_drawn(cells), "line"]), key=in_order)
    styles = line_styles(lines)
    with styled():
        figure, grid_axes = grid([_HEIGHT] * len(panels), [name for name, _ in panels])
        for (name, panel), axes in zip(panels, grid_axes, strict=True):
            _draw(axes, name, panel, styles)
        handles = [Line2D([], [], label=line, ms=5, lw=1.2, **how) for line, how in styles.items()]
        legend(figure, [*handles, Line2D([], [], label="memory of the baseline", **_BASELINE)])
        heading(figure, found.note)
    return figure


def _is_drawn(cells: pd.DataFrame) -> "pd.Series[bool]":
    return (cells["status"] == "ok") & cells["speedup"].notna() & (cells["memory_bytes"] > 0)


def _draw(axes: Axes, name: str, cells: pd.DataFrame, styles: Mapping[str, Style]) -> None:
    drawn = cells.loc[_is_drawn(cells)]
    for line, own in drawn.sort_values("n").groupby("line"):
        low = (own["speedup"] - own["speedup_low"]).fillna(0)
        high = (own["speedup_high"] - own["speedup"]).fillna(0)
        axes.errorbar(
            own["memory_bytes"],
            own["speedup"],
            [low, high],
            ms=10,
            lw=1.2,
            elinewidth=1,
            **styles[str(line)],
        )
        for memory_bytes, speedup, n in own[["memory_bytes", "speedup", "n"]].to_numpy():
            inside: Style = {"ha": "center", "va": "center", "color": "white", "weight": "bold"}
            axes.annotate(f"{n:.0f}", (memory_bytes, speedup), size=6.5, zorder=5, **inside)
    if drawn["baseline_memory_bytes"].notna().any():  # those of several hosts hardly differ
        axes.axvline(drawn["baseline_memory_bytes"].max(), zorder=1, **_BASELINE)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: bytes_text(size)))
    axes.axhline(1, color="0.8", lw=0.8, zorder=0)
    if len(drawn):
        sizes, heights = (
            drawn[names].to_numpy(float)
            for names in (["memory_bytes", "baseline_memory_bytes"], ["speedup", "speedup_high"])
        )
        axes.set_xlim(0, float(np.nanmax(sizes)) * _ROOM)
        axes.set_ylim(0, max(1.0, float(np.nanmax(heights))) * _ROOM)
    weak = (cells["scaling"] == "weak").all()
    title(axes, name)
    axes.set_xlabel("memory of all processes (peak of one run)")
    axes.set_ylabel(f"{'scaled speedup n·T₁/Tₙ' if weak else 'speedup T₁/Tₙ'} (95% interval)")
    sns.despine(ax=axes)
    axes.grid(color="0.92", lw=0.7)
    axes.set_axisbelow(True)
    note_missing(axes, cells, drawn)
