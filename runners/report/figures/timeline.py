"""The figure of one run: which worker did which task when."""

from collections.abc import Sequence
from operator import attrgetter

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from runners.model import Timeline
from runners.report.figures.drawing import (
    Style,
    legend,
    letters,
    new_figure,
    styled,
    title,
    wrapped,
)
from runners.report.trace import TITLES, Lane, lanes, phases, sampled
from runners.words.rounding import time_unit

MOST_LANES = 32

_SHADES: dict[str, Style] = {
    "start-up": {"facecolor": "0.88", "edgecolor": "0.7", "hatch": "////", "lw": 0},
    "join": {"facecolor": "0.88", "edgecolor": "0.7", "hatch": "\\\\\\\\", "lw": 0},
}
_COLOURS = colormaps["viridis_r"]
_BAR = 0.76  # of a lane
_WIDTH, _LANE, _HEAD, _HEAD_AND_SCALE, _AROUND = 9.6, 0.24, 0.35, 0.75, 0.9  # inches
_LINE = 0.16  # inches of a further one
_LEAST = 2.4  # inches: room for the scale's label beside a single run of few workers
_PLOT = 7.4  # inches of the width that time has, roughly
_DIGIT = 0.075  # inches
_EDGED = 0.05  # inches from which on a bar has edges
_FURTHEST = 6.0  # times as long as the other run, on one scale


def timeline(timelines: Sequence[Timeline], name: str) -> Figure:
    """Each task as a bar in the lane of its worker, coloured by how much of it was on a CPU.

    `timelines` are the runs of one round, each with at least one task; `name` says what was
    measured. They share one scale of time unless one would be too small to read. Start-up and join
    are shaded. Workers are in the order in which they began; of more than `MOST_LANES` lanes the
    others are counted. A title says where only a sample of the tasks is there.
    """
    runs = [(run, lanes(run.spans)) for run in sorted(timelines, key=attrgetter("role"))]
    walls = [run.wall_s for run, _ in runs]
    shared = max(walls) <= _FURTHEST * min(walls)
    heights = [min(len(found), MOST_LANES) + 0.4 for _, found in runs]
    height = _LANE * sum(heights) + (_HEAD if shared else _HEAD_AND_SCALE) * len(runs) + _AROUND
    height = max(height, _LEAST) + _LINE * wrapped(name, letters(_WIDTH - 1)).count("\n")
    with styled():
        figure = new_figure(_WIDTH, height)
        grid = figure.subplots(len(runs), squeeze=False, height_ratios=heights).ravel().tolist()
        for axes, (run, found) in zip(grid, runs, strict=True):
            _draw(axes, run, found, name, max(walls) if shared else run.wall_s)
        if shared:
            for axes in grid[:-1]:
                axes.tick_params(axis="x", length=0, labelbottom=False)
                axes.spines["bottom"].set_visible(False)
                axes.set_xlabel("")
        scale = ScalarMappable(Normalize(0, 1), _COLOURS)
        form = PercentFormatter(1)
        bar = figure.colorbar(scale, ax=grid, format=form, aspect=height / 0.15, pad=0.01)
        bar.set_label("task's time on a CPU")
        bar.outline.set_visible(False)
        legend(figure, (Patch(label=phase, **style) for phase, style in _SHADES.items()))
    return figure


def _draw(axes: Axes, run: Timeline, found: Sequence[Lane], name: str, span_s: float) -> None:
    """Draw a run against an axis of `span_s` seconds."""
    unit, scale = time_unit(span_s)
    drawn = found[:MOST_LANES]
    for phase in phases(run):
        if style := _SHADES.get(phase.name):
            axes.axvspan(phase.start_ns / 1e9 * scale, phase.end_ns / 1e9 * scale, **style)
    axes.axvline(run.wall_s * scale, color="0.3", lw=0.8)
    for y, lane in enumerate(drawn):
        _draw_lane(axes, y, lane, run.begin_ns, scale, _PLOT / span_s)
    what = TITLES[run.role] + (f": {name}" if run.role == "measured" else "")
    title(axes, f"{what}, {run.wall_s * scale:.3g} {unit}{sampled(run)}")
    axes.set_xlabel(f"time since the run's begin [{unit}]")
    axes.set_xlim(0, span_s * scale * 1.01)
    axes.set_ylim(len(drawn) - 0.3, -0.7)
    axes.set_yticks(range(len(drawn)), [f"worker {lane.worker}" for lane in drawn])
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    workers = run.workers or len({lane.worker for lane in found})
    if more := workers - len({lane.worker for lane in drawn}):
        axes.annotate(
            f"… and {more} more {'worker' if more == 1 else 'workers'}",
            (0, 0),
            (0, -20),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            color="0.35",
        )


def _draw_lane(
    axes: Axes, y: int, lane: Lane, begin_ns: int, scale: float, inches_per_s: float
) -> None:
    start = np.array([span.start_ns - begin_ns for span in lane.spans]) / 1e9
    wall = np.array([span.end_ns - span.start_ns for span in lane.spans]) / 1e9
    cpu = np.array([span.cpu_ns for span in lane.spans]) / 1e9
    on_cpu = np.divide(cpu, wall, out=np.ones_like(wall), where=wall > 0).clip(0, 1)
    inches = wall * inches_per_s
    faces = _COLOURS(on_cpu)
    axes.broken_barh(
        list(zip(start * scale, wall * scale, strict=True)),
        (y - _BAR / 2, _BAR),
        facecolors=faces,
        # White edges would hide short tasks, and none would leave them pale.
        edgecolors=np.where(inches[:, None] > _EDGED, (1, 1, 1, 1), faces),
        linewidths=0.6,
    )
    for span, at, room, part in zip(lane.spans, start + wall / 2, inches, on_cpu, strict=True):
        text = str(span.index)
        if room > _DIGIT * (len(text) + 0.6):
            colour = "white" if part > 0.4 else "black"
            axes.text(at * scale, y, text, ha="center", va="center", fontsize=7.5, color=colour)
