"""Three ranges searched for primes, three ways, and with a call forgotten."""

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from runners.analysis.claims import Cell, Changed, Claim, Ends, metric, seconds, speedup
from runners.report import figures as plots

ROWS = ("P1",)
CODE = ("runners.workloads.primes:find_primes",)


def cell(executor: str, forget: str = "none") -> Cell:
    return {"executor": executor, "executor.forget": forget}


THREADS = cell("thread")
PROCESSES = cell("process")

CLAIMS = (
    Claim("one_after_another", ("P1",), seconds(THREADS, "baseline")),
    Claim("in_threads", ("P1",), seconds(THREADS)),
    Claim("in_processes", ("P1",), seconds(PROCESSES)),
    Claim(
        "threads_no_faster",
        ("P1",),
        speedup(THREADS).below(1.05),
        changed=Changed("3.13", without_gil=True),
    ),
    Claim("processes_faster", ("P1",), speedup(PROCESSES).above(1)),
    Claim(
        "thread_no_start",
        ("P1",),
        Ends(cell("thread", "start"), "incomplete", saying="cannot join thread before it is start"),
    ),
    Claim(
        "process_no_start",
        ("P1",),
        Ends(cell("process", "start"), "incomplete", saying="can only join a started process"),
    ),
    *(
        claim
        for name in ("thread", "process")
        for claim in (
            Claim(
                f"{name}_no_join", ("P1",), metric(cell(name, "join"), "results_missing").above(1)
            ),
            Claim(
                f"{name}_clock",
                ("P1",),
                metric(cell(name, "join"), "wall_without_join_s")
                .over(seconds(cell(name, "join")))
                .below(0.9),
            ),
        )
    ),
    Claim("zombies", ("P1",), metric(cell("process", "join"), "zombies").above(1)),
)


def figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    """The times of the three ways as bars."""
    ways = {
        "one after another": seconds(THREADS, "baseline"),
        "in a thread each": seconds(THREADS),
        "in a process each": seconds(PROCESSES),
    }
    with plots.styled():
        figure = plots.new_figure(5.0, 2.2)
        axes = figure.subplots()
        colours = sns.color_palette("colorblind", len(ways))
        for (way, quantity), colour in zip(ways.items(), colours, strict=True):
            time = quantity.read(summary)
            ends = [[time.estimate - time.low], [time.high - time.estimate]]
            axes.barh(way, time.estimate, 0.6, xerr=ends, capsize=3, color=colour)
            end = max(time.estimate, time.high)  # of few rounds there is no interval
            axes.annotate(f" {quantity.amount(time).number}", (end, way), va="center")
        axes.invert_yaxis()
        axes.set_xlim(0, 1.7 * axes.dataLim.x1)
        axes.set_xlabel("seconds (median of the rounds, 95% interval)")
        sns.despine(ax=axes, left=True)
        axes.tick_params(axis="y", length=0)
    return {"times": figure}
