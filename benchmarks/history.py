"""How often a history shows a step where nothing changed, and which steps it finds.

    python -m benchmarks.history [TIMES]

prints a Markdown table. Each of CELLS cells of a history is measured once a commit: a window of
ROUNDS rounds in a row of a recording of benchmarks/data, drawn anew each time. What changed on
the machine between two windows is in them. Serial times, parallel times and speedups are looked at
together. For the steps, deviations are shrunk to a half-width of 1%, and the parallel side of one
cell is slower from the middle on, in the last commit, or in one that comes back.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from benchmarks.coverage import INTERPRETERS, print_row
from benchmarks.recorded import DATA, Recording, read
from runners.analysis.headline import student_t
from runners.analysis.over_time import Noise, noise, series
from runners.analysis.steps import Change, find_changes
from runners.analysis.verdicts import QUANTITIES, Quantity, Times

CELLS = 10
ROUNDS = 20
PROCESS = np.arange(ROUNDS) * INTERPRETERS // ROUNDS
HALF_WIDTH = 0.01
"""Of the time of one cell in one result, where steps are looked for."""
TIMES = 100
COMMITS = (2, 3, 6, 10, 30, 100)
SLOWER = 1.1

Key = tuple[int, Quantity]
Changes = Mapping[Key, tuple[Change, ...]]


class Cell:
    """A recording, of which each window is a measurement; deviations are `factor` times theirs."""

    def __init__(self, recording: Recording, factor: float = 1.0) -> None:
        logs = np.log(recording.baseline_s), np.log(recording.measured_s)
        self.logs = [np.median(one) + factor * (one - np.median(one)) for one in logs]
        self.known: dict[tuple[int, Quantity], Noise] = {}

    def draw(self, commits: int, chance: np.random.Generator) -> list[int]:
        """Where the windows of so many commits begin."""
        most = len(self.logs[0]) - ROUNDS
        return [int(at) for at in chance.integers(most + 1, size=commits)]

    def noise(self, at: int, what: Quantity) -> Noise:
        if (at, what) not in self.known:
            serial_s, parallel_s = (np.exp(one[at : at + ROUNDS]) for one in self.logs)
            self.known[at, what] = noise(Times(serial_s, parallel_s, PROCESS), what)
        return self.known[at, what]


def quiet_factor(recordings: list[Recording]) -> float:
    """By how much deviations have to shrink for a median half-width of a parallel time as asked."""
    errors = [
        cell.noise(at, "parallel").error
        for cell in map(Cell, recordings)
        for at in range(0, len(cell.logs[0]) - ROUNDS, 10)
    ]
    return HALF_WIDTH / (student_t(0.95, INTERPRETERS - 1) * float(np.median(errors)))


def history(
    sources: list[Cell], commits: int, chance: np.random.Generator, slow: range = range(0)
) -> Changes:
    """The changes found where the first cell is slower in these commits."""
    found = {}
    for cell in range(CELLS):
        source = sources[int(chance.integers(len(sources)))]
        windows = source.draw(commits, chance)
        for what in QUANTITIES:
            points = [source.noise(at, what) for at in windows]
            if cell == 0 and what != "serial":
                by = math.log(SLOWER) * (1 if what == "parallel" else -1)
                for at in slow:
                    points[at] = replace(points[at], log=points[at].log + by)
            found[cell, what] = series(points, group=what)
    return find_changes(found)


def report(name: str, sources: list[Cell], commits: int, times: int, *, steps: bool) -> None:
    chance = np.random.default_rng(0)
    nothing = [history(sources, commits, chance) for _ in range(times)]
    false = np.mean([any(found.values()) for found in nothing])
    shown: list[str] = []
    places = {
        "step": range(commits // 2, commits),
        "last": range(commits - 1, commits),
        "outlier": range(commits // 2, commits // 2 + 1),
    }
    for kind, slow in places.items() if steps else ():
        if kind == "outlier" and commits < 3:
            shown.append("")
            continue
        right = 0
        for _ in range(times // 10):
            own = history(sources, commits, chance, slow)[0, "parallel"]
            expected = "outlier" if kind == "outlier" else "step"
            right += [(one.kind, one.at) for one in own] == [(expected, slow[0])]
        shown.append(f"{right / (times // 10):.0%}")
    print_row(name, str(commits), f"{false:.1%}", *(shown or ["", "", ""]))
    sys.stdout.flush()


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else TIMES
    recordings = {file.stem: read(file) for file in sorted(DATA.glob("*.csv"))}
    print_row(
        *("recordings", "commits", "anything found where nothing changed"),
        *("slower from the middle on: found", "in the last commit", "in one that comes back"),
    )
    print_row(*["---"] * 6)
    for kind in ("quiet", "loaded"):
        own = [recording for name, recording in recordings.items() if kind in name]
        factor = quiet_factor(own)
        cells, calm = [Cell(one) for one in own], [Cell(one, factor) for one in own]
        for commits in COMMITS:
            report(kind, cells, commits, times, steps=False)
        for commits in COMMITS:
            report(f"{kind}, deviations × {factor:.2f}", calm, commits, times, steps=True)


if __name__ == "__main__":
    main()
