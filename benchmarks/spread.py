"""How far apart independent measurements of the same speedup lie, by way of measuring.

    python -m benchmarks.spread [INVOCATIONS] [SECONDS] [OVERRIDE...] [--figure PATH] [--csv PATH]

The lecture's countdown: two tasks, one after the other against two forked processes. Each way of
measuring is invoked INVOCATIONS times, the ways in random order, each in fresh processes and, but
for the script that runs each side once, for about SECONDS. An OVERRIDE is one for `python -m
runners`. hyperfine is used where it is installed; it times whole programs, the start of Python with
them. A 95% interval comes with ours; for the others it is what their user would make of their
output: the ratio of means, with the standard errors of both (all values taken for independent).

The table counts how many of those intervals hold the median of the same method's invocations, and
how many that of ours. Below it, the standard deviation of ours over that of each other way, with
the interval of a bootstrap over invocations (those of one turn stay together, since they met the
same hour); how much of our variance lies within an invocation, where more rounds would help, and
how much between them, where nothing but more invocations would; and our rounds of all invocations
apart by the side that ran first. `--csv` has every invocation, written as it ends.
"""

import argparse
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from runners.analysis.headline import paired_ratio, pseudovalues
from runners.analysis.interval import Floats, Interval
from runners.analysis.summary import summarise
from runners.report.figures.drawing import image
from runners.results.read import read_runs

ROOT = Path(__file__).parent.parent
COUNT = 5_000_000
OURS = "speedup lab"

SIDES = f"""\
from multiprocessing import get_context

def count(c):
    while c > 0:
        c -= 1

def serial():
    count({COUNT})
    count({COUNT})

def parallel():
    workers = [get_context("fork").Process(target=count, args=({COUNT},)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
"""

SCRIPT = """\
import json, sys, time
from sides import serial, parallel

def seconds(side):
    begin = time.time()
    side()
    return time.time() - begin

print(json.dumps([[seconds(side) for _ in range(int(sys.argv[1]))] for side in (serial, parallel)]))
"""

PYPERF = """\
import json
import pyperf
from sides import serial, parallel

runner = pyperf.Runner()
results = [runner.bench_func(side.__name__, side) for side in (serial, parallel)]
if not runner.args.worker:
    print(json.dumps([result.get_values() for result in results]))
"""

VALUES, WARMUPS = 3, 1
"""pyperf's defaults for each of its processes; their number is what fits the time."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one invocation reported, and the seconds that it took."""

    speedup: Interval
    took_s: float


def ratio_of_means(serial: list[float], parallel: list[float]) -> Interval:
    """The ratio with the normal interval of its logarithm; NaN bounds for single runs."""
    estimate = float(np.mean(serial) / np.mean(parallel))
    if len(serial) < 2:
        return Interval(estimate, math.nan, math.nan)
    errors = [np.std(x, ddof=1) / np.mean(x) / math.sqrt(len(x)) for x in (serial, parallel)]
    reach = 1.96 * math.hypot(*errors)
    return Interval(estimate, estimate * math.exp(-reach), estimate * math.exp(reach))


def run(*arguments: str, cwd: Path, program: str = sys.executable) -> str:
    done = subprocess.run([program, *arguments], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_script(cwd: Path, *arguments: str) -> Interval:
    """Run a script whose last line holds the seconds of each run of both sides."""
    serial, parallel = json.loads(run(*arguments, cwd=cwd).splitlines()[-1])
    return ratio_of_means(serial, parallel)


def by_hyperfine(cwd: Path, runs: int) -> Interval:
    """All runs of the one program, then all of the other, as it does with two commands."""
    commands = [f"{sys.executable} {side}.py" for side in ("serial", "parallel")]
    settings = ("-N", "--style", "none", "-w", "1", "-r", str(runs), "--export-json", "out.json")
    run(*settings, *commands, cwd=cwd, program="hyperfine")
    serial, parallel = json.loads((cwd / "out.json").read_text())["results"]
    return ratio_of_means(serial["times"], parallel["times"])


def by_us(folder: Path, *overrides: str) -> Interval:
    """Run our program, with results in `folder`."""
    run(
        *(
            "-m",
            "runners",
            "workload=countdown",
            f"workload.count={COUNT}",
            "workload.repeat=2",
            "executor=process",
        ),
        *("executor.start_method=fork", "n=2", f"hydra.run.dir={folder}", *overrides),
        cwd=ROOT,
    )
    [row] = summarise(read_runs(folder)).to_dict("records")
    assert row["status"] == "ok", row["error"]
    return Interval(row["speedup"], row["speedup_low"], row["speedup_high"])


def measure(
    folder: Path, invocations: int, seconds: float, overrides: list[str], csv: Path | None
) -> dict[str, list[Result]]:
    """The results of each way of measuring; our runs are left in `folder`."""
    programs = [(side, f"from sides import {side}\n{side}()\n") for side in ("serial", "parallel")]
    for name, code in (
        *(("sides", SIDES), ("script", SCRIPT), ("with_pyperf", PYPERF)),
        *programs,
    ):
        (folder / f"{name}.py").write_text(code)

    def affordable(tried: int, attempt: Callable[[], object]) -> int:
        """How often fits the time what the attempt does `tried` times."""
        begin = time.perf_counter()
        attempt()
        return max(2, round(tried * seconds / (time.perf_counter() - begin)))

    repeats = affordable(8, lambda: run("script.py", "8", cwd=folder))
    settings = ("-n", str(VALUES), "-w", str(WARMUPS), "-l", "1", "--quiet")
    processes = affordable(2, lambda: run("with_pyperf.py", "-p", "2", *settings, cwd=folder))
    pyperf = ("with_pyperf.py", "-p", str(processes), *settings)
    budget = f"measure.time_budget_s={seconds:g}"
    ways: dict[str, Callable[[int], Interval]] = {
        "script, each side once": lambda _: by_script(folder, "script.py", "1"),
        f"script, {repeats} runs of a side in a row": lambda _: by_script(
            folder, "script.py", str(repeats)
        ),
        f"pyperf, {processes} processes × {VALUES} values": lambda _: by_script(folder, *pyperf),
        # A seed of its own, or all invocations would have the same order and hash seeds.
        OURS: lambda k: by_us(folder / f"ours{k}", f"measure.seed={k}", budget, *overrides),
    }
    if shutil.which("hyperfine"):
        # It warms up by one run of each program, which takes time and does not count.
        runs = affordable(8, lambda: by_hyperfine(folder, 7)) - 1
        ways[f"hyperfine, {runs} runs of a side in a row"] = lambda _: by_hyperfine(folder, runs)
    results: dict[str, list[Result]] = {name: [] for name in ways}
    for k in range(invocations):
        for name in random.sample(list(ways), len(ways)):
            begin = time.perf_counter()
            speedup = ways[name](k)
            results[name].append(Result(speedup, time.perf_counter() - begin))
            if csv is not None:
                with csv.open("a") as file:
                    print(k, f'"{name}"', *astuple(results[name][-1].speedup), sep=",", file=file)
    return results


def held(results: list[Result], value: float) -> str:
    """In how many of the results the value lies within the stated interval."""
    if math.isnan(results[0].speedup.low):
        return "no interval"
    inside = sum(r.speedup.low <= value <= r.speedup.high for r in results)
    return f"{inside} of {len(results)}"


def print_table(results: dict[str, list[Result]]) -> None:
    print(
        "| way of measuring | seconds | speedup: min – median – max | standard deviation "
        "| own median held | our median held |"
    )
    print("|---|---|---|---|---|---|")
    ours = float(np.median([result.speedup.estimate for result in results[OURS]]))
    for name, own in results.items():
        x = np.array([result.speedup.estimate for result in own])
        cells = (
            name,
            f"{np.median([result.took_s for result in own]):.1f}",
            f"{x.min():.3f} – {np.median(x):.3f} – {x.max():.3f}",
            f"{x.std(ddof=1) / x.mean():.2%}",
            held(own, float(np.median(x))),
            held(own, ours),
        )
        print(f"| {' | '.join(cells)} |")


def print_deviations(results: dict[str, list[Result]]) -> None:
    """Our standard deviation over that of each other way, with its 95% interval."""
    chance = np.random.default_rng(1)
    logs = {n: np.log([r.speedup.estimate for r in own]) for n, own in results.items()}
    turns = chance.integers(len(results[OURS]), size=(5000, len(results[OURS])))
    print("\n| our standard deviation over that of | ratio | 95% interval |")
    print("|---|---|---|")
    for name in results:
        if name == OURS:
            continue
        ratio = logs[OURS].std(ddof=1) / logs[name].std(ddof=1)
        drawn = logs[OURS][turns].std(axis=1) / logs[name][turns].std(axis=1)
        low, high = np.quantile(drawn, (0.025, 0.975))
        print(f"| {name} | {ratio:.2f} | {low:.2f} – {high:.2f} |")


def print_split(results: list[Result], folders: list[Path]) -> None:
    """How much of our variance more rounds would lower, and how much of it they would not.

    Within: the squared standard error of the trimmed mean over rounds (from its pseudovalues, Tukey
    and McLaughlin), averaged over invocations. Between: what the invocations scatter beyond it.
    """
    total = float(np.var(np.log([r.speedup.estimate for r in results]), ddof=1))
    errors: list[float] = []
    for folder in folders:
        sides = [by_first(read_runs(folder), role) for role in ("baseline", "measured")]
        baseline, measured = (np.concatenate(walls) for walls in zip(*sides, strict=True))
        values = np.log(pseudovalues(baseline / measured))
        errors.append(float(np.var(values, ddof=1)) / len(values))
    within = float(np.mean(errors))
    between = max(0.0, total - within)
    print(
        f"\nour standard deviation {math.sqrt(total):.2%}: within invocations "
        f"{math.sqrt(within):.2%}, between them {math.sqrt(between):.2%}"
    )


def by_first(runs: pd.DataFrame, first: str) -> tuple[Floats, Floats]:
    """Seconds of (baseline, measured) in the rounds in which the side `first` was run first."""
    rounds = runs.loc[~runs["warmup"]].pivot_table(
        index=["cell", "round"], columns="role", values=["wall_s", "position"]
    )
    walls = rounds["wall_s"].loc[rounds["position"][first] == 0]
    return walls["baseline"].to_numpy(float), walls["measured"].to_numpy(float)


def print_orders(folders: list[Path]) -> None:
    """Our speedup by the side that ran first: from all rounds together, and the two compared."""
    cells = [read_runs(folder) for folder in folders]
    together = pd.concat(cells)
    print("\n| ran first | rounds | speedup | 95% interval |")
    print("|---|---|---|---|")
    for role in ("baseline", "measured"):
        sides = by_first(together, role)
        speedup = paired_ratio(*sides)
        interval = f"{speedup.low:.3f} – {speedup.high:.3f}"
        print(f"| {role} | {len(sides[0])} | {speedup.estimate:.3f} | {interval} |")
    baseline, measured = (
        [paired_ratio(*by_first(cell, role)).estimate for cell in cells]
        for role in ("baseline", "measured")
    )
    quotient = paired_ratio(baseline, measured)
    print(
        "\nspeedup with the baseline first / with the measured side first, paired by invocation: "
        f"{quotient.estimate:.4f}, 95% interval {quotient.low:.4f} – {quotient.high:.4f}"
    )


def draw(results: dict[str, list[Result]]) -> Figure:
    """A point for every invocation, a line at the median of ours."""
    points = pd.DataFrame(
        [(name, r.speedup.estimate) for name, own in results.items() for r in own],
        columns=["way", "speedup"],
    )
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    with sns.axes_style("ticks"):
        axes = figure.subplots()
    ours = points.loc[points["way"] == OURS, "speedup"].median()
    axes.axvline(ours, color="0.6", lw=1, ls="--", zorder=0)
    sns.stripplot(
        points, x="speedup", y="way", hue="way", palette="colorblind", alpha=0.75, ax=axes
    )
    axes.set(xlabel=f"reported speedup of {len(results[OURS])} invocations each", ylabel="")
    sns.despine(ax=axes)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spread")
    parser.add_argument("invocations", type=int, nargs="?", default=10)
    parser.add_argument("seconds", type=float, nargs="?", default=15)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        results = measure(
            folder, options.invocations, options.seconds, options.overrides, options.csv
        )
        folders = [folder / f"ours{k}" for k in range(options.invocations)]
        print_table(results)
        print_deviations(results)
        print_split(results[OURS], folders)
        print_orders(folders)
    if options.figure is not None:
        options.figure.write_bytes(image(draw(results), "png"))


if __name__ == "__main__":
    main()
