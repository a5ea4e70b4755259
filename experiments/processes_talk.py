"""Messages between two processes: a queue, a pipe, shared memory."""

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from runners.analysis.claims import Cell, Claim, Ends, Quantity, Seen, metric

ROWS = ("L20", "L21", "L23")
CODE = ("runners.workloads.transfer:Transfer._send",)

QUEUE, PIPE, SHARED = "queue", "pipe_duplex", "shared_memory"
SMALL, MEDIUM, LARGE, HUGE = 2**10, 2**16, 2**20, 2**26
SIZES = {SMALL: "1 KiB", MEDIUM: "64 KiB", LARGE: "1 MiB", HUGE: "64 MiB"}
LINES = {QUEUE: "queue", PIPE: "pipe", SHARED: "shared memory"}
STYLES = {QUEUE: "o-", PIPE: "s--", SHARED: "D:"}
SHIFTS = {QUEUE: 0.85, PIPE: 1.0, SHARED: 1.18}
"""What sizes are multiplied with, so that no two lines' intervals overlap."""


def messages(channel: str, size_bytes: int) -> Cell:
    return {"workload.channel": channel, "workload.size_bytes": size_bytes}


def gain(channel: str, other: str, size_bytes: int) -> Quantity:
    """How many times the other one's throughput the channel has."""
    mine, theirs = (metric(messages(name, size_bytes), "mb_per_s") for name in (channel, other))
    return mine.over(theirs)


CLAIMS = (
    Claim("no_task_done", ("L20",), Ends(messages(QUEUE, MEDIUM), "ok")),
    Claim(
        "pickled_copies",
        ("L20",),
        metric(messages(QUEUE, LARGE), "latency_s")
        .over(metric(messages(QUEUE, SMALL), "latency_s"))
        .above(5),
    ),
    Claim("large_error", ("L20",), Seen(messages(QUEUE, HUGE), "errors", "messages")),
    Claim("large_passes", (), Seen(messages(QUEUE, HUGE), "errors", "messages", never=True)),
    Claim("both_ends", ("L21",), Ends(messages(PIPE, MEDIUM), "ok")),
    Claim(
        "pipe_sooner",
        ("L21",),
        metric(messages(QUEUE, SMALL), "latency_s")
        .over(metric(messages(PIPE, SMALL), "latency_s"))
        .above(1),
    ),
    Claim("pipe_more_small", ("L21",), gain(PIPE, QUEUE, SMALL).above(1)),
    Claim("pipe_more_large", ("L21",), gain(PIPE, QUEUE, LARGE).above(1)),
    Claim(
        "memory_sooner_than_pipe",
        ("L23",),
        metric(messages(PIPE, SMALL), "latency_s")
        .over(metric(messages(SHARED, SMALL), "latency_s"))
        .above(1),
    ),
    Claim(
        "memory_sooner_than_queue",
        ("L23",),
        metric(messages(QUEUE, SMALL), "latency_s")
        .over(metric(messages(SHARED, SMALL), "latency_s"))
        .above(1),
    ),
    Claim("memory_more_small", (), gain(SHARED, PIPE, SMALL).above(1)),
    Claim("memory_more_than_pipe", ("L23",), gain(SHARED, PIPE, LARGE).above(1)),
    Claim("memory_more_than_queue", ("L23",), gain(SHARED, QUEUE, LARGE).above(1)),
)


def figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    """Throughput against the size of a message, with 95% intervals where there are any."""
    drawn = summary.loc[summary["status"] == "ok"]
    if drawn.empty:
        return {}
    with sns.axes_style("ticks"), sns.plotting_context("paper"):
        figure = Figure(figsize=(6, 3.5), layout="constrained")
        axes = figure.subplots()
    for channel, colour in zip(LINES, sns.color_palette("colorblind", len(LINES)), strict=True):
        cells = drawn.loc[drawn["workload.channel"] == channel].sort_values("workload.size_bytes")
        rate = cells["metric.mb_per_s"]
        axes.errorbar(
            cells["workload.size_bytes"] * SHIFTS[channel],
            rate,
            yerr=[rate - cells["metric.mb_per_s_low"], cells["metric.mb_per_s_high"] - rate],
            fmt=STYLES[channel],
            color=colour,
            label=LINES[channel],
            lw=1.4,
            ms=5,
            mec="white",
            mew=0.5,
            capsize=3,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(list(SIZES), list(SIZES.values()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("size of a message")
    axes.set_ylabel("throughput in MB/s (95% interval)")
    axes.grid(color="0.92", lw=0.7)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    sns.despine(ax=axes)
    return {"throughput": figure}
