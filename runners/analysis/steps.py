"""Where a series of measurements goes to another level, and where one of them stands apart.

docs/method.md, "Results over time", has the formulas and how often they are wrong.
"""

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeVar

import numpy as np
from scipy.special import stdtr

from runners.analysis.headline import LARGEST, student_t
from runners.analysis.interval import Floats, Interval
from runners.analysis.rounds import Rows
from runners.analysis.verdicts import ERROR_RATE, FEWEST_FREEDOM, WANDERS

Kind = Literal["step", "outlier"]
Known = Literal["well", "hardly", "not"]
"""How well it is known by how much results are scattered."""
Name = TypeVar("Name", bound=Hashable)

KEPT = 8
"""Ways to cut a series of which is kept what was computed of a whole group."""
ENOUGH = 20
"""From so many degrees of freedom on the scatter of a series itself says how far to believe it."""
_WIDER: Mapping[Known, float] = {"well": 0.0, "hardly": 1.0, "not": WANDERS}
"""How many times the margin of a series a change has to be: where it has not been seen how far the
machine goes between measurements, that is taken to be further than within one."""
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
class _Arc:
    """The results of a segment from `first` up to `stop`, against the others; `p` is Student's t's.

    One that goes to the end of its segment is a step; one within it goes up and comes back.
    """

    place: int
    first: int
    stop: int
    p: float


class _Group:
    """Series that are looked at together: `logs` and `variances` have shape (series, results).

    What is computed of all of them at once is kept for the next one: most are cut alike, as nothing
    stands out in most.
    """

    def __init__(self, group: Sequence[Series]) -> None:
        self.logs = np.array([one.logs - one.logs.mean() for one in group])
        self.variances = np.square([one.errors for one in group])
        self._squares: dict[Hashable, Floats] = {}
        self._inflations: dict[Hashable, Floats | float] = {}

    @staticmethod
    def _key(own: Rows, first: Rows, stop: Rows, rest: Sequence[Rows]) -> Hashable:
        return tuple(rows.tobytes() for rows in (own, first, stop, *rest))

    def squares(self, own: Rows, first: Rows, stop: Rows, rest: Sequence[Rows]) -> Floats:
        """Of each series, the squares around the levels of an arc, the others, and `rest`."""
        key = self._key(own, first, stop, rest)
        if key not in self._squares:
            found = _squares(self.logs[:, own], first, stop)
            found += sum(np.square(_centred(self.logs[:, one])).sum(1)[:, None] for one in rest)
            self._squares = {**dict(islice(self._squares.items(), KEPT)), key: found}
        return self._squares[key]

    def inflation(
        self, own: Rows, first: Rows, stop: Rows, rest: Sequence[Rows], freedom: int
    ) -> Floats | float:
        """How much larger the variance of results around their levels is than their own noise says:
        the middle one of all series of the group, and 1 if it is not.

        The square of Birge's ratio (Phys. Rev. 40, 1932). A median, since some may have steps.
        """
        key = self._key(own, first, stop, rest)
        if key not in self._inflations:
            found = self._inflation(own, first, stop, rest, freedom)
            self._inflations = {**dict(islice(self._inflations.items(), KEPT)), key: found}
        return self._inflations[key]

    def _inflation(
        self, own: Rows, first: Rows, stop: Rows, rest: Sequence[Rows], freedom: int
    ) -> Floats | float:
        if not freedom:
            return 1.0
        inside, outside = stop - first, len(own) - (stop - first)
        sums = _sums(self.variances[:, own], first, stop)
        expected = sums[0] * (1 - 1 / inside) + sums[1] * (1 - 1 / outside)
        for one in rest:
            expected += self.variances[:, one].sum(axis=1)[:, None] * (1 - 1 / len(one))
        known = (expected > 0).all(axis=1)
        if not known.any():
            return 1.0
        # The median of chi square over its degrees of freedom: Wilson and Hilferty.
        middle = (1 - 2 / (9 * freedom)) ** 3
        squares = self.squares(own, first, stop, rest)
        ratio = np.median(squares[known] / expected[known], axis=0) / middle
        return np.asarray(np.maximum(1.0, ratio))


class _Levels:
    """A series cut into segments of one level each, without its outliers.

    It is at `row` of its group.
    """

    def __init__(self, series: Series, group: "_Group", row: int) -> None:
        self.series, self.group, self.row = series, group, row
        self.logs, self.variances = group.logs, group.variances
        self.segments: list[Rows] = [np.arange(len(series.logs))]
        self.outliers: list[int] = []

    @property
    def partitions(self) -> int:
        """Into how many arcs and others a series can fall."""
        return len(self.series.logs) * (len(self.series.logs) - 1) // 2

    def best(self, margin: float) -> _Arc | None:
        """The arc that noise would least explain, of all segments."""
        found = (self._best(place, margin) for place in range(len(self.segments)))
        return min((one for one in found if one), key=lambda one: one.p, default=None)

    def find(self, margin: float, allowed: float) -> bool:
        """Cut where something stands out, and say whether it was found.

        Two changes may hide each other, as each is scatter to the other. So an arc is also looked
        for with the best one out of the way, whichever that is: of as many pairs as there are.
        """
        best = self.best(margin)
        if best is None:
            return False
        if best.p * self.partitions < allowed:
            self.split(best)
            return True
        before = list(self.segments), list(self.outliers)
        self.split(best)
        second = self.best(margin)
        if second is not None and second.p * self.partitions**2 < allowed:
            self.split(second)
            return True
        self.segments, self.outliers = before
        return False

    def split(self, best: _Arc) -> None:
        own = self.segments[best.place]
        parts = [own[: best.first], own[best.first : best.stop], own[best.stop :]]
        if best.stop == best.first + 1 < len(own):
            self.outliers.append(int(parts[1][0]))
            parts = [np.concatenate([parts[0], parts[2]])]
        self.segments[best.place : best.place + 1] = [part for part in parts if len(part)]

    def settle(self, margin: float, allowed: float) -> None:
        """Put each step where it is best between its neighbours; what no longer stands out beside
        the others goes. A step that is found among others may be a little beside its place."""
        for _ in range(len(self.segments) + 1):  # each pass that changes anything is nearer the end
            before = [own.tolist() for own in self.segments]
            at = 1
            while at < len(self.segments):
                self.segments[at - 1 : at + 1] = [np.concatenate(self.segments[at - 1 : at + 1])]
                best = self._best(at - 1, margin, steps_only=True)
                if best is not None and best.p * self.partitions < allowed:
                    self.split(best)
                    at += 1
            for one in list(self.outliers):
                place = self._around(one)
                apart = self.segments[place]
                self.segments[place] = np.sort(np.append(apart, one))
                best = self._best(place, margin, alone=one)
                if best is not None and best.p * self.partitions < allowed:
                    self.segments[place] = apart
                else:
                    self.outliers.remove(one)
            if before == [own.tolist() for own in self.segments]:
                break

    def _around(self, one: int) -> int:
        """The segment that an outlier is in, or beside."""
        return max(k for k, own in enumerate(self.segments) if k == 0 or own[0] < one)

    def _best(
        self, place: int, margin: float, *, steps_only: bool = False, alone: int | None = None
    ) -> _Arc | None:
        """Of one segment; of its steps only, or of that one result against the others."""
        own = self.segments[place]
        first, stop = np.triu_indices(len(own) + 1, 1)
        use = (first > 0) & ((stop == len(own)) | (not steps_only))
        if alone is not None:
            at = int(np.searchsorted(own, alone))
            use = (first == at) & (stop == at + 1)
        first, stop = first[use], stop[use]
        if not len(first) or len(own) < 2:
            return None
        rest = [other for at, other in enumerate(self.segments) if at != place]
        error, free, known = self._errors(own, first, stop, rest)
        limit = max(margin, _WIDER[known] * self.series.margin if known != "well" else 0.0)
        inside, outside = _means(self.logs[self.row, own], first, stop)
        beyond = np.abs(inside - outside) - limit
        with np.errstate(divide="ignore", invalid="ignore"):
            p = 2 * stdtr(free, -beyond / error)
        p = np.where((beyond > 0) & ~np.isnan(p), p, 1.0)
        at = int(np.argmin(p))
        return _Arc(place, int(first[at]), int(stop[at]), float(p[at]))

    def _errors(
        self, own: Rows, first: Rows, stop: Rows, rest: Sequence[Rows]
    ) -> tuple[Floats, Floats | float, Known]:
        """Of the distance of each arc of a segment from the others: its standard error, the degrees
        of freedom, and how well the scatter of results is known.

        The error is that by the noise of each result, as much larger as results of this group are
        found to be scattered; where enough of the series itself is there, at least that by the
        scatter of its own results around their levels.
        """
        inside, outside = stop - first, len(own) - (stop - first)
        variance, other = _sums(self.variances[self.row, own], first, stop)
        parts = np.array([variance / inside**2, other / outside**2])
        variance = parts.sum(axis=0)
        freedom = len(own) - 2 + sum(len(one) - 1 for one in rest)
        if freedom < ENOUGH:
            variance = variance * self.group.inflation(own, first, stop, rest, freedom)
        if freedom < FEWEST_FREEDOM:
            free = np.array(_sums(self.series.freedom[own], first, stop))
            with np.errstate(divide="ignore", invalid="ignore"):
                welch = parts.sum(axis=0) ** 2 / (parts**2 / free).sum(axis=0)
            return np.sqrt(variance), welch, "not"
        squares = self.group.squares(own, first, stop, rest)
        scatter = squares[self.row] / freedom * (1 / inside + 1 / outside)
        known: Known = "well" if freedom >= ENOUGH else "hardly"
        return np.sqrt(np.fmax(variance, scatter)), float(freedom), known

    def changes(self) -> Iterator[Change]:
        ends = len(self.segments) - 1
        for at in range(1, ends + 1):
            others, rows = self.segments[at - 1], self.segments[at]
            alone = (at == ends and len(rows) == 1) or (at == 1 and len(others) == 1)
            ratio = self._ratio(np.concatenate([others, rows]), len(others), {at - 1, at})
            yield Change("step", int(rows[0]), ratio, alone)
        for one in self.outliers:
            # Its segment may have been cut since: it is held against the level that is around it.
            at = self._around(one)
            own = np.append(self.segments[at], one)
            yield Change("outlier", one, self._ratio(own, len(own) - 1, {at}))

    def _ratio(self, own: Rows, first: int, segments: Collection[int]) -> Interval:
        """Of the results from `first` on over those before, with a 95% interval."""
        begins, stop = np.array([first]), np.array([len(own)])
        rest = [one for at, one in enumerate(self.segments) if at not in segments]
        [error], free, _ = self._errors(own, begins, stop, rest)
        after, before = _means(self.logs[self.row, own], begins, stop)
        distance = float(after[0] - before[0])
        freedom = float(np.nan_to_num(np.min(free), nan=1.0, posinf=MOST_FREEDOM))
        reach = student_t(0.95, max(int(min(freedom, MOST_FREEDOM)), 1)) * float(error)
        return Interval(
            math.exp(distance),
            math.exp(max(distance - reach, -LARGEST)),
            math.exp(min(distance + reach, LARGEST)),
        )


def _sums(values: Floats, first: Rows, stop: Rows) -> tuple[Floats, Floats]:
    """The sum of each arc and that of the others; the last axis is the results of a segment."""
    whole = np.cumsum(np.insert(values, 0, 0.0, axis=-1), axis=-1)
    inside = whole[..., stop] - whole[..., first]
    return inside, whole[..., -1:] - inside


def _means(values: Floats, first: Rows, stop: Rows) -> tuple[Floats, Floats]:
    inside, outside = _sums(values, first, stop)
    count = stop - first
    return inside / count, outside / (values.shape[-1] - count)


def _squares(values: Floats, first: Rows, stop: Rows) -> Floats:
    """The sum of squares of an arc around its mean, and of the others around theirs."""
    centred = _centred(values)
    inside, outside = _sums(centred, first, stop)
    count = stop - first
    within = np.square(centred).sum(axis=-1, keepdims=True)
    found = within - inside**2 / count - outside**2 / (values.shape[-1] - count)
    return np.asarray(np.maximum(found, 0.0))


def _centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean(axis=-1, keepdims=True))


def find_changes(
    series: Mapping[Name, Series], margin: float = 0.0, level: float = ERROR_RATE
) -> dict[Name, tuple[Change, ...]]:
    """The steps and outliers of each series, in order of position.

    What is looked for is the arc of results in a row with the largest t against the others
    (circular binary segmentation: Olshen et al., Biostatistics 5, 2004), then those within its
    parts, as long as any stands out; two that hide each other are found as a pair. Of series that
    have none at all, the chance that anything is found in any is at most `level`: Bonferroni over
    the arcs of a series, Holm over the series. Changes within the `margin`, a ratio less 1, are
    none.
    """
    of: dict[Hashable, list[Series]] = {}
    for name, one in series.items():
        of.setdefault(_key(name, one), []).append(one)
    groups = {key: _Group(own) for key, own in of.items() if len(own[0].logs) > 1}
    rows: Counter[Hashable] = Counter()
    levels = {}
    for name, one in series.items():
        if (key := _key(name, one)) in groups:
            levels[name] = _Levels(one, groups[key], rows[key])
            rows[key] += 1
    limit = math.log1p(margin)
    quiet = set(levels)
    while True:
        allowed = level / max(len(quiet), 1)
        found = {name for name, own in levels.items() if own.find(limit, allowed)}
        if not found:
            break
        quiet -= found
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
