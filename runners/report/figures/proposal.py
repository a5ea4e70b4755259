"""The figure of a proposal: speedup and efficiency over n, as wide as a column of a page."""

from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from runners.analysis.interval import Interval
from runners.report.figures.drawing import Style, new_figure, styled, tick_labels

COLUMN = 3.15
"""Inches: the width of one of two columns on a page."""

_IDEAL: Style = {"color": "0.45", "lw": 1, "ls": (0, (6, 3))}
_CPUS: Style = {"color": "0.15", "lw": 0.9, "ls": (0, (1.5, 1.5))}
_MEASURED: Style = {
    **{"fmt": "-o", "color": "#0173b2", "lw": 1.3, "ms": 4, "mec": "white", "mew": 0.5},
    **{"elinewidth": 1.2, "capsize": 3, "zorder": 3},
}


class Point(Protocol):
    """A row of a proposal's table."""

    @property
    def n(self) -> int: ...
    @property
    def speedup(self) -> Interval: ...
    @property
    def efficiency(self) -> Interval: ...


class Shown(Protocol):
    """What is drawn of a proposal."""

    @property
    def measured(self) -> "tuple[Point, ...]": ...
    @property
    def weak(self) -> bool: ...
    @property
    def usable_cpus(self) -> float: ...


def proposal(shown: Shown) -> Figure:
    """Speedup above, on logarithmic axes with what n workers can reach, and efficiency below."""
    ns = [point.n for point in shown.measured]
    with styled():
        figure = new_figure(COLUMN, 3.9)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[1.5, 1])
        ends = [ns[0] / 1.25, ns[-1] * 1.25]
        upper.plot(ends, ends, label="ideal", **_IDEAL)
        _draw(upper, ns, [point.speedup for point in shown.measured])
        lower.axhline(1, **_IDEAL)
        _draw(lower, ns, [point.efficiency for point in shown.measured])
        for axes in (upper, lower):
            if ns[0] <= shown.usable_cpus < ns[-1]:
                axes.axvline(shown.usable_cpus, label="usable CPUs", **_CPUS)
            axes.grid(color="0.92", lw=0.7)
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
        upper.set_xscale("log", base=2)
        upper.set_yscale("log", base=2)
        upper.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        upper.yaxis.set_minor_locator(NullLocator())
        upper.set_xlim(*ends)
        upper.set_ylabel("scaled speedup" if shown.weak else "speedup")
        upper.legend(frameon=False, loc="upper left")
        lower.xaxis.set_major_locator(FixedLocator(ns))
        lower.xaxis.set_minor_locator(NullLocator())
        lower.set_xticks(ns, tick_labels(ns))
        lower.set_ylim(0, max(1.05, lower.get_ylim()[1]))
        lower.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        lower.set_ylabel("efficiency")
        lower.set_xlabel("workers n")
    return figure


def _draw(axes: Axes, ns: "list[int]", values: "list[Interval]") -> None:
    """A line with its intervals; one whose ends are not known has none."""
    ends = [(max(v.estimate - v.low, 0), max(v.high - v.estimate, 0)) for v in values]
    axes.errorbar(
        ns,
        [value.estimate for value in values],
        yerr=[[low for low, _ in ends], [high for _, high in ends]],
        label="measured",
        **_MEASURED,
    )
