"""The figure of the break-even: how long a task has to be for an executor to be worth it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from runners.analysis.break_even import BreakEven
from runners.analysis.break_even import break_even as curves_of
from runners.report.figures.drawing import (
    Style,
    grid,
    heading,
    legend,
    line_styles,
    styled,
    title,
)
from runners.words.many import spread
from runners.words.rounding import duration, in_order

_ONE: Style = {"color": "0.45", "lw": 1, "ls": (0, (6, 3))}
_HEIGHT = 3.2  # inches
MOST_PANELS, MOST_LINES = 12, 10


def break_even(summary: pd.DataFrame) -> Figure | None:
    """Speedup against the length of a task, one panel per workload; None without such a curve.

    `summary` is the frame of `summarise`. Where a curve passes 1 for good, a bar on the line of 1
    spans the interval of that length, as far as it ends (`BreakEven.at_s`).
    """
    found = [curve for curve in curves_of(summary) if not curve.reason]
    if not found:
        return None
    panels = sorted({_panel(curve) for curve in found}, key=in_order)
    lines = sorted({_line(curve) for curve in found}, key=in_order)
    told = [
        f"{most} of {len(every)} {what}"
        for every, most, what in (
            (panels, MOST_PANELS, "workloads"),
            (lines, MOST_LINES, "executors"),
        )
        if len(every) > most
    ]
    panels, lines = spread(panels, MOST_PANELS), spread(lines, MOST_LINES)
    looks = line_styles(lines)
    with styled():
        figure, every_axes = grid([_HEIGHT] * len(panels), panels)
        for panel, axes in zip(panels, every_axes, strict=True):
            own = [c for c in found if _panel(c) == panel and _line(c) in looks]
            _draw(axes, sorted(own, key=lambda c: in_order(_line(c))), looks)
            title(axes, panel)
        legend(figure, [Line2D([], [], label=line, **look) for line, look in looks.items()])
        heading(figure, f"Shown: {' and '.join(told)}." if told else "")
    return figure


def _panel(curve: BreakEven) -> str:
    return f"{curve.panel}, by {curve.parameter}"


def _line(curve: BreakEven) -> str:
    return f"{curve.line}, n = {curve.n}"


def _draw(axes: Axes, curves: Sequence[BreakEven], looks: Mapping[str, Style]) -> None:
    axes.axhline(1, zorder=1, **_ONE)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for curve in curves:
        look = looks[_line(curve)]
        middle, low, high = np.array([[s.estimate, s.low, s.high] for s in curve.speedups]).T
        errors = np.abs(np.stack([middle - low, high - middle]))
        axes.errorbar(
            np.array(curve.task_s),
            middle,
            yerr=np.nan_to_num(errors),
            ms=4,
            mec="white",
            mew=0.5,
            lw=1.3,
            capsize=2,
            **look,
        )
    left, right = axes.get_xlim()
    for at, curve in enumerate(curves):
        crossing = curve.at_s
        if not math.isfinite(crossing.estimate) or crossing.estimate == 0:
            continue
        ends = max(crossing.low, left), min(crossing.high, right)
        look = looks[_line(curve)]
        y = 1.04 ** (at - (len(curves) - 1) / 2)  # none on top of another
        axes.plot(ends, (y, y), color=look["color"], lw=4, alpha=0.45, solid_capstyle="butt")
        axes.plot([crossing.estimate], [y], color=look["color"], marker="|", ms=11, mew=2)
    axes.set_xlim(left, right)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("length of a task in the plain loop")
    axes.set_ylabel("speedup")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
