"""The command `python -m runners.compare`: from the words typed to the exit status."""

import argparse
import errno
import os
import shlex
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from runners.analysis.matching import Matched, apart, match
from runners.analysis.two_results import Compared, TwoResults, compare
from runners.analysis.verdicts import Quantity
from runners.compare.again import planned
from runners.compare.options import parser
from runners.compare.show import show
from runners.compare.side import Side, differences, read_side, refuse_same
from runners.compare.versions import both_of_here, compare_versions
from runners.door import REQUESTS, libraries_only
from runners.model import UsageError, printable
from runners.planning import interpreters
from runners.report import figures
from runners.report.compared import Told, comment, csv
from runners.results.claim import release_all
from runners.results.columns import RUNS
from runners.results.named import Named, named
from runners.results.write import unwritten, write_files
from runners.words.lines import say
from runners.words.rounding import counted

NOT_WORSE, WORSE, USAGE, FAULT, NOTHING, INCONCLUSIVE = range(6)
"""Exit statuses."""


def run(arguments: Sequence[str]) -> int:
    """The command; returns its exit status, one of those above."""
    options = parser().parse_args(arguments)
    try:
        return _compare(options)
    except (UsageError, OSError) as error:
        told = unwritten(error) if isinstance(error, OSError) else str(error)
        say(f"error: {printable(told)}", sys.stderr)
        return USAGE
    except Exception:
        if REQUESTS.pending is not None:
            raise
        traceback.print_exc()  # a fault of the program: 1 would mean that a cell is worse
        return FAULT


def _compare(options: argparse.Namespace) -> int:
    if options.output is not None:
        _refuse_unwritable(options.output)
    if options.after is None:
        return _compare_versions(options)
    with libraries_only():
        results = named([options.before, options.after])
        refuse_same(*_there(results))
        before, after = map(read_side, results)
        for name in options.across:
            if not any(name in side.summary and "." in name for side in (before, after)):
                raise UsageError(
                    f"--across {name}: neither result has this parameter; write it as its column "
                    "in summary.csv, such as workload.function"
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
    if options.remeasure and "worse" in found.counts:
        found, told = _twice(before, after, found, told)
    with libraries_only():
        show(found, told)
        if options.output is not None:
            for path in write(found, told, options.output):
                print(printable(str(path)))
    return status(found, options.fail_on)


def _compare_versions(options: argparse.Namespace) -> int:
    """The same of the two versions of the code that one result holds."""
    if options.remeasure:
        raise UsageError("--remeasure: it is for two results; measure the sweep again")
    with libraries_only():
        side = read_side(*_there(named([options.before])))
        found, told = compare_versions(
            *(side, options.version),
            by=options.by,
            asked=options.margin,
            across=options.across,
        )
        if not found.cells:
            what = f"{side.name}: {found.names[0]} and what was here have no cell in common"
            say(f"error: {printable(what)}", sys.stderr)
            return NOTHING
        show(found, told)
        if options.output is not None:
            for path in write(found, told, options.output):
                print(printable(str(path)))
    return status(found, options.fail_on)


def _refuse_unwritable(folder: Path) -> None:
    """Raise UsageError unless that folder can be made or written to."""
    place = folder.absolute()
    there = next(one for one in (place, *place.parents) if os.path.lexists(one))
    if not there.is_dir():
        raise UsageError(f"--output {folder}: {there} is a file; name a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"--output {folder}: {there} cannot be written to; name another folder")


def _there(results: Sequence[Named]) -> Sequence[Named]:
    """The same results, all of which can be read: of a part, the verdict would say too much."""
    for result in results:
        if not result.folder.is_dir():
            what = "it is a file, no folder" if result.folder.exists() else "no such folder"
            raise UsageError(f"{result.folder}: {what}; name one that holds results")
        for folder, _, files in os.walk(result.folder, onerror=_unreadable):
            if RUNS in files and not os.access(path := Path(folder, RUNS), os.R_OK):
                _unreadable(PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)))
    return results


def _unreadable(error: OSError) -> None:
    raise UsageError(
        f"{error.filename}: it cannot be read ({error.strerror}); make it readable, or name "
        "another result"
    )


def side_by_side(
    before: Side,
    after: Side,
    *,
    by: Quantity | None = None,
    asked: float | None = None,
    across: Sequence[str] = (),
) -> tuple[TwoResults, Told]:
    """Compare two results; `by` is what the verdicts are on, `asked` a margin."""
    before, after, also = both_of_here(before, after)
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
    return found, Told(known.told, [*also, *known.unknown])


def _twice(before: Side, after: Side, found: TwoResults, told: Told) -> tuple[TwoResults, Told]:
    """Measure the cells again that are worse; they are worse only if they are so again."""
    old, new = (
        {str(cell): row for row, cell in enumerate(side.summary["cell"])}
        for side in (before, after)
    )
    worse = [cell for cell in found.cells if cell.outcome == "worse"]
    try:
        again = planned(after, [new[cell.cells[1]] for cell in worse])
        REQUESTS.kept = lambda: (
            f"interrupted; {before.name} and {after.name} are as they were; what was measured "
            f"again is in {shlex.quote(str(again.folder))}"
        )
        REQUESTS.last = release_all
        told = replace(told, again=str(again.folder))
        what = f"{counted(len(worse), 'cell')} worse, measured again into {told.again}"
        print(printable(what), flush=True)
        again.measure()
    finally:
        interpreters.close()
    with libraries_only():
        return _joined(before, found, worse, again.folder, old), told


def _joined(
    before: Side,
    found: TwoResults,
    worse: Sequence[Compared],
    folder: Path,
    old: Mapping[str, int],
) -> TwoResults:
    """What was found, with what that folder has of the cells that were worse, in their order.

    `old` has the positions of the earlier cells by their names.
    """
    second = read_side(Named("again", folder))
    rows = {str(name): row for row, name in enumerate(second.summary["folder"])}
    pairs = [
        (old[cell.cells[0]], rows[str(number)])
        for number, cell in enumerate(worse, 1)
        if str(number) in rows
    ]
    twice = compare(
        (before.name, second.name),
        (before.summary, second.summary),
        (before.rounds, second.rounds),
        Matched(tuple(pairs)),
        found.leads,
        found.margin.value,
    )
    known = {cell.cells[0]: cell for cell in twice.cells}
    cells = (
        cell.with_again(known[cell.cells[0]]) if cell.cells[0] in known else cell
        for cell in found.cells
    )
    return replace(found, cells=tuple(cells))


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


def write(found: TwoResults, told: Told, folder: Path) -> list[Path]:
    """compare.md, compare.csv, compare.png and compare.svg in that folder."""
    figure = figures.forest(found)
    files = {
        "compare.md": comment(found, told).encode("utf-8", "replace"),
        "compare.csv": csv(found),
        "compare.png": figures.image(figure, "png"),
        "compare.svg": figures.image(figure, "svg"),
    }
    return write_files(folder, files)
