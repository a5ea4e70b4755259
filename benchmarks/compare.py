"""How often a comparison of two results says what is not so, and what it finds.

    python -m benchmarks.compare [TIMES]

prints Markdown tables. A result has CELLS cells; each is a window of ROUNDS rounds in a row of a
recording of benchmarks/data, spread over INTERPRETERS as those of a cell. Both results draw their
windows independently, from anywhere in the same recording of each cell: what changed on the machine
between two windows is in them, as it is between two results.

For windows in which a slowdown is to be found, the deviations of the rounds from their mean are
made smaller by one factor, so that the half-width of a ratio is that of a quiet machine; their
order, outliers and drift stay in proportion.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.coverage import INTERPRETERS, print_row
from benchmarks.recorded import DATA, Recording, read
from runners.analysis.verdicts import (
    Margin,
    Pair,
    Quantity,
    Times,
    Verdict,
    drift,
    margin,
    verdicts,
)

CELLS = 10
ROUNDS = 20
TIMES = 2000
HALF_WIDTH = 0.015
"""Of the ratio of one cell, by itself."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a cell's rounds come from: logarithms of the times of both sides, in order."""

    baseline: np.ndarray
    measured: np.ndarray

    @classmethod
    def of(cls, recording: Recording) -> "Source":
        return cls(np.log(recording.baseline_s), np.log(recording.measured_s))

    def quieter(self, factor: float) -> "Source":
        def shrunk(logs: np.ndarray) -> np.ndarray:
            middle = np.median(logs)
            return np.asarray(middle + factor * (logs - middle))

        return Source(shrunk(self.baseline), shrunk(self.measured))

    def window(self, chance: np.random.Generator, slower: float = 1.0) -> Times:
        """Rounds in a row, whose parallel side is so many times slower."""
        at = int(chance.integers(len(self.baseline) - ROUNDS + 1))
        part = slice(at, at + ROUNDS)
        process = np.arange(ROUNDS) * INTERPRETERS // ROUNDS
        return Times(np.exp(self.baseline[part]), slower * np.exp(self.measured[part]), process)


def quiet_factor(sources: list[Source], what: Quantity, half_width: float) -> float:
    """By how much deviations have to shrink for a median half-width of a ratio as asked for."""
    chance = np.random.default_rng(1)
    found = []
    for _ in range(50):
        found += [pair.ratio(what).half_width for pair in compared(sources, chance).values()]
    return half_width / float(np.median(found))


def compared(
    sources: list[Source],
    chance: np.random.Generator,
    slower: float = 1.0,
    *,
    drifts: bool = True,
) -> dict[int, Pair]:
    """The cells of two results, one measured after the other; those of a source are a workload.

    Without `drifts` no loop is known to have been measured twice, as where all cells share a panel.
    """
    of = [int(chance.integers(len(sources))) for _ in range(CELLS)]
    sides = [
        [sources[k].window(chance, factor if cell == 0 else 1.0) for cell, k in enumerate(of)]
        for factor in (1.0, slower)
    ]
    wander = drift(
        [side[cell] for cell, own in enumerate(of) if own == k]
        for side in (sides if drifts else ())
        for k in set(of)
    )
    both = enumerate(zip(*sides, strict=True))
    return {cell: Pair(before, after, wander) for cell, (before, after) in both}


def report(
    name: str,
    sources: list[Source],
    what: Quantity,
    slower: float,
    margins: Sequence[float | None],
    times: int,
    *,
    drifts: bool = True,
) -> None:
    """A row for each margin; None is the one that is found in the results themselves."""
    chance = np.random.default_rng(0)
    found: dict[float | None, list[list[Verdict]]] = {asked: [] for asked in margins}
    for _ in range(times):
        pairs = compared(sources, chance, slower, drifts=drifts)
        for asked, told in found.items():
            limit = Margin(asked or 0.0, "", asked=True)
            if asked is None:
                limit = margin(pairs.values(), [], what, pairs[0].drift)
            told.append(list(verdicts(pairs, what, limit).values()))
    for asked, told in found.items():
        first = "" if slower == 1 else f"{np.mean([own[0] == 'worse' for own in told]):.1%}"
        rest = [own[slower > 1 :] for own in told]
        others = [verdict for own in rest for verdict in own]
        print_row(
            *(name, what, "its own" if asked is None else f"{asked:.0%}", f"{slower - 1:.0%}"),
            *(first, f"{np.mean(['worse' in own for own in rest]):.1%}"),
            *(
                f"{np.mean([v == kind for v in others]):.0%}"
                for kind in ("not worse", "inconclusive")
            ),
        )
        sys.stdout.flush()


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else TIMES
    recordings = {file.stem: Source.of(read(file)) for file in sorted(DATA.glob("*.csv"))}
    kinds = {
        kind: [source for name, source in recordings.items() if kind in name]
        for kind in ("quiet", "loaded")
    }
    print_row(
        *("recordings", "verdicts on", "margin", "one cell slower by", "that cell is worse"),
        *("any other worse", "others not worse", "others inconclusive"),
    )
    print_row(*["---"] * 8)
    quantities: tuple[Quantity, ...] = ("parallel", "speedup")
    for what in quantities:
        for kind, sources in kinds.items():
            report(kind, sources, what, 1.0, (0.0, 0.05, None), times)
            name = f"{kind}, no loop twice"
            report(name, sources, what, 1.0, (0.0, 0.05, None), times, drifts=False)
        for kind, sources in kinds.items():
            factor = quiet_factor(sources, what, HALF_WIDTH)
            calm = [source.quieter(factor) for source in sources]
            name = f"{kind}, deviations × {factor:.2f}"
            report(name, calm, what, 1.0, (0.0, None), times)
            report(name, calm, what, 1.1, (0.0, None), times)
            report(name, calm, what, 1.01, (0.05,), times)


if __name__ == "__main__":
    main()
