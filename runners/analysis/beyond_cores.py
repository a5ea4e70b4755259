"""Is it SMT or a serial share? What a line does where it needs second threads of the cores.

Two threads of a core share its units, so that the second one adds a part of a core. A serial share
bends the curve as well, but has done so before: what the last n within the cores shows of it
(Karp and Flatt, CACM 33, 1990) says by Amdahl's law what more workers would reach on cores of their
own. Workers that disturb each other bend it, too: whether it is SMT is told by the loops that share
nothing, which the machine was asked with.
"""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from runners.analysis.candidate import times
from runners.analysis.interval import Interval
from runners.analysis.scaling import amdahl, karp_flatt
from runners.words.labels import labels

SPEEDUP = ["speedup", "speedup_low", "speedup_high"]
COMPARABLE = ("none", "cores")
"""The placements by which workers have cores of their own as long as there are some."""

LOSE = 0.9
"""Loops lose if they get less than this part of what as many got within the cores, each."""


def beyond_cores(summary: pd.DataFrame) -> list[str]:
    """A line of words for each line of the figure that breaks at the physical cores.

    It does if the first n above them, within the usable CPUs, is shown to reach less than a serial
    share would leave of it: the largest that the last n within them allows. It is SMT if the loops
    lose as well. Nothing is said where the cores are not known, or no n from 2 on is within them.
    """
    if "physical_cores" not in summary or summary["physical_cores"].isna().all():
        return []
    cells = summary.assign(**labels(summary))
    placement = cells["placement"].fillna("none")
    kept = (cells["status"] == "ok") & (cells["scaling"] == "strong") & ~cells["waiting"]
    kept &= cells[["physical_cores", *SPEEDUP]].notna().all(axis=1)
    kept &= placement.isin(COMPARABLE) & (cells["n"] <= cells["usable_cpus"])
    kept &= ~cells["worker_kind"].isin(["caller", "coroutine"])
    lines = cells.loc[kept].groupby(["panel", "line", "physical_cores"])
    return [
        f"{panel}, {line}: {told}"
        for (panel, line, _), own in lines
        for told in _broken(own.sort_values("n"), int(own["physical_cores"].iloc[0]))
    ]


def _broken(cells: pd.DataFrame, cores: int) -> Iterator[str]:
    within = cells[(cells["n"] <= cores) & (cells["n"] > 1)]
    above = cells[cells["n"] > cores]
    if within.empty or above.empty:
        return
    last, first = within.iloc[-1], above.iloc[0]
    most = min(max(float(karp_flatt(last["speedup_low"], last["n"])), 0.0), 1.0)
    expected = float(amdahl(first["n"], most))
    if first["speedup_high"] >= expected:
        return
    n, reached = first["n"], Interval(*(float(first[name]) for name in SPEEDUP))
    loops = f"loops that share nothing reach {first['ceiling']:.1f}× there"
    why = {
        True: f"SMT, not a serial share alone: {loops}",
        False: f"neither SMT nor a serial share alone: {loops}",
        None: "more than a serial share, as SMT or workers that disturb each other",
    }[_loops_lose(last, first)]
    yield (
        f"n = {n} reaches {times(reached)} on {cores} physical cores, where a serial share would "
        f"leave at least {expected:.1f}×, by what n = {last['n']} reaches: {why}"
    )


def _loops_lose(last: "pd.Series[Any]", first: "pd.Series[Any]") -> bool | None:
    """Whether loops that share nothing lose above the cores; None if that is not shown.

    A clock that falls with the number of busy cores falls below them already.
    """
    low, high = (first[f"ceiling_{end}"] / first["n"] for end in ("low", "high"))
    below, above = (last[f"ceiling_{end}"] / last["n"] for end in ("low", "high"))
    below, above = (1.0 if math.isnan(end) else min(end, 1.0) for end in (below, above))
    if high < LOSE * below:
        return True
    return False if low >= LOSE * above else None
