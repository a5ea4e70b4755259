"""`python -m runners.report DIR...`: a folder of results becomes summary, figure and report."""

import argparse
import io
import math
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from runners import plots
from runners.model import Environment, UsageError
from runners.stats import FACTORS, summarise
from runners.store import read_environments, read_runs, write_whole

METHOD = """\
- A round runs both sides once, the baseline and the measured one, in random order; rounds are
  spread over fresh interpreters. Cold first runs and warm-up are recorded but left out.
- Speedup = median(T₁) / median(Tₙ), efficiency = speedup / n. T₁ is the plain loop over the same
  tasks, without an executor, in the same rounds; "against n = 1" divides by the speedup of the same
  executor with one worker. Weak scaling gives n times the tasks to n workers:
  n·median(T₁) / median(Tₙ).
- T runs from before the executor is made to after its workers have ended, on a monotonic clock.
- Brackets are 95% intervals: of a speedup by percentile bootstrap (9,999 resamples, rounds drawn
  jointly), of a median time by exact binomial ranks, which need six rounds. No value is deleted.
- After a pilot, a cell gets as many rounds as its precision needs ("precision"), up to a cap on
  rounds or time.
"""

FACTS = (
    "hostname",
    "cpu_model_name",
    "cpu_count",
    "cpu_affinity",
    "cpu_quota",
    "cpu_governor",
    "platform",
    "python_implementation",
    "python_version",
    "python_free_threaded",
    "git_commit",
)
"""What the report repeats of `environment.json`."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was written, and the summary that it shows."""

    summary: pd.DataFrame
    paths: tuple[Path, ...]


def write_report(folders: Sequence[Path], output: Path | None = None) -> Report:
    """Summarise the results below `folders` into `output`, by default the first of them.

    Writes summary.csv, summary.parquet, speedup.png, speedup.svg and report.md. Raises `UsageError`
    where there is nothing to report on.
    """
    runs = read_runs(folders)
    summary = summarise(runs)
    figure = plots.speedup(summary, runs)
    parquet = io.BytesIO()
    summary.to_parquet(parquet, index=False)
    files = {
        "summary.csv": summary.to_csv(index=False).encode(),
        "summary.parquet": parquet.getvalue(),
        "speedup.png": plots.image(figure, "png"),
        "speedup.svg": plots.image(figure, "svg"),
        "report.md": markdown(runs, summary, read_environments(folders)).encode(),
    }
    place = folders[0] if output is None else output
    for name, data in files.items():
        write_whole(place / name, data)
    return Report(summary, tuple(place / name for name in files))


def markdown(runs: pd.DataFrame, summary: pd.DataFrame, environments: list[Environment]) -> str:
    """The report's text: results, what is missing, doubts, losses, method and environment."""
    cells = summary.assign(**plots.labels(summary)).sort_values(["panel", "line", "n"])
    measured = cells.loc[cells["speedup"].notna()]
    parts = [
        f"# Speedup of {', '.join(sorted(set(summary['workload'])))}",
        f"{len(cells)} cells, {(cells['status'] != 'ok').sum()} of them not ok; "
        f"{len(runs)} runs{_when(runs['started_at'].dropna())}.",
        "![Speedup against the number of workers](speedup.png)",
        "## Results",
        _results(measured),
        "## Failed, skipped and unsupported cells",
        _bullets(
            f"{_name(cell)}: {cell['status']}: {_reason(cell['error'])}"
            for _, cell in cells.loc[cells["status"] != "ok"].iterrows()
        ),
        "## Flags",
        _bullets(
            f"{_name(cell)}: {cell['flags']}"
            for _, cell in cells.loc[cells["flags"].fillna("") != ""].iterrows()
        ),
        "## Where the core time went",
        "Shares of the core time provided, n·Tₙ; the rest is what the plain loop needs as well. "
        "A negative loss is a gain. Tasks that wait have one loss for the last three.",
        _losses(measured),
        "## Method",
        METHOD.rstrip(),
        "## Environment",
        _environment(environments),
    ]
    return "\n\n".join(parts) + "\n"


def _when(moments: "pd.Series[pd.Timestamp]") -> str:
    if moments.empty:
        return ""
    return f" from {moments.min():%Y-%m-%d %H:%M} to {moments.max():%Y-%m-%d %H:%M} UTC"


def _results(cells: pd.DataFrame) -> str:
    head = ["workload", "executor", "n", "T₁", "Tₙ", "speedup", "efficiency", "against n = 1"]
    return _table(
        [*head, "rounds", "ended by"],
        (
            [
                cell["panel"],
                cell["line"],
                str(cell["n"]),
                _time(cell, "baseline_median_s", "baseline_low_s", "baseline_high_s"),
                _time(cell, "measured_median_s", "measured_low_s", "measured_high_s"),
                _interval(cell, "speedup", "speedup_low", "speedup_high"),
                f"{cell['efficiency']:.0%}",
                _interval(cell, "speedup_n1", "speedup_n1_low", "speedup_n1_high"),
                str(cell["rounds"]),
                "" if pd.isna(cell["ended_by"]) else cell["ended_by"],
            ]
            for _, cell in cells.iterrows()
        ),
    )


def _losses(cells: pd.DataFrame) -> str:
    return _table(
        ["workload", "executor", "n", *FACTORS],
        (
            [cell["panel"], cell["line"], str(cell["n"])]
            + [_share(cell[f"loss_{factor}"]) for factor in FACTORS]
            for _, cell in cells.iterrows()
        ),
    )


def _environment(environments: list[Environment]) -> str:
    blocks = []
    for environment in environments:
        facts = {name: environment.facts.get(name) for name in FACTS}
        facts["usable_cpus"] = environment.usable_cpus
        blocks.append(_bullets(f"{k}: {v}" for k, v in facts.items() if v is not None))
    distinct = dict.fromkeys(blocks)  # a sweep records the same machine once for each cell
    return "\n\n".join(distinct) or "Not recorded."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    if len(lines) == 2:
        return "None."
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items) or "None."


def _name(cell: "pd.Series[Any]") -> str:
    return f"{cell['panel']}, {cell['line']}, n = {cell['n']}"


def _reason(error: object) -> str:
    """One line of an error text: the exception of a traceback, the first line of anything else."""
    if pd.isna(error):  # type: ignore[call-overload]
        return "no reason recorded"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    return textwrap.shorten(lines[-1] if "Traceback" in str(error) else lines[0], 300)


def _time(cell: "pd.Series[float]", *columns: str) -> str:
    values = [cell[column] for column in columns]
    units = (("s", 1.0), ("ms", 1e3), ("µs", 1e6))
    unit, scale = next((u for u in units if values[0] * u[1] >= 1), units[-1])
    return _bracketed([value * scale for value in values], f" {unit}")


def _interval(cell: "pd.Series[float]", *columns: str) -> str:
    return _bracketed([cell[column] for column in columns])


def _bracketed(values: Sequence[float], unit: str = "") -> str:
    """An estimate to three digits and its interval to the same decimals."""
    mid, low, high = values
    if not math.isfinite(mid):
        return ""
    decimals = max(0, 2 - math.floor(math.log10(abs(mid)))) if mid else 2
    text = f"{mid:.{decimals}f}{unit}"
    if math.isfinite(low) and math.isfinite(high):
        text += f" [{low:.{decimals}f}, {high:.{decimals}f}]"
    return text


def _share(value: float) -> str:
    return f"{value:z.1%}" if math.isfinite(value) else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status: 0, or 2 after a mistake of the user's."""
    parser = argparse.ArgumentParser(prog="python -m runners.report", description=__doc__)
    parser.add_argument("folders", metavar="DIR", type=Path, nargs="+", help="a folder of results")
    parser.add_argument("--output", metavar="DIR", type=Path, help="by default the first folder")
    options = parser.parse_args(arguments)
    try:
        report = write_report(options.folders, options.output)
    except (UsageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for path in report.paths:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
