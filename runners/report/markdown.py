"""The report's text: what the summary says, in Markdown."""

import math
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import Any

import pandas as pd

from runners.analysis.break_even import BreakEven, break_even
from runners.analysis.interval import Interval
from runners.analysis.laws import FEWEST, Law, SerialFraction
from runners.analysis.scaling import Fit, Parameter, predict
from runners.model import Environment
from runners.report.entries import (
    DETAILS,
    MOST_ROWS,
    Entry,
    cut,
    entries,
    failed,
    flagged,
    lost,
    rows,
)
from runners.words.agreement import agreement
from runners.words.causes import TITLES
from runners.words.escaping import Markdown
from runners.words.escaping import markdown as escaped
from runners.words.labels import workload_names
from runners.words.many import spread
from runners.words.rounding import bracketed, counted, duration

METHOD = """\
- A round runs both sides once, the baseline and the measured one, in random order; rounds are
  spread over fresh interpreters. Cold first runs and warm-up are recorded but left out.
- Speedup is T₁ / Tₙ in a typical round: the mean of the rounds' log ratios without the fifth at
  either end (the 20% trimmed mean), as a ratio. The median times beside it are of either side
  alone, so they do not divide to exactly that. "Total" is mean(T₁) / mean(Tₙ): what many rounds
  take in all. Efficiency = speedup / n.
- T₁ is the plain loop over the same tasks, without an executor, in the same rounds and on the same
  interpreter; "against n = 1" divides by the speedup of the same executor with one worker. Weak
  scaling gives n times the tasks to n workers, and n·T₁ / Tₙ is its speedup.
- T runs from before the executor is made to after its workers have ended, on a monotonic clock.
- Brackets are 95% intervals: of a speedup by Student's t, over the rounds or, where it is wider,
  over the interpreters (of which it needs five); of a total by Fieller's method; of a median time
  by exact binomial ranks, which need six rounds. No value is deleted.
- A trend or a difference between interpreters is flagged only if chance alone would raise any such
  flag in one report of a hundred (Holm).
- A recommendation compares speedups by the 95% interval of their ratio, pair by pair. The best of
  many has often been lucky as well: expect a little less of it.
- Of an executor with several n, the smallest is told that no other one is shown to be worth having
  beside (measure.worth): a claim on ratios in common rounds, wrong in at most 5% of such lines.
- Core time is n·Tₙ core-seconds: what n workers could have used. It is split by the tasks' own
  times, CPU times and waits for a CPU, and by what the same tasks took in the plain loop.
- "Machine" is what n loops at once that share nothing got of it in the same minutes: n times the
  time of one alone over theirs. No program that computes can have more.
- After a pilot, a cell gets as many rounds as its precision needs ("precision"), up to a cap on
  rounds or time.
"""

ITSELF = """\
The baseline's first run in a round over its second, where three cells or more share rounds (truth:
1), and the speedup of the rounds in which the executor ran before the baseline over that of the
others (1 where the order makes no difference).
"""

LAWS = """\
Gunther's Universal Scalability Law, X(N) = γN / (1 + α(N - 1) + βN(N - 1)), fitted to the speedups
of all rounds: α is the fraction that stays serial, β the cost of keeping N workers in agreement,
γ the speed of one worker in units of the plain loop. Amdahl's law has β = 0. Brackets are 95%
intervals. They cover the noise between rounds, not the chance that another law holds. A prediction
assumes that each worker has a CPU and a task to itself.
"""

NO_LAWS = f"None: a law needs n = 1 and at least {FEWEST - 1} other n of one workload and executor."

CAUTIONS = {
    "superlinear": "together, workers are faster than alone; nothing is predicted from that",
    "only a lower bound for the peak": "β may be zero, so nothing tells where the peak is",
    "fewer than 6 distinct n": "with fewer than 6 n, α and β can hardly be told apart",
}
"""What the flags of a fit mean for whoever wants to rely on it."""

BREAK_EVEN = """\
How long one task must take in the plain loop for the executor to be ahead. That is where the
speedup passes 1, interpolated between the measured points on logarithmic scales. Brackets are where
the ends of the speedups' intervals pass 1. It holds for that number of tasks: with more tasks, the
executor's start costs each of them less.
"""

MOST_LAWS, MOST_MACHINES = 8, 6
"""That are told."""

OPEN = 4.0
"""A prediction whose upper end is this many times its lower one says nothing."""

APART = """\
Several results, kept apart by their names: {names}. `python -m runners.compare` holds two of them
against each other; with `--together` they are read as one."""

ALT = {
    "speedup": "Speedup against the number of workers",
    "efficiency": "Core-seconds provided, useful and lost",
    "matrix": "Speedup of each workload on each executor",
    "memory": "Speedup against the memory of all processes",
    "timeline": "Tasks of the round nearest the median",
    "seconds": "Median time of a run against the number of workers",
    "weak": "Efficiency under weak scaling",
    "break_even": "Speedup against the length of a task",
    "plot": "The figure that was asked for",
}
"""What each figure shows."""

MATRIX = f"""\
![{ALT["matrix"]}](matrix.png)

n = {{n}}. Hatched pairs have their reason below."""

TIMELINE = f"""\
![{ALT["timeline"]}](timeline.png)

One round, the one nearest the median. [trace.json](trace.json) shows the same in
<https://ui.perfetto.dev>."""

FACTS = (
    "hostname",
    "cpu_model_name",
    "cpu_count",
    "cpu_cores",
    "memory_bytes",
    "cpu_affinity",
    "cpu_quota",
    "cpu_governor",
    "platform",
    "python_implementation",
    "python_version",
    "python_free_threaded",
    "git_commit",
    "git_commit_date",
    "git_branch",
)
"""What the report repeats of `environment.json`."""

TOPOLOGY = ("physical_cores", "siblings", "packages", "numa_nodes", "core_kinds", "not_told")
"""The same of its part `topology`."""


def markdown(
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    laws: Sequence[Law],
    environments: Sequence[Environment],
    *,
    recommendations: Sequence[str] = (),
    missing: str = "",
    matrix: int | None = None,
    timeline: bool = False,
    versus: Sequence[str] = (),
    pythons: Sequence[str] = (),
    profiles: Sequence[str] = (),
    memory: Sequence[str] = (),
    shown: str = "",
    mixed: Sequence[str] = (),
    apart: Mapping[str, Sequence[Environment]] | None = None,
    drawn: Sequence[str] = (),
) -> str:
    """The report of results that are summarised in `summary` and scale by `laws`.

    `missing` is a line that says how many cells are missing, or "". `matrix` is the n of the figure
    of that name, or None where there is no such figure. `timeline` says whether there is a figure
    of a single run. `versus` and `pythons` are the sections on several versions of the code and on
    several interpreters, if there are some, `memory` and `profiles` those on these. `mixed` has a
    line for each workload that was measured on several kinds of node. `shown` says which cells the
    figures show, whose laws are told, if these are not all. `apart` has the environments of several
    results that are kept apart, by their names. `drawn` are figures that have no section of
    their own.
    """
    curves = list(break_even(summary))
    found = entries(summary)
    some = rows([entry for entry in found if entry.cell.rounds > 0])
    bad = [entry for entry in found if entry.cell.status != "ok"]
    measured = [entry for entry in found if entry.cell.rounds > 0]
    has_gil = any(entry.cell.gil is not False for entry in measured)
    waits_for = "the GIL, locks or I/O" if has_gil else "locks or I/O"
    parts = [
        f"# Speedup of {escaped(', '.join(cut(sorted(set(workload_names(summary))))))}",
        *([f"**{escaped(missing)}**"] if missing else []),
        *(f"**{escaped(line)}**" for line in mixed),
        *([f"**{told}**"] if (told := busy(found)) else []),
        f"{len(found)} cells, {len(bad)} of them not ok; "
        f"{len(runs)} runs{when(runs['started_at'].dropna())}.{taken(summary)}",
        *([APART.format(names=escaped(", ".join(apart)))] if apart else []),
        f"![{ALT['speedup']}](speedup.png)",
        *([shown] if shown else []),
        *(f"![{ALT[name]}]({name}.png)" for name in drawn),
        *([MATRIX.format(n=matrix)] if matrix is not None else []),
        *(["## Recommendation", bullets(recommendations)] if recommendations else []),
        *versus,
        *pythons,
        *(["## Break-even", BREAK_EVEN.rstrip(), *_break_even(curves)] if curves else []),
        "## Results",
        *([some.note] if some.note else []),
        _results(some.entries),
        *_uncompared(measured),
        *memory,
        "## Failed, left out and unsupported cells",
        bullets(failed(bad)),
        "## Flags",
        bullets(flagged(found)),
        "## How far to believe it",
        ITSELF.rstrip(),
        _noise(some.entries),
        "## Where the core time went",
        f"![{ALT['efficiency']}](efficiency.png)",
        "Each loss is a part of the core time provided, n·Tₙ. The rest is what the plain loop "
        "needs as well, its own waiting included. A negative loss is a gain, and is left of zero "
        f"in the figure. Off-CPU time is waiting for {waits_for} beyond that; "
        "oversubscription is run-queue delay: ready to run, but without a CPU.",
        _losses(some.entries),
        "The losses that matter, and what to do about them:",
        bullets(lost(measured)),
        *profiles,
        *(["## Timeline", TIMELINE] if timeline else []),
        "## Scaling laws",
        LAWS.rstrip(),
        *_laws(laws, shown),
        "## Method",
        METHOD.rstrip(),
        "## Environment",
        *(
            [f"### {escaped(name)}\n\n{environment(own)}" for name, own in apart.items()]
            if apart
            else [environment(environments)]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def when(moments: "pd.Series[pd.Timestamp]") -> str:
    if moments.empty:
        return ""
    return f" from {moments.min():%Y-%m-%d %H:%M} to {moments.max():%Y-%m-%d %H:%M} UTC"


def taken(summary: pd.DataFrame) -> str:
    """What measuring all of it took; "" where nothing was timed."""
    hours = float(summary["measuring_core_hours"].sum())
    if not hours > 0:
        return ""
    told = f"{hours:.3g} core-hours" if hours >= 0.1 else f"{hours * 3600:.3g} core-seconds"
    return f" Measuring took {told} of the CPUs that were there for it."


def busy(found: Sequence[Entry]) -> str:
    """What has to be known of all numbers that follow; "" where there is nothing."""
    count = sum(any(flag.code == "busy_machine" for flag in one.cell.flags) for one in found)
    if not count:
        return ""
    return (
        f"Busy machine: other load took CPU time while {count} of {len(found)} cells were "
        "measured. Their numbers are of what was left."
    )


def _results(measured: Iterable[Entry]) -> str:
    head = ["workload", "executor", "n", "T₁", "Tₙ", "speedup", "total", "efficiency"]
    head += ["machine", "against n = 1"]
    return table(
        [*head, "rounds", "ended by"],
        (
            [
                *entry.head,
                _time(entry.cell.times["baseline"].median),
                _time(entry.cell.times["measured"].median),
                _interval(entry.cell.speedup),
                _interval(entry.cell.mean_ratio),
                f"{entry.cell.efficiency.estimate:.0%}",
                _interval(entry.cell.ceiling) if math.isfinite(entry.cell.attainable) else "",
                _interval(entry.cell.speedup_n1),
                str(entry.cell.rounds),
                entry.cell.ended_by or "",
            ]
            for entry in measured
        ),
    )


def _uncompared(measured: Iterable[Entry]) -> Iterator[str]:
    """Of each workload, which of its results were not compared with those of the baseline."""
    known = ((one.panel, one.cell) for one in measured if one.cell.status == "ok")
    found = Counter(
        (panel, *agreement(cell.compared, cell.checked, cell.baseline)) for panel, cell in known
    )
    lines = [
        f"{panel}: {what}: {why_not} ({counted(count, 'cell')})"
        for (panel, what, why_not), count in found.items()
        if why_not
    ]
    if lines:
        yield "Their results were compared with those of the baseline, except these:"
        yield bullets(cut(lines, "summary.csv"))


def _noise(measured: Iterable[Entry]) -> str:
    return table(
        ["workload", "executor", "n", "baseline against itself", "executor first / later"],
        (
            [*entry.head, *map(_interval, (entry.cell.itself, entry.cell.earlier))]
            for entry in measured
        ),
    )


def _break_even(curves: Sequence[BreakEven]) -> Iterator[str]:
    def end(curve: BreakEven, at: int) -> str:
        return f"{bracketed(curve.speedups[at].estimate)} at {duration(curve.task_s[at])}"

    some = spread(curves, MOST_ROWS)
    if len(some) < len(curves):
        yield f"Some of {len(curves)}, evenly in the order of their names."
    yield table(
        ["workload", "by", "executor", "n", "tasks", "ahead from", "shortest", "longest"],
        (
            [
                *(curve.panel, curve.parameter, curve.line, str(curve.n)),
                " – ".join(str(count) for count in sorted({min(curve.tasks), max(curve.tasks)})),
                *(curve.text(), end(curve, 0), end(curve, -1)),
            ]
            for curve in some
        ),
    )


def _losses(measured: Iterable[Entry]) -> str:
    return table(
        ["workload", "executor", "n", *TITLES.values()],
        (
            [*entry.head, *(_percent(loss.share) for loss in entry.cell.losses)]
            for entry in measured
        ),
    )


def _laws(laws: Sequence[Law], shown: str) -> Iterator[str]:
    """Where there are many, evenly from the largest serial fraction to the smallest."""
    if shown:
        yield "Of the workloads and executors in the figures."
    if not laws:
        yield NO_LAWS
        return
    some: Sequence[Law] = laws
    if len(laws) > MOST_LAWS:
        fitted = [law for law in laws if law.usl is not None]
        fitted.sort(key=lambda law: -law.usl.alpha.estimate if law.usl is not None else 0.0)
        chosen = {id(law) for law in spread(fitted, MOST_LAWS)}
        some = [law for law in laws if id(law) in chosen]
        yield (
            f"{len(some)} of {len(laws)}, evenly from the largest α to the smallest; all are in "
            f"{DETAILS}."
        )
    yield bullets(map(_law, some))


def details(recommendations: Sequence[str], laws: Sequence[Law]) -> str:
    """What a report of many cells has no room for, and no other file has."""
    parts = ["# Recommendations", bullets(recommendations), "# Scaling laws", LAWS.rstrip()]
    return "\n\n".join([*parts, bullets(map(_law, laws))]) + "\n"


def _law(law: Law) -> str:
    """One line for what was fitted, and lines below it for what follows."""
    head = f"{law.panel}, {law.line}, n = {_listed(law.fitted)}"
    if law.left_out:
        head += f" (without {_listed(law.left_out)}: no CPU or task for each worker)"
    if law.unsure and law.usl is not None:
        head += f" (without {_listed(law.unsure)}: no interval)"
    lines = [f"no fit: {escaped(law.reason)}" if law.reason else "", *_serial_fractions(law)]
    if law.usl is not None:
        lines += [*_fitted(law, law.usl), *_predicted(law, law.usl), *_trust(law, law.usl)]
    return Markdown("\n  - ".join([escaped(head), *filter(None, lines)]))


def _serial_fractions(law: Law) -> Iterator[str]:
    known = [one for one in law.serial_fractions if math.isfinite(one.estimate)]
    if known:
        name = "Gustafson, scaled" if law.weak else "Karp–Flatt, against n = 1"
        values = (f"{_parameter(one)} at n = {one.n}" for one in known)
        yield f"serial fraction ({name}): {'; '.join(values)}"


def _fitted(law: Law, usl: Fit) -> Iterator[str]:
    shown = {"α": usl.alpha, "β": usl.beta, "γ": usl.gamma}
    yield "USL: " + ", ".join(f"{name} = {_parameter(value)}" for name, value in shown.items())
    if law.amdahl is not None:
        limit = law.amdahl.asymptote
        most = f"; if it holds, never more than {limit:.3g}" if math.isfinite(limit) else ""
        yield f"Amdahl: serial fraction f = {_parameter(law.amdahl.alpha)}{most}"
    if math.isfinite(usl.peak):
        yield f"peak: N* = {usl.peak:.3g}, at least {usl.peak_low:.3g}; more workers are slower"
    elif math.isfinite(usl.peak_low):
        yield f"peak: none found; if there is one, N* is at least {usl.peak_low:.3g}"


def _predicted(law: Law, usl: Fit) -> Iterator[str]:
    if usl.superlinear:
        return
    n = 2 * law.fitted[-1]
    mid, low, high = (float(value) for value in predict(usl, n))
    if not high < OPEN * low:
        yield f"prediction for n = {n}: none, the rounds leave it open"
        return
    yield f"prediction for n = {n}: {bracketed(mid, low, high)}"
    if law.amdahl is not None and not low <= (other := float(predict(law.amdahl, n)[0])) <= high:
        yield f"Amdahl's law predicts {other:.3g} there: which law holds matters more than the band"


def _trust(law: Law, usl: Fit) -> Iterator[str]:
    yield f"misfit: the speedup at n = {law.misfit_n} is furthest off, by {law.misfit:+.1%}"
    cautions = [CAUTIONS[flag] for flag in usl.flags]
    if 2 * law.fitted[-1] > law.room:
        cautions.append(f"there are CPUs and tasks for {law.room:.3g} workers, not more")
    if cautions:
        yield f"with caution: {'; '.join(cautions)}"


def _listed(ns: Iterable[int]) -> str:
    return ", ".join(map(str, ns))


def _parameter(value: Parameter | SerialFraction) -> str:
    return f"{value.estimate:.2g} [{value.low:.2g}, {value.high:.2g}]"


def environment(environments: Sequence[Environment]) -> str:
    """The facts of each distinct machine as a list."""
    blocks = []
    # A sweep records the same machine once for each cell.
    for found in {repr(one): one for one in environments}.values():
        blocks.append(bullets(f"{name}: {value}" for name, value in facts(found).items()))
    distinct = dict.fromkeys(blocks)
    return "\n\n".join(cut([*distinct], most=MOST_MACHINES)) or "Not recorded."


def facts(found: Environment) -> dict[str, str]:
    """What is told of a machine, by its name."""
    known = {name: found.facts.get(name) for name in FACTS}
    known["usable_cpus"] = found.usable_cpus
    if isinstance(topology := found.facts.get("topology"), Mapping):
        known |= {name: topology.get(name) or None for name in TOPOLOGY}
    return {k: textwrap.shorten(_told(v), 300) for k, v in known.items() if v is not None}


def _told(value: Any) -> str:
    """A value of an environment: what has parts without the brackets of a program."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_told(one)}" for key, one in value.items())
    if isinstance(value, list):
        between = "; " if any(isinstance(one, str) for one in value) else ", "
        return between.join(map(_told, value))
    return str(value)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, or "None." without rows. Cells that are not Markdown are escaped."""
    found = [" | ".join(map(escaped, line)) for line in (head, *rows)]
    if len(found) == 1:
        return "None."
    lines = [found[0], " | ".join(["---"] * len(head)), *found[1:]]
    return "\n".join(f"| {line} |" for line in lines)


def bullets(items: Iterable[str]) -> str:
    """A list in Markdown, or "None." without items. Items that are not Markdown are escaped."""
    return "\n".join(f"- {escaped(item)}" for item in items) or "None."


def _time(seconds: Interval) -> str:
    return duration(*astuple(seconds))


def _interval(ratio: Interval) -> str:
    return bracketed(*astuple(ratio))


def _percent(part: float) -> str:
    return f"{part:z.1%}" if math.isfinite(part) else ""
