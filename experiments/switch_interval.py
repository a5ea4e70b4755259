"""How long a thread waits for the GIL, by the switch interval."""

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from runners.analysis.claims import Cell, Claim, metric
from runners.report import figures as plots

ROWS = ("L16",)
CODE = ("runners.workloads.signals:Signals.__call__",)


def cell(interval_s: float) -> Cell:
    return {"executor.switch_interval_s": interval_s}


SHORT_S, DEFAULT_S, LONG_S = 0.00001, 0.005, 0.02

CLAIMS = (
    Claim(
        "one_interval",
        ("L16",),
        metric(cell(DEFAULT_S), "delay_s").between(DEFAULT_S, 2 * DEFAULT_S),
    ),
    Claim(
        "longer",
        ("L16",),
        metric(cell(LONG_S), "delay_s").over(metric(cell(DEFAULT_S), "delay_s")).above(2),
    ),
    Claim("short", ("L16",), metric(cell(SHORT_S), "delay_s").below(0.001)),
)


def figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    """How long the main thread waits, against the interval; the line is one interval."""
    cells = summary.loc[summary["status"] == "ok"]
    if cells.empty:
        return {}
    intervals, delays = cells["executor.switch_interval_s"], cells["metric.delay_s"]
    ends = [delays - cells["metric.delay_s_low"], cells["metric.delay_s_high"] - delays]
    with plots.styled():
        figure = plots.new_figure(5.0, 3.2)
        axes = figure.subplots()
        axes.plot(intervals, intervals, color="0.45", lw=1, ls="--", label="one interval")
        axes.errorbar(intervals, delays, ends, fmt="o", capsize=3, label="measured, 95% interval")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("switch interval in seconds")
        axes.set_ylabel("wait for the GIL in seconds")
        axes.legend(frameon=False)
        sns.despine(ax=axes)
    return {"wait": figure}
