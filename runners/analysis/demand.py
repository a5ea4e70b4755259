"""Whether a measured speedup is what a test asks for: yes, no, or this machine cannot tell.

A verdict is that of the 95% interval as a whole. An interval that holds the threshold tells
nothing, and neither does a speedup below it where the machine itself, by loops that share nothing,
has not given that much. On a loaded machine the rounds of a minute may have a typical ratio that
those of the next one have not, so what fails, or passes only just, has to show in a second
measurement as well (`benchmarks.demands`).
"""

import math
from dataclasses import dataclass
from typing import Literal

from runners.analysis.cell import CellSummary
from runners.analysis.interval import Interval
from runners.model import VERDICT_ROUNDS

Outcome = Literal["passed", "failed", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of a demand on one cell, and why: a few words."""

    outcome: Outcome
    reason: str
    sure: bool = False
    """It passes, and would if the interval were twice as wide: no second measurement is needed."""


class Impossible(ValueError):
    """No measurement could ever meet the demand; the message says why."""


Demand = Literal["at_least", "at_most", "no_slower", "efficiency_at_least"]
"""What may be asked of a cell: the functions below of that name."""


def refuse(name: Demand, value: float, workers: int) -> None:
    """Raise Impossible where no measurement with so many workers could meet that demand.

    To be asked before anything is measured.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Impossible(f"{value!r}: it takes a number")
    if name == "no_slower" and value < 0:
        raise Impossible(f"margin={value:g}: it has to be 0 or more, as 0.05 for 5%")
    if name == "efficiency_at_least" and not 0 < value <= 1:
        raise Impossible(f"an efficiency of {value:g}: it has to be above 0 and at most 1")
    if name in ("at_least", "at_most") and value <= 0:
        raise Impossible(f"a speedup of {value:g}: it has to be above 0")
    if name == "at_least" and value > workers:
        there = f"{workers} worker{'s' * (workers != 1)}"
        raise Impossible(f"a speedup of {value:g} takes more than {there}: raise n")


def at_least(cell: CellSummary, least: float) -> Verdict:
    """Whether the speedup is `least` or more. Raises Impossible where it cannot be."""
    refuse("at_least", least, 1 if cell.worker_kind == "caller" else cell.n)
    found = _judged(cell, cell.speedup, least, "interval")
    if found.outcome == "failed" and (why := _machine(cell, least)) is not None:
        return Verdict("inconclusive", f"{why}; {found.reason}")
    return _unless_busy(cell, found, cell.speedup, least)


def at_most(cell: CellSummary, most: float) -> Verdict:
    """Whether the speedup is `most` or less."""
    found = _judged(cell, cell.speedup, most, "interval")
    if found.outcome == "inconclusive":
        return found
    if found.outcome == "passed":
        return Verdict("failed", found.reason)
    return Verdict("passed", found.reason, cell.speedup.high**2 / cell.speedup.estimate <= most)


def no_slower(cell: CellSummary, margin: float) -> Verdict:
    """Whether the executor takes at most `margin` (0.05: 5%) more time than the plain loop."""
    refuse("no_slower", margin, cell.n)
    least = 1 / (1 + margin)
    found = _judged(cell, cell.speedup, least, "interval")
    return _unless_busy(cell, found, cell.speedup, least)


def efficiency_at_least(cell: CellSummary, least: float) -> Verdict:
    """Whether the speedup is that part or more of what this machine gives.

    What it gives is the measured ceiling (loops that share nothing, as many as there are workers),
    and where there is none, as for tasks that wait, what workers and CPUs allow.
    """
    refuse("efficiency_at_least", least, cell.n)
    reached, what = cell.efficiency_of_ceiling, "part of what the machine gives"
    if not math.isfinite(reached.estimate):
        reached, what = cell.speedup.scaled(1 / cell.bound), "part of the attainable speedup"
    return _unless_busy(cell, _judged(cell, reached, least, what), reached, least)


def agreed(first: Verdict, second: Verdict) -> Verdict:
    """What two measurements come to, of which the second is a fresh one."""
    if first.outcome == second.outcome:
        return second
    return Verdict("inconclusive", f"{first.reason}, and measured again: {second.reason}")


def _judged(cell: CellSummary, found: Interval, least: float, what: str) -> Verdict:
    if cell.rounds < VERDICT_ROUNDS or not math.isfinite(found.low):
        return Verdict(
            "inconclusive",
            f"there was time for {cell.rounds} rounds only, a verdict takes {VERDICT_ROUNDS}: give "
            "it more time, or the tasks less work",
        )
    if found.low >= least:
        twice = found.low**2 / found.estimate
        return Verdict("passed", f"{_told(found)} is above {least:g}", sure=twice >= least)
    if found.high < least:
        return Verdict("failed", f"{_told(found)} is below {least:g}")
    few = _few_cpus(cell) if cell.bound < cell.n else ""
    return Verdict("inconclusive", f"the {what} {_told(found)} contains {least:g}{few}")


def _few_cpus(cell: CellSummary) -> str:
    return f"; {cell.usable_cpus:g} usable CPUs, n = {cell.n}"


def _unless_busy(cell: CellSummary, found: Verdict, reached: Interval, least: float) -> Verdict:
    """The same, but for a failure that other programs may have brought about.

    They have, if twice what they took of the CPUs would make up for what is lacking: workers that
    wait for one of them hold up the others.
    """
    taken = [part for part in (cell.others_share, cell.steal_share) if math.isfinite(part)]
    share = min(sum(taken), 1.0)
    if found.outcome != "failed" or reached.high < least * max(1 - 2 * share, 0):
        return found
    busy = f"other programs or guests took {share:.0%} of the CPUs"
    return Verdict("inconclusive", f"{busy}; {found.reason}")


def _machine(cell: CellSummary, least: float) -> str | None:
    """Why a speedup below `least` is not the code's fault, or not surely; None if it is."""
    if cell.bound < least:
        return f"{cell.usable_cpus:g} usable CPUs, n = {cell.n}"
    ceiling = cell.ceiling
    if not math.isfinite(cell.attainable) or not math.isfinite(ceiling.estimate):
        return None  # tasks wait, and CPUs do not limit them
    # Under the ceiling, a whole number of workers may give less than it: attainable counts that.
    worst = cell.attainable * (ceiling.low / ceiling.estimate if ceiling.low > 0 else 1.0)
    if worst < least:
        return f"this machine gave {ceiling.estimate:.1f} CPUs"
    return None


def _told(interval: Interval) -> str:
    return f"{interval.low:.2f}–{interval.high:.2f}"
