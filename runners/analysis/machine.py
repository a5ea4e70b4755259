"""What the machine gave to a cell, and what others took of it meanwhile."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from runners.analysis.attainable import BUSY, COMPUTING, cpu_limit, workers
from runners.analysis.headline import paired_ratio
from runners.analysis.interval import Interval
from runners.analysis.rounds import Rows, numbers, python_codes
from runners.words.pythons import PYTHON


def taken(
    runs: pd.DataFrame, rows: Rows, code: Rows, usable_cpus: "pd.Series[float]"
) -> pd.DataFrame:
    """The shares of the CPUs that went to other guests and to other programs, a row for each cell.

    `rows` are the runs that count and `code` the number of the cell of each. Steal is a share of
    all CPUs that the program may run on. Others' time is one of those that it may keep busy: with a
    quota of 2 on 8 CPUs, six of them can be busy at no cost to it.
    """
    usable = usable_cpus.to_numpy(float)
    cpus = numbers(runs, "cpus", rows)
    cpus = np.where(np.isnan(cpus), usable[code], cpus)  # not in the rows of earlier versions
    wall_s = numbers(runs, "wall_s", rows)
    found = pd.DataFrame(
        {
            "provided_s": wall_s * cpus,
            "spare_s": wall_s * np.maximum(cpus - usable[code], 0),
            "usable_s": wall_s * np.minimum(cpus, usable[code]),
            "steal_s": numbers(runs, "steal_s", rows),
            "others_s": numbers(runs, "others_cpu_s", rows),
        }
    )
    total = found.groupby(code).sum(min_count=1).reindex(usable_cpus.index)
    others = (total["others_s"] - total["spare_s"]) / total["usable_s"]
    return pd.DataFrame(
        {
            "steal_share": total["steal_s"] / total["provided_s"],
            "others_share": others.clip(0, 1),
        }
    )


@dataclass(frozen=True, slots=True)
class Given:
    """What the machine gave to loops that share nothing, in the minutes of one cell.

    `ceiling` is n times the ratio of the times of one alone and of n at once. Of the time that they
    provided, `machine_contention` is the part that they did not wait for a CPU, and
    `machine_computation` how little more CPU time each took beside the others: the last two steps
    of the ladder for a program that has no part in them. `machine_off_cpu` is the part of their
    time that loops of which each has a CPU to itself had none.
    """

    ceiling: Interval
    machine_contention: float
    machine_computation: float
    machine_off_cpu: float

    def row(self) -> dict[str, float]:
        ends = {"ceiling_low": self.ceiling.low, "ceiling_high": self.ceiling.high}
        others = {name: getattr(self, name) for name in NAMES if not name.startswith("ceiling")}
        return {"ceiling": self.ceiling.estimate} | ends | others


NAMES = (
    *("ceiling", "ceiling_low", "ceiling_high"),
    *("machine_contention", "machine_computation", "machine_off_cpu"),
)
UNKNOWN = Given(Interval(math.nan, math.nan, math.nan), math.nan, math.nan, math.nan)


def given(spins: pd.DataFrame, runs: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """What the machine gave, a row for each of the `cells` (`cell`, `n`, `usable_cpus`).

    `spins` are the runs of loops, `n` of them at once, `runs` all others. Those of one process and
    round belong together, and to the cells that were measured there: to one, or to all of a panel.
    Where several interpreters were measured there, a cell has the loops of its own, or, if that has
    not run any, those of the others: they say what the machine gives. Where workers are pinned, the
    loops were as well, to the same CPUs.
    """
    if spins.empty:
        return pd.DataFrame([UNKNOWN.row()] * len(cells), columns=list(NAMES))
    spins, runs = (
        # Not in the rows of earlier versions.
        frame.assign(placement=frame.get("placement", pd.Series(dtype="str")).fillna("none"))
        for frame in (spins, runs)
    )
    both = [frame.reindex(columns=[*PYTHON]) for frame in (spins, runs)]
    python = python_codes(pd.concat(both))
    ok = (spins["status"] == "ok") & spins["wall_s"].notna()
    numbers = ["process", "round", "n", "wall_s", "L3_s", "L4_s", "L5_s"]
    loops = (
        spins.loc[ok, numbers]
        .astype(float)
        .assign(
            place=spins["panel"][ok],
            placement=spins["placement"][ok],
            python=python[: len(spins)][ok.to_numpy(bool)],
        )
    )
    alone = loops[loops["n"] == 1].drop(columns=["n", "python"])
    pairs = loops[loops["n"] > 1].merge(
        alone, on=["place", "placement", "process", "round"], suffixes=("", "_1")
    )
    places = runs[["cell", "panel", "placement"]].assign(python=python[len(spins) :])
    places = places.drop_duplicates().rename(columns={"panel": "place"})
    own = cells[["cell", "n", "usable_cpus"]].astype({"n": float}).reset_index(names="at")
    found = own.merge(places, on="cell").merge(
        pairs, on=["place", "placement", "n"], suffixes=("", "_loop")
    )
    same = found["python"] == found["python_loop"]
    found = found[same | ~same.groupby(found["at"]).transform("any")]
    rows = {int(str(at)): _given(of_cell).row() for at, of_cell in found.groupby("at")}
    return pd.DataFrame([rows.get(at, UNKNOWN.row()) for at in cells.index], columns=list(NAMES))


def _given(pairs: pd.DataFrame) -> Given:
    n = float(pairs["n"].iloc[0])
    on_cpu = [pairs["L5_s_1"] / pairs["L3_s_1"]]
    if n <= pairs["usable_cpus"].iloc[0]:
        on_cpu.append(pairs["L5_s"] / pairs["L3_s"])
    return Given(
        paired_ratio(pairs["wall_s_1"], pairs["wall_s"], pairs["process"]).scaled(n),
        float((pairs["L5_s"] / pairs["L4_s"]).median()),
        float((n * pairs["L5_s_1"] / pairs["L5_s"]).median()),
        float(1 - pd.concat(on_cpu).median()),
    )


def attained(cell: Mapping[str, Any]) -> dict[str, float]:
    """How much of what the machine gave the cell made use of: the columns that follow from both.

    `cell` is its row of the summary so far. The ceiling is one of CPU time: tasks that wait, and
    workers that share a thread or are on other machines, are not held against it.
    """
    provided = float(workers(cell))
    applies = (
        not cell["waiting"]
        and cell["worker_kind"] not in ("caller", "coroutine")
        and cpu_limit(cell) < math.inf
        and math.isfinite(cell["ceiling"])
    )
    if not applies:
        return {}
    share = 1.0 if cell["cpu_share"] > COMPUTING else cell["cpu_share"]
    most = [float(np.minimum(provided, cell[name] / share)) for name in NAMES[:3]]
    ends = (cell[name] for name in ("speedup", "speedup_low", "speedup_high"))
    efficiency = Interval(*ends).over(Interval(*most))
    lost = {
        # The same steps down from the cell's own level, and no more than it lost there.
        f"loss_{step}_machine": min(
            cell[f"L{level}_s"] / cell["L0_s"] * max(1 - cell[f"machine_{step}"], 0),
            max(cell[f"loss_{step}"], 0),
        )
        for level, step in ((4, "contention"), (5, "computation"))
    }
    return {
        "attainable": most[0],
        "efficiency_of_ceiling": efficiency.estimate,
        "efficiency_of_ceiling_low": efficiency.low,
        "efficiency_of_ceiling_high": efficiency.high,
        **lost,
    }


def busy(cell: Mapping[str, Any]) -> str:
    """Why the numbers of a cell are those of a busy machine, in words; "" where they are not.

    By others' CPU time, or, where the kernel does not tell of the load, by the time that loops with
    a CPU each had none. A low ceiling alone says nothing: threads of one core, and a clock that
    falls with all cores at work, make one on the quietest machine.
    """
    name, share = busy_by(cell["others_share"], cell["machine_off_cpu"])
    if name == "others_share":
        return f"other load took {share:.0%} of the CPUs"
    return f"loops with a CPU each had none for {share:.0%} of their time" if name else ""


def busy_by(others_share: float, machine_off_cpu: float) -> tuple[str, float]:
    """Which of them says that the machine was busy, and its value; ("", 0) where neither does."""
    if others_share > BUSY:
        return "others_share", others_share
    return ("machine_off_cpu", machine_off_cpu) if machine_off_cpu > BUSY else ("", 0.0)
