"""Scaling laws of a sweep: each line of the figures, fitted where there is enough of it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from runners.analysis.attainable import cpu_limit
from runners.analysis.headline import pseudovalues
from runners.analysis.rounds import round_ratios
from runners.analysis.scaling import Fit, fit_amdahl, fit_usl, karp_flatt, predict
from runners.words.labels import SERIAL, labels

FEWEST = 4
"""A line is fitted if it has at least this many distinct n, one of which is 1."""


@dataclass(frozen=True, slots=True)
class SerialFraction:
    """The serial fraction that the speedup with n workers reveals, with its 95% interval."""

    n: int
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Law:
    """How one executor scales on one workload: what was fitted, or the reason why nothing was.

    The unit of throughput is that of the plain loop, so that a fit predicts speedups, scaled ones
    where `weak`. There are tasks and CPUs for `room` workers; `left_out` are the n beyond it,
    for which no law holds. `unsure` are those whose speedup has no interval: nothing is fitted to
    a number that may be anything. `serial_fractions` are Karp and Flatt's, against the same
    executor with one worker, or where `weak` Gustafson's, against the plain loop. `misfit` is the
    largest deviation of a measured speedup from the USL, relative to it, and `misfit_n` its n.
    """

    panel: str
    line: str
    weak: bool
    fitted: tuple[int, ...]
    left_out: tuple[int, ...]
    room: float
    serial_fractions: tuple[SerialFraction, ...]
    reason: str = ""
    unsure: tuple[int, ...] = ()
    usl: Fit | None = None
    amdahl: Fit | None = None
    misfit: float = math.nan
    misfit_n: int = 0


def fit_laws(
    summary: pd.DataFrame, runs: pd.DataFrame, among: pd.Index | None = None
) -> Iterator[Law]:
    """The law of every executor on every workload that was measured with 1 and three other n.

    `summary` is the frame of `summarise`, `runs` the one behind it. `among` are the rows of the
    summary whose workloads and executors are of interest, if these are not all.
    """
    cells = summary.assign(**labels(summary))
    if among is not None:
        lines = pd.MultiIndex.from_frame(cells[["panel", "line"]])
        cells = cells.loc[lines.isin(lines[cells.index.isin(among)])]
    cells = cells.loc[
        (cells["status"] == "ok") & cells["speedup"].notna() & (cells["executor"] != SERIAL)
    ]
    ratios = dict(iter(round_ratios(runs).groupby("cell")["ratio"]))
    for (panel, line), found in cells.groupby(["panel", "line"]):
        if found["n"].nunique() >= FEWEST and (found["n"] == 1).any():
            yield _law(str(panel), str(line), found.sort_values("n"), ratios)


def _law(
    panel: str, line: str, cells: pd.DataFrame, ratios: Mapping[Any, "pd.Series[float]"]
) -> Law:
    weak = bool((cells["scaling"] == "weak").all())
    # Workers without a CPU or a task to themselves run into a limit, which no law knows of: it
    # would be taken for contention, and hide what the law is asked for.
    reach = cells[["bound", "tasks"]].min(axis=1)
    sure = np.isfinite(cells[["speedup_low", "speedup_high"]].to_numpy(float)).all(axis=1)
    beyond = cells["n"] > reach
    within = cells.loc[~beyond & sure]
    fitted, left_out, unsure = (
        tuple(frame["n"].tolist()) for frame in (within, cells[beyond], cells[~beyond & ~sure])
    )
    fractions = tuple(_by_gustafson(within) if weak else _by_karp_flatt(within))
    # Tasks that leave the CPU idle for a part of their time may outnumber the CPUs.
    room = min(map(cpu_limit, within.to_dict("records")), default=math.nan)
    if not weak:
        room = min(room, within["tasks"].min())
    where = (panel, line, weak, fitted, left_out, room, fractions)
    if unsure and (len(set(fitted)) < FEWEST or 1 not in fitted):
        told = f"n = {', '.join(map(str, unsure))} "
        told += "has no interval" if len(unsure) == 1 else "have no intervals"
        return Law(*where, reason=f"{told}; raise measure.time_budget_s", unsure=unsure)
    rounds = [pseudovalues(ratios[cell]) for cell in within["cell"]]
    n = np.repeat(within["n"].to_numpy(float), [len(ratio) for ratio in rounds])
    throughput = np.concatenate(rounds) * (n if weak else 1)
    # The rounds of different cells belong to different minutes: they share no effect, but have
    # relative errors, which a single label for all of them gives.
    together = np.zeros(len(n))
    try:
        usl = fit_usl(n, throughput, rounds=together)
        amdahl = None if weak else fit_amdahl(n, throughput, rounds=together)
    except ValueError as error:
        return Law(*where, reason=str(error), unsure=unsure)
    off = within["speedup"].to_numpy() / predict(usl, within["n"])[0] - 1
    worst = int(np.argmax(np.abs(off)))
    return Law(
        *where,
        unsure=unsure,
        usl=usl,
        amdahl=amdahl,
        misfit=float(off[worst]),
        misfit_n=fitted[worst],
    )


def _by_karp_flatt(cells: pd.DataFrame) -> Iterator[SerialFraction]:
    """The larger the speedup the smaller the fraction: an interval's ends change places."""
    ends = ["speedup_n1", "speedup_n1_high", "speedup_n1_low"]
    for n, *speedups in cells.loc[cells["n"] > 1, ["n", *ends]].itertuples(index=False):
        yield SerialFraction(int(n), *(float(fraction) for fraction in karp_flatt(speedups, n)))


def _by_gustafson(cells: pd.DataFrame) -> Iterator[SerialFraction]:
    """s of Gustafson's S = n - s(n - 1), solved for s."""
    ends = ["speedup", "speedup_high", "speedup_low"]
    for n, *speedups in cells.loc[cells["n"] > 1, ["n", *ends]].itertuples(index=False):
        yield SerialFraction(int(n), *((n - float(speedup)) / (n - 1) for speedup in speedups))
