"""The pages of the lecture, from what its experiments found out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.language import Language
from experiments.page import markdown
from experiments.page.outcome import (
    Outcome,
    coming,
    counted,
    verdict_rows,
    warning,
    where,
)
from experiments.page.told import CELLS, Told, inline, told, verdict
from runners.model import Environment, in_one_line
from runners.report import figures as plots
from runners.report.markdown import facts
from runners.report.page.render import rendered
from runners.results.write import write_whole

HERE = Path(__file__).parent
HEAD = ("row", "claim", "lecture", "measured", "verdict", "experiment")


@dataclass(frozen=True, slots=True)
class Section:
    """What the pages have of one experiment: its words, and the figures' files by their names."""

    outcome: Outcome
    told: Told
    images: Mapping[str, bytes]


def section(outcome: Outcome, language: Language) -> Section:
    """Draw and word what one experiment found out."""
    drawn: dict[str, bytes] = {}
    images: dict[str, bytes] = {}
    no_figure = ""
    try:
        figures = {} if outcome.summary.empty else outcome.experiment.figures(outcome.summary)
        for key, figure in figures.items():
            language.translate(figure)
            drawn[key] = plots.image(figure, "svg")
            images[f"{outcome.experiment.name}-{key}.png"] = plots.image(figure, "png")
    except Exception as error:  # one figure is not worth the page
        no_figure = language.text("page.no_figure", reason=in_one_line(error))
    return Section(outcome, told(outcome, drawn, no_figure, language), images)


def write_page(
    sections: Sequence[Section], folder: Path, language: Language, left: str = ""
) -> list[Path]:
    """Write the pages of these sections into `folder`: the two of all, then the others.

    `left` says how long those will take that are to come.
    """
    outcomes = [one.outcome for one in sections]
    every = [one.told for one in sections]
    environments = [found for outcome in outcomes for found in outcome.environments]
    images = [list(one.images) for one in sections]
    text = markdown.page(outcomes, every, images, environments, language, left)
    files = {
        "lecture.md": text.encode(),
        "lecture.html": _whole(outcomes, every, environments, language, left),
    }
    for one in sections:
        files |= {**one.images, f"{one.told.name}.html": _alone(one, language)}
    for file, data in files.items():
        write_whole(folder / file, data)
    return [folder / file for file in files]


def _whole(
    outcomes: Sequence[Outcome],
    every: Sequence[Told],
    environments: Sequence[Environment],
    language: Language,
    left: str,
) -> bytes:
    found = verdict_rows(outcomes)
    return _rendered(
        "lecture.html",
        language,
        title=language.text("page.title"),
        where=where(outcomes, language),
        coming=coming(outcomes, language, left),
        warning=warning(outcomes, language),
        counted=counted((judgement for _, _, judgement in found), language),
        explained=inline(language.text("verdicts.explained")),
        experiments=every,
        verdicts=[verdict(*each, language) for each in found],
        machine=_machine(environments),
    )


def _alone(one: Section, language: Language) -> bytes:
    return _rendered(
        "experiment.html",
        language,
        title=one.told.name,
        where=where([one.outcome], language),
        warning=warning([one.outcome], language),
        explained=inline(language.text("verdicts.explained")),
        one=one.told,
        machine=_machine(one.outcome.environments),
    )


def _rendered(template: str, language: Language, **values: object) -> bytes:
    return rendered(
        template,
        HERE,
        language=language.tag,
        text=language.text,
        untranslated=len(language.missing),
        head=[language.text(f"columns.{name}") for name in HEAD],
        head_of_cells=[language.text(f"columns.{name}") for name in CELLS],
        **values,
    )


def _machine(environments: Sequence[Environment]) -> dict[str, str]:
    """What is told of the machine; of what differs between experiments, all values."""
    found: dict[str, dict[str, None]] = {}
    for one in map(facts, environments):
        for name, value in one.items():
            found.setdefault(name, {})[value] = None
    return {name: "; ".join(values) for name, values in found.items()}
