"""The command `python -m runners.history`: from the words typed to the exit status."""

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from runners.analysis.over_time import History, before, tracks
from runners.compare.command import FAULT, NOTHING, USAGE
from runners.compare.options import share
from runners.compare.show import PIPED
from runners.door import REQUESTS
from runners.history.reading import Result, busy, differing, read_history
from runners.model import UsageError, printable
from runners.report import figures
from runners.report.over_time import csv, head, headline, lines, markdown, notes, row
from runners.results.named import named
from runners.results.write import typed, write_files
from runners.words.lines import say
from runners.words.parser import Parser

DOES = """\
Results over time: speedups and times of each cell over commits, and the steps that stand out."""
STATUSES = """\
exit status: 0 drawn, 2 a mistake in the words or the folders, 3 a fault of this program, 4 no cell
in common"""


def parser() -> argparse.ArgumentParser:
    made = Parser(
        prog="python -m runners.history",
        description=DOES,
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "folders",
        metavar="FOLDER",
        nargs="+",
        help="a result, one for each commit, or a folder that holds such folders; NAME=FOLDER "
        "gives one a name",
    )
    made.add_argument(
        "--margin",
        type=share,
        metavar="5%",
        default=0.0,
        help="what does not count as a step, such as 5%%; by default whatever stands out does",
    )
    made.add_argument(
        "--output",
        metavar="DIR",
        type=typed,
        help="where to write history.md, history.csv and the figure history.png and .svg; by "
        "default the first folder",
    )
    return made


def run(arguments: Sequence[str]) -> int:
    """The command; returns its exit status, one of those above."""
    options = parser().parse_args(arguments)
    try:
        return _history(options)
    except (UsageError, OSError) as error:
        say(f"error: {printable(str(error))}", sys.stderr)
        return USAGE
    except Exception:
        if REQUESTS.pending is not None:
            raise
        traceback.print_exc()
        return FAULT


def _history(options: argparse.Namespace) -> int:
    results, order = read_history(options.folders)
    if len(results) < 2:
        raise UsageError(
            f"{results[0].folder}: one result is no history; name another, or a folder that holds "
            "a folder of results for each commit"
        )
    history = made(results, order, options.margin)
    if not history.shown:
        say("error: these results have no measured cell in common", sys.stderr)
        return NOTHING
    show(history)
    for path in write(history, options.output or named([options.folders[0]])[0].folder):
        print(printable(str(path)))
    return 0


def made(results: Sequence[Result], order: str, margin: float) -> History:
    """The history of these results."""
    found = tracks([result.found for result in results], margin)
    pairs = {(at, at + 1) for at in range(len(results) - 1)}
    pairs |= {
        (before(track, change.at), change.at)
        for track in found
        for changes in track.changes.values()
        for change in changes
    }
    return History(
        results=[result.found for result in results],
        order=order,
        tracks=found,
        differs={(a, b): differing(results[a], results[b]) for a, b in sorted(pairs)},
        busy={(at, row) for at, result in enumerate(results) for row in busy(result)},
        margin=margin,
    )


def show(history: History) -> None:
    """Print it, as wide as the terminal is."""
    width = None if sys.stdout.isatty() else PIPED
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    for line in lines(history):
        console.print(printable(line), soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in head(history):
        table.add_column(name, overflow="fold")
    for track in history.shown:
        style = "bold" if any(track.changes.values()) else ""
        table.add_row(*map(printable, row(history, track)), style=style)
    console.print()
    console.print(table)
    for line in notes(history):
        console.print(printable(line), soft_wrap=True)
    console.print()
    console.print(printable(headline(history)), soft_wrap=True)


def write(history: History, folder: Path) -> list[Path]:
    """history.md, history.csv, history.png and history.svg in that folder."""
    figure = figures.over_time(history)
    files = {
        "history.md": markdown(history).encode("utf-8", "replace"),
        "history.csv": csv(history),
        "history.png": figures.image(figure, "png"),
        "history.svg": figures.image(figure, "svg"),
    }
    return write_files(folder, files)
