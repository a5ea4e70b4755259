"""Claims about the cells of a sweep, and whether its summary bears them out.

A claim says of one cell, or of the ratio of two, on which side of a line it lies. The interval
decides: wholly on that side, the claim holds; wholly on the other, it does not hold; else it is
undecided. So is every time and ratio of a busy machine, in either direction: load slows down, and
it also lets threads look as if they did not help. What cannot be judged on this machine is not
measured, with the reason. A claim that Python has overtaken is no failure: see `Claim`.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, Protocol, TypeAlias

import pandas as pd

from runners.analysis.compare import Comparison
from runners.analysis.interval import Interval
from runners.analysis.machine import busy_by
from runners.words.causes import reason
from runners.words.rounding import bracketed, duration

Verdict = Literal[
    "holds", "does not hold", "changed", "other Python", "undecided", "not measured", "result"
]
"""What has `changed` does not hold, and did in an earlier Python. A claim about an `other Python`
says nothing of the one that was measured. A `result` is a number that nothing was claimed about."""

Cell = Mapping[str, object]
"""One cell of a sweep: columns of the summary with the values that it alone has; None for null."""


Row: TypeAlias = "pd.Series[Any]"


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as this program rounds it, perhaps with its interval, and what it is a number of.

    As in ("1,234 [1,200, 1,260]", "handovers_per_s"); `of` is "" for a time or a ratio.
    """

    number: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Words apart from their language: the name of a text, and what is filled into it.

    A filling that is a string, such as an error, is in no language but the program's own.
    """

    text: str
    values: Mapping[str, "Amount | str"] = field(default_factory=dict)


Load = tuple[str, float]
"""What others took of the machine: the column that says so, and its value; NO_LOAD for nothing."""

BUSY_BY = ("others_share", "machine_off_cpu")
NO_LOAD: Load = ("", 0.0)

Words = Callable[[float, float, float], Amount]
"""Rounds an estimate and the ends of its interval, which may be NaN."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, what was measured, and what the claim says of it, where it does.

    Of a number there are its interval and the two ends of what is claimed, infinite where it has
    none. `python` is the one since which it `changed`, or the `other Python`.
    """

    verdict: Verdict
    measured: Said
    claimed: Said | None = None
    interval: Interval | None = None
    line: tuple[float, float] | None = None
    python: str = ""


class Criterion(Protocol):
    """How a claim is judged: a quantity and a line, the status of a cell, or what was seen."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that it looks at."""
        ...

    def judge(self, summary: pd.DataFrame, pairs: Comparison | None) -> Judgement:
        """Raises NotMeasured where a cell, or its number, is missing or not the only one."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim, and what decides about it.

    `rows` are those of the lecture that it belongs to, as ("L14",); () for what the lecture did not
    know. What it says is a text of a language, found by `name`: the claim as a sentence, and the
    lecture's own figure, if it has one. With `changed` it was true of Pythons before that version;
    with `python` it is about that version alone.
    """

    name: str
    rows: tuple[str, ...]
    criterion: Criterion
    text: str = ""
    lecture: str = ""
    changed: "Changed | None" = None
    python: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """Since when a claim is no longer true; `without_gil`: where tasks run without the GIL only."""

    since: str
    without_gil: bool = False

    def covers(self, rows: Sequence[Row]) -> bool:
        """Whether all cells with these rows of the summary were measured after the change."""
        gils = [row.get("gil") for row in rows]
        if self.without_gil and any(pd.isna(gil) or gil for gil in gils):
            return False
        versions = [_version(row) for row in rows]
        return all(one is not None and one >= _numbers(self.since) for one in versions)


class NotMeasured(Exception):
    """There is nothing to judge by; the message is the reason."""


def judge(claim: Claim, summary: pd.DataFrame, pairs: Comparison | None = None) -> Judgement:
    """Hold a claim against a sweep's results, the frame of `summarise`.

    With `pairs`, times of two cells are compared in the rounds that they have in common.
    """
    try:
        found = claim.criterion.judge(summary, pairs)
        rows = [_row(summary, cell) for cell in claim.criterion.cells]
    except NotMeasured as reason:
        return Judgement("not measured", as_it_is(str(reason)))
    if claim.python and all(_version(row) not in (None, _numbers(claim.python)) for row in rows):
        return replace(found, verdict="other Python", python=claim.python)
    changed = claim.changed
    if found.verdict == "does not hold" and changed is not None and changed.covers(rows):
        return replace(found, verdict="changed", python=changed.since)
    return found


def _version(row: Row) -> tuple[int, ...] | None:
    """The first two numbers of the Python that ran the tasks, as (3, 13); None if not known."""
    found = re.search(r"(\d+)\.(\d+)", str(row.get("python")))
    return None if found is None else _numbers(found[0])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def as_it_is(text: str) -> Said:
    """What the program itself says, in its own language."""
    return Said("as_it_is", {"text": text})


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of one cell with its 95% interval; with a `divisor`, the ratio of two cells'.

    `columns` hold the estimate and its bounds. By itself it is the criterion of a mere result.
    """

    cell: Cell
    columns: tuple[str, str, str]
    words: Words
    divisor: "Quantity | None" = None

    def over(self, divisor: "Quantity") -> "Quantity":
        """How many times the divisor this is."""
        return replace(self, words=_times, divisor=divisor)

    def above(self, line: float) -> "Within":
        """The claim that it is at least `line`."""
        return Within(self, line, math.inf)

    def below(self, line: float) -> "Within":
        """The claim that it is at most `line`."""
        return Within(self, -math.inf, line)

    def between(self, low: float, high: float) -> "Within":
        """The claim that it lies from `low` to `high`."""
        return Within(self, low, high)

    @property
    def cells(self) -> tuple[Cell, ...]:
        return (self.cell, *(self.divisor.cells if self.divisor is not None else ()))

    def read(self, summary: pd.DataFrame, pairs: Comparison | None = None) -> Interval:
        """Its value in that summary. Raises NotMeasured."""
        interval = Interval(*_measured(summary, self.cell, *self.columns))
        if self.divisor is None:
            return interval
        divisor = self.divisor.read(summary)
        nodes = {_row(summary, cell).get("node_kind") for cell in self.cells}
        known = sorted(str(node) for node in nodes if not pd.isna(node))
        if len(known) > 1:
            raise NotMeasured(f"the cells are of different kinds of node: {'; '.join(known)}")
        kinds = self.columns[0], self.divisor.columns[0]
        if pairs is not None and kinds in (("speedup",) * 2, ("measured_median_s",) * 2):
            one, other = (str(_row(summary, cell)["cell"]) for cell in self.cells)
            if kinds[0] == "speedup":
                paired = pairs.paired(one, other)
            else:  # more time is less speed
                paired = pairs.paired_times(other, one)
            if paired is not None:
                return paired
        return interval.over(divisor)

    def amount(self, interval: Interval) -> Amount:
        """The value, rounded, as in "0.97× [0.96, 0.99]"."""
        return self.words(interval.estimate, interval.low, interval.high)

    def said(self, interval: Interval, load: Load = NO_LOAD) -> Said:
        """The value, with what others took of the machine meanwhile."""
        value, (name, share) = self.amount(interval), load
        if name:
            return Said(name, {"value": value, "share": Amount(f"{share:.0%}")})
        return Said("value", {"value": value})

    def load(self, summary: pd.DataFrame) -> Load:
        """What others took while its cells were measured, where that matters to it.

        Counts, such as one of lost updates, are what they are under any load.
        """
        name = self.columns[0].removesuffix("_max")
        if name.startswith("metric.") and not name.endswith("_s"):
            return NO_LOAD
        rows = (_row(summary, cell) for cell in self.cells)
        told = ((row.get(name, math.nan) for name in BUSY_BY) for row in rows)
        loads = (busy_by(*shares) for shares in told)
        return next((load for load in loads if load != NO_LOAD), NO_LOAD)

    def judge(self, summary: pd.DataFrame, pairs: Comparison | None) -> Judgement:
        interval = self.read(summary, pairs)
        return Judgement("result", self.said(interval, self.load(summary)), interval=interval)


@dataclass(frozen=True, slots=True)
class Within:
    """That a quantity lies from `low` to `high`."""

    quantity: Quantity
    low: float
    high: float

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.quantity.cells

    def judge(self, summary: pd.DataFrame, pairs: Comparison | None) -> Judgement:
        if self.quantity.divisor is None and self.quantity.columns[0].startswith("metric."):
            row = _row(summary, self.quantity.cell)
            if row["status"] == "wrong":  # the workload's own check contradicts what is claimed
                return Judgement("does not hold", _why(row), self._claimed())
        interval = self.quantity.read(summary, pairs)
        load = self.quantity.load(summary)
        measured = self.quantity.said(interval, load)
        verdict = self._verdict(interval) if load == NO_LOAD else "undecided"
        if math.isnan(interval.low) or math.isnan(interval.high):
            measured = Said("without_interval", {"value": self.quantity.amount(interval)})
        line = self.low, self.high
        return Judgement(verdict, measured, self._claimed(), interval, line)

    def _verdict(self, interval: Interval) -> Verdict:
        if self.low <= interval.low and interval.high <= self.high:
            return "holds"
        if interval.high < self.low or interval.low > self.high:
            return "does not hold"
        return "undecided"

    def _claimed(self) -> Said:
        low, high = (  # of the same kind as what was measured, which is named there
            Amount(self.quantity.words(line, math.nan, math.nan).number)
            for line in (self.low, self.high)
        )
        if self.high == math.inf:
            return Said("at_least", {"line": low})
        if self.low == -math.inf:
            return Said("at_most", {"line": high})
        if self.low == self.high:
            return Said("exactly", {"line": low})
        return Said("from_to", {"low": low, "high": high})


def speedup(cell: Cell) -> Quantity:
    """How many times faster than its baseline the cell is."""
    return Quantity(cell, ("speedup", "speedup_low", "speedup_high"), _times)


def seconds(cell: Cell, side: Literal["baseline", "measured"] = "measured") -> Quantity:
    """The median time of a run of one side."""
    return Quantity(cell, (f"{side}_median_s", f"{side}_low_s", f"{side}_high_s"), _time)


def first(cell: Cell, side: Literal["baseline", "measured"] = "measured") -> Quantity:
    """The median time of the first runs in fresh processes.

    There are too few of them for an interval: both ends are the estimate.
    """
    return Quantity(cell, (f"cold_{side}_s",) * 3, _time)


def factor(cell: Cell, step: str) -> Quantity:
    """A step of the core-second ladder (`estimators.FACTORS`): 1 where nothing is lost there."""
    return Quantity(cell, (step, f"{step}_low", f"{step}_high"), _times)


def metric(cell: Cell, name: str) -> Quantity:
    """A figure of the workload's or executor's own, the median over rounds."""
    column = f"metric.{name}"
    return Quantity(cell, (column, f"{column}_low", f"{column}_high"), _unit(name))


def largest(cell: Cell, name: str) -> Quantity:
    """The largest value of such a figure in any round, which has no interval: both ends are it."""
    return Quantity(cell, (f"metric.{name}_max",) * 3, _unit(name))


@dataclass(frozen=True, slots=True)
class Seen:
    """That an effect occurs at least once in all runs, or with `never`, that it does not.

    `effect` and `tries` are metrics that count both in a run. What was not seen might still occur:
    that leaves the first kind of claim undecided.
    """

    cell: Cell
    effect: str
    tries: str
    never: bool = False

    @property
    def cells(self) -> tuple[Cell, ...]:
        return (self.cell,)

    def judge(self, summary: pd.DataFrame, pairs: Comparison | None) -> Judgement:
        claimed = Said("never" if self.never else "once")
        row = _row(summary, self.cell)
        if self.never and row["status"] == "wrong":
            return Judgement("does not hold", _why(row), claimed)
        [most] = _measured(summary, self.cell, f"metric.{self.effect}_max")
        tries, rounds = _measured(summary, self.cell, f"metric.{self.tries}", "rounds")
        if most > 0:
            of = Amount(f"{tries:,.0f}", self.tries)
            words = Said("seen", {"effect": Amount(f"{most:,.0f}", self.effect), "tries": of})
            return Judgement("does not hold" if self.never else "holds", words, claimed)
        of = Amount(f"{tries * rounds:,.0f}", self.tries)
        words = Said("unseen", {"effect": Amount("0", self.effect), "tries": of})
        return Judgement("holds" if self.never else "undecided", words, claimed)


@dataclass(frozen=True, slots=True)
class Ends:
    """That a cell ends with that status, and, where it is not "ok", says those words about it."""

    cell: Cell
    status: str
    saying: str = ""

    @property
    def cells(self) -> tuple[Cell, ...]:
        return (self.cell,)

    def judge(self, summary: pd.DataFrame, pairs: Comparison | None) -> Judgement:
        row = _row(summary, self.cell)
        unknown = {"unsupported", "left out", "interrupted"} - {self.status}
        # Without `ended_by` the program ended before the cell did.
        if row["status"] in unknown or pd.isna(row["ended_by"]):
            raise NotMeasured(_reason(row))
        same = row["status"] == self.status and self.saying in str(row["error"] or "")
        measured = Said("works") if row["status"] == "ok" else _why(row)
        claimed = None  # the claim says it already
        if self.status != "ok":
            claimed = as_it_is(f"{self.status}: {self.saying}" if self.saying else self.status)
        return Judgement("holds" if same else "does not hold", measured, claimed)


def _measured(summary: pd.DataFrame, cell: Cell, *columns: str) -> list[float]:
    """Numbers of a cell that is ok, the first of which is not missing. Raises NotMeasured."""
    row = _row(summary, cell)
    if row["status"] != "ok":
        raise NotMeasured(_reason(row))
    numbers = [float(row.get(column, math.nan)) for column in columns]
    if math.isnan(numbers[0]):
        raise NotMeasured(f"the cell has no {columns[0]}")
    return numbers


def _row(summary: pd.DataFrame, cell: Cell) -> Row:
    """The cell's row. Raises NotMeasured where there is none or where there are several.

    A cell that was refused has no parameters in its row: it is recognised by the others' absence.
    """
    unknown = pd.Series(None, index=summary.index, dtype=object)
    found, refused = pd.Series(True, index=summary.index), summary["status"] != "ok"
    for name, value in cell.items():
        column = summary.get(name, unknown)
        null = column.isna()
        same = null if value is None else (column == value).fillna(False).astype(bool)
        found, refused = found & same, refused & (same | null)
    rows = summary.loc[found]
    told = ", ".join(f"{name}={value}" for name, value in cell.items())
    if len(rows) > 1:
        raise NotMeasured(f"{len(rows)} cells have {told}")
    if len(rows) == 1:
        return rows.iloc[0]
    raise NotMeasured(
        _reason(summary.loc[refused].iloc[0]) if refused.any() else f"no cell has {told}"
    )


def _why(row: Row) -> Said:
    return as_it_is(_reason(row))


def _reason(row: Row) -> str:
    return f"{row['status']}: {reason(row['error'])}"


def _times(estimate: float, low: float, high: float) -> Amount:
    return Amount(bracketed(estimate, low, high, "×"))


def _time(estimate: float, low: float, high: float) -> Amount:
    return Amount(duration(estimate, low, high))


def _unit(name: str) -> Words:
    """How a metric is rounded, by the unit in its name."""
    return _time if name.endswith("_s") and not name.endswith("_per_s") else partial(_counted, name)


def _counted(name: str, estimate: float, low: float, high: float) -> Amount:
    """Whole and large numbers without decimals, with an interval only where it has a width."""
    if low == high:
        low = high = math.nan
    finite = [float(x) for x in (estimate, low, high) if math.isfinite(x)]
    if abs(estimate) >= 1000 or all(x.is_integer() for x in finite):
        interval = f" [{low:,.0f}, {high:,.0f}]" if len(finite) == 3 else ""
        return Amount(f"{estimate:,.0f}{interval}", name)
    return Amount(bracketed(estimate, low, high), name)
