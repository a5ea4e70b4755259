"""Two results side by side in a terminal: a table, or where it is too narrow for one, a list."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from runners.analysis.two_results import TwoResults, loudest
from runners.model import printable
from runners.report.compared import ABOVE, Told, headline, lines, only, ratios, titles
from runners.words.rounding import counted

STYLES = {"worse": "bold red", "failed": "bold red", "better": "green", "inconclusive": "yellow"}
PIPED = 1000
"""Columns of an output that has no width of its own: a line a cell, whatever its name."""
MOST = 200
"""Cells that are shown, those that are worse first."""
NAME = 24
"""A narrower column of names is hard to read."""


def show(found: TwoResults, told: Told) -> None:
    """Print it, as wide as the terminal is."""
    width = None if sys.stdout.isatty() else PIPED
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    for line in lines(found, told):
        console.print(printable(line), soft_wrap=True)
    console.print()
    head = ["", *titles(found), "verdict"]
    cells = loudest(found.cells, MOST)
    rows = [[printable(cell.name), *ratios(cell, found), cell.outcome] for cell in cells]
    if _width(head, rows) <= console.width:
        _table(console, head, rows)
        for cell in cells:
            if cell.why:
                console.print(printable(f"{cell.name}: {cell.why}"), soft_wrap=True)
    else:
        _list(console, head, rows, [cell.why for cell in cells])
    if more := len(found.cells) - len(cells):
        rest = f"{counted(more, 'more cell')}, none of them worse than these: --output has them all"
        console.print(rest, soft_wrap=True)
    for line in only(found):
        console.print(printable(line), soft_wrap=True)
    console.print()
    console.print(printable(f"{headline(found)} ({ABOVE})"), soft_wrap=True)


def _width(head: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """What a table needs at least: the names may be on several lines, and nothing else."""
    widest = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return min(widest[0], NAME) + sum(2 + each for each in widest[1:])


def _table(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(head[0], overflow="fold")
    for title in head[1:]:
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(*row, style=STYLES.get(row[-1], ""))
    console.print(table)


def _list(
    console: Console, head: Sequence[str], rows: Sequence[Sequence[str]], whys: Sequence[str]
) -> None:
    column = max(map(len, head))
    for (name, *values, outcome), why in zip(rows, whys, strict=True):
        console.print(f"{name}: {outcome}", style=STYLES.get(outcome, ""), soft_wrap=True)
        for title, value in zip(head[1:-1], values, strict=True):
            if value:
                console.print(f"  {title:<{column}}  {value}", soft_wrap=True)
        if why:
            console.print(printable(f"  {why}"), soft_wrap=True)
