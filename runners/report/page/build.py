"""`report.html`: what results say, as one page that can be sent."""

import base64
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup

from runners.analysis.candidate import times
from runners.analysis.fastest import Fastest
from runners.analysis.recommend import Recommendation
from runners.analysis.rounds import round_ratios
from runners.analysis.summary import summarise
from runners.model import Environment
from runners.report.entries import Entry, entries
from runners.report.markdown import ALT, busy, facts, when
from runners.report.page import cells as of_cells
from runners.report.page import svg
from runners.report.page.cells import ALL_POINTS, MOST_POINTS, Shown
from runners.report.page.render import rendered
from runners.report.page.repeat import Repeat
from runners.results import checked
from runners.results.columns import ENVIRONMENT
from runners.results.read import read_runs
from runners.results.write import write_whole
from runners.words.grouped import Group, grouped_flags, grouped_losses
from runners.words.labels import labels, swept, workload_names
from runners.words.rounding import bracketed, counted

PAGE = "report.html"
MOST_CELLS = 1000
"""Rows of the table."""
MOST_BAD = 200
"""Rows for cells that are not ok, where there are more cells than rows; more if rows are left."""
MOST_FIGURES = 600_000
"""Bytes of all figures; those for which there is no room left are only named."""
FEW = 4
"""Cells of a page that are all open on paper."""
MOST_ANSWERS = 50
"""Recommendations that are told, or cells where nothing is recommended."""
MOST_NAMES = 6
"""Workloads in the title."""
MOST_MEMBERS = 20
"""Cells that are named with a group of flags."""
DOUBTFUL = ("throttled", "steal", "few_rounds", "not_steady")
"""Flags that are told beside the answer; what a busy machine is has a line of its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is recommended for a workload: a line, and lines on its executors."""

    text: str
    more: tuple[str, ...]
    is_decided: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure; `svg` is empty where it is too large, `files` are its files beside the page."""

    title: str
    svg: Markup
    files: tuple[str, ...]


def page(
    place: Path,
    common: Path,
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    every: Sequence[Entry],
    *,
    recommended: Sequence[Recommendation | Fastest] = (),
    missing: str = "",
    figures: Mapping[str, bytes] | None = None,
    sections: Sequence[str] = (),
    timeline: bytes = b"",
) -> bytes:
    """The page of results that are summarised in `summary`, to be written into `place`.

    `every` are its cells, of `entries`.
    Folders of cells are relative to `common`. `figures` are SVGs by the name of their files,
    `sections` are Markdown that may
    show some of them, `timeline` is a PNG.
    """
    chosen, rule = _chosen(every)
    names = labels(summary)
    interpreters = dict(zip(summary["cell"].astype(str), names["interpreter"], strict=True))
    found = of_cells.shown(chosen, interpreters)
    varied = swept(summary)
    machines = _describe(found, varied, runs, common, place)
    columns, constant = of_cells.columns(found)
    drawn = _figures(figures or {})
    return rendered(
        "report.html",
        title=f"Speedup of {_listed(sorted(set(workload_names(summary))))}",
        about=_about(every, len(runs), when(runs["started_at"].dropna()), machines),
        answers=list(_answers(recommended[:MOST_ANSWERS])),
        more_answers=max(len(recommended) - MOST_ANSWERS, 0),
        speedups=[] if recommended else _speedups(every),
        machine=list(_machine(every)),
        doubts=list(_doubts(every, missing)),
        figures=[one for name, one in drawn.items() if not _is_within(name, sections)],
        sections=[_markdown(text, drawn) for text in sections],
        cells=found,
        columns=columns,
        constant=constant,
        filters=of_cells.filters(found, varied),
        rule=rule,
        few=len(found) <= FEW,
        groups=_groups(every, found),
        machines=machines,
        timeline=base64.b64encode(timeline).decode(),
        alt=ALT,
    )


def _chosen(every: Sequence[Entry]) -> tuple[list[Entry], str]:
    """The cells that have a row, and by which rule where these are not all."""
    if len(every) <= MOST_CELLS:
        return list(every), ""
    bad = [one for one in every if one.cell.status != "ok"]
    good = [one for one in every if one.cell.status == "ok"]
    ranks: Counter[str] = Counter()
    ranked = []
    for one in sorted(good, key=lambda one: -_or_zero(one.cell.speedup.estimate)):
        ranked.append((ranks[one.panel], one))
        ranks[one.panel] += 1
    ranked.sort(key=lambda entry: entry[0])
    best = [one for _, one in ranked[: MOST_CELLS - min(len(bad), MOST_BAD)]]
    kept = {id(one) for one in (*best, *bad[: MOST_CELLS - len(best)])}
    rule = (
        f"Shown are {MOST_CELLS:,} of {len(every):,} cells: those of each workload with the "
        f"highest speedups, and {len(kept) - len(best)} that are not ok. All of them are in "
    )
    return [one for one in every if id(one) in kept], rule


def _or_zero(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _describe(
    found: Sequence[Shown], swept: Sequence[str], runs: pd.DataFrame, common: Path, place: Path
) -> list[dict[str, str]]:
    """Fill in what is seen of opened cells; the machines that they were measured on."""
    ratios = round_ratios(runs[runs["role"] != "spin"].reset_index(drop=True), {"status": "ok"})
    ratios = ratios[ratios["cell"].isin([one.cell.cell for one in found])]
    rounds = {
        str(cell): list(zip(own["ratio"].tolist(), own["warmup"].tolist(), strict=True))
        for cell, own in ratios.groupby("cell")
    }
    most_points = max(min(MOST_POINTS, ALL_POINTS // max(len(found), 1)), 1)
    repeat = Repeat()
    machines: list[dict[str, str]] = []
    for one in found:
        scale = one.cell.n if one.cell.scaling == "weak" else 1
        own = [(ratio * scale, out) for ratio, out in rounds.get(one.cell.cell, [])]
        folder = common / one.cell.folder
        of_cells.describe(one, swept, own, most_points, folder, place)
        one.command, one.where = repeat.command(folder)
        for machine in map(facts, _environments(folder)):
            if machine not in machines:
                machines.append(machine)
            one.environment = machines.index(machine) + 1
    return machines


def _environments(folder: Path) -> list[Environment]:
    """The machine of a cell, if its folder says so; what is wrong was told by the report."""
    try:
        return [checked.environment(folder / ENVIRONMENT)]
    except (OSError, ValueError):
        return []


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _about(
    every: Sequence[Entry], runs: int, moments: str, machines: Sequence[Mapping[str, str]]
) -> str:
    told = f"{counted(len(every), 'cell').capitalize()}, {runs:,} runs{moments}"
    if len(machines) == 1:
        known = (machines[0].get(name) for name in ("cpu_model_name", "platform"))
        told += "".join(f", {one}" for one in known if one)
        told += f", {float(machines[0]['usable_cpus']):g} usable CPUs"
    return f"{told}."


def _answers(recommended: Iterable[Recommendation | Fastest]) -> Iterator[Answer]:
    for one in recommended:
        first, *more = one.lines()
        decided = one.choice is not None if isinstance(one, Recommendation) else len(one.open) == 1
        yield Answer(first, tuple(more), decided)


def _speedups(every: Sequence[Entry]) -> list[str]:
    """The answer where nothing is recommended, of a few cells."""
    known = [one for one in every if one.cell.rounds][:MOST_ANSWERS]
    return [f"{one.name}: {times(one.cell.speedup)}" for one in known]


def _machine(every: Sequence[Entry]) -> Iterator[str]:
    """What the machine gave to loops that share nothing, for each number of them."""
    given: dict[int, set[tuple[float, float, float]]] = {}
    for one in every:
        if math.isfinite(one.cell.ceiling.estimate):
            given.setdefault(one.cell.n, set()).add(astuple(one.cell.ceiling))
    for n, ceilings in sorted(given.items()):
        several = sorted(ceilings)
        told = bracketed(*several[0], unit="×")
        if len(several) > 1:
            told = f"{several[0][0]:.2f}× to {several[-1][0]:.2f}×"
        yield f"{told} for {counted(n, 'loop')} that share nothing"


def _doubts(every: Sequence[Entry], missing: str) -> Iterator[str]:
    """What makes the answer doubtful."""
    if missing:
        yield missing
    if told := busy(every):
        yield told
    statuses = Counter(one.cell.status for one in every)
    bad = {name: statuses[name] for name in statuses if name not in ("ok", "unsupported")}
    if bad:
        which = ", ".join(f"{count} {name}" for name, count in bad.items())
        yield f"{counted(sum(bad.values()), 'cell').capitalize()} of {len(every)} not ok: {which}."
    if alone := sum(one.cell.rounds == 1 for one in every):
        yield f"{counted(alone, 'cell').capitalize()} with one round: no interval."
    for group in grouped_flags(
        [[flag for flag in one.cell.flags if flag.code in DOUBTFUL] for one in every]
    ):
        which = f"{counted(len(group.members), 'cell')} of {len(every)}"
        yield f"{_sentence(group.words)}: {which}; {group.remedy}."


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    detail: str
    id: str


def _groups(
    every: Sequence[Entry], found: Sequence[Shown]
) -> list[tuple[str, list[tuple[Group, list[_Member], int]]]]:
    """Advice and flags by their cause: of each the cells that are named, and how many more."""
    ids = {one.cell.cell: one.id for one in found}

    def members(group: Group) -> tuple[Group, list[_Member], int]:
        alike = len({detail for _, detail in group.members}) == 1
        named = [
            _Member(every[at].name, "" if alike else detail, ids.get(every[at].cell.cell, ""))
            for at, detail in group.members[:MOST_MEMBERS]
        ]
        return group, named, len(group.members) - len(named)

    losses = grouped_losses([one.cell for one in every])
    flags = grouped_flags([one.cell.flags for one in every])
    kinds = {"Where the core time went, and what to do about it": losses, "Flags": flags}
    return [(title, list(map(members, groups))) for title, groups in kinds.items() if groups]


def _figures(images: Mapping[str, bytes]) -> dict[str, Figure]:
    """The figures by their names, in their order."""
    left = MOST_FIGURES
    found = {}
    for name, data in images.items():
        title = ALT.get(name, name)
        drawn = svg.inline(data, name, title)
        fits = len(drawn) <= left
        left -= len(drawn) if fits else 0
        files = tuple(f"{name}.{form}" for form in ("png", "svg"))
        found[name] = Figure(title, drawn if fits else Markup(""), files)
    return found


def _is_within(name: str, sections: Sequence[str]) -> bool:
    return any(f"({name}.png)" in text for text in sections)


def _markdown(text: str, drawn: Mapping[str, Figure]) -> Markup:
    """Markdown of the report as part of the page, with the figures that it shows."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for token in tokens:
        for part in token.children or ():
            if part.type == "image":
                source = str(part.attrs["src"]).removesuffix(".png")
                part.type, part.content = "html_inline", _shown(drawn.get(source))
    text = parser.renderer.render(tokens, parser.options, {})
    scrolled = '<div class="scroll" tabindex="0"><table>'
    return Markup(text.replace("<table>", scrolled).replace("</table>", "</table></div>"))


def _shown(figure: Figure | None) -> str:
    return str(figure.svg) if figure is not None else ""


def write_page(folder: Path) -> Path:
    """The page of one cell, in its own folder; figures, which take longer, are the report's."""
    runs = read_runs(folder)
    summary = summarise(runs)
    made = page(folder, folder.resolve(), runs, summary, entries(summary))
    write_whole(folder / PAGE, made)
    return folder / PAGE
