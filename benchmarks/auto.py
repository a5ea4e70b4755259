"""Whether the n that n=auto finds is as good as the best: docs/method.md, proof 9.

    python -m benchmarks.auto [EXPERIMENTS]

prints a Markdown table. An experiment is a panel of the n that n=auto would try on a machine with
CPUS logical and CORES physical CPUs, on a curve that is known, and the second panel if there is
one. The noise is that of rounds recorded on a real machine, some in a row from a random place: the
sides of a round share how slow its baseline was, and what each has beyond that is what another
round of these had. The best is that of all n up to the CPUs, tried or not.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.recorded import DATA, Recording, read
from runners.analysis.candidate import Candidate
from runners.analysis.compare import Comparison
from runners.analysis.headline import paired_ratio
from runners.analysis.how_many import HowMany, how_many
from runners.analysis.rounds import Rounds
from runners.analysis.scaling import amdahl, usl
from runners.command.auto import between, to_try

CPUS, CORES, WORTH, INTERPRETERS = 16, 8, 0.03, 5

Curve = Callable[[int], float]

CURVES: Mapping[str, Curve] = {
    "Amdahl, 2% serial": lambda n: float(amdahl(n, 0.02)),
    "Amdahl, 10% serial": lambda n: float(amdahl(n, 0.1)),
    "USL, its peak at 9.7": lambda n: float(usl(n, 0.05, 0.01)),
    "USL, its peak at 4.9": lambda n: float(usl(n, 0.03, 0.04)),
    "plateau at the cores": lambda n: 0.97 * min(n, CORES),
    "plateau at 6": lambda n: 0.97 * min(n, 6),
    "SMT adds a quarter": lambda n: 0.97 * (n if n <= CORES else CORES * (1 + 0.25 * (n / 8 - 1))),
    "SMT adds 2%": lambda n: 0.97 * (n if n <= CORES else CORES * (1 + 0.02 * (n / 8 - 1))),
}


class Simulated(Comparison):
    """Cells whose rounds are made up; those of a panel share their numbers, and nothing else."""

    def __init__(self) -> None:
        self.rounds: dict[str, Rounds] = {}
        self.interpreter: dict[str, int] = {}
        self._speedups = {}

    def add(self, panel: str, n: int, baseline_s: NDArray[Any], measured_s: NDArray[Any]) -> None:
        rounds = len(baseline_s)
        known = {
            "panel": np.full(rounds, panel, object),
            "number": np.arange(rounds),
            "process": np.arange(rounds) * INTERPRETERS // rounds,
            "baseline_s": baseline_s,
            "measured_s": measured_s,
        }
        others = {f.name: np.full(rounds, np.nan) for f in fields(Rounds) if f.name not in known}
        self.rounds[str(n)] = Rounds(**known, **others)
        self.interpreter[str(n)] = 0

    def candidate(self, n: int) -> Candidate:
        own = self.rounds[str(n)]
        speedup = paired_ratio(own.baseline_s, own.measured_s, own.process)
        return Candidate(str(n), "pool", "pool", n, speedup)


def said(curve: Curve, noise: Recording, rounds: int, chance: np.random.Generator) -> HowMany:
    """What n=auto says of one experiment."""
    shared = np.log(noise.baseline_s)
    own = noise.logs - noise.logs.mean()
    comparison = Simulated()

    def tried(panel: str, ns: Iterable[int]) -> None:
        at = chance.integers(len(own) - rounds + 1)
        window = slice(at, at + rounds)
        for n in ns:
            measured = shared[window] - chance.permutation(own[window]) - np.log(curve(n))
            comparison.add(panel, n, np.exp(shared[window]), np.exp(measured))

    def judged() -> HowMany:
        every = [comparison.candidate(int(n)) for n in comparison.rounds]
        return how_many("pool", every, comparison, WORTH)

    tried("panel-1", to_try(CPUS, CORES, None, waits=False))
    first = judged()
    if not (more := between(first)):
        return first
    tried("panel-2", more)
    return judged()


def outcomes(
    curve: Curve, noise: Recording, rounds: int, experiments: int, seed: int = 1
) -> Counter[str]:
    """How many experiments found an n that is good (costs at most WORTH), a bad one, or none."""
    chance = np.random.default_rng(seed)
    best = max(curve(n) for n in range(1, CPUS + 1))
    counts: Counter[str] = Counter()
    for _ in range(experiments):
        enough = said(curve, noise, rounds, chance).enough
        is_good = enough is not None and curve(enough.n) * (1 + WORTH) >= best * (1 - 1e-9)
        counts["none" if enough is None else "good" if is_good else "bad"] += 1
    return counts


def main(experiments: int) -> None:
    recordings = {file.stem: read(file) for file in sorted(DATA.glob("*.csv"))}
    print("| noise of | rounds | good | bad | not decided | bad at most, on |")
    print("|---|---|---|---|---|---|")
    for name, noise in recordings.items():
        for rounds in (20, 40, 100):
            found = {curve: outcomes(CURVES[curve], noise, rounds, experiments) for curve in CURVES}
            whole = sum(found.values(), Counter[str]())
            shares = (f"{whole[what] / whole.total():.1%}" for what in ("good", "bad", "none"))
            worst = max(found, key=lambda curve: found[curve]["bad"])
            most = f"{found[worst]['bad'] / experiments:.1%}, {worst}"
            print(f"| {name} | {rounds} | {' | '.join(shares)} | {most} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
