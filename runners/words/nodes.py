"""The kinds of node that cells were measured on, where there are several."""

import re

import pandas as pd

from runners.model import printable

UNKNOWN = "an unknown node"


def node_kinds(cells: pd.DataFrame) -> "pd.Series[str]":
    """The kind of node of each cell, "" for all where no two kinds are known.

    A processor of another kind is another machine: what was measured on one says nothing of what
    was on the other. Where there are several, a cell that does not say its own is of none of them.
    """
    if "node_kind" not in cells or cells["node_kind"].nunique() < 2:
        return pd.Series("", index=cells.index, dtype=object)
    return cells["node_kind"].astype(object).fillna(UNKNOWN).map(printable)


_CORES = re.compile(r", \d+ cores?(?=(, \d+ CPUs?)?\Z)")


def same_kind(one: str, other: str) -> bool:
    """Whether two kinds are the same by what both tell: earlier versions did not count cores."""
    if _CORES.search(one) is None or _CORES.search(other) is None:
        one, other = _CORES.sub("", one), _CORES.sub("", other)
    return one == other
