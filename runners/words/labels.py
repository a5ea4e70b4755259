"""Short names for cells, for figures and tables: what tells them apart, and nothing else."""

import re

import pandas as pd

from runners.model import printable

SERIAL = "serial"
"""The executor that is the baseline itself: what it shows is the noise."""


LONGEST = 80
"""Characters of a parameter's value in a name; a longer one is told by its ends."""
MOST_PARAMETERS = 12
"""Parameters that vary which a name has."""


def in_order(name: str) -> str:
    """A key that sorts the numbers in a name by their size, as in count=300, count=3000."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(15), name)


def labels(summary: pd.DataFrame) -> "dict[str, pd.Series[str]]":
    """Short names that tell the cells apart, one per row of `summary`.

    `panel` is the workload, `line` the executor, each with those of its parameters that vary.
    """
    panel, line = (pd.Series("", index=summary.index, dtype=object) for _ in range(2))
    for (workload, scaling), cells in summary.groupby(["workload", "scaling"]):
        weak = ", weak scaling" if scaling == "weak" else ""
        panel[cells.index] = _names(str(workload), cells, "workload.") + weak
    for executor, cells in summary.groupby("executor"):
        line[cells.index] = _names(str(executor), cells, "executor.")
    if "fresh" in summary:
        fresh = summary["fresh"].fillna(False).astype(bool)
        panel += fresh.map({True: ", first calls", False: ""})
    again = summary.groupby([panel, line, "n"]).cumcount()
    return {"panel": panel, "line": line + again.map(lambda k: f" (again, {k + 1})" if k else "")}


def _names(base: str, cells: pd.DataFrame, prefix: str) -> "pd.Series[str]":
    """`base` with the parameters that vary among `cells`, one name per cell.

    A parameter that only follows n, as in `chunks=${n}`, tells no two lines apart.
    """
    names = pd.Series(base, index=cells.index, dtype=object)
    told = 0
    for column in (name for name in cells.columns if name.startswith(prefix)):
        values = cells[column].map(_plain)
        count = values.nunique()
        if count == 1:
            continue
        told += 1
        if told > MOST_PARAMETERS:
            continue
        if len(set(zip(cells["n"], values, strict=True))) > cells["n"].nunique():
            names += f" {column.removeprefix(prefix)}=" + values
        else:
            names += f" ({column.removeprefix(prefix)} varies with n)"
    if told > MOST_PARAMETERS:
        names += f" and {told - MOST_PARAMETERS} more"
    return names.map(printable)


def _plain(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "null"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 20]}…{text[-19:]}"
