"""Progress where a program of the caller's measures: a bar in a terminal, a line in a notebook."""

import sys
import time
from collections.abc import Sequence
from typing import Any, Self

from runners.command.cell import Show
from runners.command.progress import Bar, Terminal, clock
from runners.model import Run
from runners.report.facts import rounds_told
from runners.results.columns import counts
from runners.words.rounding import counted

REDRAWN_S = 0.5
"""The line of a notebook changes no more often: each change is a message to the browser."""


def shown(quiet: bool, cells: int) -> "Notebook | Show | None":
    """What shows it here; None: nothing does."""
    if quiet:
        return None
    if (display := _notebook()) is not None:
        return Notebook(display, cells)
    stream = sys.stderr
    if stream is None or not stream.isatty():
        return None
    return lambda displays: Bar(displays, stream)


def _notebook() -> Any:
    """`display` of IPython if this is a notebook's kernel; in a terminal, IPython is no other."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    if getattr(shell, "kernel", None) is None:
        return None
    from IPython.display import display

    return display


class Nothing:
    """Shows nothing."""

    def __init__(self, displays: Sequence[Terminal]) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        pass

    def update(self, run: Run) -> None:
        pass


class Notebook:
    """One line for all cells of a call, changed in its place. It is called for each panel."""

    def __init__(self, display: Any, cells: int) -> None:
        self.cells = cells
        self.began_s = self.drawn_s = time.monotonic()
        self.before = self.together = 0
        self.rounds: set[int] = set()
        self.counted = 0
        self.handle = display(_bundle("measuring"), raw=True, display_id=True)

    def __call__(self, displays: Sequence[Terminal]) -> Self:
        self.together, self.rounds = len(displays), set()
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.before += self.together
        self.counted += len(self.rounds)

    def update(self, run: Run) -> None:
        """Take note of a run that has just ended."""
        if run.role == "measured" and counts(run.row()):
            self.rounds.add(run.round)
        if time.monotonic() - self.drawn_s >= REDRAWN_S:
            first, last = self.before + 1, self.before + self.together
            which = f"cell {first}" if first == last else f"cells {first} to {last}"
            what = "warming up" if run.warmup else rounds_told(len(self.rounds))
            self._draw(f"{which} of {self.cells}: {what}, {self._elapsed()}")

    def end(self, how: str = "measured") -> None:
        """Say how it ended."""
        self._draw(f"{counted(self.cells, 'cell')} {how} in {self._elapsed()}")

    def _elapsed(self) -> str:
        return clock(time.monotonic() - self.began_s)

    def _draw(self, text: str) -> None:
        self.drawn_s = time.monotonic()
        self.handle.update(_bundle(text), raw=True)


def _bundle(text: str) -> dict[str, str]:
    return {"text/plain": text}
