"""Figures: the summary frame, drawn. Every interval shown was computed by `runners.stats`.

No function here needs a display or touches the global state of pyplot.
"""

import io
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

SERIAL = "serial"
"""The executor that is the baseline itself: what it shows is the noise."""

Style = Mapping[str, Any]
_FONTS: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
}
_MARKERS = "osD^vph"
_DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (3, 1, 1, 1, 1, 1)))
_IDEAL: Style = {"color": "0.45", "lw": 1, "ls": (0, (6, 3))}
_BOUND: Style = {"color": "0.15", "lw": 0.9, "ls": (0, (1.5, 1.5))}
_NOISE: Style = {"color": "0.55", "alpha": 0.35, "lw": 0}
_WIDTHS = {1: 6.0, 2: 8.0, 3: 9.6}  # inches, by columns
_DODGE = 0.09  # between neighbouring lines, in doublings of n
_SPREAD = 0.5  # between the outermost ones
_LABEL = 48  # characters in a line of the legend


@dataclass(frozen=True, slots=True)
class _Panel:
    """One workload in one kind of scaling: all its cells, those to draw, and their rounds."""

    title: str
    weak: bool
    cells: pd.DataFrame
    drawn: pd.DataFrame
    rounds: pd.DataFrame

    @property
    def noise(self) -> pd.DataFrame:
        return self.drawn.loc[self.drawn["executor"] == SERIAL]


def speedup(summary: pd.DataFrame, runs: pd.DataFrame | None = None) -> Figure:
    """Speedup against the number of workers, with 95% intervals; one panel per workload.

    `summary` is the frame of `stats.summarise`; `runs`, the frame behind it, adds every round as a
    faint point. Workloads, or executors, that differ in a parameter get a panel, or a line, each.
    Cells of the serial executor are drawn as the band that noise alone fills. Cells that are not
    ok are named below their panel, not drawn.
    """
    cells = summary.assign(**labels(summary))
    panels = list(_panels(cells, _ratios(runs)))
    styles = _styles(sorted(set(cells.loc[cells["executor"] != SERIAL, "line"])))
    columns = min(len(panels), 3 if len(panels) not in (2, 4) else 2)
    rows = -(-len(panels) // columns)
    with sns.axes_style("ticks"), matplotlib.rc_context(_FONTS):
        size = (_WIDTHS[columns], 3.0 * rows + 0.5)
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.06, w_pad=0.05))
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for panel, axes in zip(panels, grid, strict=False):
            _draw(axes, panel, styles)
        for axes in grid[len(panels) :]:
            axes.remove()
        _legend(figure, panels, styles)
    return figure


def image(figure: Figure, form: Literal["png", "svg"]) -> bytes:
    """The figure as a file's content; the same figure gives the same bytes. Text stays text."""
    file = io.BytesIO()
    metadata = {"Date": None} if form == "svg" else {}
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "speedup-lab"}):
        figure.savefig(file, format=form, dpi=200, metadata=metadata)
    return file.getvalue()


def labels(summary: pd.DataFrame) -> "dict[str, pd.Series[str]]":
    """Short names that tell the cells apart, one per row of `summary`.

    `panel` is the workload, `line` the executor, each with those of its parameters that vary.
    """
    panel, line = (pd.Series("", index=summary.index, dtype=object) for _ in range(2))
    for (workload, scaling), cells in summary.groupby(["workload", "scaling"]):
        weak = ", weak scaling" if scaling == "weak" else ""
        panel[cells.index] = _names(str(workload), cells, "workload.") + weak
    for executor, cells in summary.groupby("executor"):
        line[cells.index] = _names(str(executor), cells, "executor.")
    again = summary.groupby([panel, line, "n"]).cumcount()
    return {"panel": panel, "line": line + again.map(lambda k: f" (again, {k + 1})" if k else "")}


def _names(base: str, cells: pd.DataFrame, prefix: str) -> "pd.Series[str]":
    """`base` with the parameters that vary among `cells`, one name per cell.

    A parameter that only follows n, as in `chunks=${n}`, tells no two lines apart.
    """
    names = pd.Series(base, index=cells.index, dtype=object)
    for column in _parameters(cells, prefix):
        values = cells[column].map(_plain)
        if values.groupby(cells["n"]).nunique().max() > 1:
            names += f" {column.removeprefix(prefix)}=" + values
        elif values.nunique() > 1:
            names += f" ({column.removeprefix(prefix)} varies with n)"
    return names


def _parameters(frame: pd.DataFrame, prefix: str) -> list[str]:
    return [name for name in frame.columns if name.startswith(prefix)]


def _plain(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "null"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _panels(cells: pd.DataFrame, ratios: pd.DataFrame) -> Iterator[_Panel]:
    for (_, scaling, title), panel in cells.groupby(["workload", "scaling", "panel"]):
        weak = scaling == "weak"
        drawn = panel.loc[(panel["status"] == "ok") & panel["speedup"].notna()]
        lines = drawn.loc[drawn["executor"] != SERIAL, ["cell", "n", "line"]]
        rounds = ratios.merge(lines, on="cell")
        if weak:
            rounds["ratio"] *= rounds["n"]
        yield _Panel(str(title), weak, panel, drawn, rounds)


def _ratios(runs: pd.DataFrame | None) -> pd.DataFrame:
    """T1/Tn of every round that counts, as columns `cell` and `ratio`."""
    if runs is None:
        return pd.DataFrame({"cell": pd.Series(dtype="str"), "ratio": pd.Series(dtype=float)})
    counts = runs.loc[(runs["status"] == "ok") & ~runs["cold"] & ~runs["warmup"]]
    sides = counts.pivot_table(index=["cell", "round"], columns="role", values="wall_s")
    sides = sides.reindex(columns=["baseline", "measured"]).dropna()
    return (sides["baseline"] / sides["measured"]).rename("ratio").reset_index()[["cell", "ratio"]]


def _styles(lines: Sequence[str]) -> dict[str, Style]:
    """Colour, marker and dashes for each line: any one of the three is enough to tell a few."""
    colours = sns.color_palette("colorblind", max(len(lines), 1))
    return {
        line: {
            "color": colours[at],
            "marker": _MARKERS[at % len(_MARKERS)],
            "ls": _DASHES[at % len(_DASHES)],
        }
        for at, line in enumerate(lines)
    }


def _draw(axes: Axes, panel: _Panel, styles: Mapping[str, Style]) -> None:
    if not panel.noise.empty:
        band = panel.noise["speedup_low"].min(), panel.noise["speedup_high"].max()
        axes.axhspan(*band, **_NOISE)
    present = [line for line in styles if line in set(panel.drawn["line"])]
    for at, line in enumerate(present):
        step = min(_DODGE, _SPREAD / len(present))
        shift = 2 ** (step * (at - (len(present) - 1) / 2))
        cells = panel.drawn.loc[panel.drawn["line"] == line].sort_values("n")
        rounds = panel.rounds.loc[panel.rounds["line"] == line]
        _draw_line(axes, cells, rounds, shift, styles[line])
    _frame(axes, panel)
    _note(axes, panel)


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
    axes.set_xscale("log", base=2)
    axes.set_xlim(left, right)
    axes.set_ylim(0, top)
    axes.xaxis.set_major_locator(FixedLocator(ns))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ns, _tick_labels(ns))
    axes.set_title("\n".join(textwrap.wrap(panel.title, 36)), loc="left", weight="bold")
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
        yerr=[below.clip(lower=0), above.clip(lower=0)],  # a bootstrap bound may pass the estimate
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


def _top(panel: _Panel) -> float:
    """The upper end of the y axis: all intervals, and what could be reached if that is not far."""
    high = panel.drawn[["speedup", "speedup_high"]].max().max()
    high = 1.0 if pd.isna(high) else max(high, 1.0)
    points = panel.rounds["ratio"].max()
    if points <= 1.5 * high:
        high = max(high, points)
    reachable = min(panel.cells["usable_cpus"].max(), panel.cells["n"].max())
    if reachable <= 2.5 * high:
        high = max(high, reachable)
    return float(high * 1.15)


def _tick_labels(ns: Sequence[int]) -> list[str]:
    """Every n, but for those that stand too close to the one before to be read."""
    labels, last, nearest = [], 0.0, (ns[-1] / ns[0]) ** 0.07
    for n in ns:
        labels.append(str(n) if n > last * nearest else "")
        last = n if labels[-1] else last
    return labels


def _note(axes: Axes, panel: _Panel) -> None:
    """Say below the panel what is not in it."""
    missing = panel.cells.drop(panel.drawn.index)
    why = missing["status"].where(missing["status"] != "ok", "without a complete round")
    parts = [
        f"{line} n={', '.join(str(n) for n in sorted(group['n']))} {reason}"
        for (line, reason), group in missing.groupby(["line", why], sort=False)
    ]
    notes = [f"not drawn: {'; '.join(parts)}"] if parts else []
    if above := int((panel.rounds["ratio"] > axes.get_ylim()[1]).sum()):
        notes.append(f"{above} {'round' if above == 1 else 'rounds'} above the frame")
    if panel.drawn.empty:
        axes.text(0.5, 0.5, "nothing to draw", transform=axes.transAxes, ha="center", color="0.4")
    text = "\n".join(line for note in notes for line in textwrap.wrap(note, 46))
    if text:
        axes.annotate(
            text,
            (0, 0),
            (0, -32),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize=7.5,
            color="0.35",
        )


def _legend(figure: Figure, panels: Sequence[_Panel], styles: Mapping[str, Style]) -> None:
    """One legend for all panels, of what is drawn in at least one of them."""
    handles: list[Line2D | Patch] = []
    for line, style in styles.items():
        label = "\n".join(textwrap.wrap(line, _LABEL))
        handles.append(Line2D([], [], lw=1.4, ms=4.5, mec="white", mew=0.5, label=label, **style))
    if any(not panel.rounds.empty for panel in panels):
        dot: Style = {"marker": "o", "ms": 3, "color": "0.4", "alpha": 0.5}
        handles.append(Line2D([], [], lw=0, label="single rounds", **dot))
    handles.append(Line2D([], [], label="ideal: n", **_IDEAL))
    bounds = sorted({cpus for panel in panels for cpus in panel.cells["usable_cpus"].dropna()})
    if bounds:
        label = f"usable CPUs: {', '.join(f'{cpus:g}' for cpus in bounds)}"
        handles.append(Line2D([], [], label=label, **_BOUND))
    if any(not panel.noise.empty for panel in panels):
        handles.append(Patch(label="serial against serial (A/A)", **_NOISE))
    lengths = [min(len(str(handle.get_label())), _LABEL) for handle in handles]
    widths = [0.6 + 0.065 * length for length in lengths]  # inches, at the legend's font size
    fitting = [
        count
        for count in range(1, len(handles) + 1)
        if sum(max(column) for column in np.array_split(widths, count)) <= figure.get_figwidth()
    ]
    ncols = max(fitting, default=1)
    figure.legend(handles=handles, loc="outside lower center", ncols=ncols, frameon=False)
