"""Which executor to use for a workload, and with how many workers, as far as noise lets it tell."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from runners.analysis.interval import Interval
from runners.words.labels import SERIAL, in_order, labels
from runners.words.rounding import bracketed


@dataclass(frozen=True, slots=True)
class Candidate:
    """An executor with n workers, and its speedup."""

    line: str
    n: int
    speedup: Interval


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to use for one workload.

    `leaders` are the candidate with the highest speedup, first, and all those that cannot be told
    apart from it, from the fastest to the slowest; `next` is the fastest of the others. `choice` is
    the leader with the fewest workers among those whose whole interval is above 1: it costs least.
    It is None where there is no such leader: then no other candidate is above 1 either.
    """

    panel: str
    baseline: str
    leaders: tuple[Candidate, ...]
    next: Candidate | None
    choice: Candidate | None

    def text(self) -> str:
        """The recommendation in words: one line."""
        best, *others = self.leaders
        if self.choice is None:
            unclear = any(leader.speedup.high > 1 for leader in self.leaders)
            base = "the plain loop" if self.baseline == SERIAL else f"the {self.baseline} baseline"
            return (
                f"{self.panel}: nothing {'clearly ' if unclear else ''}beats {base}; "
                f"the best, {_listed([best])}, reaches {_times(best.speedup)}."
            )
        told = f"{self.panel}: use {self.choice.line} with n = {self.choice.n}: "
        told += f"{_times(self.choice.speedup)}."
        if others:
            which = "it" if self.choice is best else f"the best, {_listed([best])}"
            told += f" {_listed(others)} cannot be told apart from {which}"
        if self.next is not None:
            told += f"{';' if others else ''} {self._lead(self.next)}"
        return told.rstrip(".") + "."

    def _lead(self, beaten: Candidate) -> str:
        """By how much the leaders beat the next: what holds for all of them, if anything does."""
        best, slowest = self.leaders[0], self.leaders[-1]
        who, lead = "only the best clearly beats", _times(_ratio(best, beaten))
        if best is slowest:
            who = "It beats"
        elif all(_ratio(leader, beaten).low > 1 for leader in self.leaders):
            who = "both beat" if len(self.leaders) == 2 else "all beat"
            lead = f"at least {_times(_ratio(slowest, beaten))}"
        return f"{who} the next, {_listed([beaten])}, by {lead}"


def recommend(summary: pd.DataFrame) -> list[Recommendation]:
    """The recommendation for each workload with two candidates or more.

    `summary` is the frame of `summarise`. A candidate is a cell that is ok, has an interval
    of its speedup, works with more than the calling thread, and does not forget to join. Two of
    them can be told apart if the 95% interval of the ratio of their speedups does not contain 1.
    There is no correction for comparing many pairs.
    """
    cells = summary.assign(**labels(summary))
    numbers = cells[["speedup", "speedup_low", "speedup_high"]].notna().all(axis=1)
    kept = (cells["status"] == "ok") & numbers & (cells["worker_kind"] != "caller")
    if "metric.results_missing" in cells:
        kept &= cells["metric.results_missing"].isna()
    found = [
        _recommendation(str(panel), str(group["baseline"].iloc[0]), list(_candidates(group)))
        for (_, _, panel), group in cells.loc[kept].groupby(["workload", "scaling", "panel"])
        if len(group) > 1
    ]
    return sorted(found, key=lambda recommendation: in_order(recommendation.panel))


def _candidates(cells: pd.DataFrame) -> Iterator[Candidate]:
    """From the fastest to the slowest."""
    columns = ["line", "n", "speedup", "speedup_low", "speedup_high"]
    ordered = cells.sort_values("speedup", ascending=False, kind="stable")
    for line, n, *speedup in ordered[columns].itertuples(index=False):
        yield Candidate(str(line), int(n), Interval(*map(float, speedup)))


def _recommendation(panel: str, baseline: str, candidates: list[Candidate]) -> Recommendation:
    best = candidates[0]
    leaders = [c for c in candidates if c is best or _ratio(best, c).low <= 1]
    others = [c for c in candidates if c not in leaders]
    sure = [c for c in leaders if c.speedup.low > 1]
    choice = min(sure, key=lambda c: c.n, default=None)
    return Recommendation(panel, baseline, tuple(leaders), others[0] if others else None, choice)


def _ratio(above: Candidate, below: Candidate) -> Interval:
    """The ratio of two speedups, each of which has a baseline of its own."""
    return above.speedup.over(below.speedup)


def _bounds(interval: Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.low, interval.high


def _times(interval: Interval) -> str:
    return bracketed(*_bounds(interval), "×")


def _listed(candidates: Iterable[Candidate]) -> str:
    """Each executor once, with its n."""
    lines: dict[str, list[int]] = {}
    for candidate in candidates:
        lines.setdefault(candidate.line, []).append(candidate.n)
    names = [f"{line} n = {', '.join(map(str, sorted(ns)))}" for line, ns in lines.items()]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
