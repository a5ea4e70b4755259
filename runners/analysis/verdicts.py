"""How much better or worse the cells of one result are than those of another, and whether.

docs/method.md, "Two results side by side", has the formulas and what was tried.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from runners.analysis.estimators import holm_by_intervals
from runners.analysis.headline import FEWEST_INTERPRETERS, LARGEST, paired_ratio, student_t
from runners.analysis.interval import Floats, Interval
from runners.analysis.rounds import Rounds

Quantity = Literal["serial", "parallel", "speedup"]
QUANTITIES: tuple[Quantity, ...] = ("serial", "parallel", "speedup")
Verdict = Literal["worse", "better", "not worse", "inconclusive"]
Name = TypeVar("Name")

ERROR_RATE = 0.05
"""Of all that is said of the cells together."""

REPEATABILITY = 2.8
"""So many standard deviations lie between two single results in 5% of the cases: 1.96·√2.

The repeatability limit of ISO 5725-6, 4.1.
"""


@dataclass(frozen=True, slots=True)
class Times:
    """A cell's complete rounds: seconds of both sides, and which interpreter ran them.

    Arrays of shape (rounds,).
    """

    baseline_s: Floats
    measured_s: Floats
    process: NDArray[np.int64]

    @classmethod
    def of(cls, rounds: Rounds) -> "Times":
        return cls(rounds.baseline_s, rounds.measured_s, rounds.process)

    def typical(self, what: Quantity, confidence: float = 0.95) -> Interval:
        """A typical time in seconds, or the speedup, with the headline's interval."""
        ones = np.ones(len(self.process))
        top, bottom = {
            "serial": (self.baseline_s, ones),
            "parallel": (self.measured_s, ones),
            "speedup": (self.baseline_s, self.measured_s),
        }[what]
        return paired_ratio(top, bottom, self.process, confidence)

    def logs(self, what: Quantity) -> Floats:
        """The logarithm of that quantity in each round."""
        if what == "speedup":
            return np.log(self.baseline_s) - np.log(self.measured_s)
        return np.log(self.baseline_s if what == "serial" else self.measured_s)


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the machine goes from one measurement of the same to the next.

    `deviations` are standard deviations of the logarithm of a typical value, with so many degrees
    of freedom.
    """

    deviations: Mapping[Quantity, float]
    freedom: int


STEADY = Drift({}, 0)
"""Nothing is known of it: no cell has two rounds."""

FEWEST_FREEDOM = 5
"""Of fewer degrees of freedom the interval that t gives would say nothing."""

WANDERS = 2.0
"""So much further the machine is taken to go between two measurements than within one.

By recordings of loaded machines (`benchmarks.compare`): the smallest factor with which hardly any
comparison of identical results is wrong.
"""


class Pair:
    """One cell in both results. All ratios are above 1 where the later result is better."""

    def __init__(self, before: Times, after: Times, drift: Drift = STEADY) -> None:
        self.before, self.after, self.drift = before, after, drift
        self._known: dict[tuple[Quantity, float], Interval] = {}

    def ratio(self, what: Quantity, confidence: float = 0.95) -> Interval:
        """How many times as fast the later one is, or how many times its speedup.

        The two were measured independently, minutes or months apart: nothing of their noise is
        shared (`Interval.over`). It is the wider one of that interval and the one by the drift.
        """
        key = what, confidence
        if key not in self._known:
            before, after = (each.typical(what, confidence) for each in (self.before, self.after))
            found = after.over(before) if what == "speedup" else before.over(after)
            if self.drift.freedom:
                reach = student_t(confidence, self.drift.freedom) * self.drift.deviations[what]
                factor = math.exp(min(math.sqrt(2) * reach, LARGEST))
                low, high = found.estimate / factor, found.estimate * factor
                found = Interval(found.estimate, min(found.low, low), max(found.high, high))
            self._known[key] = found
        return self._known[key]


def drift(loops: Iterable[Iterable[Times]], cells: Iterable[Times]) -> Drift:
    """How far the machine went from one measurement to the next, by both results.

    Each member of `loops` has the measurements of one plain loop: the panels that have the same
    workload, interpreter and result. Nothing but the machine and the noise differs between them.
    No other side is measured twice: parallel times and speedups are taken to drift as much more or
    less than the loop as they differ more or less between the parts of one measurement.

    Where hardly any loop was measured twice, as where all cells shared their rounds, it is taken
    for WANDERS times what the parts of one measurement of the `cells` differ by.
    """
    known = [list(measured) for measured in loops]
    squares, freedom = 0.0, 0
    for measured in known:
        logs = np.log([times.typical("serial").estimate for times in measured])
        if len(logs):
            squares += float(np.square(logs - logs.mean()).sum())
            freedom += len(logs) - 1
    seen: dict[Quantity, float] = {}
    if freedom:
        spreads = {what: spread((one for own in known for one in own), what) for what in QUANTITIES}
        serial = spreads["serial"]
        shares = {what: found / serial if serial > 0 else 1.0 for what, found in spreads.items()}
        seen = {what: share * math.sqrt(squares / freedom) for what, share in shares.items()}
    if freedom >= FEWEST_FREEDOM:
        return Drift(seen, freedom)
    sides = list(cells)
    freedom = sum(max(len(_units(times, "serial")) - 1, 0) for times in sides)
    if not freedom:
        return STEADY
    guessed = {what: WANDERS * spread(sides, what) for what in QUANTITIES}
    return Drift({what: max(guessed[what], seen.get(what, 0.0)) for what in QUANTITIES}, freedom)


@dataclass(frozen=True, slots=True)
class Margin:
    """What does not count as a difference: a ratio less 1, and how that was found.

    Nothing is said to be not worse by more than `claims`: on a machine where the same differs by a
    half from itself that would be no news.
    """

    value: float
    why: str
    asked: bool = False

    @property
    def claims(self) -> float:
        return self.value if self.asked else min(self.value, MOST)


MOST = 0.1
"""The largest margin found from the results that a cell is said to be not worse than."""


def margin(pairs: Iterable[Pair], itself: Iterable[Interval], what: Quantity) -> Margin:
    """By how much measurements of the same were seen to differ in both results.

    The larger of two, as far as they are known. How far the ratio of a baseline that ran twice in a
    round (`itself`) may be from 1. The repeatability limit of what is compared between the parts of
    one measurement. (What the machine does between two of them is in the intervals.) NaN where
    nothing was measured twice.
    """
    found = {
        "as far as a baseline may be from itself in the same rounds": max(
            (max(one.high, 1 / one.low) - 1 for one in itself), default=math.nan
        ),
        "within which two interpreters of one measurement lie here, 95 of 100": math.expm1(
            REPEATABILITY
            * spread((side for pair in pairs for side in (pair.before, pair.after)), what)
        ),
    }
    known = {told: value for told, value in found.items() if math.isfinite(value)}
    if not known:
        return Margin(math.nan, "no cell has two rounds to tell it from; give one with --margin")
    told = max(known, key=lambda name: known[name])
    return Margin(known[told], told)


def spread(sides: Iterable[Times], what: Quantity) -> float:
    """The standard deviation of that quantity's logarithm between the parts of a measurement.

    NaN where none has two.
    """
    squares, freedom = 0.0, 0
    for times in sides:
        units = _units(times, what)
        squares += float(np.square(units - units.mean()).sum()) if len(units) else 0.0
        freedom += max(len(units) - 1, 0)
    return math.sqrt(squares / freedom) if freedom else math.nan


def _units(times: Times, what: Quantity) -> Floats:
    """The mean logarithm of each part of a measurement: of each interpreter's rounds.

    Fewer than FEWEST_INTERPRETERS say little of how the machine changes: then as many parts of
    rounds in a row.
    """
    logs, index = times.logs(what), np.unique(times.process, return_inverse=True)[1]
    if len(logs) and index.max() + 1 < FEWEST_INTERPRETERS:
        index = np.arange(len(logs)) * min(FEWEST_INTERPRETERS, len(logs)) // len(logs)
    return np.bincount(index, logs) / np.bincount(index)


def verdicts(pairs: Mapping[Name, Pair], what: Quantity, margin: Margin) -> dict[Name, Verdict]:
    """Of each cell: worse, if its whole interval is beyond the margin; better, likewise; or not
    worse than the margin, if all of it is above that; or inconclusive.

    The chance that anything said of any cell is wrong is ERROR_RATE (Holm's method, each side with
    half of it).
    """
    if math.isnan(margin.value):
        return dict.fromkeys(pairs, "inconclusive")
    low, high, claims = 1 / (1 + margin.value), 1 + margin.value, 1 / (1 + margin.claims)

    def said(end: Literal["low", "high"], line: float, sign: int) -> set[Name]:
        return holm_by_intervals(
            lambda name, confidence: (
                sign * getattr(pairs[name].ratio(what, confidence), end) > sign * line
            ),
            pairs,
            ERROR_RATE,
        )

    worse, better = said("high", low, -1), said("low", high, 1)
    not_worse = said("low", claims, 1)
    found: dict[Name, Verdict] = {}
    for name in pairs:
        if name in worse:
            found[name] = "worse"
        elif name in better:
            found[name] = "better"
        else:
            found[name] = "not worse" if name in not_worse else "inconclusive"
    return found


def simultaneous(cells: int) -> float:
    """The confidence of each of so many intervals that hold together with 1 - ERROR_RATE."""
    return 1 - ERROR_RATE / max(cells, 1)


def why(ratios: Mapping[Quantity, Interval], loop: str = "plain loop") -> str:
    """Which side made the speedup another one, in words; "" where nothing shows that it is.

    A speedup that rose because its baseline got slower is no gain, and it is said so.
    """
    serial, parallel, speedup = (_direction(ratios[name]) for name in QUANTITIES)
    if not speedup:
        if serial == parallel != 0:
            return f"both sides got {'faster' if serial > 0 else 'slower'} alike"
        return ""
    went = "rose" if speedup > 0 else "fell"
    causes = {
        -speedup: f"the {loop} got {'slower' if speedup > 0 else 'faster'}",
        speedup: f"the parallel runs got {'faster' if speedup > 0 else 'slower'}",
    }
    if serial == -speedup and parallel == speedup:
        return f"the speedup {went} because {causes[-speedup]} and {causes[speedup]}"
    if serial == -speedup:
        more = ""
        if parallel == -speedup:
            more = ", more than the parallel runs did"
        return f"the speedup {went} because {causes[-speedup]}{more}"
    if parallel == speedup:
        more = f", more than the {loop} did" if serial == speedup else ""
        return f"the speedup {went} because {causes[speedup]}{more}"
    return f"the speedup {went}; which side changed is not clear"


def _direction(ratio: Interval) -> int:
    """1 where it is shown to be above 1, -1 below, else 0."""
    return int(ratio.low > 1) - int(ratio.high < 1)
