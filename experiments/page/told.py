"""An experiment as the templates show it: every text in one language, every figure as markup."""

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import accumulate

import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup

from experiments.language import Language
from experiments.page import line, source
from experiments.page.outcome import TO_COME, Outcome
from runners.analysis.cell import CellSummary, cells
from runners.analysis.claims import BUSY_BY, Claim, Judgement, Said, metric
from runners.analysis.machine import busy_by
from runners.model import printable
from runners.report.page import svg
from runners.words.causes import reason
from runners.words.labels import labels
from runners.words.rounding import bracketed, duration

STORY = ("said", "tried", "why", "changed")
FEW_LINES = 21
CELLS = ("workload", "executor", "n", "t1", "tn", "speedup", "rounds", "besides")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim with what became of it.

    `value` is what was measured without what others had of the machine meanwhile, `kind` the style,
    `line` the drawing of the interval.
    """

    experiment: str
    rows: str
    claim: str
    lecture: str
    measured: str
    value: str
    claimed: str
    verdict: str
    kind: str
    line: Markup


@dataclass(frozen=True, slots=True)
class Told:
    """One experiment.

    `state` says why nothing was measured, `story` has its parts with their headings, `figures` are
    SVG, `cells` the lines of a table. `code` is all of it, of which `FEW_LINES` are for a page of
    many experiments.
    """

    name: str
    question: Markup
    rows: str
    is_to_come: bool
    state: str
    story: Mapping[str, tuple[str, Markup]]
    code: Sequence[Markup]
    figures: Sequence[Markup]
    no_figure: str
    verdicts: Sequence[Verdict]
    cells: Sequence[Sequence[str]]
    command: str

    @property
    def little_code(self) -> Sequence[Markup]:
        """The first of its code, and what of the rest is short enough besides."""
        lengths = accumulate(len(each.splitlines()) for each in self.code)
        fitting = sum(length <= FEW_LINES for length in lengths)
        return self.code[: max(fitting, 1)]


def told(
    outcome: Outcome, figures: Mapping[str, bytes], no_figure: str, language: Language
) -> Told:
    """What the pages say of it. `figures` are SVGs; `no_figure` says why there are none."""
    experiment = outcome.experiment
    name = experiment.name
    state = ""
    if outcome.failure:
        state = language.text("page.not_measured", reason=outcome.failure)
    if outcome.failure == TO_COME:
        state = language.text("page.coming")
    story = {part: language.story(name, part) for part in STORY}
    return Told(
        name=name,
        question=inline(experiment.question),
        rows=", ".join(experiment.rows),
        is_to_come=outcome.failure == TO_COME,
        state=state,
        story={
            part: (language.text(f"story.{part}"), inline(text))
            for part, text in story.items()
            if text
        },
        code=[source.highlighted(each) for each in experiment.code],
        figures=[
            svg.inline(data, f"{name}-{key}", f"{name}: {key}") for key, data in figures.items()
        ],
        no_figure=no_figure,
        verdicts=[
            verdict(name, claim, judgement, language) for claim, judgement in outcome.judgements
        ],
        cells=list(_cells(outcome.summary, language)),
        command=shlex.join(outcome.command),
    )


def verdict(name: str, claim: Claim, judgement: Judgement, language: Language) -> Verdict:
    """One judgement of that experiment in words."""
    said = judgement.measured
    value = Said("value", {"value": said.values["value"]}) if said.text in BUSY_BY else said
    return Verdict(
        experiment=name,
        rows=", ".join(claim.rows) or language.text("page.new"),
        claim=claim.text,
        lecture=claim.lecture,
        measured=language.said(said),
        value=language.said(value),
        claimed=language.said(judgement.claimed),
        verdict=language.verdict(judgement),
        kind=judgement.verdict.lower().replace(" ", "-"),
        line=line.drawn(judgement.interval, judgement.line),
    )


def inline(text: str) -> Markup:
    """Text with `code` and *emphasis*; everything else in it is text."""
    parser = MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink"])
    return Markup(parser.renderInline(printable(text)))


def _cells(summary: pd.DataFrame, language: Language) -> Iterator[Sequence[str]]:
    """Of each cell its names, both times, the speedup, the rounds, and what else there is."""
    if summary.empty:
        return
    named = labels(summary)
    for panel, name, cell in zip(named["panel"], named["line"], cells(summary), strict=True):
        speedup = cell.speedup
        yield (
            *(panel, name, str(cell.n)),
            language.number(duration(*astuple(cell.times["baseline"].median))),
            language.number(duration(*astuple(cell.times["measured"].median))),
            language.number(bracketed(speedup.estimate, speedup.low, speedup.high, "×")),
            str(cell.rounds),
            "; ".join(_besides(cell, language)),
        )


def _besides(cell: CellSummary, language: Language) -> Iterator[str]:
    """What else there is to say of a cell: why it is not ok, then its metrics."""
    if cell.status != "ok":
        yield f"{cell.status}: {reason(cell.error)}"
    name, share = busy_by(cell.others_share, cell.machine_off_cpu)
    if name:
        yield language.text(f"page.{name}", share=language.number(f"{share:.0%}"))
    for name, found in cell.metrics.items():
        if math.isfinite(found.median.estimate):
            yield language.amount(replace(metric({}, name).amount(found.median), of=name))
