"""What computing centres ask for in an application for computing time: how a workload scales.

All numbers are those of the summary; `proposal_files.py` writes them.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from runners.analysis.across import loop_name
from runners.analysis.fastest import Fastest
from runners.analysis.interval import Interval
from runners.analysis.nodes import Mixed
from runners.analysis.recommend import Recommendation, eligible
from runners.model import Flag, FlagCode, UsageError
from runners.words.causes import reason
from runners.words.flags import remedy, told
from runners.words.labels import SERIAL, labels
from runners.words.rounding import in_order

ENOUGH = 3
"""A line with so many n shows how an executor scales; one with fewer is taken only if all are."""

STRONG = """\
The tasks are the same for every n. Time is the median of a run, from before the executor is made to
after its workers have ended; the first row is the {loop}, one core. Speedup is that of a typical
round, in which both ran, so that it is not exactly the ratio of the median times; efficiency is
speedup / {by}. Core-hours are those of one run: {cores} for its time. Brackets are 95%
intervals."""

WEAK = """\
With n workers there are n times the tasks. Time is the median of a run, from before the executor is
made to after its workers have ended; the first row is the {loop} over the tasks once, one core.
Scaled speedup is n times the time of that over the time with n workers, of a typical round in which
both ran; efficiency is that / {by}. Core-hours are those of one run: {cores} for its time.
Brackets are 95% intervals."""

BY_N = {"by": "n", "cores": "n cores"}
OF_COROUTINES = {
    "by": "what is attainable, since coroutines share one thread",
    "cores": "one core",
}

UNSURE = " A number without brackets has too few rounds for an interval."


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table; the first one is the plain loop. `nodes` is None where nobody knows."""

    name: str
    n: int
    nodes: int | None
    work: int
    time_s: Interval
    speedup: Interval
    efficiency: Interval
    core_hours: Interval
    over_n1: Interval
    rounds: int
    flags: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for one workload: an executor, why that one, and how it scales.

    `file` is what its files are called, without an ending. `panel` and `line` are the names of
    `labels`, `workload` is the first one without the kind of node and of scaling. `notes` are what
    to know of it: cells that are missing, flags, other kinds of node.
    """

    file: str
    panel: str
    workload: str
    line: str
    why: str
    loop: str
    weak: bool
    coroutines: bool
    where: str
    usable_cpus: float
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def measured(self) -> tuple[Row, ...]:
        return self.rows[1:]

    def about(self) -> str:
        form = WEAK if self.weak else STRONG
        words = OF_COROUTINES if self.coroutines else BY_N
        text = " ".join(form.format(loop=self.loop, **words).split())
        lows = (low for row in self.measured for low in (row.speedup.low, row.time_s.low))
        sure = all(map(math.isfinite, lows))
        return text if sure else text + UNSURE

    def title(self) -> str:
        return f"{'Weak' if self.weak else 'Strong'} scaling of {self.workload}"


def proposals(
    summary: pd.DataFrame,
    recommended: Iterable[Recommendation | Fastest],
    apart: Sequence[Mixed] = (),
    wanted: str = "",
) -> list[Proposal]:
    """A proposal for each workload of the frame of `summarise`, and each interpreter of it.

    Cells of several kinds of node are in several ones, and `apart` (of `mixed`) is told there.
    `wanted` is an executor, or a line as it is called in the report; without it, the one that
    `recommended` has, or else the fastest. Raises UsageError where there is none.
    """
    cells = summary.assign(**labels(summary))
    chosen = {
        (one.panel, one.interpreter): one for one in recommended if isinstance(one, Recommendation)
    }
    found: list[Proposal] = []
    names: dict[str, int] = {}
    panels = {
        (str(panel), str(interpreter)): own
        for (panel, interpreter), own in cells.groupby(["panel", "interpreter"], sort=False)
    }
    for key, own in sorted(panels.items(), key=lambda one: [in_order(name) for name in one[0]]):
        line, why = _choice(own, chosen.get(key), wanted)
        if line:
            file = _file(" ".join(filter(None, key)))
            names[file] = names.get(file, 0) + 1
            file += f"-{names[file]}" if names[file] > 1 else ""
            told = [one.text() for one in apart if key[0].startswith(f"{one.workload} on ")]
            found.append(_proposal(file, own, line, why, told))
    if not found:
        lines = ", ".join(sorted(set(cells["line"]), key=in_order))
        raise UsageError(
            f"--proposal-line={wanted}: none of {lines} is that, with a cell that is ok"
            if wanted
            else "--proposal: no cell is ok and has a speedup; the report says why"
        )
    return found


def _choice(
    cells: pd.DataFrame, recommended: Recommendation | None, wanted: str
) -> tuple[str, str]:
    """The line of a workload that is proposed, and why; "" where none can be."""
    ok = cells.loc[(cells["status"] == "ok") & cells["speedup"].notna()]
    ok = ok.loc[ok["executor"] != SERIAL]
    if wanted:
        ok = ok.loc[(ok["line"] == wanted) | (ok["way"] == wanted) | (ok["executor"] == wanted)]
        why = "it was asked for"
    else:
        ok = ok.loc[eligible(ok)]
        why = "it has the highest speedup"
    if ok.empty:
        return "", ""
    ns = ok.groupby("line")["n"].nunique()
    long = ns.index[ns >= min(ENOUGH, ns.max())]
    if len(long) < len(ns):
        why += f" of those with at least {min(ENOUGH, ns.max())} n"
    by_speedup = ok.loc[ok["line"].isin(long)].sort_values("speedup", ascending=False)
    fastest = str(by_speedup["line"].iloc[0])
    if wanted:
        return fastest, why
    if len(ns) == 1:
        return fastest, "it is the only one that was measured"
    if recommended is not None and recommended.choice is not None:
        own = by_speedup.loc[by_speedup["cell"] == recommended.choice.cell, "line"]
        if len(own):
            return str(own.iloc[0]), f"the report recommends it, with n = {recommended.choice.n}"
    return fastest, f"{why}, though that it is the best is not shown"


def _file(name: str) -> str:
    """A name for files that every system and LaTeX takes."""
    return "proposal-" + (re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:80] or "workload")


def _proposal(
    file: str, cells: pd.DataFrame, line: str, why: str, apart: Sequence[str]
) -> Proposal:
    own = cells.loc[cells["line"] == line].sort_values("n")
    ok = (own["status"] == "ok") & own["speedup"].notna()
    missing = [
        f"n = {row['n']} is missing: {row['status']}{_because(row['error'])}"
        for row in own.loc[~ok].to_dict("records")
    ]
    measured = own.loc[ok].to_dict("records")
    first = measured[0]
    kinds, hosts = (own.loc[ok, name].dropna() for name in ("node_kind", "host"))
    names = list(dict.fromkeys(name for each in hosts for name in each.split(", ")))
    where = "; ".join(dict.fromkeys(kinds)) or "an unknown node"
    if names:
        where += f" ({', '.join(names[:4])}{' and others' if len(names) > 4 else ''})"
    panel = str(first["panel"])
    workload = panel
    for kind in kinds:
        workload = workload.removesuffix(f" on {kind}")
    return Proposal(
        *(file, panel, workload.replace(", weak scaling", ""), line, why, loop_name(own)),
        weak=first["scaling"] == "weak",
        coroutines=first["worker_kind"] == "coroutine",
        where=where,
        usable_cpus=float(own.loc[ok, "usable_cpus"].min()),
        rows=(_loop(first), *map(_row, measured)),
        notes=(*apart, *missing, *_flags(measured)),
    )


def _because(error: object) -> str:
    return f" ({reason(error)})" if isinstance(error, str) else ""


def _flags(rows: Iterable[Mapping[Any, Any]]) -> Iterator[str]:
    """Each kind of flag once, with the n that have it; what it says is that of the largest."""
    found: dict[FlagCode, list[tuple[int, Flag]]] = {}
    for row in rows:
        for flag in row["flags"]:
            found.setdefault(flag.code, []).append((int(row["n"]), flag))
    for own in found.values():
        [*_, (_, last)] = own
        yield f"n = {', '.join(str(n) for n, _ in own)}: {told(last)}: {remedy(last)}"


def _interval(row: Mapping[Any, Any], name: str, unit: str = "") -> Interval:
    stem = name.removesuffix("_median")
    names = (f"{name}{unit}", f"{stem}_low{unit}", f"{stem}_high{unit}")
    return Interval(*(float(row[each]) for each in names))


EXACT = Interval(1.0, math.nan, math.nan)
UNKNOWN = Interval(math.nan, math.nan, math.nan)


def _loop(row: Mapping[Any, Any]) -> Row:
    """The baseline of that cell."""
    time_s = _interval(row, "baseline_median", "_s")
    cost = _interval(row, "baseline_core_hours")
    return Row("", 1, 1, 1, time_s, EXACT, EXACT, cost, UNKNOWN, int(row["rounds"]))


def _row(row: Mapping[Any, Any]) -> Row:
    n = int(row["n"])
    return Row(
        *(str(row["line"]), n, None if pd.isna(row["nodes"]) else int(row["nodes"])),
        work=n if row["scaling"] == "weak" else 1,
        time_s=_interval(row, "measured_median", "_s"),
        speedup=_interval(row, "speedup"),
        efficiency=_interval(row, "efficiency"),
        core_hours=_interval(row, "core_hours"),
        over_n1=_interval(row, "speedup_n1"),
        rounds=int(row["rounds"]),
        flags="; ".join(map(told, row["flags"])),
    )
