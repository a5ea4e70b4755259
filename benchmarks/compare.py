"""How often a comparison of two results says what is not so, and what it finds.

    python -m benchmarks.compare [--times 2000]
    python -m benchmarks.compare --live 40

prints Markdown tables. A result has CELLS cells; each is a window of ROUNDS rounds in a row of a
recording of benchmarks/data, spread over INTERPRETERS as those of a cell. Both results draw their
windows independently, from anywhere in the same recording of each cell: what changed on the machine
between two windows is in them, as it is between two results.

For windows in which a slowdown is to be found, the deviations of the rounds from their mean are
made smaller by one factor, so that the half-width of a ratio is that of a quiet machine; their
order, outliers and drift stay in proportion.

With `--live` so many pairs of small sweeps of the same code are measured here and compared.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
from runners.compare.command import side_by_side
from runners.compare.side import read_side
from runners.results.named import Named

CELLS = 10
ROUNDS = 20
TIMES = 2000
HALF_WIDTH = 0.015
"""Of the ratio of one cell, by itself."""

How = Literal["", "no loop twice", "one panel"]
"""How the cells of a result were measured: each by itself, those of a workload one after the other;
each by itself and of a workload of its own; or all of one workload in the same rounds.
"""
HOWS: tuple[How, ...] = ("", "no loop twice", "one panel")


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

    def first(self, chance: np.random.Generator) -> int:
        """Where a window begins."""
        return int(chance.integers(len(self.baseline) - ROUNDS + 1))

    def window(self, at: int, slower: float = 1.0) -> Times:
        """Rounds in a row, whose parallel side is so many times slower."""
        part = slice(at, at + ROUNDS)
        return Times(np.exp(self.baseline[part]), slower * np.exp(self.measured[part]), PROCESS)

    def beside(self, at: int, chance: np.random.Generator) -> Times:
        """Another side of the same rounds: the same interpreters and minutes, in another order."""
        own = self.window(at)
        mixed = np.lexsort((chance.random(ROUNDS), PROCESS))
        return Times(own.baseline_s, own.measured_s[mixed], PROCESS)


PROCESS = np.arange(ROUNDS) * INTERPRETERS // ROUNDS


def quiet_factor(sources: list[Source], what: Quantity, half_width: float) -> float:
    """By how much deviations have to shrink for a median half-width of a ratio as asked for."""
    chance = np.random.default_rng(1)
    found = []
    for _ in range(50):
        found += [pair.ratio(what).half_width for pair in compared(sources, chance).values()]
    return half_width / float(np.median(found))


def compared(
    sources: list[Source], chance: np.random.Generator, slower: float = 1.0, how: How = ""
) -> dict[int, Pair]:
    """The cells of two results, one measured after the other; the first one is slower then."""
    of = [int(chance.integers(len(sources))) for _ in range(CELLS)]
    sides = [
        _together(sources[of[0]], chance, factor)
        if how == "one panel"
        else _apart([sources[k] for k in of], chance, factor)
        for factor in (1.0, slower)
    ]
    wander = drift(
        (
            [side[cell] for cell, own in enumerate(of) if own == k]
            for side in (() if how else sides)
            for k in set(of)
        ),
        (times for side in sides for times in side),
    )
    both = enumerate(zip(*sides, strict=True))
    return {cell: Pair(before, after, wander) for cell, (before, after) in both}


def _apart(sources: list[Source], chance: np.random.Generator, slower: float) -> list[Times]:
    factors = [slower, *[1.0] * (CELLS - 1)]
    return [
        source.window(source.first(chance), factor)
        for source, factor in zip(sources, factors, strict=True)
    ]


def _together(source: Source, chance: np.random.Generator, slower: float) -> list[Times]:
    at = source.first(chance)
    return [source.window(at, slower), *(source.beside(at, chance) for _ in range(CELLS - 1))]


def report(
    name: str,
    sources: list[Source],
    what: Quantity,
    slower: float,
    margins: Sequence[float | None],
    times: int,
    how: How = "",
) -> None:
    """A row for each margin; None is the one that is found in the results themselves."""
    chance = np.random.default_rng(0)
    name = f"{name}, {how}" if how else name
    found: dict[float | None, list[list[Verdict]]] = {asked: [] for asked in margins}
    for _ in range(times):
        pairs = compared(sources, chance, slower, how)
        for asked, told in found.items():
            limit = Margin(asked or 0.0, "", asked=True)
            if asked is None:
                limit = margin(pairs.values(), [], what)
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


def simulate(times: int) -> None:
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
            for how in HOWS:
                report(kind, sources, what, 1.0, (0.0, 0.05, None), times, how)
        for kind, sources in kinds.items():
            factor = quiet_factor(sources, what, HALF_WIDTH)
            calm = [source.quieter(factor) for source in sources]
            name = f"{kind}, deviations × {factor:.2f}"
            for how in HOWS:
                report(name, calm, what, 1.1, (0.0, None), times, how)
                report(name, calm, what, 1.01, (0.05,), times, how)


STEPS = 100_000
"""Of a loop that takes some 3 ms."""


def count(steps: int) -> int:
    while steps:
        steps -= 1
    return steps


def live(pairs: int) -> None:
    """Measure the same twice, so many times; one line each, and what came of all."""
    import runners

    worse = 0
    found: Counter[str] = Counter()
    print_row("pair", "margin", "cells")
    print_row(*["---"] * 3)
    for number in range(1, pairs + 1):
        with tempfile.TemporaryDirectory() as place:
            results = [Named(name, Path(place) / name) for name in ("before", "after")]
            for result in results:
                runners.speedup(
                    *(count, [(STEPS,)] * 2),
                    executor=["thread_pool", "process_pool"],
                    parameters={"measure.max_rounds": ROUNDS},
                    folder=result.folder,
                    quiet=True,
                )
            told, _ = side_by_side(*map(read_side, results))
        worse += "worse" in told.counts
        found.update(told.counts)
        cells = ", ".join(f"{count} {outcome}" for outcome, count in told.counts.items())
        print_row(number, f"{told.margin.value:.1%}", cells)
        sys.stdout.flush()
    cells = ", ".join(f"{count} {outcome}" for outcome, count in found.items())
    print(f"\nany worse in {worse} of {pairs} comparisons; of all cells: {cells}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare")
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--live", type=int, metavar="PAIRS")
    options = parser.parse_args()
    if options.live is None:
        simulate(options.times)
    else:
        live(options.live)


if __name__ == "__main__":
    main()
