"""Short names for cells, for figures and tables: what tells them apart, and nothing else."""

import pandas as pd

from runners.model import printable
from runners.words.functions import FUNCTION, shown
from runners.words.nodes import node_kinds
from runners.words.pythons import interpreters

SERIAL = "serial"
"""The executor that is the baseline itself: what it shows is the noise."""


LONGEST = 80
"""Characters of a parameter's value in a name; a longer one is told by its ends."""
MOST_PARAMETERS = 12
"""Parameters that vary which a name has."""


def labels(summary: pd.DataFrame) -> "dict[str, pd.Series[str]]":
    """Short names that tell the cells apart, one per row of `summary`.

    `panel` is the workload, of `callable` its function, `line` the executor, each with those of its
    parameters that vary; where there are several interpreters, a line has its own one:
    `thread, 3.13.1`, and where there are several placements, `thread, placement=cores`. `way` is
    the line without its interpreter, and `interpreter` that part alone, "" where there is a single
    one. Where several results that are kept apart have the same workload, a panel has the name of
    its own one: `primes, before`. Where a workload was measured on several kinds of node, it has
    that: `primes on EPYC 7763, 256 CPUs`.
    """
    panel, way = (pd.Series("", index=summary.index, dtype=object) for _ in range(2))
    pythons = interpreters(summary)
    for (workload, scaling), cells in summary.groupby([workload_names(summary), "scaling"]):
        weak = ", weak scaling" if scaling == "weak" else ""
        panel[cells.index] = _names(str(workload), cells, "workload.") + weak
    for executor, cells in summary.groupby("executor"):
        own = pythons.of[cells.index]
        way[cells.index] = _names(str(executor), cells, "executor.", own)
    if "placement" in summary:
        placement = summary["placement"].fillna("none").astype(str)
        way += ", placement=" + placement if placement.nunique() > 1 else ""
    if "fresh" in summary:
        fresh = summary["fresh"].fillna(False).astype(bool)
        panel += fresh.map({True: ", first calls", False: ""})
    if "result" in summary and summary["result"].nunique() > 1:
        results = summary["result"].fillna("").astype(str)
        shared = results.groupby(panel).transform("nunique") > 1
        panel = panel.where(~shared, panel + ", " + results.map(printable))
    panel = _on_nodes(panel, summary)
    again = summary.groupby([panel, way, "n", pythons.of]).cumcount()
    way += again.map(lambda k: f" (again, {k + 1})" if k else "")
    if pythons.several:
        interpreter = pythons.names().map(printable)
        line = way + ", " + interpreter
    else:
        interpreter, line = pd.Series("", index=summary.index, dtype=object), way.copy()
    return {"panel": panel, "line": line, "way": way, "interpreter": interpreter}


def _on_nodes(panel: "pd.Series[str]", summary: pd.DataFrame) -> "pd.Series[str]":
    """The panels by kind of node, where one has several: cells of two kinds are never in one.

    A cell that nobody could measure is with most of the others.
    """
    kinds = node_kinds(summary)
    if not kinds.any():
        return panel
    nowhere = summary["node_kind"].isna() & (summary["rounds"] == 0)
    counts = pd.DataFrame({"panel": panel, "kind": kinds}).loc[~nowhere].value_counts(sort=True)
    usual = counts.reset_index().drop_duplicates("panel").set_index("panel")["kind"]
    kinds = kinds.mask(nowhere, panel.map(usual))
    several = kinds.groupby(panel).transform("nunique") > 1
    return panel.where(~several, panel + " on " + kinds)


def workload_names(summary: pd.DataFrame) -> "pd.Series[str]":
    """What each cell's workload is called."""
    functions = summary[FUNCTION] if FUNCTION in summary else [None] * len(summary)
    names = shown(zip(summary["workload"], functions, strict=True))
    return pd.Series(names, index=summary.index, dtype=object)


def _names(
    base: str, cells: pd.DataFrame, prefix: str, pythons: "pd.Series[int] | None" = None
) -> "pd.Series[str]":
    """`base` with the parameters that vary among `cells`, one name per cell.

    A parameter that only follows n, as in `chunks=${n}`, tells no two lines apart, and neither does
    one that only follows the interpreter, as the default start method does.
    """
    names = pd.Series(base, index=cells.index, dtype=object)
    by = [0] * len(cells) if pythons is None else pythons.tolist()
    told = 0
    for column in (name for name in cells.columns if name.startswith(prefix)):
        values = cells[column].map(plain)
        if len(set(zip(by, values, strict=True))) == len(set(by)):
            continue
        told += 1
        if told > MOST_PARAMETERS:
            continue
        where = list(zip(by, cells["n"], strict=True))
        if len(set(zip(where, values, strict=True))) > len(set(where)):
            names += f" {column.removeprefix(prefix)}=" + values
        else:
            names += f" ({column.removeprefix(prefix)} varies with n)"
    if told > MOST_PARAMETERS:
        names += f" and {told - MOST_PARAMETERS} more"
    return names.map(printable)


def swept(summary: pd.DataFrame) -> list[str]:
    """The parameters that tell cells of one workload or one executor apart, not by n alone."""
    found = []
    for prefix, owner in (("workload.", "workload"), ("executor.", "executor")):
        for column in (name for name in summary.columns if name.startswith(prefix)):
            known = pd.DataFrame({"of": summary[owner], "n": summary["n"]})
            known["value"] = summary[column].map(plain)
            if len(known.drop_duplicates()) > len(known[["of", "n"]].drop_duplicates()):
                found.append(column)
    return found


def plain(value: object) -> str:
    """A parameter's value in a name."""
    if pd.isna(value):  # type: ignore[call-overload]
        return "null"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 20]}…{text[-19:]}"
