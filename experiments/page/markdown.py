"""lecture.md: the verdicts, and of each experiment its question, its figures and its command."""

import re
from collections.abc import Iterator, Sequence

from experiments.language import Language
from experiments.page.outcome import Outcome, coming, counted, verdict_rows, warning, where
from experiments.page.told import Told, verdict
from runners.model import Environment
from runners.report.markdown import environment, table
from runners.words.escaping import Markdown, markdown

HEAD = ("row", "claim", "lecture", "measured", "claimed", "verdict", "experiment")


def page(
    outcomes: Sequence[Outcome],
    told: Sequence[Told],
    figures: Sequence[Sequence[str]],
    environments: Sequence[Environment],
    language: Language,
    left: str,
) -> str:
    """The whole of it; `figures` are the names of each experiment's files."""
    parts = [*_front(outcomes, language, left)]
    for one, outcome, names in zip(told, outcomes, figures, strict=True):
        parts += _section(one, outcome, names, language)
    parts += [f"## {language.text('page.environment')}", environment(environments)]
    return "\n\n".join(parts) + "\n"


def _front(outcomes: Sequence[Outcome], language: Language, left: str) -> Iterator[str]:
    found = verdict_rows(outcomes)
    yield f"# {language.text('page.title')}"
    for text in (coming(outcomes, language, left), warning(outcomes, language)):
        if text:
            yield f"**{markdown(text)}**"
    if language.missing:
        yield language.text("page.untranslated", count=len(language.missing))
    yield markdown(where(outcomes, language))
    if not found:
        return
    yield f"{counted((judgement for _, _, judgement in found), language)}."
    yield language.text("verdicts.explained")
    yield f"## {language.text('page.verdicts')}"
    rows = (verdict(*each, language) for each in found)
    yield table(
        [language.text(f"columns.{name}") for name in HEAD],
        (
            [
                *(one.rows, one.claim, one.lecture, one.measured, one.claimed, one.verdict),
                Markdown(f"[{one.experiment}](#{one.experiment})"),
            ]
            for one in rows
        ),
    )


def _section(
    told: Told, outcome: Outcome, figures: Sequence[str], language: Language
) -> Iterator[str]:
    rows = f" ({told.rows})" if told.rows else ""
    yield f"## {told.name}"
    yield f"{outcome.experiment.question}{rows}"
    if told.state:
        yield f"**{markdown(told.state)}**"
    if told.no_figure:
        yield markdown(told.no_figure)
    yield from (f"![{name.removesuffix('.png')}]({name})" for name in figures)
    if told.command:
        yield language.text("page.repeat")
        yield _code(told.command)


def _code(command: str) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", command)), default=0))
    return f"{fence}sh\n{command}\n{fence}"
