"""Are three ranges searched for primes faster in threads or in processes? And what if a call is
forgotten?

3–10000, 10001–20000 and 20001–30000: one after another, in a thread each, in a process each; then
with `start()` forgotten, and with `join()` forgotten. They are forked, as in the lecture: a fork
server, from Python 3.14 on the default, collects those that have ended, so that none is a zombie.
"""

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from runners.analysis.claims import Cell, Claim, Ends, metric, seconds, speedup
from runners.report import figures as plots

ROWS = ("P1",)


def cell(executor: str, forget: str = "none") -> Cell:
    return {"executor": executor, "executor.forget": forget}


THREADS = cell("thread")
PROCESSES = cell("process")

CLAIMS = (
    Claim(("P1",), "The three ranges, one after another.", "", seconds(THREADS, "baseline")),
    Claim(("P1",), "In a thread each.", "", seconds(THREADS)),
    Claim(("P1",), "In a process each.", "", seconds(PROCESSES)),
    Claim(("P1",), "Threads are no faster.", "", speedup(THREADS).below(1.05)),
    Claim(("P1",), "Processes are faster.", "", speedup(PROCESSES).above(1)),
    Claim(
        ("P1",),
        "Without start() no thread computes anything, and join() raises an error.",
        "",
        Ends(cell("thread", "start"), "incomplete", saying="cannot join thread before it is start"),
    ),
    Claim(
        ("P1",),
        "Without start() no process computes anything, and join() raises an error.",
        "",
        Ends(cell("process", "start"), "incomplete", saying="can only join a started process"),
    ),
    *(
        claim
        for name in ("thread", "process")
        for claim in (
            Claim(
                ("P1",),
                f"Without join() the main program goes on while results of a {name} are missing.",
                "",
                metric(cell(name, "join"), "results_missing").above(1),
            ),
            Claim(
                ("P1",),
                f"Without join() of a {name} the clock shows at least 10% too little.",
                "",
                metric(cell(name, "join"), "wall_without_join_s")
                .over(seconds(cell(name, "join")))
                .below(0.9),
            ),
        )
    ),
    Claim(
        ("P1",),
        "Processes that have ended and are not joined remain as zombies.",
        "",
        metric(cell("process", "join"), "zombies").above(1),
    ),
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
            axes.annotate(f" {quantity.told(time)}", (end, way), va="center")
        axes.invert_yaxis()
        axes.set_xlim(0, 1.7 * axes.dataLim.x1)
        axes.set_xlabel("seconds (median of the rounds, 95% interval)")
        sns.despine(ax=axes, left=True)
        axes.tick_params(axis="y", length=0)
    return {"times": figure}
