"""The report's text: what the summary says, in Markdown."""

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from runners.advice import TITLES, explain, remedy
from runners.labels import labels
from runners.laws import FEWEST, Law, Share
from runners.model import Environment
from runners.scaling import Fit, Parameter, predict

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
- Core time is n·Tₙ core-seconds: what n workers could have used. It is split by the tasks' own
  times, CPU times and waits for a CPU, and by what the same tasks took in the plain loop.
- After a pilot, a cell gets as many rounds as its precision needs ("precision"), up to a cap on
  rounds or time.
"""

LAWS = """\
Gunther's Universal Scalability Law, X(N) = γN / (1 + α(N - 1) + βN(N - 1)), fitted to the speedups
of all rounds: α is the share that stays serial, β the cost of keeping N workers in agreement, γ the
speed of one worker in units of the plain loop. Amdahl's law has β = 0. Brackets are 95% intervals;
they know the noise between rounds, not that another law might hold. A prediction supposes that each
worker has a CPU and a task to itself.
"""

NO_LAWS = f"None: that takes n = 1 and {FEWEST - 1} other n of one workload and executor."

CAUTIONS = {
    "superlinear": "together, workers are faster than alone; nothing is predicted from that",
    "only a lower bound for the peak": "β may be zero, so that nothing tells where the peak is",
    "fewer than 6 distinct n": "with fewer than 6 n, α and β can hardly be told apart",
}
"""What the flags of a fit mean for whoever wants to rely on it."""

TIMELINE = """\
![Tasks of the round nearest the median](timeline.png)

One round, the one nearest the median. [trace.json](trace.json) shows the same in
<https://ui.perfetto.dev>."""

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


def markdown(
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    laws: Sequence[Law],
    environments: Sequence[Environment],
    missing: str = "",
    timeline: bool = False,
) -> str:
    """The report of results that are summarised in `summary` and scale by `laws`.

    `missing` is a line that says what there is not, or nothing; `timeline` says whether there is a
    figure of a single run to be shown.
    """
    cells = summary.assign(**labels(summary)).sort_values(["panel", "line", "n"])
    measured = cells.loc[cells["speedup"].notna()]
    parts = [
        f"# Speedup of {', '.join(sorted(set(summary['workload'])))}",
        *([f"**{missing}**"] if missing else []),
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
            f"{_name(cell)}: {flag}: {remedy(flag)}"
            for _, cell in cells.loc[cells["flags"].fillna("") != ""].iterrows()
            for flag in cell["flags"].split("; ")
        ),
        "## Where the core time went",
        "![Core-seconds provided, useful and lost](efficiency.png)",
        "Shares of the core time provided, n·Tₙ; the rest is what the plain loop needs as well. "
        "A negative loss is a gain, left of zero in the figure. Tasks that wait have one loss for "
        "the last three.",
        _losses(measured),
        "What matters of it, and what may be done:",
        _bullets(_explained(measured)),
        *(["## Timeline", TIMELINE] if timeline else []),
        "## Scaling laws",
        LAWS.rstrip(),
        _bullets(_law(law) for law in laws) if laws else NO_LAWS,
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
        ["workload", "executor", "n", *TITLES.values()],
        (
            [cell["panel"], cell["line"], str(cell["n"])]
            + [_share(cell[f"loss_{factor}"]) for factor in TITLES]
            for _, cell in cells.iterrows()
        ),
    )


def _explained(cells: pd.DataFrame) -> Iterator[str]:
    for _, cell in cells.iterrows():
        losses = [f"{loss.share:.0%} {loss.title}: {loss.hint}" for loss in explain(cell.to_dict())]
        if losses:
            yield f"{_name(cell)}: lost {'; '.join(losses)}"


def _law(law: Law) -> str:
    """One line for what was fitted, and lines below it for what follows."""
    head = f"{law.panel}, {law.line}, n = {_listed(law.fitted)}"
    if law.left_out:
        head += f" (without {_listed(law.left_out)}: no CPU or task for each worker)"
    lines = [f"no fit: {law.reason}" if law.reason else "", *_serial_shares(law)]
    if law.usl is not None:
        lines += [*_fitted(law, law.usl), *_predicted(law, law.usl), *_trust(law, law.usl)]
    return "\n  - ".join([head, *filter(None, lines)])


def _serial_shares(law: Law) -> Iterator[str]:
    known = [share for share in law.shares if math.isfinite(share.estimate)]
    if known:
        name = "Gustafson, scaled" if law.weak else "Karp–Flatt, against n = 1"
        values = (f"{_parameter(share)} at n = {share.n}" for share in known)
        yield f"serial share ({name}): {'; '.join(values)}"


def _fitted(law: Law, usl: Fit) -> Iterator[str]:
    shown = {"α": usl.alpha, "β": usl.beta, "γ": usl.gamma}
    yield "USL: " + ", ".join(f"{name} = {_parameter(value)}" for name, value in shown.items())
    if law.amdahl is not None:
        limit = law.amdahl.asymptote
        most = f"; if it holds, never more than {limit:.3g}" if math.isfinite(limit) else ""
        yield f"Amdahl: serial share f = {_parameter(law.amdahl.alpha)}{most}"
    if math.isfinite(usl.peak):
        yield f"peak: N* = {usl.peak:.3g}, at least {usl.peak_low:.3g}; more workers are slower"
    elif math.isfinite(usl.peak_low):
        yield f"peak: none found; if there is one, N* is at least {usl.peak_low:.3g}"


def _predicted(law: Law, usl: Fit) -> Iterator[str]:
    if usl.superlinear:
        return
    n = 2 * law.fitted[-1]
    mid, low, high = (float(value) for value in predict(usl, n))
    yield f"prediction for n = {n}: {_bracketed((mid, low, high))}"
    if law.amdahl is not None and not low <= (other := float(predict(law.amdahl, n)[0])) <= high:
        yield f"Amdahl's law predicts {other:.3g} there: which law holds matters more than the band"


def _trust(law: Law, usl: Fit) -> Iterator[str]:
    yield f"misfit: the speedup at n = {law.misfit_n} is off by {law.misfit:+.1%}, the most of all"
    cautions = [CAUTIONS[flag] for flag in usl.flags]
    if 2 * law.fitted[-1] > law.room:
        cautions.append(f"there are CPUs and tasks for {law.room:.3g} workers, not more")
    if cautions:
        yield f"with caution: {'; '.join(cautions)}"


def _listed(ns: Iterable[int]) -> str:
    return ", ".join(map(str, ns))


def _parameter(value: Parameter | Share) -> str:
    return f"{value.estimate:.2g} [{value.low:.2g}, {value.high:.2g}]"


def _environment(environments: Sequence[Environment]) -> str:
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
