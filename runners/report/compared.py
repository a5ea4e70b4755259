"""Two results side by side, for readers: in words, as Markdown for a comment, as CSV."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass

import pandas as pd

from runners.analysis.interval import Interval
from runners.analysis.two_results import Compared, TwoResults
from runners.analysis.verdicts import MOST, QUANTITIES, Quantity
from runners.report.markdown import bullets, table
from runners.words import escaping
from runners.words.escaping import markdown as escaped
from runners.words.rounding import bracketed, counted, duration

TITLES: dict[Quantity, str] = {
    "serial": "serial time",
    "parallel": "parallel time",
    "speedup": "speedup",
}
ABOVE = "ratios above 1 are better"
MOST_ROWS, MOST_FOLDED, MOST_LISTED = 20, 150, 30
"""Rows in a comment at sight, and folded; and cells in a list."""
LONGEST = 65_536
"""Characters of a comment that GitHub takes. Here they are bytes, which are never fewer."""
LONGEST_TEXT, LONGEST_LINE = 150, 2000
"""Of a name or a reason in a comment, and of a line before the table."""

METHOD = """\
- Each ratio is above 1 where {after} is better: time before / time after, speedup after / speedup
  before, of typical rounds. Verdicts are on the {leads}. Brackets hold for all cells together with
  95%; the verdicts err on any of them in at most 5% (Holm).
- Worse: the whole interval is beyond the margin. Not worse: all of it is above the margin.
- A ratio of the serial times tells what became of the plain loop: a speedup that rises because that
  got slower is no gain.
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of two results besides their times: see `compare.side.Differences`.

    `again` is where the rounds are of cells that were measured again, if any were.
    """

    differences: Sequence[str]
    unknown: Sequence[str]
    again: str = ""


def headline(found: TwoResults) -> str:
    """The outcome in a line."""
    after, before = found.names[1], found.names[0]
    counts = found.counts
    cells = counted(len(found.cells), "cell")
    parts = [f"{count} {outcome}" for outcome, count in counts.items()]
    return f"{after} against {before}: {cells}: {', '.join(parts)}"


def lines(found: TwoResults, told: Told) -> Iterator[str]:
    """What has to be known before the numbers are read."""
    before, after = found.names
    if told.differences:
        yield f"{after} differs from {before} in: {'; '.join(told.differences)}"
    elif not told.unknown:
        yield f"nothing that is known differs between {before} and {after}"
    yield from told.unknown
    if math.isnan(found.margin.value):
        yield f"no margin: {found.margin.why}"
    else:
        limit = f"margin {found.margin.value:.1%} on the {TITLES[found.leads]}: {found.margin.why}"
        if found.margin.claims < found.margin.value:
            limit += f"; that much is not steady: not worse is only said within {MOST:.0%}"
        yield limit
    if told.again:
        count = sum(cell.again is not None for cell in found.cells)
        yield (
            f"{counted(count, 'cell')} measured again, being worse: worse is what is so twice; the "
            f"new rounds are in {told.again}"
        )


def only(found: TwoResults) -> Iterator[str]:
    """The cells that one of the results has: they are not counted."""
    for name, cells in zip(found.names, found.only, strict=True):
        if cells:
            more = len(cells) - MOST_LISTED
            listed = "; ".join(cells[:MOST_LISTED]) + (f"; {more} more" if more > 0 else "")
            yield f"only in {name}, not compared: {listed}"


def columns(found: TwoResults) -> list[Quantity]:
    """The quantities, that of the verdicts first."""
    return sorted(QUANTITIES, key=lambda what: (what != found.leads, -QUANTITIES.index(what)))


def ratio(cell: Compared, what: Quantity) -> str:
    return bracketed(*astuple(cell.ratios[what])) if what in cell.ratios else ""


def titles(found: TwoResults) -> list[str]:
    """What stands above the numbers of `ratios`."""
    second = [f"{TITLES[found.leads]} again"] if _some_again(found) else []
    return [*(TITLES[what] for what in columns(found)), *second]


def ratios(cell: Compared, found: TwoResults) -> list[str]:
    """The ratios of a cell, and after them the one that was measured again, if any was."""
    shown = [ratio(cell, what) for what in columns(found)]
    if _some_again(found):
        outcome, second = cell.again or ("", {})
        shown.append(bracketed(*astuple(second[found.leads])) if found.leads in second else outcome)
    return shown


def _some_again(found: TwoResults) -> bool:
    return any(cell.again is not None for cell in found.cells)


def comment(found: TwoResults, told: Told) -> str:
    """The comparison as a comment on a change: what matters at sight, the rest folded."""
    for folded in (MOST_FOLDED, MOST_FOLDED // 2, MOST_FOLDED // 5, MOST_FOLDED // 15):
        text = _comment(found, told, folded)
        if len(text.encode("utf-8", "replace")) <= LONGEST:
            break
    return text


def _comment(found: TwoResults, told: Told, most: int) -> str:
    """With at most so many rows in each folded table."""
    loud = [cell for cell in found.cells if cell.outcome != "not worse"]
    rank = {outcome: at for at, outcome in enumerate(found.counts)}
    loud.sort(key=lambda cell: rank[cell.outcome])
    shown = loud[:MOST_ROWS]
    at_sight = {id(cell) for cell in shown}
    calm = [cell for cell in found.cells if id(cell) not in at_sight]
    method = METHOD.format(after=escaped(found.names[1]), leads=TITLES[found.leads])
    parts = [
        f"### {escaped(headline(found))}",
        bullets(_cut(line, LONGEST_LINE) for line in lines(found, told)),
        *([_table(found, shown)] if shown else []),
        *(
            [_folded(f"{counted(len(calm), 'other cell')}", _rest(found, calm, most))]
            if calm
            else []
        ),
        *(
            [_folded("cells that only one of them has", bullets(_only(found)))]
            if any(found.only)
            else []
        ),
        _folded("times and speedups", _absolute(found, most)),
        _folded("how to read it", method.rstrip()),
    ]
    return "\n\n".join(parts) + "\n"


def _only(found: TwoResults) -> Iterator[str]:
    return (_cut(line, LONGEST_LINE) for line in only(found))


def _cut(text: str, most: int = LONGEST_TEXT) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _rest(found: TwoResults, cells: Sequence[Compared], most: int) -> str:
    more = len(cells) - most
    note = f"\n\n{more} more are in compare.csv." if more > 0 else ""
    return _table(found, cells[:most]) + note


def _table(found: TwoResults, cells: Iterable[Compared]) -> str:
    return table(
        ["cell", "verdict", *titles(found), ""],
        ([_cut(cell.name), cell.outcome, *ratios(cell, found), _cut(cell.why)] for cell in cells),
    )


def _absolute(found: TwoResults, most: int) -> str:
    before, after = found.names
    return table(
        ["cell", f"time, {before}", after, f"speedup, {before}", after, "rounds"],
        (
            [
                _cut(cell.name),
                *(_time(seconds) for seconds in cell.seconds),
                *(bracketed(*astuple(speedup)) for speedup in cell.speedups),
                f"{cell.rounds[0]}, {cell.rounds[1]}",
            ]
            for cell in found.cells[:most]
            if cell.ratios
        ),
    )


def _time(seconds: Interval) -> str:
    return duration(*astuple(seconds)) if math.isfinite(seconds.estimate) else ""


def csv(found: TwoResults) -> bytes:
    """The content of compare.csv: a row a cell, also those that only one of the results has."""
    rows = [*map(_row, found.cells)]
    for name, cells in zip(found.names, found.only, strict=True):
        rows += [{"name": escaping.csv(cell), "outcome": f"only in {name}"} for cell in cells]
    facts = {"before": found.names[0], "after": found.names[1]}
    facts = {side: escaping.csv(name) for side, name in facts.items()}
    frame = pd.DataFrame([{**facts, **row} for row in rows], columns=[*facts, *COLUMNS])
    return frame.assign(leads=found.leads, margin=found.margin.value).to_csv(index=False).encode()


COLUMNS = (
    *("name", "n", "outcome", "why"),
    *(f"{what}_ratio{end}" for what in QUANTITIES for end in ("", "_low", "_high")),
    *(
        f"{what}_{when}{end}"
        for what in ("speedup", "parallel_s")
        for when in ("before", "after")
        for end in ("", "_low", "_high")
    ),
    *("rounds_before", "rounds_after", "cell_before", "cell_after"),
    "outcome_again",
    *(f"{what}_ratio_again{end}" for what in QUANTITIES for end in ("", "_low", "_high")),
)
"""Of compare.csv, between the names of the results and what the verdicts are on."""


def _row(cell: Compared) -> dict[str, object]:
    row: dict[str, object] = {
        **{"name": escaping.csv(cell.name), "n": cell.n, "outcome": cell.outcome},
        "why": escaping.csv(cell.why),
        **{"rounds_before": cell.rounds[0], "rounds_after": cell.rounds[1]},
        **{"cell_before": cell.cells[0], "cell_after": cell.cells[1]},
    }
    intervals = {f"{what}_ratio": found for what, found in cell.ratios.items()}
    if cell.again is not None:
        row["outcome_again"], second = cell.again
        intervals |= {f"{what}_ratio_again": found for what, found in second.items()}
    for name, both in (("speedup", cell.speedups), ("parallel_s", cell.seconds)):
        intervals |= {
            f"{name}_{when}": found for when, found in zip(("before", "after"), both, strict=True)
        }
    for name, found in intervals.items():
        row |= {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}
    return row
