"""Whether measurements with a known truth report it: docs/method.md has the proofs.

    python -m benchmarks.honesty [CELLS] [NAPS] [EXPERIMENTS] [--figure PATH]

CELLS real cells of the serial loop against itself, whose speedup is 1; NAPS real cells of an
executor that sleeps half as long as the serial loop, whose speedup is 2; EXPERIMENTS simulated
cells on a drifting machine, their sides interleaved or one after the other. For each, how many
intervals hold the truth, with the exact binomial 95% interval of that share. A true share of 95%
is what the intervals promise.
"""

import argparse
import dataclasses
import pickle
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from matplotlib.figure import Figure
from scipy import stats

from benchmarks.coverage import SPEEDUP, Scenario, covers, drift
from benchmarks.naps import SPEEDUP as SHORTER
from benchmarks.naps import Nap
from runners.analysis.headline import paired_ratio
from runners.analysis.summary import summarise
from runners.measuring.measure import measure
from runners.model import Factory, Plan
from runners.planning import config
from runners.planning.hydra_versions import BASE
from runners.report.figures.drawing import image
from runners.results.read import read_runs
from runners.results.write import append

ROOT = Path(__file__).parent.parent
PROCESSES = (1, 2, 3)
NAP = Nap(seconds=0.03, noise=0.03)


def plans(cells: int) -> Iterable[Plan]:
    """Cells of the serial loop against itself; ten rounds each in one, two or three processes."""
    with initialize_config_dir(str(ROOT / "conf"), **BASE):
        for seed in range(cells):
            cfg = compose(
                "config",
                [
                    *("workload=countdown", "workload.count=20000", "executor=serial"),
                    *("measure.min_rounds=10", "measure.max_rounds=10", f"measure.seed={seed}"),
                    f"measure.interpreters={PROCESSES[seed % len(PROCESSES)]}",
                ],
                return_hydra_config=True,
            )
            HydraConfig.instance().set_config(cfg)
            yield config.plan(cfg)


def napping(plan: Plan) -> Plan:
    """The same cell with a workload that sleeps and the executor that sleeps shorter."""
    return dataclasses.replace(
        plan,
        workload="nap",
        executor="shorter",
        executor_as=Factory("benchmarks.naps.Shorter", {}),
        parameters={},
        payload=pickle.dumps(NAP),
    )


def measured(cells: Iterable[Plan]) -> pd.DataFrame:
    """The summary of these cells."""
    with tempfile.TemporaryDirectory() as temporary:
        for plan in cells:
            for run in measure(plan):
                assert run.status == "ok", run.error
                append(Path(temporary, plan.cell), run)
        return summarise(read_runs(temporary))


def hits(summary: pd.DataFrame, truth: float) -> "pd.Series[bool]":
    return (summary["speedup_low"] <= truth) & (truth <= summary["speedup_high"])


def simulated(experiments: int, *, interleaved: bool) -> list[bool]:
    """Which simulated cells of 25 rounds on a drifting machine hold the truth."""
    rng = np.random.default_rng(2)
    scenario = Scenario("drift", drift)
    process = np.arange(25) // 5
    cells = (scenario.measure(rng, process, interleaved=interleaved) for _ in range(experiments))
    return [covers(paired_ratio(*sides, process), SPEEDUP) for sides in cells]


def print_share(name: str, inside: Iterable[bool]) -> None:
    flags = list(inside)
    exact = stats.binomtest(sum(flags), len(flags)).proportion_ci()
    share = f"{np.mean(flags):.1%} | {exact.low:.1%} – {exact.high:.1%}"
    print(f"| {name} | {sum(flags)} of {len(flags)} | {share} |", flush=True)


def draw(summary: pd.DataFrame) -> Figure:
    """The intervals of the serial loop against itself in the order of their estimates."""
    cells = summary.sort_values("speedup")
    at = np.arange(len(cells))
    held, missed = sns.color_palette("colorblind", 2)
    colours = [held if hit else missed for hit in hits(cells, 1.0)]
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    with sns.axes_style("ticks"):
        axes = figure.subplots()
    axes.axhline(1.0, color="0.6", lw=1, ls="--", zorder=0)
    axes.vlines(at, cells["speedup_low"], cells["speedup_high"], colors=colours, lw=1.5)
    axes.scatter(at, cells["speedup"], c=colours, s=8)
    axes.set(xlabel="cells, sorted", ylabel="speedup of serial\nover serial", xticks=[])
    sns.despine(ax=axes)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.honesty")
    parser.add_argument("cells", type=int, nargs="?", default=100)
    parser.add_argument("naps", type=int, nargs="?", default=20)
    parser.add_argument("experiments", type=int, nargs="?", default=1500)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    config.register()
    print("| cells | held the truth | share | of all such cells (95%) |")
    print("|---|---|---|---|")
    serial = measured(plans(options.cells))
    print_share("serial against serial: 1", hits(serial, 1.0))
    naps = measured(map(napping, plans(options.naps)))
    print_share(f"half the sleep: {SHORTER:g}", hits(naps, SHORTER))
    for name, interleaved in (("interleaved", True), ("one side after the other", False)):
        inside = simulated(options.experiments, interleaved=interleaved)
        print_share(f"drifting machine, simulated, {name}: {SPEEDUP:g}", inside)
    if options.figure is not None:
        options.figure.write_bytes(image(draw(serial), "png"))


if __name__ == "__main__":
    main()
