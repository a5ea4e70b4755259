"""Made-up runs with a known speedup, for tests that need results but not a measurement."""

import hashlib
import math
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runners.analysis.cell import CellSummary, cells
from runners.analysis.columns import arranged
from runners.model import Run, Scaling, Status, Workers
from runners.results.columns import RUNS
from runners.results.write import append

START = datetime(2026, 1, 1, tzinfo=UTC)


def runs(
    *,
    workload: str = "primes",
    executor: str = "thread",
    n: int = 2,
    scaling: Scaling = "strong",
    speedup: float = 1.8,
    rounds: int = 12,
    processes: int = 2,
    serial_s: float = 0.2,
    noise: float = 0.02,
    usable_cpus: float = 2.0,
    worker_kind: Workers = "thread",
    parameters: Mapping[str, Any] | None = None,
    status: Status = "ok",
    error: str | None = None,
    ended_by: str = "precision",
    python: str | None = None,
    order: int | None = None,
    build: str | None = None,
    seed: int = 0,
) -> list[Run]:
    """The runs of one cell: `rounds` rounds after one cold warm-up round in each process.

    `speedup` is the true T1/Tn (weak scaling: the true n T1/Tn). `parameters` are named like their
    columns. A `status` other than "ok" is that of the last run, which then has no times. Without
    `python` they are as of a version that does not say which one it was.
    """
    parameters = {"workload.size": 100} if parameters is None else parameters
    defines = repr((workload, executor, n, scaling, sorted(parameters.items())))
    defines += "" if python is None else repr((python, build))
    template = Run(
        cell=hashlib.sha256(defines.encode()).hexdigest()[:12],
        workload=workload,
        executor=executor,
        baseline="serial",
        n=n,
        scaling=scaling,
        usable_cpus=usable_cpus,
        worker_kind=worker_kind,
        parameters=parameters,
        process=0,
        round=0,
        position=0,
        role="baseline",
        cold=False,
        warmup=False,
        status="ok",
        started_at="",
        steady=True,
        tasks=8,
        task_copies=1,
        voluntary_switches=10,
        involuntary_switches=2,
        process_cpu_s=0.2,
        caller_cpu_s=0.2,
        children_cpu_s=0.0,
        library_threads=0,
        cpus=2,
        steal_s=0.0,
        throttled_s=0.0,
        pressure_s=0.0,
        others_cpu_s=0.0,
        max_rss_bytes=20_000_000,
        gil=True,
        python=python,
        python_order=order,
        python_build=build,
    )
    chance = random.Random(f"{seed} {template.cell}")
    made: list[Run] = []
    for index in range(rounds + processes):
        process, in_process = divmod(index, -(-rounds // processes) + 1)
        cold = in_process == 0
        sides = [_baseline(template, serial_s), _measured(template, serial_s, speedup)]
        chance.shuffle(sides)
        for position, side in enumerate(sides):
            factor = chance.lognormvariate(0, noise) * (1.5 if cold else 1)
            made.append(
                replace(
                    _scaled(side, factor),
                    process=process,
                    round=index,
                    position=position,
                    cold=cold,
                    warmup=cold,
                    started_at=(START + timedelta(seconds=len(made))).isoformat(),
                )
            )
    last = replace(made.pop(), ended_by=ended_by)
    if status != "ok":
        ended = "interrupted" if status == "interrupted" else "failure"
        last = replace(
            last, status=status, error=error, ended_by=ended, wall_s=None, levels=(), setup_s=None
        )
    return [*made, last]


def spins(
    cell: list[Run],
    ceiling: float,
    *,
    contention: float = 1.0,
    computation: float = 1.0,
    noise: float = 0.02,
    alone_s: float = 0.1,
    rounds: int = 2,
) -> list[Run]:
    """The runs of loops that share nothing in the first `rounds` rounds of each process of a cell.

    n at once take n / `ceiling` times as long as one alone. Of their time, `contention` is the part
    that they do not wait for a CPU; `computation` is how little more CPU time they take each.
    """
    template = cell[0]
    places = sorted({(run.process, run.round) for run in cell})
    first = dict(reversed(places))
    chance = random.Random(f"spin {template.cell}")
    made = []
    for process, number in places:
        if number >= first[process] + rounds:
            continue
        for n in sorted({1, template.n}):
            wall_s = alone_s * (1 if n == 1 else n / ceiling) * chance.lognormvariate(0, noise)
            cpu_s = n * alone_s / (1 if n == 1 else computation)
            ready_s = cpu_s / (1 if n == 1 else contention)
            made.append(
                replace(
                    template,
                    role="spin",
                    n=n,
                    process=process,
                    round=number,
                    wall_s=wall_s,
                    tasks=n,
                    workers=n,
                    levels=(n * wall_s, n * wall_s, n * wall_s, ready_s, ready_s, cpu_s),
                )
            )
    return made


def summary(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """A summary of cells that have these columns; what they do not say of themselves is missing."""
    facts = {"cell": "0123456789ab", "workload": "primes", "executor": "pool", "n": 2}
    outcome = {"status": "ok", "steady": True, "processes": 2, "rounds": 12, "waiting": False}
    known = {"scaling": "strong", **facts, **outcome, "flags": ()}
    return arranged(pd.DataFrame([{**known, **row} for row in rows]))


def cell(**columns: Any) -> CellSummary:
    """The only cell of such a summary."""
    [found] = cells(summary(columns))
    return found


def _baseline(template: Run, wall_s: float) -> Run:
    return replace(template, wall_s=wall_s, workers=1, levels=(wall_s,) * 6)


def _measured(template: Run, serial_s: float, speedup: float) -> Run:
    n = template.n
    wall_s = serial_s / speedup
    wall_s *= n if template.scaling == "weak" else 1
    provided_s = n * wall_s
    useful_s = min(serial_s * (n if template.scaling == "weak" else 1), provided_s)
    shares = (1.0, 0.8, 0.7, 0.5, 0.2, 0.0)  # of the core time that is lost
    return replace(
        template,
        role="measured",
        wall_s=wall_s,
        setup_s=0.002 * n,
        teardown_s=0.001 * n,
        workers=n,
        levels=tuple(useful_s + share * (provided_s - useful_s) for share in shares),
    )


def _scaled(run: Run, factor: float) -> Run:
    assert run.wall_s is not None
    return replace(
        run, wall_s=run.wall_s * factor, levels=tuple(level * factor for level in run.levels)
    )


def lognormal(rounds: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).lognormal(0, 0.1, (2, rounds))


def write(folder: Path, runs: list[Run]) -> Path:
    """The path of `runs.jsonl` in that folder, which these runs are appended to."""
    for run in runs:
        append(folder, run)
    return folder / RUNS


def panel(
    speedups: Mapping[tuple[str, int], float],
    *,
    rounds: int = 20,
    processes: int = 5,
    noise: float = 0.02,
    common_noise: float = 0.0,
    worker_kinds: Mapping[str, Workers] | None = None,
    itself: float | None = None,
    workload: str = "primes",
    seed: int = 0,
) -> list[Run]:
    """The runs of a panel of several cells, by (executor, n), with their true speedups.

    Each run has `noise` of its own; `common_noise` is what the runs of a round share. The baseline
    runs once a round, or, with `itself`, a second time that takes so many times as long.
    """
    chance = random.Random(f"panel {seed}")
    name = f"panel-{hashlib.sha256(repr((sorted(speedups), seed)).encode()).hexdigest()[:12]}"
    kinds = worker_kinds or {}
    templates = {
        key: replace(
            runs(workload=workload, executor=key[0], n=key[1], rounds=1, processes=1)[1],
            panel=name,
            worker_kind=kinds.get(key[0], "thread"),
            role="measured",
        )
        for key in speedups
    }
    first = next(iter(templates.values()))
    shared = replace(first, cell=name, role="baseline", executor="serial", n=1)
    made: list[Run] = []
    baselines = [(shared, 1.0)] if itself is None else [(shared, 1.0), (shared, 1 / itself)]
    sides = [*baselines, *((templates[key], speedups[key]) for key in speedups)]
    for number in range(rounds):
        common = chance.gauss(0, common_noise)
        for side, (template, speedup) in enumerate(sides):
            last = number == rounds - 1 and template.role == "measured"
            made.append(
                replace(
                    template,
                    round=number,
                    process=number * processes // rounds,
                    side=side,
                    position=side,
                    cold=False,
                    warmup=False,
                    wall_s=0.2 / speedup * math.exp(common + chance.gauss(0, noise)),
                    ended_by="precision" if last else None,
                )
            )
    return made


BUILD = "main Jan  1 2026 00:00:00, GCC 12.2.0, configured 0123abcd"


def versions(
    loops: Mapping[str, float], speedups: Mapping[tuple[str, int], float], **how: Any
) -> list[Run]:
    """As `pythons`, of versions of the code on one interpreter; "" is the one that is here."""
    named = {version or "here": loop for version, loop in loops.items()}
    return [
        replace(run, python="3.13.1", code_version="" if run.python == "here" else run.python)
        for run in pythons(named, speedups, **how)
    ]


def pythons(
    loops: Mapping[str, float],
    speedups: Mapping[tuple[str, int], float],
    *,
    builds: Mapping[str, str] | None = None,
    workload: str = "primes",
    size: int = 100,
    rounds: int = 20,
    processes: int = 5,
    noise: float = 0.01,
    common_noise: float = 0.0,
    serial_s: float = 0.2,
    scaling: Scaling = "strong",
    hosts: int = 1,
    panel: bool = True,
    seed: int = 0,
) -> list[Run]:
    """The runs of a workload on several interpreters, in the order in which `loops` names them.

    `loops` has the times of their plain loops over `serial_s`, `speedups` those of each cell on its
    own interpreter, by (executor, n). The sides of a round share `common_noise`, which without
    `panel` no two cells do: each is by itself. With two `hosts`, executors in turn have a measuring
    process with a baseline of its own.
    """
    chance = random.Random(f"pythons {seed} {workload}")
    defines = repr((sorted(loops), workload, seed))
    name = f"panel-{hashlib.sha256(defines.encode()).hexdigest()[:12]}"
    sides: list[tuple[Run, float, bool]] = []  # with its time, and whether its cell begins here
    for order, (python, loop) in enumerate(loops.items()):
        for at, ((executor, n), speedup) in enumerate(speedups.items()):
            template = runs(
                workload=workload,
                executor=executor,
                n=n,
                scaling=scaling,
                rounds=1,
                processes=1,
                parameters={"workload.size": size},
                python=python,
                order=order,
                build=(builds or {}).get(python, BUILD),
            )[1]
            host = order * hosts + at % hosts if panel else 0
            own = replace(template, process=host, cold=False, warmup=False, ended_by=None)
            own = replace(own, panel=name if panel else None)
            if at < hosts or not panel:
                shared = replace(own, role="baseline")
                if panel:
                    shared = replace(shared, cell=name, executor="serial", n=1)
                sides.append((shared, loop, not panel))
            work = n if scaling == "weak" else 1
            sides.append((replace(own, role="measured"), loop * work / speedup, False))
    each = len(loops) * hosts
    made: list[Run] = []
    for number in range(rounds):
        common = chance.gauss(0, common_noise)
        for position, (side, factor, begins) in enumerate(sides):
            common = chance.gauss(0, common_noise) if begins else common
            wall_s = serial_s * factor * math.exp(common) * chance.lognormvariate(0, noise)
            made.append(
                replace(
                    side,
                    round=number,
                    process=side.process + number * processes // rounds * each,
                    position=position,
                    side=position,
                    wall_s=wall_s,
                    levels=(wall_s,) * 6,
                )
            )
    last = {run.cell: at for at, run in enumerate(made) if run.role == "measured"}
    for at in last.values():
        made[at] = replace(made[at], ended_by="precision")
    return made
