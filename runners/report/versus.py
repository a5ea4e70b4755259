"""Two versions of the user's code side by side: the report's section, and lines for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import pandas as pd

from runners.analysis.rounds import Rounds
from runners.analysis.two_results import Compared, TwoResults, loudest
from runners.analysis.versions import against, versions
from runners.report.compared import (
    ABOVE,
    TITLES,
    Told,
    columns,
    headline,
    lines,
    only,
    ratio,
)
from runners.report.entries import MOST_ROWS
from runners.report.markdown import bullets, table
from runners.words.escaping import markdown as escaped
from runners.words.labels import workload_names
from runners.words.rounding import bracketed, counted
from runners.words.versions import Codes, differing, same_code

FIGURE = "versus"

CUT = "those that are worse first; all are in"

ABOUT = """\
Both were measured in the same rounds: the ratios are those of each round, and what the machine did
meanwhile is in neither. They are above 1 where what is here is better: its times are the lower
ones, its speedups the higher ones. Brackets hold for all cells together with 95%; the verdicts err
on any of them in at most 5% (Holm)."""


@dataclass(frozen=True, slots=True)
class Against:
    """What is here against one other version, and what is known of both besides their times.

    `result` is the name of that which holds them, "" where there is one.
    """

    found: TwoResults
    told: Told
    result: str = ""


def all_against(
    summary: pd.DataFrame,
    rounds: Mapping[str, Rounds],
    identities: Mapping[str, Mapping[str, Any] | None],
) -> list[Against]:
    """What is here against each of the other versions that were measured beside it.

    `summary` is the frame of `summarise`, `rounds` and `identities` are by its cells.
    """
    made = []
    for result, own in summary.groupby(summary["result"].fillna(""), sort=False):
        for version in versions(own):
            found = against(own, rounds, version)
            made.append(Against(found, told_of(found, own, identities), str(result)))
    return made


def told_of(
    found: TwoResults, summary: pd.DataFrame, identities: Mapping[str, Mapping[str, Any] | None]
) -> Told:
    """In what the two differ, and what makes a comparison of them doubtful."""
    names = dict(zip(summary["cell"], workload_names(summary), strict=True))
    codes = [
        (str(names[cell.cells[1]]), _codes(identities, cell.cells))
        for cell in found.cells
        if all(identities.get(one) for one in cell.cells)
    ]
    modules = dict.fromkeys(name for _, both in codes for name in differing(both))
    nothing = [] if codes else ["no cell was measured with both"]
    return Told(
        [f"code of {name}" for name in sorted(modules)],
        [*nothing, *same_code(codes), *_results(found, summary), *_apart(found)],
    )


def _codes(identities: Mapping[str, Mapping[str, Any] | None], cells: tuple[str, str]) -> Codes:
    before, after = ((identities[cell] or {}).get("code") or {} for cell in cells)
    return before, after


def _results(found: TwoResults, summary: pd.DataFrame) -> Iterator[str]:
    """Which workloads give other results in the two versions."""
    cells = {name for cell in found.cells for name in cell.cells}
    own = summary.loc[summary["cell"].isin(cells) & summary["differs"].notna()]
    names = workload_names(summary)[own.index]
    for name, what in dict(zip(names, own["differs"], strict=True)).items():
        yield f"{name} gives other results than in {found.names[0]}: {what}"


def _apart(found: TwoResults) -> Iterator[str]:
    """Which cells are compared although they ran at different times."""
    compared = sum(bool(cell.ratios) for cell in found.cells)
    if found.paired < compared:
        yield (
            f"{counted(compared - found.paired, 'cell')} of {compared} did not share rounds with "
            "the other version: what the machine did between the two is in the difference"
        )


def section(every: Sequence[Against]) -> list[str]:
    """The section as paragraphs; nothing where there is one version."""
    parts: list[str] = []
    for at, one in enumerate(every):
        found = one.found
        parts += [
            f"## Against {escaped(found.names[0] + (f', {one.result}' if one.result else ''))}",
            *([ABOUT] if at == 0 else []),
            bullets([f"{headline(found)} ({ABOVE})", *lines(found, one.told)]),
            f"![The ratio of each cell with its interval]({figure_name(at)}.png)",
            *([f"{MOST_ROWS} of them, {CUT} {figure_name(at)}.csv."] if is_cut(found) else []),
            _ratios(found),
            *([bullets(only(found))] if any(found.only) else []),
            _times(found),
        ]
    return parts


def is_cut(found: TwoResults) -> bool:
    """Whether there are more cells than a table has."""
    return len(found.cells) > MOST_ROWS


def _shown(found: TwoResults) -> list[Compared]:
    """The cells of a table: of many the worst, in their order."""
    return loudest(found.cells, MOST_ROWS)


def figure_name(at: int) -> str:
    """What the figure of the version at that place is called."""
    return FIGURE if at == 0 else f"{FIGURE}-{at + 1}"


def _ratios(found: TwoResults) -> str:
    names = columns(found)
    return table(
        ["cell", "verdict", *(TITLES[what] for what in names), ""],
        (
            [cell.name, cell.outcome, *(ratio(cell, what) for what in names), cell.why]
            for cell in _shown(found)
        ),
    )


def _times(found: TwoResults) -> str:
    before, after = found.names
    return table(
        ["cell", f"speedup, {before}", f"speedup, {after}", "rounds"],
        (
            [
                cell.name,
                *(bracketed(*astuple(speedup)) for speedup in cell.speedups),
                f"{cell.rounds[0]}, {cell.rounds[1]}",
            ]
            for cell in _shown(found)
            if cell.ratios
        ),
    )


def terminal(every: Sequence[Against]) -> Iterator[str]:
    """The same for a terminal: a line for each cell."""
    for one in every:
        found = one.found
        if one.result:
            yield f"{one.result}:"
        yield from lines(found, one.told)
        names = columns(found)
        rows = [
            [cell.name, *(f"{TITLES[what]} {ratio(cell, what)}" for what in names), cell.outcome]
            if cell.ratios
            else [cell.name, *("" for _ in names), f"{cell.outcome}: {cell.why}"]
            for cell in _shown(found)
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            fields = (f"{text:<{width}}" for text, width in zip(row, widths, strict=True))
            yield "   ".join(fields).rstrip()
        if more := len(found.cells) - len(rows):
            yield f"{counted(more, 'more cell')}: versus.csv"
        yield from (
            f"{cell.name}: {cell.why}" for cell in _shown(found) if cell.ratios and cell.why
        )
        yield from only(found)
        yield f"{headline(found)} ({ABOVE})"
