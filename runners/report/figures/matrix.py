"""The figure of all workloads on all executors: who gains where, at a glance."""

import math
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from runners.model import Workers
from runners.report.figures.drawing import Style, heading, new_figure, styled, title, wrapped
from runners.report.figures.shown import shown
from runners.words.labels import labels
from runners.words.rounding import bracketed, in_order

_COLOURS = colormaps["RdBu"]  # slower is red, faster is blue: told apart with any colour vision
_ABSENT: Style = {"facecolor": "0.93", "edgecolor": "0.72", "hatch": "////", "lw": 0}
_GAP: Style = {"color": "white", "lw": 1.5}
_FIELD = 0.92, 0.48  # inches
_AROUND = 1.4, 0.6  # inches beside and above the fields, without the names
_LETTER = 0.065, 0.045  # inches: across for the rows' names, up for the tilted ones of the columns
_WRAP = 26  # characters of a name in a line
_LINE = 0.15  # inches of a line of a name
_ROOM = 14  # characters of an interval that fit into a field at full size
_SIZE = 7.2  # points, of an interval


def matrix_n(summary: pd.DataFrame) -> int | None:
    """The n at which a matrix shows most: that of most cells, of several the largest.

    None where no n has two workloads and two executors.
    """
    by_n = summary.assign(**labels(summary)).groupby("n")
    counts = by_n[["panel", "line"]].nunique().assign(cells=by_n.size())
    fit = counts.loc[(counts["panel"] > 1) & (counts["line"] > 1)]
    return None if fit.empty else int(fit.sort_values(["cells", "n"]).index[-1])


def matrix(summary: pd.DataFrame, n: int) -> Figure:
    """The speedup with n workers, a row for each workload and a column for each executor.

    `summary` is the frame of `summarise`. Each field has the speedup with its 95% interval; a
    pair without one is hatched and has its status, and one that was not measured at all is blank.
    Executors stand together by their kind of workers. Of many, those of `shown` are there, and it
    says so.
    """
    cells = summary.assign(**labels(summary))
    found = shown(cells.loc[cells["n"] == n])
    cells = found.cells
    kinds = cells["worker_kind"].map(get_args(Workers).index)
    rows = sorted(set(cells["panel"]), key=in_order)
    columns = cells.assign(kind=kinds).sort_values(["kind", "line"])["line"].unique().tolist()
    drawn = cells.loc[(cells["status"] == "ok") & cells["speedup"].notna()]
    reach = max(2.0, drawn["speedup"].max()) if len(drawn) else 2.0
    colour = ScalarMappable(LogNorm(1 / reach, reach, clip=True), _COLOURS)
    with styled():
        figure = new_figure(*_size(rows, columns))
        axes = figure.subplots()
        for _, cell in cells.iterrows():
            at = columns.index(cell["line"]), rows.index(cell["panel"])
            if cell.name in drawn.index:
                values = (cell[name] for name in ("speedup", "speedup_low", "speedup_high"))
                _draw_speedup(axes, at, bracketed(*values), colour.to_rgba(cell["speedup"]))
            else:
                _draw_absent(axes, at, cell["status"] if cell["status"] != "ok" else "no round")
        _frame(axes, rows, columns, n)
        _scale(figure, axes, colour, reach, beyond=bool((drawn["speedup"] < 1 / reach).any()))
        heading(figure, found.note)
    return figure


def _size(rows: Sequence[str], columns: Sequence[str]) -> tuple[float, float]:
    """Width and height of the figure in inches."""
    longest = (min(_WRAP, max(map(len, side))) for side in (rows, columns))
    names = (letters * letter for letters, letter in zip(longest, _LETTER, strict=True))
    lines = max(wrapped(name, _WRAP).count("\n") + 1 for name in rows)
    fields = len(columns) * _FIELD[0], len(rows) * max(_FIELD[1], _LINE * lines + 0.06)
    width, height = map(sum, zip(fields, _AROUND, names, strict=True))
    return width, height


def _draw_speedup(axes: Axes, at: tuple[int, int], text: str, face: Any) -> None:
    speedup, _, interval = text.partition(" ")
    size = _SIZE * min(1, _ROOM / max(len(interval), 1))
    axes.add_patch(_field(at, facecolor=face, lw=0))
    _write(axes, at, speedup, color=_ink(face), up=5 if interval else 0, weight="bold")
    _write(axes, at, interval, color=_ink(face), up=-8, fontsize=size)


def _draw_absent(axes: Axes, at: tuple[int, int], word: str) -> None:
    axes.add_patch(_field(at, **_ABSENT))
    ground = {"facecolor": _ABSENT["facecolor"], "lw": 0, "pad": 1.5}
    _write(axes, at, word, color="0.25", fontsize=_SIZE, bbox=ground)


def _write(axes: Axes, at: tuple[int, int], text: str, up: float = 0, **style: Any) -> None:
    """Text in a field, `up` points above its middle."""
    axes.annotate(text, at, (0, up), textcoords="offset points", ha="center", va="center", **style)


def _field(at: tuple[int, int], **style: Any) -> Rectangle:
    x, y = at
    return Rectangle((x - 0.5, y - 0.5), 1, 1, **style)


def _ink(face: Sequence[float]) -> str:
    """Black or white, whichever has more contrast: WCAG 2.1, relative luminance."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in face[:3]]
    luminance = np.dot([0.2126, 0.7152, 0.0722], channels)
    return "black" if luminance > 0.179 else "white"


def _frame(axes: Axes, rows: Sequence[str], columns: Sequence[str], n: int) -> None:
    names = [[wrapped(name, _WRAP) for name in side] for side in (rows, columns)]
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.hlines(np.arange(len(rows) - 1) + 0.5, -0.5, len(columns) - 0.5, **_GAP)
    axes.vlines(np.arange(len(columns) - 1) + 0.5, -0.5, len(rows) - 0.5, **_GAP)
    axes.set_yticks(range(len(rows)), names[0])
    axes.xaxis.tick_top()
    axes.set_xticks(
        range(len(columns)), names[1], rotation=40, ha="left", va="bottom", rotation_mode="anchor"
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    title(axes, f"n = {n} [95% interval]")


def _scale(figure: Figure, axes: Axes, colour: ScalarMappable, reach: float, beyond: bool) -> None:
    """The colour bar, as slow on one side of 1 as it is fast on the other."""
    doublings = math.floor(math.log2(reach))
    step = math.ceil(doublings / 3)
    ticks = [2.0 ** (step * k) for k in range(-(doublings // step), doublings // step + 1)]
    bar = figure.colorbar(colour, ax=axes, extend="min" if beyond else "neither", pad=0.02)
    bar.set_ticks(ticks, labels=[f"{tick:g}×" for tick in ticks])
    bar.minorticks_off()
    bar.set_label("speedup T₁/Tₙ")
    bar.outline.set_visible(False)
