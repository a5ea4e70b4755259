"""`report.html`: what results say, as one page that can be sent."""

import base64
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from runners.analysis.fastest import Fastest
from runners.analysis.recommend import Recommendation
from runners.analysis.rounds import round_ratios
from runners.analysis.summary import summarise
from runners.model import Environment
from runners.report import profiles
from runners.report.entries import Entry, entries
from runners.report.markdown import ALT, facts, when
from runners.report.page import answer
from runners.report.page import cells as of_cells
from runners.report.page import figures as figures_of
from runners.report.page.cells import ALL_POINTS, MOST_POINTS, Shown
from runners.report.page.render import rendered
from runners.report.page.repeat import Repeat
from runners.report.page.table import columns, filters
from runners.results import checked
from runners.results.columns import ENVIRONMENT
from runners.results.read import read_runs
from runners.results.write import write_whole
from runners.words.grouped import Group, grouped_flags, grouped_losses
from runners.words.labels import labels, swept, workload_names
from runners.words.rounding import in_order

PAGE = "report.html"
MOST_CELLS = 1000
"""Rows of the table."""
MOST_BAD = 200
"""Rows for cells that are not ok, where there are more cells than rows; more if rows are left."""
FEW = 4
"""Cells of a page that are all open on paper."""
MOST_MEMBERS = 20
"""Cells that are named with a group of flags."""


def page(
    place: Path,
    common: Path,
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    every: Sequence[Entry],
    *,
    recommended: Sequence[Recommendation | Fastest] = (),
    missing: str = "",
    mixed: Sequence[str] = (),
    figures: Mapping[str, bytes] | None = None,
    sections: Sequence[str] = (),
    timeline: bytes = b"",
) -> bytes:
    """The page of results that are summarised in `summary`, to be written into `place`.

    `every` are its cells, of `entries`; their folders are relative to `common`. `figures` are SVGs
    by the name of their files, `sections` Markdown that may show some of them, `timeline` is a PNG.
    `mixed` are the lines on workloads that were measured on several kinds of node.
    """
    chosen, rule = _chosen(every)
    names = labels(summary)
    interpreters = dict(zip(summary["cell"].astype(str), names["interpreter"], strict=True))
    found = of_cells.shown(chosen, interpreters)
    varied = swept(summary)
    machines = _describe(found, varied, runs, common, place)
    kept, constant = columns(found)
    drawn = figures_of.drawn(figures or {})
    return rendered(
        "report.html",
        title=answer.title(sorted(set(workload_names(summary)), key=in_order)),
        about=answer.about(every, len(runs), when(runs["started_at"].dropna()), machines),
        answers=list(answer.answers(recommended[: answer.MOST_ANSWERS])),
        more_answers=max(len(recommended) - answer.MOST_ANSWERS, 0),
        speedups=[] if recommended else answer.speedups(every),
        machine=list(answer.machine(every)),
        doubts=[*mixed, *answer.doubts(every, missing)],
        figures=[one for name, one in drawn.items() if not figures_of.is_within(name, sections)],
        sections=[figures_of.section(text, drawn) for text in sections],
        cells=found,
        columns=kept,
        constant=constant,
        filters=filters(found, varied),
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
    failed = f", and {len(kept) - len(best)} that are not ok" if bad else ""
    rule = (
        f"Shown are {MOST_CELLS:,} of {len(every):,} cells: those of each workload with the "
        f"highest speedups{failed}. All of them are in "
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


def write_page(folder: Path) -> Path:
    """The page of one cell, in its own folder; figures, which take longer, are the report's."""
    runs = read_runs(folder)
    summary = summarise(runs)
    found = entries(summary)
    profiled = profiles.profiled((folder, one.name) for one in found)
    where = profiles.section(profiled, folder)
    sections = ["\n\n".join(where)] if where else []
    made = page(folder, folder.resolve(), runs, summary, found, sections=sections)
    write_whole(folder / PAGE, made)
    return folder / PAGE
