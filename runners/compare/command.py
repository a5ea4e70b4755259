"""The command `python -m runners.compare`: from the words typed to the exit status."""

import argparse
import math
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from runners.analysis.matching import apart, match
from runners.analysis.two_results import TwoResults, compare
from runners.analysis.verdicts import Quantity
from runners.compare.side import Side, differences, read_side, refuse_same
from runners.door import REQUESTS
from runners.model import UsageError, printable
from runners.report import figures
from runners.report.compared import (
    ABOVE,
    TITLES,
    Told,
    columns,
    comment,
    csv,
    headline,
    lines,
    only,
    ratio,
)
from runners.results.named import Named, named
from runners.results.write import typed, unwritten, write_whole

DOES = """\
Two results side by side: which cells are worse in the later one, not worse, or cannot be told."""
STATUSES = """\
exit status: 0 not worse, 1 worse or a cell failed (with --fail-on), 2 a mistake in the words or
the folders, 3 a fault of this program, 4 no cell in common, 5 inconclusive (with --fail-on
inconclusive)"""

NOT_WORSE, WORSE, USAGE, FAULT, NOTHING, INCONCLUSIVE = range(6)
"""Exit statuses."""

FAIL_ON = ("worse", "inconclusive")
STYLES = {"worse": "bold red", "failed": "bold red", "better": "green", "inconclusive": "yellow"}
PIPED = 160
"""Columns of an output that has no width of its own."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m runners.compare",
        description=DOES,
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, what in (("BEFORE", "the earlier result"), ("AFTER", "the later one")):
        made.add_argument(
            name.lower(), metavar=name, help=f"{what}: a folder of results, or NAME=FOLDER"
        )
    made.add_argument(
        "--margin",
        type=_margin,
        metavar="5%",
        help="what does not count as a difference; by default what identical measurements were "
        "seen to differ by in these results",
    )
    made.add_argument(
        "--by",
        choices=[what for what in TITLES if what != "serial"],
        help="what the verdicts are on; by default the parallel times, on different machines or "
        "Pythons the speedups",
    )
    made.add_argument(
        "--across",
        metavar="PARAMETER",
        action="append",
        default=[],
        help="join cells that differ in this parameter too, such as workload.function",
    )
    made.add_argument(
        "--output",
        metavar="DIR",
        type=typed,
        help="also write compare.md, compare.csv and the figure compare.png and .svg there",
    )
    made.add_argument(
        "--fail-on",
        type=_fail_on,
        action="extend",
        default=[],
        metavar="WHAT",
        help="exit with 1 if a cell is `worse` or failed; with `inconclusive` also with 5 if one "
        "cannot be told",
    )
    return made


def _margin(text: str) -> float:
    """A ratio less 1, of `5%` or `0.05`."""
    number = text.strip()
    try:
        value = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r}: it must be a share from 0% to below 100%, such as 5%"
        )
    return value


def _fail_on(text: str) -> list[str]:
    found = [word.strip() for word in text.split(",")]
    for word in found:
        if word not in FAIL_ON:
            raise argparse.ArgumentTypeError(f"{word!r}: it must be worse or inconclusive")
    return found


def run(arguments: Sequence[str]) -> int:
    """The command; returns its exit status, one of those above."""
    options = parser().parse_args(arguments)
    try:
        return _compare(options)
    except (UsageError, OSError) as error:
        told = unwritten(error) if isinstance(error, OSError) else str(error)
        print(f"error: {printable(told)}", file=sys.stderr)
        return USAGE
    except Exception:
        if REQUESTS.pending is not None:
            raise
        traceback.print_exc()  # a fault of the program: 1 would mean that a cell is worse
        return FAULT


def _compare(options: argparse.Namespace) -> int:
    results = named([options.before, options.after])
    refuse_same(*_there(results))
    before, after = map(read_side, results)
    for name in options.across:
        if not any(name in side.summary and "." in name for side in (before, after)):
            raise UsageError(
                f"--across {name}: neither result has this parameter; write it as its column in "
                "summary.csv, such as workload.function"
            )
    found, told = side_by_side(
        *(before, after), by=options.by, asked=options.margin, across=options.across
    )
    if not found.cells:
        why = "; ".join(apart(before.summary, after.summary))
        why = f" ({why})" if why else ""
        print(
            f"error: {printable(f'{before.name} and {after.name}: no cell in common{why}')}",
            file=sys.stderr,
        )
        return NOTHING
    if found.same:
        raise UsageError(
            f"{before.name} and {after.name} hold the very same runs, one is a copy of the other; "
            "name two results"
        )
    show(found, told)
    if options.output is not None:
        for path in write(found, told, options.output):
            print(printable(str(path)))
    return status(found, options.fail_on)


def _there(results: Sequence[Named]) -> Sequence[Named]:
    for result in results:
        if not result.folder.is_dir():
            raise UsageError(f"{result.folder}: no such folder; name one that holds results")
    return results


def side_by_side(
    before: Side,
    after: Side,
    *,
    by: Quantity | None = None,
    asked: float | None = None,
    across: Sequence[str] = (),
) -> tuple[TwoResults, Told]:
    """Compare two results; `by` is what the verdicts are on, `asked` a margin."""
    matched = match(before.summary, after.summary, across)
    known = differences(before, after, matched.pairs)
    elsewhere = known.machine is not False or known.python is not False
    leads: Quantity = by or ("speedup" if elsewhere else "parallel")
    found = compare(
        (before.name, after.name),
        (before.summary, after.summary),
        (before.rounds, after.rounds),
        matched,
        leads,
        asked,
    )
    return found, Told(known.told, known.unknown)


def status(found: TwoResults, fail_on: Sequence[str]) -> int:
    """The exit status of a comparison."""
    counts = found.counts
    if fail_on and (counts.get("worse") or counts.get("failed")):
        return WORSE
    if "inconclusive" in fail_on and (counts.get("inconclusive") or not _decided(found)):
        return INCONCLUSIVE
    return NOT_WORSE


def _decided(found: TwoResults) -> bool:
    return any(cell.outcome != "not compared" for cell in found.cells)


def show(found: TwoResults, told: Told) -> None:
    """Print it, as wide as the terminal is."""
    width = None if sys.stdout.isatty() else PIPED
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    for line in lines(found, told):
        console.print(printable(line), soft_wrap=True)
    names = columns(found)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", overflow="fold")
    for what in names:
        table.add_column(TITLES[what])
    table.add_column("verdict")
    for cell in found.cells:
        style = STYLES.get(cell.outcome, "")
        table.add_row(
            printable(cell.name), *(ratio(cell, what) for what in names), cell.outcome, style=style
        )
    console.print()
    console.print(table)
    for cell in found.cells:
        if cell.why:
            console.print(printable(f"{cell.name}: {cell.why}"), soft_wrap=True)
    for line in only(found):
        console.print(printable(line), soft_wrap=True)
    console.print()
    console.print(printable(f"{headline(found)} ({ABOVE})"), soft_wrap=True)


def write(found: TwoResults, told: Told, folder: Path) -> list[Path]:
    """compare.md, compare.csv, compare.png and compare.svg in that folder."""
    figure = figures.forest(found)
    files = {
        "compare.md": comment(found, told).encode("utf-8", "replace"),
        "compare.csv": csv(found),
        "compare.png": figures.image(figure, "png"),
        "compare.svg": figures.image(figure, "svg"),
    }
    for name, data in files.items():
        write_whole(folder / name, data)
    return [folder / name for name in files]
