"""What was found out, as one page: lecture.md, lecture.html, and the figures beside them.

The HTML file is made from the Markdown and stands alone: style and figures are within it.
"""

import base64
import math
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pandas as pd
from markdown_it import MarkdownIt
from markdown_it.token import Token

from experiments.catalogue import Experiment, row_order
from experiments.language import Language
from runners.analysis.cell import CellSummary, cells
from runners.analysis.claims import Claim, Judgement, Verdict, metric
from runners.analysis.interval import Interval
from runners.model import Environment, in_one_line
from runners.report import figures as plots
from runners.report.markdown import bullets, environment, table
from runners.results.write import write_whole
from runners.words import flags
from runners.words.causes import reason
from runners.words.escaping import Markdown, markdown
from runners.words.labels import labels
from runners.words.rounding import bracketed, duration

HEAD = ["row", "claim", "lecture", "measured", "claimed", "verdict", "experiment"]
CELLS = ["workload", "executor", "n", "t1", "tn", "speedup", "rounds", "besides"]


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


def section(outcome: Outcome, language: Language) -> Section:
    """Draw and word what one experiment found out."""
    images: dict[str, bytes] = {}
    name, notes = outcome.experiment.name, []
    try:
        figures = {} if outcome.summary.empty else outcome.experiment.figures(outcome.summary)
        for figure in figures.values():
            language.translate(figure)
        images = {f"{name}-{key}.png": plots.image(figures[key], "png") for key in figures}
        notes = [f"![{name}: {key}]({name}-{key}.png)" for key in figures]
    except Exception as error:  # one figure is not worth the page
        notes = [language.text("page.no_figure", reason=markdown(in_one_line(error)))]
    return Section(outcome, _worded(outcome, notes, language), images)


def write_page(
    sections: Sequence[Section], folder: Path, language: Language, left: str = ""
) -> list[Path]:
    """Write the page of these sections into `folder`; its files.

    `left` says how long those will take that are to come.
    """
    outcomes = [one.outcome for one in sections]
    images = {name: data for one in sections for name, data in one.images.items()}
    texts = (one.text for one in sections)
    parts = [*_front(outcomes, language, left), *texts, *_back(outcomes, language)]
    text = "\n\n".join(parts) + "\n"
    page = html(text, images, language)
    files = {"lecture.md": text.encode(), "lecture.html": page.encode(), **images}
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


def counted(judgements: Iterable[Judgement], language: Language) -> str:
    """As in "holds: 3, does not hold: 1, ..."."""
    counts = Counter(judgement.verdict for judgement in judgements)
    return ", ".join(
        language.text(
            "page.counted", verdict=language.text(f"verdicts.{verdict}"), count=counts[verdict]
        )
        for verdict in get_args(Verdict)
    )


def _front(outcomes: Sequence[Outcome], language: Language, left: str) -> Iterator[str]:
    found = verdict_rows(outcomes)
    yield f"# {language.text('page.title')}"
    if to_come := [one.experiment.name for one in outcomes if one.failure == TO_COME]:
        key = "page.to_come_left" if left else "page.to_come"
        yield f"**{language.text(key, names=', '.join(to_come), left=left)}**"
    if language.missing:
        yield language.text("page.untranslated", count=len(language.missing))
    yield _where(outcomes, language)
    yield f"{counted((judgement for _, _, judgement in found), language)}."
    yield language.text("verdicts.explained")
    yield f"## {language.text('page.verdicts')}"
    yield table(
        [language.text(f"columns.{name}") for name in HEAD],
        (
            [
                ", ".join(claim.rows) or language.text("page.new"),
                *(claim.text, claim.lecture),
                *(language.said(judgement.measured), language.said(judgement.claimed)),
                language.text(f"verdicts.{judgement.verdict}"),
                Markdown(f"[{name}](#{name})"),
            ]
            for name, claim, judgement in found
        ),
    )


def _where(outcomes: Sequence[Outcome], language: Language) -> str:
    """As in "CPython 3.13.0, 2 usable CPUs, 2026-07-01."; the day alone where that is not known."""
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    for place in (each for outcome in outcomes for each in outcome.environments):
        found = (place.facts.get(f"python_{name}") for name in ("implementation", "version"))
        python = markdown(" ".join(str(each) for each in found if each is not None))
        cpus = language.number(f"{place.usable_cpus:g}")
        return language.text("page.where", python=python, cpus=cpus, date=date)
    return f"{date}."


def _worded(outcome: Outcome, figures: Sequence[str], language: Language) -> str:
    experiment = outcome.experiment
    sentences = [_sentence(claim, judgement, language) for claim, judgement in outcome.judgements]
    rows = f" ({', '.join(experiment.rows)})" if experiment.rows else ""
    parts = [
        f"## {experiment.name}",
        f"{experiment.question}{rows}",
        *_not_measured(outcome.failure, language),
        *figures,
        *([bullets(sentences)] if sentences else []),
        *([] if outcome.summary.empty else [_cells(outcome.summary, language)]),
    ]
    if outcome.command:
        parts += [language.text("page.repeat"), _code(shlex.join(outcome.command))]
    return "\n\n".join(parts)


def _not_measured(failure: str, language: Language) -> Iterator[str]:
    if failure == TO_COME:
        yield f"**{language.text('page.coming')}**"
    elif failure:
        yield f"**{language.text('page.not_measured', reason=markdown(failure))}**"


def _code(command: str) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", command)), default=0))
    return f"{fence}sh\n{command}\n{fence}"


def _sentence(claim: Claim, judgement: Judgement, language: Language) -> str:
    measured = language.said(judgement.measured)
    words = language.text("page.measured", claim=claim.text, measured=measured)
    if judgement.claimed:
        words += language.text("page.claimed", claimed=language.said(judgement.claimed))
    if claim.lecture:
        words += language.text("page.lecture", lecture=claim.lecture)
    verdict = language.text(f"verdicts.{judgement.verdict}")
    return Markdown(f"**{verdict}**: {markdown(words)}")


def _cells(summary: pd.DataFrame, language: Language) -> str:
    named = labels(summary)
    return table(
        [language.text(f"columns.{name}") for name in CELLS],
        (
            [
                *(panel, line, str(cell.n)),
                language.number(duration(*astuple(cell.times["baseline"].median))),
                language.number(duration(*astuple(cell.times["measured"].median))),
                language.number(_times(cell.speedup)),
                str(cell.rounds),
                "; ".join(_besides(cell, language)),
            ]
            for panel, line, cell in zip(named["panel"], named["line"], cells(summary), strict=True)
        ),
    )


def _times(speedup: Interval) -> str:
    return bracketed(speedup.estimate, speedup.low, speedup.high, "×")


def _besides(cell: CellSummary, language: Language) -> Iterator[str]:
    """What else there is to say of a cell: why it is not ok, then its metrics."""
    if cell.status != "ok":
        yield f"{cell.status}: {reason(cell.error)}"
    yield from (flags.told(flag) for flag in cell.flags if flag.code == "busy_machine")
    for name, found in cell.metrics.items():
        if math.isfinite(found.median.estimate):
            yield language.amount(replace(metric({}, name).amount(found.median), of=name))


def _back(outcomes: Sequence[Outcome], language: Language) -> Iterator[str]:
    yield f"## {language.text('page.environment')}"
    yield environment([found for outcome in outcomes for found in outcome.environments])


def html(text: str, images: dict[str, bytes], language: Language) -> str:
    """The Markdown as a page of its own; `images` are put where the text shows them."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    _name_cells(tokens, language)
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
        f'<!doctype html>\n<html lang="{escape(language.tag)}">\n'
        '<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(language.text('page.title'))}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _name_cells(tokens: Sequence[Token], language: Language) -> None:
    """Give each cell of a table its column's name, for narrow screens, and its verdict's style."""
    verdicts = {language.text(f"verdicts.{each}"): each for each in get_args(Verdict)}
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
            if inner.content in verdicts:
                token.attrSet("class", verdicts[inner.content].replace(" ", "-"))
            column += 1
