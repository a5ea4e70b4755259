"""pyperf's JSON: `python -m pyperf compare_to before/pyperf.json after/pyperf.json`.

A benchmark for each cell and side, with a value for each round that counts. Its runs, in pyperf's
sense, are the interpreters that measured. pyperf itself is not needed: the format is plain
(https://pyperf.readthedocs.io/en/latest/api.html), and has been version 1.0 since 2017.
"""

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from runners.analysis.rounds import Rows, cell_codes, complete_rounds, of_cell, read_rounds
from runners.model import Environment
from runners.report.exports.names import names

ABOUT = "pyperf.json, for `pyperf compare_to`, `stats`, `hist`"
VERSION = "1.0"
FACTS = (
    *("hostname", "platform", "cpu_model_name", "cpu_count", "load_avg_1min", "python_hash_seed"),
    *("python_implementation", "python_version", "git_commit"),
)
"""Of the machine, if all results say the same. pyperf has the same names for most."""


def export(
    summary: pd.DataFrame, runs: pd.DataFrame, environments: Sequence[Environment]
) -> dict[str, bytes]:
    """Walls of both sides in seconds, one a round; those of warm-up rounds are its warmups.

    Of the cells that are ok.
    """
    metadata: dict[str, object] = {"unit": "second", "loops": 1, "inner_loops": 1}
    for name in FACTS:
        values = {str(one.facts.get(name)): one.facts.get(name) for one in environments}
        value = next(iter(values.values()), None)
        if len(values) == 1 and isinstance(value, str | int | float):
            metadata[name] = value
    benchmarks: list[dict[str, object]] = []
    for name, (_, cell) in zip(names(summary), summary.iterrows(), strict=True):
        if cell["status"] != "ok":
            continue
        own = {} if pd.isna(cell["python"]) else {"python_version": str(cell["python"])}
        for side, found in _sides(of_cell(runs, str(cell["cell"]))):
            if found:
                about = {"name": f"{name}: {side}", **own}
                benchmarks.append({"metadata": about, "runs": found})
    whole = {"version": VERSION, "metadata": metadata, "benchmarks": benchmarks}
    text = json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False)
    return {"pyperf.json": text.encode("utf-8", "replace")}


def _sides(runs: pd.DataFrame) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Both sides of one cell: what each of its interpreters has measured, in order."""
    runs = runs[runs["role"] != "spin"].reset_index(drop=True)
    baseline, measured = complete_rounds(runs, cell_codes(runs))
    rounds = read_rounds(runs, baseline, measured, np.ones(len(measured)))
    started = runs["started_at"].iloc[measured].reset_index(drop=True)
    for side, role, walls_s in (
        ("serial", "baseline", rounds.baseline_s),
        ("parallel", "measured", rounds.measured_s),
    ):
        found = []
        for process in dict.fromkeys(rounds.process.tolist()):
            own: Rows = np.flatnonzero(rounds.process == process)
            first = started.iloc[own].min()
            found.append(
                {
                    "metadata": {} if pd.isna(first) else {"date": f"{first:%Y-%m-%d %H:%M:%S.%f}"},
                    "warmups": [[1, wall_s] for wall_s in _warmups(runs, role, process)],
                    "values": walls_s[own].tolist(),
                }
            )
        yield side, found


def _warmups(runs: pd.DataFrame, role: str, process: int) -> list[float]:
    is_warmup = (runs["role"] == role) & runs["warmup"] & (runs["process"] == process)
    return [float(wall_s) for wall_s in runs["wall_s"][is_warmup & (runs["status"] == "ok")]]
