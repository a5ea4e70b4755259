"""The head of the page: what the results say, and what makes it doubtful."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass

from runners.analysis.candidate import times
from runners.analysis.fastest import Fastest
from runners.analysis.recommend import Recommendation
from runners.report.entries import Entry
from runners.report.markdown import busy
from runners.words.grouped import grouped_flags
from runners.words.rounding import bracketed, counted

MOST_ANSWERS, MOST_SPEEDUPS = 50, 12
"""Recommendations that are told, and speedups where nothing is recommended."""
MOST_NAMES = 6
"""Workloads in the title."""
DOUBTFUL = ("throttled", "steal", "not_exclusive", "fewer_cpus", "few_rounds", "not_steady")
"""Flags that are told beside the answer; what a busy machine is has a line of its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is recommended for a workload: a line, and lines on its executors."""

    text: str
    more: tuple[str, ...]
    is_decided: bool


def title(workloads: Sequence[str]) -> str:
    more = len(workloads) - MOST_NAMES
    names = ", ".join(workloads[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"Speedup of {names}"


def about(
    every: Sequence[Entry], runs: int, moments: str, machines: Sequence[Mapping[str, str]]
) -> str:
    told = f"{counted(len(every), 'cell').capitalize()}, {runs:,} runs{moments}"
    if len(machines) == 1:
        known = (machines[0].get(name) for name in ("cpu_model_name", "platform"))
        told += "".join(f", {one}" for one in known if one)
        told += f", {float(machines[0]['usable_cpus']):g} usable CPUs"
    return f"{told}."


def answers(recommended: Iterable[Recommendation | Fastest]) -> Iterator[Answer]:
    for one in recommended:
        first, *more = one.lines()
        decided = one.choice is not None if isinstance(one, Recommendation) else len(one.open) == 1
        yield Answer(first, tuple(more), decided)


def speedups(every: Sequence[Entry]) -> list[str]:
    """The answer where nothing is recommended, of a few cells."""
    known = [one for one in every if one.cell.rounds][:MOST_SPEEDUPS]
    return [f"{one.name}: {times(one.cell.speedup)}" for one in known]


def machine(every: Sequence[Entry]) -> Iterator[str]:
    """What the machine gave to loops that share nothing, for each number of them."""
    given: dict[int, set[tuple[float, float, float]]] = {}
    for one in every:
        if math.isfinite(one.cell.ceiling.estimate):
            given.setdefault(one.cell.n, set()).add(astuple(one.cell.ceiling))
    for n, ceilings in sorted(given.items()):
        several = sorted(ceilings)
        told = bracketed(*several[0], unit="×")
        if len(several) > 1:
            told = f"{several[0][0]:.2f}× to {several[-1][0]:.2f}×"
        yield f"{told} for {counted(n, 'loop')} that share nothing"


def doubts(every: Sequence[Entry], missing: str) -> Iterator[str]:
    """What makes the answer doubtful."""
    if missing:
        yield missing
    if told := busy(every):
        yield told
    statuses = Counter(one.cell.status for one in every)
    bad = {name: statuses[name] for name in statuses if name not in ("ok", "unsupported")}
    if bad:
        which = ", ".join(f"{count} {name}" for name, count in bad.items())
        yield f"{counted(sum(bad.values()), 'cell').capitalize()} of {len(every)} not ok: {which}."
    if alone := sum(one.cell.rounds == 1 for one in every):
        yield f"{counted(alone, 'cell').capitalize()} with one round: no interval."
    for group in grouped_flags(
        [[flag for flag in one.cell.flags if flag.code in DOUBTFUL] for one in every]
    ):
        which = f"{counted(len(group.members), 'cell')} of {len(every)}"
        yield f"{_sentence(group.words)}: {which}; {group.remedy}."


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
