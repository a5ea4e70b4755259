"""The figure of the speedup. Every interval shown was computed in `runners.analysis`."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from runners.analysis.laws import Law
from runners.analysis.rounds import round_ratios
from runners.analysis.scaling import Fit, predict
from runners.report.figures.drawing import (
    BEYOND,
    LABEL,
    Style,
    grid,
    heading,
    legend,
    line_styles,
    note_missing,
    styled,
    tick_labels,
    title,
)
from runners.report.figures.plot import Choices, plot
from runners.report.figures.shown import shown
from runners.words.labels import SERIAL, labels
from runners.words.rounding import in_order

_IDEAL: Style = {"color": "0.45", "lw": 1, "ls": (0, (6, 3))}
_BOUND: Style = {"color": "0.15", "lw": 0.9, "ls": (0, (1.5, 1.5))}
_CORES: Style = {"color": "0.35", "lw": 0.9, "ls": (0, (5, 1.5, 1, 1.5))}
_NOISE: Style = {"color": "0.55", "alpha": 0.35, "lw": 0}
_LAW: Style = {"lw": 0.8, "ls": "-"}
_BAND: Style = {"alpha": 0.15, "lw": 0}
_DODGE = 0.09  # between neighbouring lines, in doublings of n
_SPREAD = 0.5  # between the outermost ones
_HEIGHT = 3.0  # inches
_MANY = 2000  # rounds in a line, more of which are pixels in a vector format too


@dataclass(frozen=True, slots=True)
class _Panel:
    """One workload in one kind of scaling: all its cells, those to draw, their rounds and laws."""

    name: str
    weak: bool
    cells: pd.DataFrame
    drawn: pd.DataFrame
    rounds: pd.DataFrame
    fits: Mapping[str, Fit]

    @property
    def cores(self) -> list[tuple[int, float]]:
        """Physical cores and usable CPUs, where there are more of these: threads of one core."""
        known = self.cells.reindex(columns=["physical_cores", "usable_cpus"]).dropna()
        pairs = {(int(a), float(b)) for a, b in known.to_numpy()}
        return sorted(pair for pair in pairs if pair[0] < pair[1])

    @property
    def noise(self) -> pd.DataFrame:
        return self.drawn.loc[self.drawn["executor"] == SERIAL]


def speedup(
    summary: pd.DataFrame, runs: pd.DataFrame | None = None, laws: Iterable[Law] = ()
) -> Figure:
    """Speedup against the number of workers, with 95% intervals; one panel per workload.

    `summary` is the frame of `summarise`; `runs`, the frame behind it, adds every round as a
    faint point, and `laws` (of `laws.fit_laws`) the fitted USL as a thin curve with its band.
    Workloads, or executors, that differ in a parameter get a panel, or a line, each. Cells of the
    serial executor are drawn as the band that noise alone fills; one without an interval is hollow.
    Cells that are not ok are named below their panel, not drawn. Of many cells those of `shown` are
    there, and it says so. Of a single n it is a point for each executor, without the rest.
    """
    found = shown(summary.assign(**labels(summary)))
    cells = found.cells
    if cells["n"].nunique() == 1 and cells["line"].nunique() > 1:
        return plot(summary, Choices())
    panels = list(_panels(cells, _ratios(runs), list(laws)))
    lines = sorted(set(cells.loc[cells["executor"] != SERIAL, "line"]), key=in_order)
    styles = line_styles(lines)
    with styled():
        figure, grid_axes = grid([_HEIGHT] * len(panels), [panel.name for panel in panels])
        for panel, axes in zip(panels, grid_axes, strict=True):
            _draw(axes, panel, styles)
        legend(figure, _handles(panels, styles))
        heading(figure, found.note)
    return figure


def _panels(cells: pd.DataFrame, ratios: pd.DataFrame, laws: Sequence[Law]) -> Iterator[_Panel]:
    lines = cells.loc[cells["executor"] != SERIAL, ["cell", "n", "line", "scaling", "panel"]]
    rounds = ratios.merge(lines, on="cell")
    rounds["ratio"] *= rounds["n"].where(rounds["scaling"] == "weak", 1)
    by_panel = dict(iter(rounds.groupby("panel")))
    groups = cells.groupby(["workload", "scaling", "panel"])
    for (_, scaling, name), panel in sorted(groups, key=lambda one: in_order(str(one[0][2]))):
        drawn = panel.loc[(panel["status"] == "ok") & panel["speedup"].notna()]
        own = by_panel.get(str(name), rounds.iloc[:0])
        own = own.loc[own["cell"].isin(drawn["cell"])]
        fits = {law.line: law.usl for law in laws if law.panel == name and law.usl is not None}
        yield _Panel(str(name), scaling == "weak", panel, drawn, own, fits)


def _ratios(runs: pd.DataFrame | None) -> pd.DataFrame:
    if runs is None:
        return pd.DataFrame({"cell": pd.Series(dtype="str"), "ratio": pd.Series(dtype=float)})
    return round_ratios(runs)


def _draw(axes: Axes, panel: _Panel, styles: Mapping[str, Style]) -> None:
    if not panel.noise.empty:
        band = panel.noise["speedup_low"].min(), panel.noise["speedup_high"].max()
        axes.axhspan(*band, **_NOISE)
    present = [line for line in styles if line in set(panel.drawn["line"])]
    ns = sorted(set(panel.drawn["n"]))
    for at, line in enumerate(present):
        shift = _shift(at, len(present), ns)
        cells = panel.drawn.loc[panel.drawn["line"] == line].sort_values("n")
        rounds = panel.rounds.loc[panel.rounds["line"] == line]
        _draw_line(axes, cells, rounds, shift, styles[line])
    _frame(axes, panel)
    for at, line in enumerate(present):
        if line in panel.fits:
            _draw_law(axes, panel.fits[line], _shift(at, len(present), ns), styles[line])
    above = int((panel.rounds["ratio"] > axes.get_ylim()[1]).sum())
    words = [f"{above} {'round' if above == 1 else 'rounds'} above the frame"] if above else []
    note_missing(axes, panel.cells, panel.drawn, *words)


def _frame(axes: Axes, panel: _Panel) -> None:
    """Bounds, scales and words: all that does not depend on the lines."""
    ns = sorted({max(n, 1) for n in panel.cells["n"]})  # a cell refused for its n has any
    top = _top(panel)
    left, right = ns[0] / 1.4, ns[-1] * 1.4
    ideal = np.geomspace(left, right, 100)
    axes.plot(ideal, ideal, zorder=1, **_IDEAL)
    for bound in sorted(set(panel.cells["usable_cpus"].dropna())):
        if bound <= top:
            axes.axhline(bound, zorder=1, **_BOUND)
    for cores, cpus in panel.cores:
        axes.axvline(cores, zorder=1, **_CORES)
        axes.axvline(cpus, zorder=1, **_BOUND)
    axes.set_xscale("log", base=2)
    axes.set_xlim(left, right)
    axes.set_ylim(0, top)
    ticks = {n: label for n, label in zip(ns, tick_labels(ns), strict=True) if label}
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(list(ticks), list(ticks.values()))
    title(axes, panel.name)
    ratio = "scaled speedup n·T₁/Tₙ" if panel.weak else "speedup T₁/Tₙ"
    axes.set_ylabel(f"{ratio} (95% interval)", fontsize=8.5 if panel.weak else 9)
    axes.set_xlabel("workers n")
    sns.despine(ax=axes)
    axes.grid(axis="y", color="0.92", lw=0.7)
    axes.set_axisbelow(True)


def _draw_line(
    axes: Axes, cells: pd.DataFrame, rounds: pd.DataFrame, shift: float, style: Style
) -> None:
    at = cells["n"] * shift
    sns.scatterplot(
        x=rounds["n"] * shift,
        y=rounds["ratio"],
        color=style["color"],
        alpha=0.22,
        s=9,
        lw=0,
        ax=axes,
        legend=False,
        rasterized=len(rounds) > _MANY,
    )
    sns.lineplot(
        x=at,
        y=cells["speedup"],
        color=style["color"],
        ls=style["ls"],
        lw=1.4,
        ax=axes,
        estimator=None,
        legend=False,
    )
    below = cells["speedup"] - cells["speedup_low"]
    above = cells["speedup_high"] - cells["speedup"]
    axes.errorbar(
        at,
        cells["speedup"],
        yerr=[below.clip(lower=0), above.clip(lower=0)],  # of 0.2: may pass the estimate
        fmt=style["marker"],
        color=style["color"],
        ms=4.5,
        mec="white",
        mew=0.5,
        elinewidth=1.3,
        capsize=3.5,
        capthick=1.3,
        zorder=3,
    )
    alone = cells["speedup_low"].isna()  # one round: no interval
    hollow: Style = {"ls": "", "marker": style["marker"], "color": style["color"], "mfc": "white"}
    axes.plot(at[alone], cells.loc[alone, "speedup"], ms=4.5, zorder=4, **hollow)


def _shift(at: int, lines: int, ns: Sequence[int]) -> float:
    """What n is multiplied with for line `at`, so that no two lines' intervals overlap.

    All lines together take half the way to the next n at most: a point stays with its own.
    """
    nearest = min((float(np.log2(b / a)) for a, b in pairwise(ns) if a > 0), default=1.0)
    step = min(_DODGE, min(_SPREAD, nearest / 2) / lines)
    return float(2 ** (step * (at - (lines - 1) / 2)))


def _draw_law(axes: Axes, fit: Fit, shift: float, style: Style) -> None:
    """The law from one worker to the end of the axis, beside the line that it was fitted to."""
    n = np.geomspace(1, axes.get_xlim()[1] / shift, 200)
    mid, low, high = predict(fit, n)
    axes.fill_between(n * shift, low, high, color=style["color"], zorder=1, **_BAND)
    axes.plot(n * shift, mid, color=style["color"], zorder=2, **_LAW)


def _top(panel: _Panel) -> float:
    """The upper end of the y axis: all intervals, but those of a few rounds that go far beyond all
    points, and what could be reached if that is not far."""
    most = panel.drawn["speedup"].max()
    high = min(panel.drawn["speedup_high"].max(), BEYOND * most)
    high = 1.0 if pd.isna(most) else max(most, 1.0 if pd.isna(high) else high, 1.0)
    points = panel.rounds["ratio"].max()
    if points <= 1.5 * high:
        high = max(high, points)
    reachable = min(panel.cells["usable_cpus"].max(), panel.cells["n"].max())
    if reachable <= 2.5 * high:
        high = max(high, reachable)
    return float(high * 1.15)


def _handles(panels: Sequence[_Panel], styles: Mapping[str, Style]) -> Iterator[Line2D | Patch]:
    """The legend's entries: what is drawn in at least one of the panels."""
    for line, style in styles.items():
        label = "\n".join(textwrap.wrap(line, LABEL))
        yield Line2D([], [], lw=1.4, ms=4.5, mec="white", mew=0.5, label=label, **style)
    if any(not panel.rounds.empty for panel in panels):
        dot: Style = {"marker": "o", "ms": 3, "color": "0.4", "alpha": 0.5}
        yield Line2D([], [], lw=0, label="single rounds", **dot)
    if any(panel.fits for panel in panels):
        yield Line2D([], [], color="0.4", label="scaling law (USL, 95% band)", **_LAW)
    yield Line2D([], [], label="ideal: n", **_IDEAL)
    bounds = sorted({cpus for panel in panels for cpus in panel.cells["usable_cpus"].dropna()})
    if bounds:
        label = f"usable CPUs: {', '.join(f'{cpus:g}' for cpus in bounds)}"
        yield Line2D([], [], label=label, **_BOUND)
    if cores := sorted({own for panel in panels for own, _ in panel.cores}):
        yield Line2D([], [], label=f"physical cores: {', '.join(map(str, cores))}", **_CORES)
    if any(not panel.noise.empty for panel in panels):
        yield Patch(label="serial against serial (A/A)", **_NOISE)
