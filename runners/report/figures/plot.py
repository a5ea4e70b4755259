"""A figure of one's own: any number of the summary against any of its columns.

What is on x, in colour, in dashes and in panels is chosen, as in seaborn's `relplot`. Nothing is
averaged: cells that the choices do not tell apart are lines of their own, and it says so.
"""

import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    MaxNLocator,
    NullLocator,
    PercentFormatter,
)
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from runners.analysis.candidate import joined
from runners.model import HERE, UsageError, did_you_mean
from runners.report.figures.drawing import (
    BEYOND,
    DASHES,
    MARKERS,
    STYLES,
    Style,
    grid,
    heading,
    legend,
    note_missing,
    styled,
    tick_labels,
    title,
)
from runners.report.figures.shown import shown
from runners.words.labels import labels
from runners.words.rounding import in_order

WHOLE = ("executor", "workload", "n", "scaling", "python", "code_version", "placement", "fresh")
KNOWN = (*WHOLE, "usable_cpus", "node_kind", "host", "result")
"""Columns that may be on x, in colour, in dashes and in panels, beside the parameters."""
OWN = {"line": "executor", "panel": "workload"}
"""Names of `labels`, which tell all cells apart, with what they are called for a reader."""

VALUES = {
    "speedup": ("speedup", "speedup_low", "speedup_high", "speedup"),
    "efficiency": ("efficiency", "efficiency_low", "efficiency_high", "efficiency"),
    "seconds": ("measured_median_s", "measured_low_s", "measured_high_s", "median time, s"),
}
"""What may be on y: its column, the ends of its interval, what it is called."""

NARROWEST, WIDEST = 1.5, 100.0
"""Of figures, in inches."""
SMALLEST, LARGEST = 4.0, 40.0
"""Of fonts, in points."""
_ONE: Style = {"color": "0.45", "lw": 1, "ls": (0, (6, 3))}
_DODGE = 0.5
"""Of the way to the nearest neighbour on x, for all lines together: points stay with their own."""
_HEIGHT = 3.0  # inches
_TICKS = 7
"""Of a logarithmic axis, at most."""
_LOG = 4.0
"""Numbers whose largest is this many times the smallest are on a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a figure shows, and how it looks.

    `x`, `colour`, `dash` and `panel` are columns of the summary, or the short name of a parameter;
    of colour and panel None is what tells all cells apart. `y` is one of VALUES or a column of
    numbers. `size` is that of the whole figure in inches, `font` that of its text in points.
    """

    x: str = "n"
    y: str = "speedup"
    colour: str | None = None
    dash: str | None = None
    panel: str | None = None
    log_y: bool = False
    size: tuple[float, float] | None = None
    font: float | None = None
    style: str = "screen"

    def __post_init__(self) -> None:
        for name in ("x", "y", "colour", "dash", "panel"):
            asked = getattr(self, name)
            if not isinstance(asked, str) and not (asked is None and name not in ("x", "y")):
                raise UsageError(f"{name}={asked!r}: name a column of the summary")
        if not isinstance(self.log_y, bool):
            raise UsageError(f"log_y={self.log_y!r}: true or false")
        if self.size is not None and not _is_size(self.size):
            raise UsageError(
                f"size={_size(self.size)}: width and height in inches, from {NARROWEST:g} to "
                f"{WIDEST:g}, as in 3.4x2.4, in Python (3.4, 2.4)"
            )
        if self.font is not None and not _is_between(self.font, SMALLEST, LARGEST):
            raise UsageError(
                f"font={self.font}: the size of text in points, from {SMALLEST:g} to {LARGEST:g}"
            )
        if self.style not in STYLES:
            raise UsageError(f"style={self.style}: choose {' or '.join(STYLES)}")


def _is_size(size: object) -> bool:
    if not isinstance(size, tuple | list) or len(size) != 2:
        return False
    return all(_is_between(side, NARROWEST, WIDEST) for side in size)


def _size(size: object) -> str:
    """It as it is written on the command line."""
    if not isinstance(size, tuple | list):
        return str(size)
    return "x".join(f"{side:g}" if isinstance(side, int | float) else str(side) for side in size)


def _is_between(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and low <= value <= high


def plot(summary: pd.DataFrame, choices: Choices) -> Figure:
    """The figure; `summary` is the frame of `summarise`.

    Raises UsageError where a column is not there, or has no numbers, or the size leaves no room.
    """
    cells = summary.assign(**labels(summary))
    found = shown(cells)
    cells = found.cells
    names = {
        "x": _column(cells, "x", choices.x),
        "colour": "line" if choices.colour is None else _column(cells, "colour", choices.colour),
        "panel": "panel" if choices.panel is None else _column(cells, "panel", choices.panel),
        "dash": "" if choices.dash is None else _column(cells, "dash", choices.dash),
    }
    y, low, high, about = _value(cells, choices.y)
    cells = cells.reindex(columns=[*cells.columns, *({y, low, high} - {"", *cells.columns})])
    drawn = cells.loc[(cells["status"] == "ok") & cells[y].notna()]
    data = pd.DataFrame(
        {
            "y": drawn[y].astype(float),
            "low": drawn[low].astype(float) if low else np.nan,
            "high": drawn[high].astype(float) if high else np.nan,
            **{role: _named(drawn, name) for role, name in names.items() if role != "x"},
            "own": _but_for(cells, names["x"])[drawn.index],
            "host": _hosts(drawn),
            "loop": drawn.reindex(columns=["baseline_median_s"])["baseline_median_s"].astype(float),
        }
    )
    data["x"] = drawn[names["x"]] if is_axis(drawn, names["x"]) else _texts(drawn, names["x"])
    if data["x"].nunique() <= 1 and data["colour"].nunique() > 1:
        data["x"], names["x"] = data["colour"], names["colour"]
    note = _not_apart(data, drawn, names)
    looks = _looks(data)
    of_panel = _named(cells, names["panel"])
    panels = sorted(set(of_panel), key=in_order)
    with styled(choices.style, choices.font), _room(choices):
        figure, all_axes = grid([_HEIGHT] * len(panels), panels)
        if choices.size is not None:
            figure.set_size_inches(*choices.size)
        for panel, axes in zip(panels, all_axes, strict=True):
            own = data.loc[data["panel"] == panel]
            _draw(axes, own, looks, choices)
            _frame(axes, own, choices, _called(names["x"]), about)
            title(axes, panel)
            every = cells.loc[of_panel == panel]
            note_missing(axes, every, every.loc[every.index.isin(own.index)])
        told = names["x"] != names["colour"] or choices.dash is not None  # x tells it otherwise
        legend(figure, _handles(looks if told else {}, data, choices))
        heading(figure, "\n".join(filter(None, [found.note, note])))
        if choices.size is not None:  # the legend makes room for itself
            figure.set_size_inches(*choices.size)
            figure.draw_without_rendering()  # so that it is known whether there is room
            if any(one.get_window_extent().width > figure.bbox.width for one in figure.legends):
                warnings.warn("constrained_layout not applied: of the legend", stacklevel=1)
    return figure


@contextmanager
def _room(choices: Choices) -> Iterator[None]:
    """Raises UsageError where the text leaves no room for what is drawn; matplotlib only warns."""
    if choices.size is None:
        yield
        return
    told = f"size={_size(choices.size)}: its text leaves no room for the figure; make it larger, "
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "constrained_layout not applied", UserWarning)
        try:
            yield
        except UserWarning:
            raise UsageError(f"{told}or the font smaller (font)") from None


def _column(cells: pd.DataFrame, role: str, asked: str) -> str:
    """The column of that name, or of a parameter that is called so."""
    known = _known(cells)
    parameters = [name for name in known if "." in name]
    if asked in known:
        return asked
    short = [name for name in parameters if name.partition(".")[2] == asked]
    if len(short) == 1:
        return short[0]
    near = did_you_mean(asked, [*known, *(name.partition(".")[2] for name in parameters)])
    varying = [name for name in known if cells[name].nunique(dropna=False) > 1]
    there = joined(varying) if varying else "none"
    raise UsageError(f"{role}={asked}: no such column{near}; those that differ are {there}")


def _value(cells: pd.DataFrame, asked: str) -> tuple[str, str, str, str]:
    """Column, ends of its interval ("" without one), and name of what is on y."""
    if asked in VALUES:
        return VALUES[asked]
    if asked in cells.columns and is_axis(cells, asked):
        low, high = f"{asked}_low", f"{asked}_high"
        has = low in cells.columns and high in cells.columns
        return asked, low if has else "", high if has else "", asked
    numbers = [str(c) for c in cells.columns if is_axis(cells, str(c))]
    near = did_you_mean(asked, [*VALUES, *numbers])
    raise UsageError(
        f"y={asked}: no such number{near}; write {joined(list(VALUES), 'or')}, or a column of "
        "summary.csv that has numbers"
    )


def is_axis(cells: pd.DataFrame, name: str) -> bool:
    """Whether a column has numbers that an axis can have."""
    column = cells[name]
    return bool(is_numeric_dtype(column) and not is_bool_dtype(column))


def _texts(cells: pd.DataFrame, name: str) -> "pd.Series[str]":
    if not name:
        return pd.Series("", index=cells.index, dtype=object)
    column = cells[name]
    if is_axis(cells, name):
        return column.map(lambda value: "none" if pd.isna(value) else f"{value:.12g}")
    empty = HERE if name == "code_version" else ""
    return column.map(lambda value: "none" if pd.isna(value) else str(value) or empty)


def _named(cells: pd.DataFrame, name: str) -> "pd.Series[str]":
    """As the legend has it: a number with its name."""
    is_number = bool(name) and is_axis(cells, name)
    before = f"{name.rpartition('.')[2]} = " if is_number else ""
    return _texts(cells, name).map(lambda text: before + text).astype(object)


def _hosts(cells: pd.DataFrame) -> "pd.Series[str]":
    """What the plain loop of each cell depends on, beside the workload."""
    names = ["python", "python_build", "code_version", "placement", "result"]
    parts = cells.reindex(columns=names)
    return parts.apply(lambda row: "\n".join(map(str, row)), axis=1).astype(object)


def _but_for(cells: pd.DataFrame, x: str) -> "pd.Series[str]":
    """What tells the cells apart beside that column."""
    if x == "n":
        return cells["panel"].astype(str) + "\n" + cells["line"].astype(str)
    known = [name for name in _known(cells) if name != x]
    return cells[known].apply(lambda row: "\n".join(map(str, row)), axis=1)


def _known(cells: pd.DataFrame) -> list[str]:
    """The columns that may be chosen."""
    parameters = [str(c) for c in cells.columns if str(c).startswith(("workload.", "executor."))]
    return [name for name in KNOWN if name in cells.columns] + parameters


def _called(name: str) -> str:
    if name == "n":
        return "workers n"
    return OWN.get(name, name.partition(".")[2] or name)


def _not_apart(data: pd.DataFrame, drawn: pd.DataFrame, names: Mapping[str, str]) -> str:
    """That some cells look the same, and in what they differ; "" where none do."""
    look = ["panel", "colour", "dash", "x"]
    same = data.groupby(look)["own"].transform("nunique") > 1
    if not same.any():
        return ""
    alike = drawn.loc[same].groupby([data.loc[same, name] for name in look])
    differing = [
        name
        for name in _known(drawn)
        if name not in names.values() and (alike[name].nunique(dropna=False) > 1).any()
    ]
    what = "Lines" if is_numeric_dtype(data["x"]) else "Dots"
    return f"{what} of one look differ in {joined(differing) if differing else 'their results'}."


def _looks(data: pd.DataFrame) -> dict[tuple[str, str], Style]:
    """Colour and marker by what colour stands for, dashes by what these do.

    Where no lines join the dots, these have the marker of what dashes stand for.
    """
    colours = sorted(set(data["colour"]), key=in_order)
    dashes = sorted(set(data["dash"]), key=in_order)
    palette = sns.color_palette("colorblind", max(len(colours), 1))
    by_dash = not is_numeric_dtype(data["x"]) and len(dashes) > 1
    return {
        (colour, dash): {
            "color": palette[at],
            "marker": MARKERS[(k if by_dash else at) % len(MARKERS)],
            "ls": DASHES[k % len(DASHES)],
        }
        for at, colour in enumerate(colours)
        for k, dash in enumerate(dashes)
    }


def _places(data: pd.DataFrame) -> tuple[dict[Any, float], bool]:
    """Where each value of x is, and whether x is a logarithmic axis (of doublings)."""
    if not is_numeric_dtype(data["x"]):
        every = sorted(set(data["x"]), key=in_order)
        return {value: float(at) for at, value in enumerate(every)}, False
    every = sorted(set(data["x"].dropna().astype(float)))
    log = bool(every) and every[0] > 0 and every[-1] >= _LOG * every[0]
    return {value: float(np.log2(value)) if log else value for value in every}, log


def _draw(
    axes: Axes,
    data: pd.DataFrame,
    looks: Mapping[tuple[str, str], Style],
    choices: Choices,
) -> None:
    places, _ = _places(data)
    lines = [
        (key, own.sort_values("x", key=lambda column: column.map(places)))
        for key, own in data.groupby(["colour", "dash", "own"], sort=False)
    ]
    lines.sort(key=lambda line: [in_order(str(part)) for part in line[0]])
    joined = is_numeric_dtype(data["x"])
    gaps = np.diff(sorted(places.values()))
    step = _DODGE * float(min(gaps, default=1.0)) / max(len(lines), 1)
    # Of names each has its own dots beside each other: most lines have no dot at most names.
    counts, seen = data["x"].value_counts(), Counter[Any]()
    for at, ((colour, dash, _), own) in enumerate(lines):
        x = own["x"].map(places).to_numpy(float, copy=True)
        if joined:
            x = x + step * (at - (len(lines) - 1) / 2)
        else:
            for k, value in enumerate(own["x"]):
                x[k] += _DODGE * ((seen[value] + 0.5) / counts[value] - 0.5)
                seen[value] += 1
        look = looks[str(colour), str(dash)]
        y = own["y"].to_numpy(float)
        if joined and len(x) > 1:
            axes.plot(x, y, color=look["color"], ls=look["ls"], lw=1.4)
        ends = own[["low", "high"]].to_numpy(float)
        sure = np.isfinite(ends).all(axis=1)
        errors = np.abs(np.stack([y - ends[:, 0], ends[:, 1] - y]))[:, sure]
        dots: Style = {"fmt": look["marker"], "color": look["color"], "ms": 4.5, "zorder": 3}
        ends_look: Style = {"elinewidth": 1.2, "capsize": 3, "capthick": 1.2}
        axes.errorbar(x[sure], y[sure], yerr=errors, mec="white", mew=0.5, **ends_look, **dots)
        axes.errorbar(x[~sure], y[~sure], mfc="none", **dots)  # without an interval: hollow


def _frame(axes: Axes, data: pd.DataFrame, choices: Choices, x: str, y: str) -> None:
    places, log = _places(data)
    values, at = list(places), list(places.values())
    if at:
        room = 0.5 if not is_numeric_dtype(data["x"]) else 0.35 * max(np.diff(at), default=1.0)
        axes.set_xlim(at[0] - room, at[-1] + room)
    if is_numeric_dtype(data["x"]):
        texts = [f"{value:.12g}" for value in values]
        told = tick_labels(values) if log else texts
        kept = [k for k, text in enumerate(told) if text]
        axes.xaxis.set_major_locator(FixedLocator([at[k] for k in kept]))
        axes.set_xticks([at[k] for k in kept], [texts[k] for k in kept])
    else:
        axes.set_xticks(at, values, rotation=30 if max(map(len, values), default=0) > 6 else 0)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right" if label.get_rotation() else "center")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    # A plain loop for each interpreter, version or placement would be several lines: none then.
    one = data.loc[data["loop"].notna(), "host"].nunique() == 1
    has_loop = choices.y == "seconds" and choices.panel is None and one
    if choices.log_y and (data["y"] > 0).all() and len(data):
        every = data[["y", "low", "high", *(["loop"] if has_loop else [])]].to_numpy(float)
        every = every[np.isfinite(every) & (every > 0)]
        axes.set_yscale("log")
        axes.set_ylim(every.min() / 1.15, every.max() * 1.15)
        axes.yaxis.set_major_locator(FixedLocator(log_ticks(*axes.get_ylim())))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        most = data["y"].max()
        top = np.nanmax([min(data["high"].max(), BEYOND * most), most, 0.0])
        axes.set_ylim(0, float(top) * 1.1 or 1.0)
    if choices.y == "efficiency":
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    if choices.y in ("speedup", "efficiency"):
        axes.axhline(1, zorder=1, **_ONE)
    if has_loop:
        axes.axhline(float(data["loop"].median()), zorder=1, **_ONE)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers within the ends of a logarithmic axis: from 2 to 7, wherever there are."""
    found: list[float] = []
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        every = [digit * 10.0**power for power in powers for digit in digits]
        inside = [tick for tick in every if low <= tick <= high]
        if len(inside) > _TICKS:
            step = -(-len(inside) // _TICKS)
            return found or inside[::step]
        found = inside
    if len(found) < 2:
        found = [tick for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]
    return found


def _handles(
    looks: Mapping[tuple[str, str], Style], data: pd.DataFrame, choices: Choices
) -> Iterator[Line2D]:
    there = set(zip(data["colour"], data["dash"], strict=True))
    joined = is_numeric_dtype(data["x"])
    for (colour, dash), look in looks.items():
        if (colour, dash) in there and (len(looks) > 1 or joined):
            style = dict(look) if joined else {**look, "ls": ""}
            label = ", ".join(filter(None, [colour, dash]))
            yield Line2D([], [], lw=1.4, ms=4.5, mec="white", mew=0.5, label=label, **style)
    if data[["low", "high"]].isna().any(axis=None):
        yield Line2D([], [], ls="", marker="o", mfc="none", color="0.4", label="no interval")
    if choices.y == "speedup":
        yield Line2D([], [], label="as the plain loop", **_ONE)
    alone = data.loc[data["loop"].notna()].groupby("panel")["host"].nunique() == 1
    if choices.y == "seconds" and choices.panel is None and alone.any():
        yield Line2D([], [], label="the plain loop", **_ONE)


def seconds(summary: pd.DataFrame) -> Figure:
    """The median time of a run against the number of workers, with its 95% interval."""
    return plot(summary, Choices(y="seconds", log_y=True))


def weak(summary: pd.DataFrame) -> Figure | None:
    """The efficiency under weak scaling, T₁/Tₙ; None where no line of it has several n."""
    cells = summary.loc[summary["scaling"] == "weak"]
    named = labels(cells)
    if cells.empty or (cells.groupby([named["panel"], named["line"]])["n"].nunique() < 2).all():
        return None
    return plot(cells, Choices(y="efficiency"))
