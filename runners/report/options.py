"""The options of `python -m runners.report`."""

import argparse
import re
from collections.abc import Sequence
from typing import get_args

from runners.model import UsageError, did_you_mean
from runners.report.exports import ABOUT, EXPORTS
from runners.report.figures import Choices
from runners.report.figures.drawing import STYLES, Form
from runners.results.write import typed
from runners.words.parser import Parser

DOES = "Results become summary, figures, timelines and report."


def parser() -> Parser:
    """What reads the words of the command."""
    parser = Parser(prog="python -m runners.report", description=DOES)
    parser.add_argument(
        "folders",
        metavar="DIR",
        nargs="+",
        help="a folder of results, or NAME=DIR; several are kept apart",
    )
    parser.add_argument(
        "--together",
        action="store_true",
        help="the folders complete each other: read them as one result",
    )
    parser.add_argument(
        "--output", metavar="DIR", type=typed, help="where to write; by default the first folder"
    )
    parser.add_argument(
        "--timelines",
        action="store_true",
        help="write timeline.png and trace.json into each cell's folder",
    )
    parser.add_argument(
        "--export",
        metavar="FORMAT",
        action="append",
        choices=EXPORTS,
        default=[],
        help="also write the files of another tool: "
        + "; ".join(f"`{name}`: {what}" for name, what in ABOUT.items()),
    )
    parser.add_argument(
        "--proposal",
        action="store_true",
        help="also write the scaling table of an application for computing time, for each "
        "workload: proposal-WORKLOAD.md, .csv, .tex, .pdf and .png",
    )
    parser.add_argument(
        "--proposal-line",
        metavar="EXECUTOR",
        help="the same, of this executor; by default of the one that the report recommends",
    )
    _add_figure(parser)
    return parser


def _add_figure(parser: argparse.ArgumentParser) -> None:
    """The options of a figure of one's own."""
    own = parser.add_argument_group(
        "a figure of your own",
        "plot.png and plot.svg: any number against any column of the summary",
    )
    own.add_argument("--x", metavar="COLUMN", help="by default n")
    own.add_argument(
        "--y", metavar="NUMBER", help="speedup (default), efficiency, seconds, or a column"
    )
    own.add_argument(
        "--colour", "--color", metavar="COLUMN", help="by default what tells lines apart"
    )
    own.add_argument("--dash", metavar="COLUMN", help="what dashes tell apart")
    own.add_argument("--panel", metavar="COLUMN", help="by default the workload")
    own.add_argument("--log-y", action="store_true", help="a logarithmic y axis")
    own.add_argument("--size", metavar="WxH", help="of the figure in inches, as 3.4x2.4")
    own.add_argument("--font", metavar="POINTS", help="the size of its text")
    own.add_argument("--style", choices=STYLES, help="paper: small text and thin lines")
    parser.add_argument(
        "--format",
        metavar="LIST",
        default="png,svg",
        help="of all figures: pdf, beside png and svg, which report.md and report.html show",
    )
    parser.add_argument("--n", type=int, help="the number of workers of matrix.png")


def chosen(options: argparse.Namespace) -> tuple[Choices | None, Sequence[Form]]:
    """The figure that is asked for, if one is, and the formats. Raises UsageError."""
    names = ("x", "y", "colour", "dash", "panel", "style")
    asked = {name: value for name in names if (value := getattr(options, name)) is not None}
    if options.size is not None:
        asked["size"] = tuple(map(_number, re.split("[x×]", options.size)))
    if options.font is not None:
        asked["font"] = _number(options.font)
    if options.log_y:
        asked["log_y"] = True
    return Choices(**asked) if asked else None, _formats(options.format)


def _number(text: str) -> float | str:
    """The number that a text is; one that is none stays a text, which is refused as that."""
    try:
        return float(text)
    except ValueError:
        return text


def _formats(text: str) -> Sequence[Form]:
    """As in pdf,svg. Raises UsageError."""
    found: list[Form] = []
    for one in text.split(","):
        known = [form for form in get_args(Form) if form == one.strip()]
        if not known:
            near = did_you_mean(one, get_args(Form))
            raise UsageError(
                f"--format {text}: no such format{near}; choose some of {', '.join(get_args(Form))}"
            )
        found += known
    return found
