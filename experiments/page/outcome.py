"""What one experiment found out, and what several of them say together."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, get_args

import pandas as pd

from experiments.catalogue import Experiment, row_order
from experiments.language import Language
from runners.analysis.claims import BUSY_BY, Claim, Judgement, Verdict
from runners.analysis.machine import busy_by
from runners.model import Environment


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one experiment found out. `summary` is empty where nothing was measured: see `failure`.

    `command` repeats it; it is empty where that is not known.
    """

    experiment: Experiment
    command: Sequence[str]
    summary: pd.DataFrame
    environments: Sequence[Environment]
    judgements: Sequence[tuple[Claim, Judgement]]
    failure: str


TO_COME = "to come"
"""The failure of an experiment whose turn has not come yet."""


class Busy(NamedTuple):
    """How many cells, of how many, were measured on a busy machine; the largest share of it that
    others had."""

    busy: int
    cells: int
    share: float


def verdict_rows(outcomes: Iterable[Outcome]) -> list[tuple[str, Claim, Judgement]]:
    """Experiment, claim and judgement, in the order of the lecture's rows; not what is to come."""
    found = [
        (outcome.experiment.name, claim, judgement)
        for outcome in outcomes
        if outcome.failure != TO_COME
        for claim, judgement in outcome.judgements
    ]
    return sorted(found, key=lambda entry: row_order(entry[1].rows))


def counted(judgements: Iterable[Judgement], language: Language) -> str:
    """As in "holds: 3, does not hold: 1"; what there is none of is left out."""
    counts = Counter(judgement.verdict for judgement in judgements)
    return ", ".join(
        language.text(
            "page.counted", verdict=language.text(f"verdicts.{verdict}"), count=counts[verdict]
        )
        for verdict in get_args(Verdict)
        if counts[verdict]
    )


def busy(outcomes: Sequence[Outcome]) -> Busy:
    """What others had of the machine meanwhile."""
    rows = [row for one in outcomes for _, row in one.summary.iterrows() if row["status"] == "ok"]
    told = (busy_by(*(row.get(name, math.nan) for name in BUSY_BY)) for row in rows)
    shares = [share for name, share in told if name]
    return Busy(len(shares), len(rows), max(shares, default=0.0))


def warning(outcomes: Sequence[Outcome], language: Language) -> str:
    """What has to be known of all times that follow; "" where there is nothing."""
    found = busy(outcomes)
    if not found.busy:
        return ""
    share = language.number(f"{found.share:.0%}")
    return language.text("page.busy", share=share, busy=found.busy, cells=found.cells)


def coming(outcomes: Sequence[Outcome], language: Language, left: str) -> str:
    """Which experiments are still to come; `left` says how long those will take."""
    names = ", ".join(one.experiment.name for one in outcomes if one.failure == TO_COME)
    if not names:
        return ""
    return language.text("page.to_come_left" if left else "page.to_come", names=names, left=left)


def where(outcomes: Sequence[Outcome], language: Language) -> str:
    """As in "CPython 3.13.0, 2 usable CPUs, 2026-07-01."; the day alone where that is not known."""
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    for place in (each for outcome in outcomes for each in outcome.environments):
        found = (place.facts.get(f"python_{name}") for name in ("implementation", "version"))
        python = " ".join(str(each) for each in found if each is not None)
        cpus = language.number(f"{place.usable_cpus:g}")
        return language.text("page.where", python=python, cpus=cpus, date=date)
    return f"{date}."
