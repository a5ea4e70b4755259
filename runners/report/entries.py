"""The cells of a report by their names: all of few, and of many what a reader can take in.

Of many cells, advice is grouped by its cause, with how many cells have it and some of them, and
tables have the fastest cell of each workload and executor. All of it is in the summary.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from runners.analysis.cell import CellSummary, cells
from runners.analysis.fastest import Fastest
from runners.analysis.recommend import Recommendation
from runners.words import flags
from runners.words.causes import reason, told
from runners.words.grouped import grouped_flags, grouped_losses
from runners.words.labels import labels
from runners.words.many import spread
from runners.words.rounding import counted, in_order

MOST_ROWS, MOST_BULLETS = 40, 24
"""Rows of a table, and lines of a list, beyond which it is cut or grouped."""
ADVISED = 8
"""Workloads of which many are advised, and what is best for how many."""
DETAILS = "details.md"
"""Where the rest is of what a report of many cells has no room for, and no other file has."""
EXAMPLES = 3
"""Cells that are named of a group."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell with the names that tell it apart, of `labels`."""

    panel: str
    line: str
    cell: CellSummary

    @property
    def name(self) -> str:
        return f"{self.panel}, {self.line}, n = {self.cell.n}"

    @property
    def head(self) -> list[str]:
        """The names as the first columns of a table."""
        return [self.panel, self.line, str(self.cell.n)]

    @property
    def rank(self) -> float:
        """Its speedup, and of a cell that has none less than that of any other."""
        speedup = self.cell.speedup.estimate
        return speedup if self.cell.status == "ok" and speedup == speedup else -1.0


def entries(summary: pd.DataFrame) -> list[Entry]:
    """The cells in the order of their names."""
    names = labels(summary)
    found = map(Entry, names["panel"], names["line"], cells(summary))
    return sorted(found, key=lambda one: (in_order(one.panel), in_order(one.line), one.cell.n))


@dataclass(frozen=True, slots=True)
class Rows:
    """The cells that tables have, in the order of their names, and which those are, or ""."""

    entries: Sequence[Entry]
    note: str


def rows(measured: Sequence[Entry]) -> Rows:
    """All, or of more than MOST_ROWS the fastest of each workload and executor.

    Where these are too many as well, the fastest of each workload; of more workloads, some from the
    one with the highest speedup to the one with the lowest.
    """
    if len(measured) <= MOST_ROWS:
        return Rows(measured, "")
    end = f" of {len(measured)} cells. All are in summary.csv."
    keys: tuple[tuple[str, Callable[[Entry], Any]], ...] = (
        ("workload and executor", lambda entry: (entry.panel, entry.line)),
        ("workload", lambda entry: entry.panel),
    )
    for what, key in keys:
        best: dict[Any, Entry] = {}
        for entry in measured:
            if key(entry) not in best or entry.rank > best[key(entry)].rank:
                best[key(entry)] = entry
        if len(best) <= MOST_ROWS:
            return Rows([*best.values()], f"The fastest of each {what}, {len(best)}{end}")
    ordered = sorted(best.values(), key=lambda entry: -entry.rank)
    some = {id(entry) for entry in spread(ordered, MOST_ROWS)}
    told = f"The fastest of {len(some)} of {len(best)} workloads, evenly from the highest speedup"
    return Rows(
        [entry for entry in best.values() if id(entry) in some],
        f"{told} to the lowest, {len(some)}{end}",
    )


def advice(found: Sequence[Recommendation | Fastest]) -> list[str]:
    """All lines of the recommendations; of many, how often what is best, and some workloads.

    These are evenly from the one with the highest speedup to the one with the lowest.
    """
    lines = [line for one in found for line in one.lines()]
    if len(lines) <= MOST_BULLETS:
        return lines
    workloads = [one for one in found if isinstance(one, Recommendation)]
    counts = Counter(one.verdict for one in workloads).most_common()
    verdicts = [f"{verdict}: {counted(count, 'workload')}" for verdict, count in counts]
    if len(workloads) == 1:
        verdicts = []
    ordered = sorted(workloads, key=lambda one: -one.best.speedup.estimate)
    some = {id(one) for one in spread(ordered, ADVISED)}
    some |= {id(one) for one in spread([one for one in found if isinstance(one, Fastest)], ADVISED)}
    told_of = [line for one in found if id(one) in some for line in one.lines()]
    told_of = told_of[: MOST_BULLETS - min(len(verdicts), ADVISED)]
    return [
        *cut(verdicts, DETAILS, ADVISED),
        *told_of,
        f"{len(told_of)} of {len(lines)} lines are told, of workloads evenly from the highest "
        f"speedup to the lowest; all are in {DETAILS}",
    ]


def failed(bad: Sequence[Entry]) -> Iterator[str]:
    """How each cell ended that is not ok; where many did, those of the same reason together."""
    if len(bad) <= MOST_BULLETS:
        yield from (f"{one.name}: {one.cell.status}: {reason(one.cell.error)}" for one in bad)
        return
    groups = _grouped(((one.cell.status, reason(one.cell.error)), one) for one in bad)
    for (status, why), own in groups[:MOST_BULLETS]:
        yield f"{status}: {why}: {_several(own)}"
    yield from _others(groups[MOST_BULLETS:], "reason")


def flagged(found: Sequence[Entry]) -> Iterator[str]:
    """The flags of each cell with what to do; where there are many, those of one kind together."""
    every = [(flag, entry) for entry in found for flag in entry.cell.flags]
    if len(every) <= MOST_BULLETS:
        for flag, entry in every:
            yield f"{entry.name}: {flags.told(flag)}: {flags.remedy(flag)}"
        return
    for group in grouped_flags([entry.cell.flags for entry in found]):
        yield f"{group}: {_several([found[at] for at, _ in group.members])}"


def lost(measured: Sequence[Entry]) -> Iterator[str]:
    """The losses of each cell that matter; where many have some, those of one cause together."""
    lines = [(entry, losses) for entry in measured if (losses := told(entry.cell))]
    if len(lines) <= MOST_BULLETS:
        known = {id(entry): losses for entry, losses in lines}
        for entry in measured:
            for flag in entry.cell.flags:
                if flag.code == "other_clocks":
                    yield f"{entry.name}: {flags.told(flag)}"
            if id(entry) in known:
                yield f"{entry.name}: lost {'; '.join(known[id(entry)])}"
        return
    for group in grouped_losses([entry.cell for entry in measured]):
        names = [f"{measured[at].name} ({share})" for at, share in group.members]
        count = counted(len({at for at, _ in group.members}), "cell")
        yield f"{count} lost time: {group}: such as {'; '.join(spread(names, EXAMPLES))}"


def _grouped(found: Iterable[tuple[Any, Any]]) -> list[tuple[Any, list[Any]]]:
    """What has the same key, the largest group first."""
    groups: dict[Any, list[Any]] = {}
    for key, one in found:
        groups.setdefault(key, []).append(one)
    return sorted(groups.items(), key=lambda group: -len(group[1]))


def _several(own: Sequence[Entry]) -> str:
    """How many cells, and some of them."""
    names = [entry.name for entry in own]
    if len(names) <= EXAMPLES:
        return "; ".join(names)
    return f"{counted(len(names), 'cell')}, such as {'; '.join(spread(names, EXAMPLES))}"


def _others(groups: Sequence[tuple[Any, Sequence[Any]]], what: str) -> Iterator[str]:
    if groups:
        count = counted(sum(len(own) for _, own in groups), "more cell")
        yield f"{count} for {counted(len(groups), f'other {what}')}: summary.csv"


def cut(items: Sequence[str], where: str = "", most: int = MOST_BULLETS) -> list[str]:
    """So many of them, and how many others there are, with where they are."""
    more = len(items) - most
    if more <= 0:
        return list(items)
    return [*items[:most], f"{more} more" + (f": {where}" if where else "")]
