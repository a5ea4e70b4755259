"""How long tasks have to be for an executor to be worth it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from runners.analysis.interval import Interval
from runners.words.labels import labels
from runners.words.rounding import duration

FEWEST = 3
"""A curve has at least this many sizes of a task."""
SPAN = 4.0
"""A parameter is the size of the tasks if the longest take this many times the shortest."""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """How the speedup of an executor with n workers grows with the tasks of a workload.

    `panel` names the workload without the `parameter` that makes its tasks long. `task_s` are the
    lengths of one task in the plain loop in seconds, ascending, with the number of tasks in a run
    and the speedup at each. `reason` says why nothing can be said, or is "".
    """

    panel: str
    parameter: str
    line: str
    n: int
    task_s: tuple[float, ...]
    tasks: tuple[int, ...]
    speedups: tuple[Interval, ...]
    reason: str = ""

    @property
    def at_s(self) -> Interval:
        """The length in seconds above which the speedup is over 1, up to the longest measured.

        Its ends are where the ends of the speedups' intervals pass 1. Each is 0 where all are
        above 1, and infinite where that of the longest task is not.
        """
        return Interval(
            self._crossing([speedup.estimate for speedup in self.speedups]),
            self._crossing([speedup.high for speedup in self.speedups]),
            self._crossing([speedup.low for speedup in self.speedups]),
        )

    def _crossing(self, speedups: Sequence[float]) -> float:
        """Straight between the points on logarithmic scales; above 1 includes 1."""
        behind = [at for at, speedup in enumerate(speedups) if speedup < 1]
        if not behind:
            return 0.0
        last = behind[-1]
        if last == len(speedups) - 1:
            return math.inf
        pair = slice(last, last + 2)
        return float(np.exp(np.interp(0, np.log(speedups[pair]), np.log(self.task_s[pair]))))

    def text(self) -> str:
        """How long a task must be for the executor to be ahead: one phrase."""
        if self.reason:
            return self.reason
        at = self.at_s
        if math.isfinite(at.high):
            if at.high == 0:
                return f"always, even at {duration(self.task_s[0])}"
            if at.low == 0:
                return f"at most {duration(at.high)}"
            return duration(at.estimate, at.low, at.high)
        clearly = "" if math.isinf(at.low) else "clearly "
        longest = duration(self.task_s[-1])
        if any(speedup.low >= 1 for speedup in self.speedups):
            return f"some lengths, but not {clearly}at {longest}"
        return f"never {clearly}up to {longest}"


def break_even(summary: pd.DataFrame) -> Iterator[BreakEven]:
    """The curve of every executor, n and workload that was measured with tasks of several lengths.

    `summary` is the frame of `summarise`. Along a curve one parameter of the workload varies, a
    number, with all others as they are. Speedups without an interval are left out; a curve that is
    too short without them has a reason.
    """
    line = labels(summary)["line"]
    bounds = ["speedup", "speedup_low", "speedup_high"]
    ok = (summary["status"] == "ok") & summary[["speedup", "task_s"]].notna().all(axis=1)
    ok &= summary["worker_kind"] != "caller"
    for column in (name for name in summary.columns if name.startswith("workload.")):
        if not is_numeric_dtype(summary[column]) or is_bool_dtype(summary[column]):
            continue  # a name of something has no size
        if summary[column].nunique() < FEWEST:
            continue  # as most parameters of most sweeps
        panel = labels(summary.drop(columns=column))["panel"]
        cells = summary[["n", "task_s", "tasks", column, *bounds]]
        cells = cells.assign(panel=panel, line=line).loc[ok].sort_values("task_s")
        sizes = cells.groupby(["panel", "line", "n"])[column].transform("nunique")
        cells = cells.loc[sizes >= FEWEST]
        for (name, executor, _), curve in cells.groupby(["panel", "line", "n"]):
            if not _is_long(curve, column):
                continue
            sure = curve[curve[bounds].notna().all(axis=1)]
            reason = ""
            if _is_long(sure, column):
                curve = sure
            else:
                without = len(curve) - len(sure)
                reason = (
                    f"not known: {without} of {len(curve)} lengths have no interval; raise "
                    "measure.time_budget_s"
                )
            yield BreakEven(
                *(
                    str(name),
                    column.removeprefix("workload."),
                    str(executor),
                    int(curve["n"].iloc[0]),
                ),
                task_s=tuple(curve["task_s"].tolist()),
                tasks=tuple(curve["tasks"].astype(int)),
                speedups=tuple(Interval(*row) for row in curve[bounds].to_numpy(float).tolist()),
                reason=reason,
            )


def _is_long(curve: pd.DataFrame, column: str) -> bool:
    """Whether it has enough sizes of a task, ascending, and tasks of enough lengths."""
    enough = curve[column].nunique() >= FEWEST
    return bool(enough and curve["task_s"].iloc[-1] >= SPAN * curve["task_s"].iloc[0])
