"""Which executor to use for a workload, and with how many workers, as far as noise lets it tell."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from runners.analysis.candidate import Candidate, joined, times
from runners.analysis.compare import Comparison
from runners.analysis.core_hours import HOUR_S
from runners.analysis.estimators import holm
from runners.analysis.how_many import HowMany, how_many
from runners.analysis.interval import Interval
from runners.words.labels import SERIAL, labels
from runners.words.pythons import interpreters
from runners.words.rounding import counted, in_order

WORTH = 0.03
"""The setting measure.worth of results that do not say theirs."""

ERROR_RATE = 0.05
"""Of all that is said of one workload."""

MOST_OTHERS = 3
"""Of other executors so many are told with their memory."""

NEVER = ("thread_subclass",)
"""Executors that are measured and not recommended: a thread does the same with less code."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to use for one workload, on one `interpreter` where there are several, else "".

    `choice` is the simplest candidate of those that are shown to be within `worth` (0.03 is 3%) of
    all others; None where there is none, or none that beats the baseline. `best` has the highest
    speedup; `lead` is how much faster it is than the choice. `open` are those of which nothing
    shows that the best beats them, the best first; `next` is the fastest that it does beat, and by
    how much, with an interval that shows it.
    `workers` has an entry for each executor of which several n were measured, `others` the fastest
    n of each executor, the best first.
    """

    panel: str
    baseline: str
    best: Candidate
    choice: Candidate | None
    lead: Interval | None
    open: tuple[Candidate, ...]
    next: tuple[Candidate, Interval] | None
    worth: float = WORTH
    workers: tuple[HowMany, ...] = ()
    interpreter: str = ""
    others: tuple[Candidate, ...] = ()

    @property
    def name(self) -> str:
        return _on(self.panel, self.interpreter)

    def lines(self) -> list[str]:
        """All that it says: what to use, and how many workers each executor needs."""
        return [self.text(), *(found.text() for found in self.workers)]

    @property
    def beats(self) -> bool:
        """Whether anything is faster than the baseline."""
        candidates = (self.choice, *self.open)
        return any(candidate.speedup.low > 1 for candidate in candidates if candidate)

    @property
    def verdict(self) -> str:
        """What to use, without why."""
        if not self.beats:
            return "nothing beats the baseline"
        return "not decided" if self.choice is None else f"use {self.choice.line}"

    def text(self) -> str:
        """The recommendation in words: one line."""
        if not self.beats:
            unclear = any(candidate.speedup.high > 1 for candidate in self.open)
            base = "the plain loop" if self.baseline == SERIAL else f"the {self.baseline} baseline"
            return (
                f"{self.name}: nothing {'clearly ' if unclear else ''}beats {base}; "
                f"the best, {_listed([self.best])}, reaches {self.best.told}."
            )
        if self.choice is None:
            told = (
                f"{self.name}: not decided between {_listed(self.open)}; the fastest of these "
                f"rounds, {_listed([self.best])}, reaches {self.best.told}. Measure "
                "longer: measure=thorough."
            )
        else:
            told = f"{self.name}: use {self.choice.line} with n = {self.choice.n}: "
            told += f"{self.choice.told}."
            if self.choice is not self.best:
                assert self.lead is not None
                told += (
                    f" The best, {_listed([self.best])}, is shown to be at most "
                    f"{self.worth:.0%} faster: {times(self.lead)}."
                )
        if self.next is not None:
            beaten, ratio = self.next
            who = "It" if self.choice in (self.best, None) else "The best"
            told += f" {who} beats {_listed([beaten])} by {times(ratio)}."
        return f"{told}{self._memory()}"

    def _memory(self) -> str:
        """What the best of other executors take, if that was measured."""
        chosen = self.choice or self.best
        others = [c for c in self.others if c.line != chosen.line and c.memory_bytes > 0]
        if not others or not chosen.memory_bytes > 0:
            return ""
        told = (f"{_listed([one])}, {one.told}" for one in others[:MOST_OTHERS])
        return f" Of other executors: {'; '.join(told)}."


def recommend(summary: pd.DataFrame, runs: pd.DataFrame) -> list[Recommendation]:
    """The recommendation for each workload and interpreter with two candidates or more.

    `summary` is the frame of `summarise`, of the frame `runs`. A candidate is a cell that is ok,
    has an interval of its speedup, works with more than the calling thread, and does not forget to
    join. Two of them are compared in their common rounds, and by more than the baseline was seen
    to differ from itself. The error rate of all that is said of one workload is 5% (Holm).
    """
    cells = summary.assign(**labels(summary))
    numbers = cells[["speedup", "speedup_low", "speedup_high"]].notna().all(axis=1)
    python = interpreters(summary).of.rename("python")
    groups = [
        (str(panel), group)
        for (_, _, panel, _), group in cells.loc[eligible(cells) & numbers].groupby(
            ["workload", "scaling", "panel", python]
        )
        if len(group) > 1
    ]
    if not groups:
        return []
    comparison = Comparison(runs)
    found = [
        _recommendation(
            *(name, str(group["interpreter"].iloc[0]), str(group["baseline"].iloc[0])),
            list(_candidates(group)),
            comparison,
            _worth(group),
        )
        for name, group in groups
    ]
    return sorted(found, key=lambda recommendation: in_order(recommendation.panel))


def why_none(summary: pd.DataFrame) -> str:
    """Why nothing is recommended of these cells, in a line."""
    if not (summary["status"] == "ok").any():
        return "nothing to recommend: no cell is ok"
    numbers = summary[["speedup", "speedup_low", "speedup_high"]].notna().all(axis=1)
    there = counted(int((eligible(summary) & numbers).sum()), "cell")
    return (
        "nothing to recommend: of a workload, two cells at least are compared that have workers "
        f"and an interval; there is {there} of that kind"
    )


def eligible(cells: pd.DataFrame) -> "pd.Series[bool]":
    """Which cells may be recommended: see `recommend`."""
    kept = (cells["status"] == "ok") & (cells["worker_kind"] != "caller")
    kept &= ~cells["executor"].isin(NEVER)
    if "metric.results_missing" in cells:
        kept &= cells["metric.results_missing"].isna()
    return kept


def _on(panel: str, interpreter: str) -> str:
    return f"{panel} on {interpreter}" if interpreter else panel


def _candidates(cells: pd.DataFrame) -> Iterator[Candidate]:
    """From the fastest to the slowest."""
    ordered = cells.sort_values("speedup", ascending=False, kind="stable")
    for row in ordered.to_dict("records"):
        bounds = (float(row[name]) for name in ("speedup", "speedup_low", "speedup_high"))
        yield Candidate(
            *(str(row["cell"]), str(row["executor"]), str(row["way"]), int(row["n"])),
            Interval(*bounds),
            row["worker_kind"] == "coroutine",
            float(row.get("core_hours", math.nan)) * HOUR_S / float(row.get("tasks", math.nan)),
            float(row.get("memory_bytes", math.nan)),
        )


def _worth(cells: pd.DataFrame) -> float:
    """The setting measure.worth of these cells; of different ones, the largest."""
    known = cells["worth"].max() if "worth" in cells else math.nan
    return WORTH if math.isnan(known) else float(known)


def _recommendation(
    panel: str,
    interpreter: str,
    baseline: str,
    candidates: list[Candidate],
    comparison: Comparison,
    worth: float,
) -> Recommendation:
    best = candidates[0]
    margin = comparison.margin([one.cell for one in candidates])
    # To be that near to the best is to be that near to each other one: the largest p-value of these
    # tests is that of all of them (Hsu, Annals of Statistics 12, 1984, 1136; Berger 1982).
    near = {
        one.cell: _largest(
            comparison.p_above(other.cell, one.cell, (1 + worth) / (1 + margin), ERROR_RATE)
            for other in candidates
            if other is not one
        )
        for one in candidates
        if comparison.ratio(best.cell, one.cell).estimate < 1 + worth
    }
    near |= {one.cell: 1.0 for one in candidates if one.cell not in near}
    good = _rejected(near)
    worse = _rejected(
        {
            c.cell: comparison.p_below(best.cell, c.cell, 1 + margin, ERROR_RATE)
            for c in candidates[1:]
        }
    )
    if len(worse) == len(candidates) - 1:
        good = good | {best.cell}  # that it beats each other one says more than to be near them
    beaten = [c for c in candidates if c.cell in worse and c.cell not in good]
    sure = [c for c in candidates if c.cell in good and c.speedup.low > 1]
    fastest = {c.line: c for c in reversed(candidates)}
    # A test of one side may tell what the interval of two sides beside it does not show.
    shown = ((one, comparison.ratio(best.cell, one.cell)) for one in beaten)
    choice = min(sure, key=lambda c: c.cost, default=None)
    return Recommendation(
        *(panel, baseline, best, choice),
        lead=comparison.ratio(best.cell, choice.cell) if choice not in (None, best) else None,
        open=tuple(c for c in candidates if c.cell not in worse),
        next=next(((one, ratio) for one, ratio in shown if ratio.low > 1), None),
        worth=worth,
        workers=tuple(_workers(_on(panel, interpreter), candidates, comparison, worth)),
        interpreter=interpreter,
        others=tuple(c for c in candidates if c is fastest[c.line]),
    )


def _workers(
    panel: str, candidates: Iterable[Candidate], comparison: Comparison, worth: float
) -> Iterator[HowMany]:
    """Of each executor with several n, how many workers it needs."""
    lines: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        lines.setdefault(candidate.line, []).append(candidate)
    for line in sorted(lines, key=in_order):
        if len(lines[line]) > 1:
            yield how_many(f"{panel}, {line}", lines[line], comparison, worth)


def _largest(p: Iterable[float]) -> float:
    """None is larger than 1, and most often one of the first is that."""
    found = 0.0
    for one in p:
        found = max(found, one)
        if found == 1.0:
            break
    return found


def _rejected(p: Mapping[str, float]) -> set[str]:
    significant = holm(list(p.values()), ERROR_RATE)
    return {name for name, is_significant in zip(p, significant, strict=True) if is_significant}


def _listed(candidates: Iterable[Candidate]) -> str:
    """Each executor once, with its n."""
    lines: dict[str, list[int]] = {}
    for candidate in candidates:
        lines.setdefault(candidate.line, []).append(candidate.n)
    names = [f"{line} n = {', '.join(map(str, sorted(ns)))}" for line, ns in lines.items()]
    return joined(names)
