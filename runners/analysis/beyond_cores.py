"""Is it SMT or a serial share? What a line does where it needs second threads of the cores.

Two threads of a core share its units, so that the second one adds a part of a core. A serial share
bends the curve as well, but has done so before: what the last n within the cores shows of it
(Karp and Flatt, CACM 33, 1990) says by Amdahl's law what more workers would reach on cores of their
own.
"""

from collections.abc import Iterator

import pandas as pd

from runners.analysis.candidate import times
from runners.analysis.interval import Interval
from runners.analysis.scaling import amdahl, karp_flatt
from runners.words.labels import labels

SPEEDUP = ["speedup", "speedup_low", "speedup_high"]
COMPARABLE = ("none", "cores")
"""The placements by which workers have cores of their own as long as there are some."""


def beyond_cores(summary: pd.DataFrame) -> list[str]:
    """A line of words for each line of the figure that breaks at the physical cores.

    It does if the first n above them, within the usable CPUs, is shown to reach less than a serial
    share would leave of it: the largest that the last n within them allows. Nothing is said where
    the cores are not known, or a single n within them has shown none.
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
    reached = Interval(*(float(first[name]) for name in SPEEDUP))
    yield (
        f"SMT, not a serial share alone: n = {first['n']} reaches {times(reached)} on {cores} "
        f"physical cores, and on cores of their own at least {expected:.1f}×, by what "
        f"n = {last['n']} reaches"
    )
