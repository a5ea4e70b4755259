"""Whether cells that are measured in one panel agree with the same cells, each measured by itself.

    python -m benchmarks.panel [INVOCATIONS] [OVERRIDE...]

Each invocation measures the executors once in a panel and once each by itself, in random order. The
table has a row for each executor: the ratio of the two speedups with its 90% interval, which has to
lie within 2% of 1 for them to be equivalent at the 5% level (two one-sided tests: Schuirmann,
Journal of Pharmacokinetics and Biopharmaceutics 15, 1987, 657). Below it, the time that the panel
took, beside that of the cells by themselves, and the half-widths of both.
"""

import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import stats

from runners.analysis.summary import summarise
from runners.results.read import read_runs

EXECUTORS = "thread,thread_pool,process,pool,process_pool,asyncio"
MARGIN = 0.02

Cells = dict[str, tuple[float, float]]
"""The speedup of each executor and its half-width."""


def measured(folder: Path, *overrides: str) -> tuple[Cells, float]:
    began_s = time.monotonic()
    subprocess.run(
        [
            *(sys.executable, "-m", "runners", "-m", f"executor={EXECUTORS}", "n=2"),
            *(f"hydra.sweep.dir={folder}", "sweep.report=false", *overrides),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    took_s = time.monotonic() - began_s
    summary = summarise(read_runs(folder)).set_index("executor")
    columns = summary[["speedup", "half_width"]]
    return {str(name): (float(s), float(w)) for name, s, w in columns.itertuples()}, took_s


def main(arguments: list[str]) -> int:
    count = arguments.pop(0) if arguments and arguments[0].isdecimal() else "10"
    chance = random.Random(1)
    ratios: dict[str, list[float]] = {}
    widths: dict[str, list[float]] = {"true": [], "false": []}
    took_s: dict[str, list[float]] = {"true": [], "false": []}
    for _ in range(int(count)):
        found: dict[str, Cells] = {}
        for panel in chance.sample(["true", "false"], 2):
            with tempfile.TemporaryDirectory() as folder:
                found[panel], seconds = measured(
                    Path(folder) / "out", f"sweep.panel={panel}", *arguments
                )
            took_s[panel].append(seconds)
            widths[panel] += [width for _, width in found[panel].values()]
        for name, (together, _) in found["true"].items():
            ratios.setdefault(name, []).append(math.log(together / found["false"][name][0]))
    apart = 0
    print("| executor | panel / by itself | 90% interval | within 2% |")
    print("|---|---|---|---|")
    for name, logs in ratios.items():
        mean, error = float(np.mean(logs)), float(stats.sem(logs))
        reach = float(stats.t.ppf(0.95, len(logs) - 1)) * error
        low, high = math.exp(mean - reach), math.exp(mean + reach)
        inside = low > 1 - MARGIN and high < 1 + MARGIN
        apart += not inside
        told = "yes" if inside else "not shown"
        print(f"| {name} | {math.exp(mean):.3f} | {low:.3f} to {high:.3f} | {told} |")
    together, alone = (statistics.median(took_s[panel]) for panel in ("true", "false"))
    narrow, wide = (statistics.median(widths[panel]) for panel in ("true", "false"))
    print(f"panel {together:.0f} s, by themselves {alone:.0f} s: ratio {together / alone:.2f}")
    print(f"median half-width: panel {narrow:.1%}, by themselves {wide:.1%}")
    # To the same precision: the time that a measurement needs grows with the square of 1/width.
    print(f"time to the same precision: ratio {together / alone * (narrow / wide) ** 2:.2f}")
    return 1 if apart else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
