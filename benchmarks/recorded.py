"""Rounds recorded on real machines: how far interpreters differ, and how far estimates scatter.

    python -m benchmarks.recorded
    python -m benchmarks.recorded --record FILE [--alive A] [--groups G] [--rounds R] [OVERRIDE...]

The second records: groups of A interpreters are alive at the same time, each runs R rounds after
its warm-up, and whose turn it is is random within each block of A rounds, so that what changes on
the machine meanwhile is no difference between them. With A = 1 they follow one another, as in a
cell. FILE is a CSV with a row a round, in order of time: process, baseline_s, measured_s. An
OVERRIDE is one for `python -m runners`.

The first prints what the files of benchmarks/data say.
"""

import argparse
import csv
import math
import os
import random
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from numpy.typing import NDArray
from scipy import stats

from benchmarks.coverage import ESTIMATORS, INTERPRETERS, Estimate, covers, print_row
from runners.analysis.headline import paired_ratio
from runners.analysis.interval import Floats
from runners.measuring.interrupts import Interrupts
from runners.measuring.process import Child
from runners.model import Order, Plan, Role
from runners.planning import config
from runners.planning.hydra_versions import BASE

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"
WARMUP = 3
"""Rounds that are dropped at an interpreter's start: enough but on CPython 3.11, see gh-93554."""

Row = tuple[int, float, float]


def planned(overrides: list[str]) -> Plan:
    with initialize_config_dir(str(ROOT / "conf"), **BASE):
        cfg = compose("config", overrides, return_hydra_config=True)
        HydraConfig.instance().set_config(cfg)
        return config.plan(cfg)


def recorded_rounds(plan: Plan, alive: int, groups: int, rounds: int) -> Iterator[Row]:
    """(process, seconds of the baseline, seconds of the measured side) of every round."""
    numbers = count()
    with Interrupts() as interrupts:
        for group in range(groups):
            with ExitStack() as stack:
                children = [
                    stack.enter_context(Child([plan], random.getrandbits(32), interrupts))
                    for _ in range(alive)
                ]
                for block in range(WARMUP + rounds):
                    for at in random.sample(range(alive), alive):
                        process, walls = group * alive + at, {}
                        roles: list[Role] = ["baseline", "measured"]
                        random.shuffle(roles)
                        number = next(numbers)
                        for position, role in enumerate(roles):
                            order = Order(
                                process, number, position, role, block == 0, block < WARMUP
                            )
                            run = children[at].run(order)
                            assert run.status == "ok", run.error
                            walls[role] = run.wall_s or 0.0
                        if block >= WARMUP:
                            yield process, walls["baseline"], walls["measured"]


def record(file: Path, rows: Iterator[Row]) -> None:
    print("load average", os.getloadavg())
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["process", "baseline_s", "measured_s"])
        for process, baseline_s, measured_s in rows:
            writer.writerow([process, f"{baseline_s:.6f}", f"{measured_s:.6f}"])
    print("load average", os.getloadavg())


@dataclass(frozen=True, slots=True)
class Recording:
    """Rounds in order of time: arrays of shape (rounds,)."""

    process: NDArray[np.intp]
    baseline_s: Floats
    measured_s: Floats

    @property
    def logs(self) -> Floats:
        return np.log(self.baseline_s / self.measured_s)


def read(file: Path) -> Recording:
    process, baseline_s, measured_s = np.loadtxt(file, delimiter=",", skiprows=1, unpack=True)
    return Recording(process.astype(int), baseline_s, measured_s)


def is_interleaved(recording: Recording) -> bool:
    """Whether the interpreters were alive at the same time, and took turns in blocks."""
    alive = len(np.unique(recording.process))
    return len(np.unique(recording.process[:alive])) == alive


def between(recording: Recording) -> tuple[float, float]:
    """F of the interpreters in the log ratios, and the upper 95% bound of their deviation.

    Where they took turns, of what differs from the mean of the block, so that what changed on the
    machine meanwhile is taken out; else it is taken for a difference of interpreters.
    """
    logs, process = recording.logs, recording.process
    interpreters = len(np.unique(process))
    each = len(logs) // interpreters
    freedom = len(logs) - interpreters
    if is_interleaved(recording):
        block = np.arange(len(logs)) // interpreters
        logs = logs - (np.bincount(block, logs) / interpreters)[block]
        freedom -= each - 1
    means = np.bincount(process, logs) / np.bincount(process)
    within = float(np.square(logs - means[process]).sum()) / freedom
    among = each * float(means.var(ddof=1))
    most = among * (interpreters - 1) / stats.chi2.ppf(0.05, interpreters - 1)
    return among / within, math.sqrt(max(0.0, (most - within) / each))


def autocorrelation(x: Floats, lag: int = 1) -> float:
    deviations = x - x.mean()
    return float(deviations[lag:] @ deviations[:-lag] / (deviations @ deviations))


def windows(recording: Recording, rounds: int, estimate: Estimate) -> tuple[float, float]:
    """Relative standard deviation of the estimates, the share of intervals that hold the whole one.

    Of all so many rounds in a row, spread over INTERPRETERS as those of a cell.
    """
    baseline, measured = recording.baseline_s, recording.measured_s
    whole = estimate(baseline, measured, recording.process).estimate
    process = np.arange(rounds) * INTERPRETERS // rounds
    found = [
        estimate(baseline[at : at + rounds], measured[at : at + rounds], process)
        for at in range(len(recording.process) - rounds + 1)
    ]
    deviation = float(np.std(np.log([interval.estimate for interval in found])))
    return deviation, float(np.mean([covers(interval, whole) for interval in found]))


def print_tables(files: Iterable[Path]) -> None:
    recordings = {file.stem: read(file) for file in files}
    print_row(
        *("recording", "rounds", "interpreters", "speedup", "deviation of a round"),
        *("sides correlate", "autocorrelation", "F", "interpreters differ by at most"),
    )
    print_row(*["---"] * 9)
    for name, recording in recordings.items():
        sides = np.log([recording.baseline_s, recording.measured_s])
        f, most = between(recording)
        alive = "in turn" if is_interleaved(recording) else "one by one"
        print_row(
            *(name, len(recording.process), f"{len(np.unique(recording.process))}, {alive}"),
            f"{paired_ratio(recording.baseline_s, recording.measured_s).estimate:.2f}",
            *(f"{recording.logs.std(ddof=1):.1%}", f"{np.corrcoef(sides)[0, 1]:.2f}"),
            *(f"{autocorrelation(recording.logs):.2f}", f"{f:.1f}", f"{most:.1%}"),
        )
    for rounds in (10, 20):
        print()
        print_row(f"{rounds} rounds in a row: deviation, cover", *ESTIMATORS)
        print_row(*["---"] * (1 + len(ESTIMATORS)))
        for name, recording in recordings.items():
            found = (windows(recording, rounds, estimate) for estimate in ESTIMATORS.values())
            print_row(name, *(f"{deviation:.1%}, {cover:.0%}" for deviation, cover in found))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recorded")
    parser.add_argument("--record", type=Path, metavar="FILE")
    parser.add_argument("--alive", type=int, default=8)
    parser.add_argument("--groups", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("overrides", nargs="*")
    options = parser.parse_args()
    if options.record is None:
        print_tables(sorted(DATA.glob("*.csv")))
        return
    config.register()
    plan = planned(options.overrides)
    record(options.record, recorded_rounds(plan, options.alive, options.groups, options.rounds))


if __name__ == "__main__":
    main()
