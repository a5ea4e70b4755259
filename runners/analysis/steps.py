"""Where a series of measurements goes to another level, and where one of them stands apart.

docs/method.md, "Results over time", has the formulas and how often they are wrong.
"""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from scipy.special import stdtr

from runners.analysis.headline import LARGEST, student_t
from runners.analysis.interval import Floats, Interval
from runners.analysis.rounds import Rows
from runners.analysis.verdicts import ERROR_RATE, FEWEST_FREEDOM

Kind = Literal["step", "outlier"]
Name = TypeVar("Name", bound=Hashable)

ENOUGH = 20
"""From so many degrees of freedom on the scatter of a series itself says how far to believe it."""
WANDERS = 2.0
"""So much further the machine is taken to go between measurements than within one, where how far it
goes has not been seen."""
MOST_FREEDOM = 1000
"""More are as good as the normal distribution."""


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity over results, in order: arrays of shape (results,).

    `logs` are the logarithms of typical values; `errors` are their standard errors by the rounds
    and interpreters of each result alone, with `freedom` degrees of freedom. Series of one `group`,
    of the same length, were measured in the same results. `margin` is the logarithm of what values
    may differ by where the series is too short to tell it.
    """

    logs: Floats
    errors: Floats
    freedom: Floats
    group: Hashable = None
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """The level changes at position `at`, or only that result is apart from the others.

    `ratio` is the value from there on over the one before, with its 95% interval; that of an
    outlier over the others. `alone` says that a step is about one result: the last, of which
    nobody knows yet whether it stays, or the first.
    """

    kind: Kind
    at: int
    ratio: Interval
    alone: bool = False


@dataclass(frozen=True, slots=True)
class _Partition:
    """Some results of a segment, `rows`, against `others`; `p` is that of Student's t."""

    kind: Kind
    rows: Rows
    others: Rows
    p: float


@dataclass(frozen=True, slots=True)
class _Group:
    """The series of a group: arrays of shape (series, results)."""

    logs: Floats
    errors: Floats

    def inflation(self, parts: Sequence[Rows]) -> float:
        """How much larger the variance of results around the levels of these parts is than their
        own noise says: the middle one of all series, and 1 if it is not.

        The square of Birge's ratio (Phys. Rev. 40, 1932). A median, since some may have steps.
        """
        squares = np.zeros(len(self.logs))
        expected, freedom = np.zeros(len(self.logs)), 0
        for own in parts:
            logs = self.logs[:, own]
            squares += np.square(logs - logs.mean(axis=1, keepdims=True)).sum(axis=1)
            expected += np.square(self.errors[:, own]).sum(axis=1) * (1 - 1 / len(own))
            freedom += len(own) - 1
        known = expected > 0
        if not freedom or not known.any():
            return 1.0
        # The median of chi square over its degrees of freedom: Wilson and Hilferty.
        middle = (1 - 2 / (9 * freedom)) ** 3
        return max(1.0, float(np.median(squares[known] / expected[known])) / middle)


class _Levels:
    """A series cut into segments of one level each, without its outliers."""

    def __init__(self, series: Series, group: _Group) -> None:
        self.series, self.group = series, group
        self.segments: list[Rows] = [np.arange(len(series.logs))]
        self.outliers: list[int] = []

    @property
    def partitions(self) -> int:
        """Into how many pairs of parts a series can fall: between two results, or one and the rest.

        The first and the last are each the one result of a part as well.
        """
        return max(2 * len(self.series.logs) - 3, 1)

    def best(self, margin: float) -> _Partition | None:
        """Of all segments, the partition that noise would least explain."""
        found = (one for at in range(len(self.segments)) for one in self._partitions(at, margin))
        return min(found, key=lambda one: one.p, default=None)

    def split(self, best: _Partition) -> None:
        place = next(at for at, own in enumerate(self.segments) if np.isin(best.rows, own).all())
        if best.kind == "outlier":
            self.segments[place] = best.others
            self.outliers.append(int(best.rows[0]))
        else:
            self.segments[place : place + 1] = [best.others, best.rows]

    def _partitions(self, place: int, margin: float) -> Iterator[_Partition]:
        own = self.segments[place]
        rest = [other for at, other in enumerate(self.segments) if at != place]
        for k in range(1, len(own)):
            yield self._tested("step", own[k:], own[:k], rest, margin)
        for k in range(1, len(own) - 1):
            yield self._tested("outlier", own[k : k + 1], np.delete(own, k), rest, margin)

    def _tested(
        self, kind: Kind, rows: Rows, others: Rows, rest: list[Rows], margin: float
    ) -> _Partition:
        logs = self.series.logs
        error, free, known = self._error(rows, others, rest)
        near = self.series.margin * (WANDERS if not known else 1.0 if free < ENOUGH else 0.0)
        limit = max(margin, near)
        beyond = abs(float(logs[rows].mean() - logs[others].mean())) - limit
        p = 1.0
        if beyond > 0 and math.isfinite(error):
            p = 2 * float(stdtr(free, -beyond / error)) if error > 0 else 0.0
        return _Partition(kind, rows, others, p)

    def _error(self, rows: Rows, others: Rows, rest: list[Rows]) -> tuple[float, float, bool]:
        """The standard error of a distance, its degrees of freedom, whether the scatter is known.

        It is that by the noise of each result, as much larger as results of this group are found
        to be scattered; where enough of the series itself is there, at least that by the scatter of
        its own results around their levels.
        """
        parts = [rows, others, *rest]
        variances, welch = [], 0.0
        for own in (rows, others):
            variances.append(float(np.square(self.series.errors[own]).sum()) / len(own) ** 2)
            welch += variances[-1] ** 2 / float(self.series.freedom[own].sum())
        variance = sum(variances)
        freedom = sum(len(own) - 1 for own in parts)
        free = variance**2 / welch if welch > 0 else math.inf
        if freedom < ENOUGH:
            variance *= self.group.inflation(parts)
        if freedom < FEWEST_FREEDOM:
            return math.sqrt(variance), free, False
        squares = sum(_squares(self.series.logs[own]) for own in parts)
        scatter = squares / freedom * (1 / len(rows) + 1 / len(others))
        return math.sqrt(np.fmax(variance, scatter)), float(freedom), True

    def settle(self, margin: float, allowed: float) -> None:
        """Put each step where it is best between its neighbours; one that no longer stands out
        there goes. A step that is found among others may be a little beside its place."""
        for _ in range(len(self.segments)):  # each pass that changes anything is nearer the end
            before = [own.tolist() for own in self.segments]
            at = 1
            while at < len(self.segments):
                own = np.concatenate(self.segments[at - 1 : at + 1])
                rest = [*self.segments[: at - 1], *self.segments[at + 1 :]]
                best = min(
                    (
                        self._tested("step", own[k:], own[:k], rest, margin)
                        for k in range(1, len(own))
                    ),
                    key=lambda one: one.p,
                )
                if best.p * self.partitions < allowed:
                    self.segments[at - 1 : at + 1] = [best.others, best.rows]
                    at += 1
                else:
                    self.segments[at - 1 : at + 1] = [own]
            if before == [own.tolist() for own in self.segments]:
                break

    def changes(self) -> Iterator[Change]:
        ends = len(self.segments) - 1
        for at in range(1, ends + 1):
            others, rows = self.segments[at - 1], self.segments[at]
            rest = [*self.segments[: at - 1], *self.segments[at + 1 :]]
            alone = (at == ends and len(rows) == 1) or (at == 1 and len(others) == 1)
            yield Change("step", int(rows[0]), self._ratio(rows, others, rest), alone)
        for at in self.outliers:
            # Its segment may have been cut since: it is held against the level that is around it.
            near = max(k for k, own in enumerate(self.segments) if k == 0 or own[0] < at)
            rest = [own for k, own in enumerate(self.segments) if k != near]
            yield Change("outlier", at, self._ratio(np.array([at]), self.segments[near], rest))

    def _ratio(self, rows: Rows, others: Rows, rest: list[Rows]) -> Interval:
        logs = self.series.logs
        distance = float(logs[rows].mean() - logs[others].mean())
        error, free, _ = self._error(rows, others, rest)
        reach = student_t(0.95, max(int(min(free, MOST_FREEDOM)), 1)) * error
        return Interval(
            math.exp(distance),
            math.exp(max(distance - reach, -LARGEST)),
            math.exp(min(distance + reach, LARGEST)),
        )


def _squares(logs: Floats) -> float:
    return float(np.square(logs - logs.mean()).sum())


def find_changes(
    series: Mapping[Name, Series], margin: float = 0.0, level: float = ERROR_RATE
) -> dict[Name, tuple[Change, ...]]:
    """The steps and outliers of each series, in order of position.

    A step of a series is the partition with the largest t (Worsley, J. Am. Stat. Assoc. 74, 1979),
    then those within its parts, as long as any stands out (binary segmentation). Of series that
    have none at all, the chance that anything is found in any is at most `level`: Bonferroni over
    the partitions of a series, Holm over the series. Changes within the `margin`, a ratio less 1,
    are none.
    """
    of: dict[Hashable, list[Series]] = {}
    for name, one in series.items():
        of.setdefault(_key(name, one), []).append(one)
    groups = {
        key: _Group(*(np.array([getattr(one, f) for one in own]) for f in ("logs", "errors")))
        for key, own in of.items()
    }
    levels = {
        name: _Levels(one, groups[_key(name, one)])
        for name, one in series.items()
        if len(one.logs) > 1
    }
    limit = math.log1p(margin)
    quiet = set(levels)
    waiting = {name: own.best(limit) for name, own in levels.items()}
    while True:
        allowed = level / max(len(quiet), 1)
        now = [
            (name, best)
            for name, best in waiting.items()
            if best is not None and best.p * levels[name].partitions < allowed
        ]
        if not now:
            break
        for name, best in now:
            levels[name].split(best)
            waiting[name] = levels[name].best(limit)
        quiet -= {name for name, _ in now}
    for own in levels.values():
        own.settle(limit, allowed)
    return {
        name: tuple(sorted(levels[name].changes(), key=lambda one: one.at))
        if name in levels
        else ()
        for name in series
    }


def _key(name: Hashable, one: Series) -> Hashable:
    return ("alone", name) if one.group is None else ("group", one.group, len(one.logs))
