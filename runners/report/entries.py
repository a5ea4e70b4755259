"""The cells of a report by their names."""

from dataclasses import dataclass

import pandas as pd

from runners.analysis.cell import CellSummary, cells
from runners.words.labels import labels
from runners.words.rounding import in_order


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell with the names that tell it apart, of `labels`."""

    panel: str
    line: str
    cell: CellSummary

    @property
    def name(self) -> str:
        return f"{self.panel}, {self.line}, n = {self.cell.n}"

    @property
    def head(self) -> list[str]:
        """The names as the first columns of a table."""
        return [self.panel, self.line, str(self.cell.n)]

    @property
    def rank(self) -> float:
        """Its speedup, and of a cell that has none less than that of any other."""
        speedup = self.cell.speedup.estimate
        return speedup if self.cell.status == "ok" and speedup == speedup else -1.0


def entries(summary: pd.DataFrame) -> list[Entry]:
    """The cells in the order of their names."""
    names = labels(summary)
    found = map(Entry, names["panel"], names["line"], cells(summary))
    return sorted(found, key=lambda one: (in_order(one.panel), in_order(one.line), one.cell.n))
