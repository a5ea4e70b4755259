"""The words of `python -m runners.compare`."""

import argparse
import math

from runners.report.compared import TITLES
from runners.results.write import typed
from runners.words.parser import Parser

DOES = """\
Two results side by side: which cells are worse in the later one, not worse, or cannot be told.
With one folder: the two versions of the code that it holds (versus=...)."""
STATUSES = """\
exit status: 0 not worse, 1 worse or a cell failed (with --fail-on), 2 a mistake in the words or
the folders, 3 a fault of this program, 4 no cell in common, 5 inconclusive (with --fail-on
inconclusive)"""

FAIL_ON = ("worse", "inconclusive")


def parser() -> argparse.ArgumentParser:
    made = Parser(
        prog="python -m runners.compare",
        description=DOES,
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, what in (("BEFORE", "the earlier result"), ("AFTER", "the later one")):
        made.add_argument(
            name.lower(),
            metavar=name,
            nargs="?" if name == "AFTER" else None,
            help=f"{what}: a folder of results, or NAME=FOLDER",
        )
    made.add_argument(
        "--version",
        metavar="NAME",
        help="with one folder that holds several other versions of the code: which of them is the "
        "earlier one",
    )
    made.add_argument(
        "--margin",
        type=share,
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
        "--remeasure",
        action="store_true",
        help="measure cells of AFTER again that are worse, here and now, into a folder of their "
        "own; worse is then what is so twice",
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


def share(text: str) -> float:
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
