"""What was found out, as one page: lecture.md, lecture.html, and the figures beside them.

The HTML file is made from the Markdown and stands alone: style and figures are within it.
"""

import base64
import math
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pandas as pd
from markdown_it import MarkdownIt
from markdown_it.token import Token

from experiments.catalogue import Experiment, row_order
from runners.analysis.cell import CellSummary, cells
from runners.analysis.claims import Claim, Judgement, Verdict, metric
from runners.model import Environment, in_one_line
from runners.report import figures as plots
from runners.report.markdown import bullets, environment, table
from runners.results.write import write_whole
from runners.words import flags
from runners.words.causes import reason
from runners.words.escaping import Markdown, markdown
from runners.words.labels import labels
from runners.words.rounding import bracketed, duration

TITLE = "The lecture, judged on this machine"

VERDICTS = """\
A claim *holds* if the whole 95% interval of what was measured lies on its side of the line, *does
not hold* if it lies wholly on the other side, and is *undecided* if it straddles the line. An
effect that is claimed to occur is undecided until it is seen; one that is claimed never to occur
holds until it is seen. A *result* has nothing claimed about it. Speedups are against a plain loop
over the same tasks, or against threads where the tasks wait for each other, in the same rounds;
a ratio of two cells compares different minutes. Largest and first values have no interval."""

HEAD = ["row", "claim", "the lecture", "measured", "claimed", "verdict", "experiment"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one experiment found out. `summary` is empty where nothing was measured: see `failure`.

    `command` repeats it; it is empty where that is not known.
    """

    experiment: Experiment
    command: Sequence[str]
    summary: pd.DataFrame
    environments: Sequence[Environment]
    judgements: Sequence[tuple[Claim, Judgement]]
    failure: str


TO_COME = "to come"
"""The failure of an experiment whose turn has not come yet."""


@dataclass(frozen=True, slots=True)
class Section:
    """What the page has of one experiment: its Markdown, and the figures that this shows."""

    outcome: Outcome
    text: str
    images: Mapping[str, bytes]


def section(outcome: Outcome) -> Section:
    """Draw and word what one experiment found out."""
    images: dict[str, bytes] = {}
    name, notes = outcome.experiment.name, []
    try:
        figures = {} if outcome.summary.empty else outcome.experiment.figures(outcome.summary)
        images = {f"{name}-{key}.png": plots.image(figures[key], "png") for key in figures}
        notes = [f"![{name}: {key}]({name}-{key}.png)" for key in figures]
    except Exception as error:  # one figure is not worth the page
        notes = [f"The figure could not be drawn: {markdown(in_one_line(error))}"]
    return Section(outcome, _worded(outcome, notes), images)


def write_page(sections: Sequence[Section], folder: Path, left: str = "") -> list[Path]:
    """Write the page of these sections into `folder`; its files.

    `left` says how long those will take that are to come.
    """
    outcomes = [one.outcome for one in sections]
    images = {name: data for one in sections for name, data in one.images.items()}
    texts = (one.text for one in sections)
    text = "\n\n".join([*_front(outcomes, left), *texts, *_back(outcomes)]) + "\n"
    files = {"lecture.md": text.encode(), "lecture.html": html(text, images).encode(), **images}
    for file, data in files.items():
        write_whole(folder / file, data)
    return [folder / file for file in files]


def verdict_rows(outcomes: Iterable[Outcome]) -> list[tuple[str, Claim, Judgement]]:
    """Experiment, claim and judgement, in the order of the lecture's rows."""
    found = [
        (outcome.experiment.name, claim, judgement)
        for outcome in outcomes
        for claim, judgement in outcome.judgements
    ]
    return sorted(found, key=lambda entry: row_order(entry[1].rows))


def counted(judgements: Iterable[Judgement]) -> str:
    """As in "holds: 3, does not hold: 1, ..."."""
    counts = Counter(judgement.verdict for judgement in judgements)
    return ", ".join(f"{verdict}: {counts[verdict]}" for verdict in get_args(Verdict))


def _front(outcomes: Sequence[Outcome], left: str) -> Iterator[str]:
    found = verdict_rows(outcomes)
    yield f"# {TITLE}"
    if to_come := [one.experiment.name for one in outcomes if one.failure == TO_COME]:
        yield f"**Still to come{f' ({left})' if left else ''}:** {', '.join(to_come)}."
    yield f"{_where(outcomes)}{datetime.now(UTC):%Y-%m-%d}."
    yield f"{counted(judgement for _, _, judgement in found)}."
    yield VERDICTS
    yield "## Verdicts"
    yield table(
        HEAD,
        (
            [
                ", ".join(claim.rows) or "new",
                *(claim.text, claim.lecture, judgement.measured, judgement.claimed),
                *(judgement.verdict, Markdown(f"[{name}](#{name})")),
            ]
            for name, claim, judgement in found
        ),
    )


def _where(outcomes: Sequence[Outcome]) -> str:
    """As in "CPython 3.13.0, 2 usable CPUs, "; nothing where that is not known."""
    for place in (each for outcome in outcomes for each in outcome.environments):
        found = (place.facts.get(f"python_{name}") for name in ("implementation", "version"))
        python = markdown(" ".join(str(each) for each in found if each is not None))
        return f"{python}, {place.usable_cpus:g} usable CPUs, "
    return ""


def _worded(outcome: Outcome, figures: Sequence[str]) -> str:
    experiment = outcome.experiment
    rows = f" ({', '.join(experiment.rows)})" if experiment.rows else ""
    parts = [
        f"## {experiment.name}",
        f"{experiment.question}{rows}",
        *_not_measured(outcome.failure),
        *figures,
        bullets(_sentence(claim, judgement) for claim, judgement in outcome.judgements),
        *([] if outcome.summary.empty else [_cells(outcome.summary)]),
        *([f"Repeat it:\n\n{_code(shlex.join(outcome.command))}"] if outcome.command else []),
    ]
    return "\n\n".join(parts)


def _not_measured(failure: str) -> Iterator[str]:
    if failure == TO_COME:
        yield "**To come.**"
    elif failure:
        yield f"**Not measured: {markdown(failure)}**"


def _code(command: str) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", command)), default=0))
    return f"{fence}sh\n{command}\n{fence}"


def _sentence(claim: Claim, judgement: Judgement) -> str:
    words = f"{claim.text} Measured: {judgement.measured}"
    claimed = f"; claimed: {judgement.claimed}" if judgement.claimed else ""
    lecture = f"; the lecture: {claim.lecture}" if claim.lecture else ""
    return Markdown(f"**{judgement.verdict}**: {markdown(f'{words}{claimed}{lecture}')}")


def _cells(summary: pd.DataFrame) -> str:
    named = labels(summary)
    return table(
        ["workload", "executor", "n", "T₁", "Tₙ", "speedup", "rounds", "besides"],
        (
            [
                *(panel, line, str(cell.n)),
                duration(*astuple(cell.times["baseline"].median)),
                duration(*astuple(cell.times["measured"].median)),
                bracketed(cell.speedup.estimate, cell.speedup.low, cell.speedup.high, "×"),
                str(cell.rounds),
                "; ".join(_besides(cell)),
            ]
            for panel, line, cell in zip(named["panel"], named["line"], cells(summary), strict=True)
        ),
    )


def _besides(cell: CellSummary) -> Iterator[str]:
    """What else there is to say of a cell: why it is not ok, then its metrics."""
    if cell.status != "ok":
        yield f"{cell.status}: {reason(cell.error)}"
    yield from (flags.told(flag) for flag in cell.flags if flag.code == "busy_machine")
    for name, found in cell.metrics.items():
        if math.isfinite(found.median.estimate):
            told = metric({}, name).told(found.median)
            label = (
                name.removesuffix("_s").removesuffix("_per").removeprefix("most_").replace("_", " ")
            )
            yield told if label in told.lower() else f"{label} {told}"


def _back(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "## Environment"
    yield environment([found for outcome in outcomes for found in outcome.environments])


def html(text: str, images: dict[str, bytes]) -> str:
    """The Markdown as a page of its own; `images` are put where the text shows them."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    _name_cells(tokens)
    for token, inner in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", inner.content)
    for image in (part for token in tokens for part in token.children or ()):
        if image.type == "image":
            data = base64.b64encode(images[str(image.attrs["src"])]).decode()
            image.attrSet("src", f"data:image/png;base64,{data}")
    body = parser.renderer.render(tokens, parser.options, {})
    style = Path(__file__).with_suffix(".css").read_text("utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(TITLE)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _name_cells(tokens: Sequence[Token]) -> None:
    """Give each cell of a table its column's name, for narrow screens, and its verdict's style."""
    head: list[str] = []
    column = 0
    for token, inner in pairwise(tokens):
        if token.type == "thead_open":
            head = []
        elif token.type == "th_open":
            head.append(inner.content)
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            token.attrSet("data-column", head[column])
            if inner.content in get_args(Verdict):
                token.attrSet("class", inner.content.replace(" ", "-"))
            column += 1
