"""What is told of a single cell: two columns, one for each side, and what concerns both."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runners.words import causes, flags
from runners.words.agreement import agreement
from runners.words.rounding import counted, time_unit

if TYPE_CHECKING:
    from runners.analysis.cell import CellSummary
    from runners.analysis.interval import Interval

Fact = tuple[str, str, str]
SPEEDUPS = ("speedup", "scaled speedup")
"""The names of the line that matters most."""


def facts(cell: "CellSummary") -> list[Fact]:
    """A name and two columns; the first row names these."""
    baseline, measured = cell.times["baseline"].median, cell.times["measured"].median
    workers = 1 if cell.worker_kind == "caller" else cell.n
    noun = "tasks at a time" if cell.worker_kind == "coroutine" else "workers"
    in_one_thread = cell.worker_kind == "coroutine"
    cpus = "one thread" if in_one_thread else f"{cell.usable_cpus:g} usable CPUs"
    what = f"{workers} {noun}" if cell.bound >= workers else cpus
    of_the_attainable = f"{cell.speedup.estimate / cell.bound:.0%} of the attainable speedup"
    machine = []
    if math.isfinite(cell.attainable):
        of_the_attainable = f"{cell.efficiency_of_ceiling.estimate:.0%} of what the machine gives"
        loops = f"for {counted(cell.n, 'loop')} that share nothing"
        machine = [("machine", speedup_told(cell.ceiling), loops)]
    attained = f"typical round; attainable {cell.bound:.2f} ({what})"
    return [
        ("", _baseline(cell), f"{cell.executor}, n = {cell.n}"),
        ("median", _seconds(baseline.estimate), _seconds(measured.estimate)),
        ("95% interval", _span(baseline), _span(measured)),
        (SPEEDUPS[cell.scaling == "weak"], speedup_told(cell.speedup), attained),
        *machine,
        (
            ("interpreter", "a new one for each run", "first calls: nothing is warm")
            if cell.fresh
            else (
                "cold, warm",
                f"{cell.cold_speedup:.2f}×, {cell.speedup.estimate:.2f}×",
                "first runs, others",
            )
        ),
        (
            "efficiency",
            f"{cell.efficiency.estimate:.0%} of {what if in_one_thread else f'{workers} {noun}'}",
            of_the_attainable,
        ),
        *_memory(cell),
        ("results", *_results(cell)),
    ]


def _memory(cell: "CellSummary") -> list[Fact]:
    """The peaks of both sides, where they were measured."""
    if not cell.memory_bytes > 0:
        return []
    worker = cell.worker_memory_bytes
    more = f", {causes.bytes_text(worker)} in the largest worker" if worker > 0 else ""
    peaks = (cell.baseline_memory_bytes, cell.memory_bytes)
    baseline, measured = map(causes.bytes_text, peaks)
    return [("memory", baseline, f"{measured}{more}")]


def width(lines: Sequence[Fact]) -> int:
    """Characters of the first of the two columns."""
    return max(len(middle) for _, middle, _ in lines) + 4


def notes(cell: "CellSummary") -> list[Fact]:
    """A name, a few words that stand out, and the rest of the line."""
    found: list[Fact] = []
    launch = cell.parameters.get("executor.launch")
    kept = bool(cell.parameters.get("executor.reuse"))
    if launch not in (None, "auto", "spawn", "none"):
        took = f"started by {launch}, before anything was timed{', and kept' if kept else ''}"
        found.append(("workers", "", took))
    elif kept:
        took = f"; starting them took {_seconds(cell.start_s)} more"  # not known without spans
        more = "" if math.isnan(cell.start_s) else took
        found.append(("workers", "", f"kept between runs{more}"))
    found += [("lost", "", loss) for loss in causes.told(cell)]
    return found + [("note", flags.told(f), f": {flags.remedy(f)}") for f in cell.flags]


def speedup_told(speedup: "Interval") -> str:
    if math.isnan(speedup.low):
        return f"{speedup.estimate:.2f}×  [one round: no interval]"
    return f"{speedup.estimate:.2f}×  [{speedup.low:.2f}, {speedup.high:.2f}]"


def rounds_told(count: int) -> str:
    return f"{count} round{'' if count == 1 else 's'}"


def _seconds(value: float) -> str:
    unit, scale = time_unit(value)
    return f"{value * scale:.3g} {unit}"


def _span(time: "Interval") -> str:
    """An interval of durations in the unit of its upper end."""
    if math.isnan(time.low):
        return "too few rounds"
    unit, scale = time_unit(time.high)
    return f"{time.low * scale:.3g} – {time.high * scale:.3g} {unit}"


def _baseline(cell: "CellSummary") -> str:
    return "asyncio, n = 1" if cell.baseline == "asyncio" else cell.baseline


def _results(cell: "CellSummary") -> tuple[str, str]:
    """What is known of the results, and how many rounds there were."""
    width = "" if math.isnan(cell.half_width) else f", ±{cell.half_width:.1%}"
    rounds = f"{rounds_told(cell.rounds)}{width}, ended by {cell.ended_by}"
    if cell.status != "ok":
        return cell.status, rounds
    what, why_not = agreement(cell.compared, cell.checked, cell.baseline)
    return what, f"{why_not}; {rounds}" if why_not else rounds
