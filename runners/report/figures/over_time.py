"""The figure of results over time: times and speedup of each cell, a place for each result."""

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from runners.analysis.over_time import History, Track
from runners.analysis.verdicts import Quantity
from runners.model import printable
from runners.report.figures.drawing import DASHES, LABEL, Style, legend, new_figure, styled
from runners.report.over_time import Step, steps
from runners.words.rounding import counted, time_unit

# Okabe and Ito's colours, told apart with any colour vision.
_SIDES: dict[Quantity, Style] = {
    "serial": {"color": "0.55", "marker": "s", "label": "serial time"},
    "parallel": {"color": "#0072b2", "marker": "o", "label": "parallel time"},
    "speedup": {"color": "#009e73", "marker": "D", "label": "speedup"},
}
_WORSE: Style = {"color": "#d55e00", "marker": "v"}
_BETTER: Style = {"color": "#56b4e9", "marker": "^"}
_OTHERWISE: Style = {"color": "0.6", "lw": 0.9, "ls": (0, (2, 2))}
_WIDTH = 10.5  # inches
_HEIGHT = 1.55  # inches of a cell
_AROUND = 1.7  # inches above and below
_WRAP = 60  # characters of a name in a line
MOST_PANELS = 12
"""Cells that are drawn: those that changed most, then the first ones."""
MOST_TICKS = 24
"""Results that have their name below the axis."""
_FEW = 40
"""More results are drawn without the marks of their points."""


def drawn(history: History) -> list[list[Track]]:
    """The cells that the figure shows, in the order of their names: one on each of its machines."""

    def loudness(own: Sequence[Track]) -> float:
        return max(
            (
                abs(np.log(ratio.estimate))
                for track in own
                for one in steps(track)
                for ratio in one.ratios.values()
            ),
            default=0.0,
        )

    cells: dict[str, list[Track]] = {}
    for track in history.shown:
        cells.setdefault(track.name, []).append(track)
    loud = sorted(cells, key=lambda name: -loudness(cells[name]))[:MOST_PANELS]
    return [cells[name] for name in cells if name in loud]


def over_time(history: History) -> Figure:
    """A row for each cell: both times, and the speedup, of each result, with 95% intervals.

    Vertical lines are where something else than the code changed; triangles are steps. Each level
    is a line; those of another machine than the first one are dashed.
    """
    found = drawn(history)
    left = len({track.name for track in history.shown}) - len(found)
    with styled():
        figure = new_figure(_WIDTH, _AROUND + _HEIGHT * len(found))
        rows = figure.subplots(len(found), 2, squeeze=False, sharex=True)
        for axes, own in zip(rows, found, strict=True):
            _draw(axes[0], history, own, ("serial", "parallel"))
            _draw(axes[1], history, own, ("speedup",))
            name = "\n".join(textwrap.wrap(printable(own[0].name), _WRAP))
            axes[0].set_title(name, loc="left", weight="bold", fontsize=8.5)
        _name_changes(rows[0][1], history)
        for axes in rows[-1]:
            _ticks(axes, history)
        legend(figure, _handles(history, [track for own in found for track in own]))
        if left > 0:
            text = f"{counted(left, 'more cell')} in history.csv"
            figure.suptitle(text, fontsize=8.5, color="0.35")
    return figure


def _draw(
    axes: Axes, history: History, own: Sequence[Track], quantities: Sequence[Quantity]
) -> None:
    largest = max(
        point.values[what].estimate
        for track in own
        for point in track.measured
        for what in quantities
    )
    unit, scale = time_unit(largest) if "serial" in quantities else ("", 1.0)
    machines = list(dict.fromkeys(track.machine for track in history.tracks))
    for track in own:
        for what in quantities:
            _line(axes, history, track, what, scale, machines.index(track.machine))
    for at in _elsewhere(history):
        axes.axvline(at - 0.5, zorder=0, **_OTHERWISE)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.4g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel(f"time ({unit})" if unit else "speedup")
    axes.set_xlim(-0.6, len(history.results) - 0.4)
    axes.grid(axis="y", color="0.92", lw=0.7)
    axes.set_axisbelow(True)
    sns.despine(ax=axes)


def _line(
    axes: Axes, history: History, track: Track, what: Quantity, scale: float, machine: int
) -> None:
    style = _SIDES[what]
    places = np.array([point.at for point in track.measured])
    values = np.array([point.values[what].estimate for point in track.measured]) * scale
    ends = np.array([[p.values[what].low, p.values[what].high] for p in track.measured]) * scale
    ends = np.where(np.isfinite(ends) & (ends > 0), ends, values[:, None])
    axes.vlines(places, ends[:, 0], ends[:, 1], color=style["color"], lw=1, alpha=0.7, zorder=2)
    look: Style = {"color": style["color"], "mfc": "white" if machine % 2 else style["color"]}
    size = 3.6 if len(history.results) <= _FEW else 2.2
    axes.plot(places, values, ls="none", ms=size, marker=style["marker"], zorder=3, **look)
    apart = {one.at for one in steps(track) if one.kind == "outlier" and what in one.ratios}
    starts = sorted(one.at for one in steps(track) if one.kind == "step" and what in one.ratios)
    for low, high in zip([-1, *starts], [*starts, len(history.results)], strict=True):
        own = (places >= low) & (places < high) & ~np.isin(places, list(apart))
        if own.any():
            level = float(np.exp(np.log(values[own]).mean()))
            ends_at = [places[own][0] - 0.35, places[own][-1] + 0.35]
            line: Style = {"color": style["color"], "ls": DASHES[machine % len(DASHES)]}
            axes.plot(ends_at, [level, level], lw=1.4, alpha=0.55, zorder=1, **line)
    for step in steps(track):
        if what in step.ratios:
            _mark(axes, step, what, float(values[places == step.at][0]))


def _mark(axes: Axes, step: Step, what: Quantity, value: float) -> None:
    better = step.ratios[what].estimate > 1
    style = _BETTER if better else _WORSE
    # A step is filled; a single result that stands apart is not.
    fill = style["color"] if step.kind == "step" else "white"
    axes.plot(
        *([step.at], [value]), ls="none", ms=8, mew=1.2, mfc=fill, zorder=4, alpha=0.9, **style
    )


def _elsewhere(history: History) -> dict[int, Sequence[str]]:
    """The results at which something else than the code changed, and what."""
    return {
        after: differs
        for (one, after), differs in history.differs.items()
        if differs and after == one + 1
    }


def _name_changes(axes: Axes, history: History) -> None:
    """What changed, by its first word, above the first row; where there is room."""
    found = _elsewhere(history)
    last = -np.inf
    for at, differs in sorted(found.items()):
        if at - last < len(history.results) / 12:
            continue
        last = at
        words = dict.fromkeys(what.partition(":")[0].partition(".")[0] for what in differs)
        text = textwrap.shorten(", ".join(words), 24, placeholder=" …")
        axes.annotate(
            printable(text),
            (at - 0.5, 1),
            (2, 1),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=7,
            color="0.35",
            rotation=18,
            annotation_clip=False,
        )


def _ticks(axes: Axes, history: History) -> None:
    count = len(history.results)
    step = -(-count // MOST_TICKS)
    places = [*range(0, count, step)]
    if count - 1 - places[-1] > step / 2:
        places.append(count - 1)
    names = [textwrap.shorten(history.results[at].name, 18, placeholder="…") for at in places]
    axes.set_xticks(places, names, rotation=60, ha="right", rotation_mode="anchor", fontsize=7.5)


def _handles(history: History, found: Sequence[Track]) -> Iterator[Line2D]:
    for style in _SIDES.values():
        yield Line2D([], [], lw=1.4, ms=4, **style)
    shown = {
        (one.kind, ratio.estimate > 1)
        for track in found
        for one in steps(track)
        for ratio in one.ratios.values()
    }
    for kind, better in sorted(shown):
        style = _BETTER if better else _WORSE
        fill = style["color"] if kind == "step" else "white"
        word = "better" if better else "worse"
        label = f"step, {word}" if kind == "step" else f"only this one, {word}"
        yield Line2D([], [], ls="none", ms=8, mew=1.2, mfc=fill, label=label, **style)
    for at, name in enumerate(dict.fromkeys(track.machine for track in history.tracks)):
        if history.several_machines:
            look: Style = {"mfc": "white" if at % 2 else "0.3", "ls": DASHES[at % len(DASHES)]}
            label = textwrap.shorten(printable(name), LABEL, placeholder="…")
            yield Line2D([], [], color="0.3", marker="o", ms=4, lw=1.2, label=label, **look)
    if _elsewhere(history):
        yield Line2D([], [], label="not only the code changed", **_OTHERWISE)
