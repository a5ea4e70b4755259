"""`Result`: what was measured, as frames, records, text, figures and HTML."""

import os
import shutil
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from runners.measuring.folders import Folder
from runners.model import UsageError, did_you_mean
from runners.results.claim import CLAIM

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from runners.analysis.cell import CellSummary
    from runners.analysis.fastest import Fastest
    from runners.analysis.recommend import Recommendation
    from runners.report.figures import Choices
    from runners.report.versus import Against

Kind = Literal[
    "speedup",
    "seconds",
    "efficiency",
    "matrix",
    "memory",
    "weak",
    "break_even",
    "pythons",
    "versus",
    "timeline",
]


class Result:
    """What is in a folder of results, or in those of `cells` below it: the ones of one call.

    A temporary folder is `kept` as long as this is, and goes at the program's end at last. In a
    notebook it is a table, with its figure if it has several cells; `repr` is the same as text.
    """

    def __init__(
        self, folder: Path, cells: Sequence[Path] = (), kept: Folder | None = None
    ) -> None:
        self.folder = folder.absolute()
        self._folders = [cell.absolute() for cell in cells] or [self.folder]
        if kept is not None:
            weakref.finalize(self, _remove, kept, os.getpid())

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """One row for each timed run: the frame of `read_runs`."""
        from runners.results.read import read_runs

        return read_runs(self._folders)

    @cached_property
    def summary(self) -> "pd.DataFrame":
        """One row for each cell, with every statistic: the frame of `summarise`."""
        from runners.analysis.summary import summarise

        return summarise(self.runs)

    @cached_property
    def cells(self) -> "list[CellSummary]":
        """The rows of the summary as records, in its order."""
        from runners.analysis.cell import cells

        return cells(self.summary)

    @property
    def best(self) -> "CellSummary":
        """The cell that is recommended; where none is, the one with the highest speedup.

        Only where no cell has a speedup, it is the first one, whose `status` and `error` say why.
        """
        from runners.report.files import of_here

        choices = (getattr(found, "choice", None) for found in self._recommended)
        chosen = [choice.cell for choice in choices if choice is not None]
        for cell in self.cells:
            if len(chosen) == 1 and cell.cell == chosen[0]:
                return cell
        here = set(of_here(self.summary)["cell"])
        known = [cell for cell in self.cells if cell.status == "ok" and cell.rounds > 0]
        measured = [cell for cell in known if cell.cell in here] or known
        return max(measured, key=lambda cell: cell.speedup.estimate, default=self.cells[0])

    @property
    def recommendation(self) -> str:
        """What to use, and how many workers each executor needs; "" of a single cell."""
        return "\n".join(line for found in self._recommended for line in found.lines())

    @cached_property
    def _recommended(self) -> "list[Recommendation | Fastest]":
        from runners.report.files import of_here, recommended

        here = of_here(self.summary)
        return recommended(here, self.runs) if len(here) > 1 else []

    @property
    def comparison(self) -> "pd.DataFrame":
        """What is here against the other versions of the code (`versus`): a row for each cell.

        The columns are those of compare.csv; no rows where there is one version.
        """
        import pandas as pd

        from runners.report.compared import csv

        frames = [pd.read_csv(BytesIO(csv(one.found))) for one in self._against]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    @cached_property
    def _against(self) -> "list[Against]":
        from runners.report.files import versions_of

        return versions_of(self._folders, self.summary, self.runs)

    @property
    def _told(self) -> str:
        """What is said below the table."""
        from runners.report.versus import terminal

        return "\n".join(filter(None, [self.recommendation, *terminal(self._against)]))

    def figure(self, kind: Kind = "speedup", **choices: Any) -> "Figure":
        """A figure of the report; `timeline` shows the tasks of the best cell's typical round.

        With `choices` it is a figure of one's own, as with `python -m runners.report`: `x`, `y`,
        `colour`, `dash` and `panel` name columns of the summary (`y` also `seconds`), `size` is
        that of the figure in inches, as in (3.4, 2.4), `font` that of its text in points, `style`
        is `screen` or `paper`, `log_y` is true or false.

        Raises UsageError where there is nothing to draw.
        """
        from runners.report import figures

        found: Figure | None = None
        if kind not in get_args(Kind):
            raise UsageError(f"kind={kind!r}: choose {', '.join(get_args(Kind))}")
        if choices:
            found = figures.plot(self.summary, _choices(choices))
        elif kind == "speedup":
            found = figures.speedup(self.summary, self.runs)
        elif kind == "seconds":
            found = figures.seconds(self.summary)
        elif kind == "weak":
            found = figures.weak(self.summary)
        elif kind == "break_even":
            found = figures.break_even(self.summary)
        elif kind == "efficiency":
            found = figures.efficiency(self.summary)
        elif kind == "memory" and figures.has_memory(self.summary):
            found = figures.memory(self.summary)
        elif kind == "pythons" and figures.has_pythons(self.summary):
            found = figures.pythons(self.summary)
        elif kind == "versus" and self._against:
            found = figures.forest(self._against[0].found)
        elif kind == "timeline":
            found = self._timeline()
        elif kind == "matrix":
            from runners.report.figures.matrix import matrix_n

            n = matrix_n(self.summary)
            found = figures.matrix(self.summary, n) if n is not None else None
        if found is None:
            raise UsageError(f"kind={kind!r}: these results have nothing for it; choose speedup")
        # It belongs to no window of pyplot; this is how a notebook shows it all the same.
        found.__dict__["_repr_png_"] = partial(figures.image, found, "png")
        return found

    def _timeline(self) -> "Figure | None":
        from runners.analysis.rounds import of_cell
        from runners.report import figures
        from runners.report.files import typical_timelines
        from runners.words.labels import labels

        best = self.best
        place = Path(os.path.commonpath(self._folders), best.folder)
        found = typical_timelines(place, of_cell(self.runs, best.cell))
        [label] = labels(self.summary[self.summary["cell"] == best.cell])["panel"]
        name = f"{label} on {best.executor}, n = {best.n}"
        return figures.timeline(found, name) if found else None

    def save(self, folder: str | Path) -> Path:
        """Copy the results into a folder that is new or empty; `load` reads them there."""
        place = place_of("folder", folder)
        try:
            if place.resolve().is_relative_to(self.folder.resolve()):
                raise UsageError(f"{place}: it is within these results; name another folder")
            if place.exists() and (not place.is_dir() or any(place.iterdir())):
                raise UsageError(f"{place}: it is not empty; name a new or an empty folder")
            ignored = shutil.ignore_patterns(f"{CLAIM}*")
            shutil.copytree(self.folder, place, dirs_exist_ok=True, ignore=ignored)
        except OSError as error:  # shutil's own has a list of what went wrong
            why = error.strerror or str(error.args[0][0][-1] if error.args else error)
            raise UsageError(f"{place}: results cannot go there ({why})") from None
        return place

    def __repr__(self) -> str:
        from runners.api import tables

        return tables.text(self.summary, self._told)

    def _repr_html_(self) -> str:
        from runners.api import tables
        from runners.report import figures

        several = len(self.cells) > 1 and any(cell.rounds for cell in self.cells)
        image = figures.image(self.figure(), "png") if several else b""
        return tables.html(self.summary, self._told, image)


def _remove(kept: Folder, pid: int) -> None:
    if os.getpid() == pid:  # and not in a process that was forked meanwhile
        kept.remove()


def load(folder: str | Path) -> Result:
    """The results in a folder: of `Result.save`, or of the command line.

    Raises UsageError where there are none.
    """
    found = Result(place_of("folder", folder))
    try:
        is_empty = found.runs.empty
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None
    if is_empty:
        raise UsageError(f"{folder}: there are no runs in it")
    return found


def place_of(parameter: str, folder: Any) -> Path:
    """The folder that the caller has named. Raises UsageError."""
    if not isinstance(folder, str | os.PathLike) or "\0" in str(folder):
        raise UsageError(f"{parameter}: {folder!r} is no name of a folder; pass a path")
    return Path(folder)


def _choices(asked: Mapping[str, Any]) -> "Choices":
    """The choices of a figure. Raises UsageError over one that there is not."""
    from runners.report.figures import Choices

    known = [one.name for one in fields(Choices)]
    for name in asked:
        if name not in known:
            near = did_you_mean(name, known)
            raise UsageError(f"{name}: no such choice{near}; there are {', '.join(known)}")
    return Choices(**asked)
