"""The figure of two results side by side: a row for each cell, as forest plots have it."""

from collections.abc import Iterator

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from runners.analysis.two_results import Compared, Outcome, TwoResults, loudest
from runners.model import printable
from runners.report.figures.drawing import Style, legend, new_figure, styled, wrapped

# Okabe and Ito's colours, told apart with any colour vision; the markers do it in print.
_OUTCOMES: dict[Outcome, Style] = {
    "worse": {"color": "#d55e00", "marker": "v"},
    "inconclusive": {"color": "0.45", "marker": "o", "mfc": "white"},
    "not worse": {"color": "0.15", "marker": "s"},
    "better": {"color": "#0072b2", "marker": "^"},
}
_ONE: Style = {"color": "0.45", "lw": 1, "ls": (0, (6, 3))}
_BAND: Style = {"facecolor": "0.9", "lw": 0}
_LABELS = {
    "parallel": "parallel time, {before} / {after}",
    "serial": "serial time, {before} / {after}",
    "speedup": "speedup, {after} / {before}",
}
_ROW = 0.27  # inches
_LINE = 0.15  # inches, of each further line of a name
_AROUND = 1.5  # inches above and below the rows
_WIDTH = 7.4  # inches
_MOST = 100  # rows
_WRAP = 42  # characters of a name in a line
_NAME = 18  # characters of a result's name
_DECADE = 6.0  # a wider axis has ticks at 0.1, 0.2, 0.5, 1, ...
_FAR = 3.0  # an interval that goes further is cut, in multiples of the widest distance to 1


def forest(found: TwoResults, every: str = "compare.csv") -> Figure:
    """The ratio that the verdicts are on, of each cell that was compared, with its interval.

    Of more cells than can be read, those that matter most; `every` is the file that has all. The
    band is the margin. Intervals hold for all cells together with 95%.
    """
    drawn = [cell for cell in found.cells if found.leads in cell.ratios]
    drawn = [cell for cell in drawn if cell.outcome in _OUTCOMES]
    cells = loudest(drawn, _MOST)
    names = [wrapped(printable(cell.name), _WRAP) for cell in cells]
    lines = sum(name.count("\n") for name in names)
    with styled():
        figure = new_figure(_WIDTH, _AROUND + _ROW * max(len(cells), 1) + _LINE * lines)
        axes = figure.subplots()
        low, high = _limits(found, cells)
        for row, cell in enumerate(cells):
            _draw(axes, row, cell, found, (low, high))
        axes.axvline(1, zorder=1, **_ONE)
        if np.isfinite(found.margin.value):
            axes.axvspan(1 / (1 + found.margin.value), 1 + found.margin.value, zorder=0, **_BAND)
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        wide = high / low > _DECADE
        even = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10])  # of a wide axis all would be at one end
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if wide else even)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.4g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(max(len(cells), 1) - 0.4, -0.6)
        axes.set_yticks(range(len(cells)), names)
        axes.tick_params(axis="y", length=0)
        before, after = (_short(printable(name)) for name in found.names)
        label = wrapped(_LABELS[found.leads].format(before=before, after=after), _WRAP)
        more = len(drawn) - len(cells)
        axes.set_xlabel(label + (f"\n{more} more cells are in {every}" if more else ""))
        axes.set_title(f"← {after} is worse", loc="left", color="0.35", fontsize=8.5)
        axes.set_title(f"{after} is better →", loc="right", color="0.35", fontsize=8.5)
        if not cells:
            axes.text(0.5, 0.5, "nothing to draw", transform=axes.transAxes, ha="center")
        axes.grid(axis="x", color="0.92", lw=0.7)
        axes.set_axisbelow(True)
        sns.despine(ax=axes, left=True)
        legend(figure, _handles(found, cells))
    return figure


def _short(name: str) -> str:
    """A result's name, without its middle if it is long: beside the axis it stands twice."""
    return name if len(name) <= _NAME else f"{name[: _NAME // 2 - 1]}…{name[-_NAME // 2 :]}"


def _limits(found: TwoResults, cells: list[Compared]) -> tuple[float, float]:
    """All estimates and the margin, and of the intervals what is not far beyond them."""
    near = [abs(np.log(cell.ratios[found.leads].estimate)) for cell in cells]
    margin = found.margin.value
    near += [np.log1p(margin)] if np.isfinite(margin) else []
    reach = _FAR * max([*near, 0.02])
    ends = [
        np.log(end)
        for cell in cells
        for end in (cell.ratios[found.leads].low, cell.ratios[found.leads].high)
        if np.isfinite(end) and end > 0 and abs(np.log(end)) <= reach
    ]
    most = 1.1 * max([*near, *map(abs, ends), 0.02])
    return float(np.exp(-most)), float(np.exp(most))


def _draw(
    axes: Axes, row: int, cell: Compared, found: TwoResults, limits: tuple[float, float]
) -> None:
    ratio = cell.ratios[found.leads]
    style = _OUTCOMES[cell.outcome]
    ends = np.nan_to_num([ratio.low, ratio.high], nan=ratio.estimate)
    axes.plot(np.clip(ends, *limits), [row, row], color=style["color"], lw=1.5, zorder=2)
    axes.plot([ratio.estimate], [row], ls="none", ms=5.5, mew=1.1, zorder=3, **style)


def _handles(found: TwoResults, cells: list[Compared]) -> Iterator[Line2D | Patch]:
    present = {cell.outcome for cell in cells}
    for outcome, style in _OUTCOMES.items():
        if outcome in present:
            yield Line2D([], [], lw=1.5, ms=5.5, mew=1.1, label=outcome, **style)
    if np.isfinite(found.margin.value):
        yield Patch(label=f"margin {found.margin.value:.1%}", **_BAND)
