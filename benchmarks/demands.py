"""How often a test of a speedup tells the wrong thing, and how often nothing.

    python -m benchmarks.demands [--tests 2000] [--rounds 10 20 30]
    python -m benchmarks.demands --live 40

Takes the rounds that were recorded on a quiet and on a loaded machine (benchmarks/data),
scales each recording so that its speedup is SPEEDUP, and has as many tests measure a window of
rounds in a row of it: `at_least` each of the THRESHOLDS. A test fails, or passes only just, if a
second measurement, the window after it, agrees. The machine's ceiling, which would take failures
away, is left out.

With `--live` so many real tests are made here of two tasks that sleep, one longer than the other,
so that two threads reach SPEEDUP; each is measured once, or twice where a threshold asks for that.
"""

import argparse
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.coverage import INTERPRETERS, print_row
from benchmarks.recorded import DATA, Recording, read
from runners.analysis.cell import CellSummary
from runners.analysis.demand import Outcome, Verdict, agreed, at_least
from runners.analysis.headline import paired_ratio
from runners.analysis.interval import Interval
from runners.model import VERDICT_ROUNDS
from tests import synthetic

SPEEDUP = 1.8
THRESHOLDS = (1.5, 1.75, 1.85, 2.0)


def scaled(recording: Recording) -> Recording:
    """The same rounds with a typical speedup of SPEEDUP."""
    whole = paired_ratio(recording.baseline_s, recording.measured_s).estimate
    return replace(recording, measured_s=recording.measured_s * whole / SPEEDUP)


def windows(recording: Recording, rounds: int) -> list[Interval]:
    """What cells would show that were measured in so many rounds in a row, by their first one."""
    process = np.arange(rounds) * INTERPRETERS // rounds
    return [
        paired_ratio(
            recording.baseline_s[at : at + rounds], recording.measured_s[at : at + rounds], process
        )
        for at in range(len(recording.process) - rounds + 1)
    ]


def cell_of(speedup: Interval) -> CellSummary:
    """A cell on a quiet machine whose ceiling nobody knows: nothing excuses a failure."""
    nothing = Interval(math.nan, math.nan, math.nan)
    cell = synthetic.cell(n=2, bound=math.inf, usable_cpus=2.0, worker_kind="process")
    cell = replace(cell, rounds=VERDICT_ROUNDS, others_share=0.0, steal_share=0.0)
    return replace(cell, speedup=speedup, ceiling=nothing, attainable=math.nan)


def tested(verdicts: Sequence[Verdict], rounds: int, at: int) -> Outcome:
    """The outcome of a test whose first measurement begins with that round.

    What is not sure has to show twice: the second one begins where the first one ends, or, at the
    end of the recording, ends where that begins.
    """
    first = verdicts[at]
    if first.sure or first.outcome == "inconclusive":
        return first.outcome
    after = at + rounds if at + rounds < len(verdicts) else max(at - rounds, 0)
    return agreed(first, verdicts[after]).outcome


def simulate(files: Sequence[Path], tests: int, sizes: Sequence[int]) -> None:
    chance = random.Random(1)
    print_row("recording", "rounds", *(f"at least {least:g}" for least in THRESHOLDS))
    print_row(*["---"] * (2 + len(THRESHOLDS)))
    for file in files:
        recording = scaled(read(file))
        for rounds in sizes:
            cells = [cell_of(interval) for interval in windows(recording, rounds)]
            told = []
            for least in THRESHOLDS:
                verdicts = [at_least(cell, least) for cell in cells]
                starts = chance.choices(range(len(verdicts)), k=tests)
                found = Counter(tested(verdicts, rounds, at) for at in starts)
                wrong: Outcome = "failed" if least < SPEEDUP else "passed"
                told.append(
                    f"{wrong} {found[wrong] / tests:.2%}, "
                    f"inconclusive {found['inconclusive'] / tests:.0%}"
                )
            print_row(file.stem, rounds, *told)


LONGER_S = 0.02
"""Of the two tasks: the other one lasts as long as SPEEDUP leaves of the plain loop."""


def live(tests: int) -> None:
    """Real tests, a line each, and what came of all."""
    import runners

    naps_s = [LONGER_S, (SPEEDUP - 1) * LONGER_S]

    def measured() -> CellSummary:
        result = runners.speedup(
            *(time.sleep, naps_s),
            parameters={
                "measure.min_rounds": VERDICT_ROUNDS,
                "measure.max_rounds": VERDICT_ROUNDS,
            },
            quiet=True,
        )
        return result.best

    found: dict[float, Counter[Outcome]] = {least: Counter() for least in THRESHOLDS}
    print_row("test", "speedup", *(f"at least {least:g}" for least in THRESHOLDS))
    print_row(*["---"] * (2 + len(THRESHOLDS)))
    for number in range(1, tests + 1):
        first, second = measured(), cache(measured)
        outcomes: list[Outcome] = []
        for least, counts in found.items():
            told = at_least(first, least)
            if told.outcome != "inconclusive" and not told.sure:
                told = agreed(told, at_least(second(), least))
            counts[told.outcome] += 1
            outcomes.append(told.outcome)
        speedup = first.speedup
        told_speedup = f"{speedup.estimate:.3f} [{speedup.low:.3f}, {speedup.high:.3f}]"
        print_row(number, told_speedup, *outcomes)
        sys.stdout.flush()
    print()
    for least, counts in found.items():
        wrong: Outcome = "failed" if least < SPEEDUP else "passed"
        told_counts = ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
        print(f"at least {least:g}: {counts[wrong]} of {tests} wrong ({told_counts})")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demands")
    parser.add_argument("--tests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, nargs="+", default=[10, 20, 30])
    parser.add_argument("--live", type=int, metavar="TESTS")
    options = parser.parse_args()
    if options.live is not None:
        live(options.live)
        return
    simulate(sorted(DATA.glob("*.csv")), options.tests, options.rounds)


if __name__ == "__main__":
    main()
