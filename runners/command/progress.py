"""What a person sees: progress between the runs, one table a cell, one line a cell of a sweep."""

import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runners.model import Plan, Run
from runners.words.advice import explain, remedy

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.text import Text


_UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell stands in its sweep: the `at`-th, from 1 on, of `cells` (0: nobody knows).

    `name` tells it from the others; `times` gives a few words on the time gone and left. With
    `quiet`, nothing is said of it here.
    """

    at: int
    cells: int
    name: str
    times: Callable[[], str] = str
    quiet: bool = False

    def __str__(self) -> str:
        return f"{self.at:>3}/{self.cells}  " if self.cells else f"{self.at:>3}  "


class Terminal:
    """The display of one cell; `place` is where it stands in a sweep, None for a single one.

    Nothing here runs by itself: the bar is redrawn when `update` is called, between two runs, and
    rich is loaded only then, so that it does not delay the first measurement.
    """

    def __init__(self, plan: Plan, folder: Path, place: Place | None = None) -> None:
        self.plan = plan
        self.folder = Path(min(str(folder), os.path.relpath(folder), key=len))
        self.place = place
        self.name = place.name if place is not None else _name(plan)
        self.failed: Run | None = None
        self.progress: Progress | None = None
        self.task: TaskID | None = None
        self.console: Console | None = None
        self.rounds = 0

    def begin(self, reused: str | None, words: str) -> None:
        """Say what becomes of an earlier measurement of this cell."""
        if words and not self._quiet:
            what = "reused" if reused is not None else "measured again"
            if words in ("short of its precision", "not finished"):
                what = "continued"
            print(f"{_before(self.place)}{self.name}: {what}, {words}")

    def update(self, run: Run) -> None:
        """Take note of a run that has just ended."""
        if self.progress is None:
            self._start()
        if run.status != "ok":
            self.failed = run
        if run.position == 1 and not run.warmup:
            self.rounds += 1
        assert self.progress is not None
        assert self.task is not None
        what = "warming up" if run.warmup else _rounds(self.rounds)
        done = run.ended_by is not None and run.status == "ok"
        total = max(self.rounds, 1) if done else self.plan.measure.max_rounds
        self.progress.update(
            self.task, completed=total if done else self.rounds, total=total, what=what
        )
        self.progress.refresh()
        if run.ended_by is not None:
            self.progress.stop()

    def finish(self, summary: Mapping[Any, Any]) -> str:
        """Print what was found, the cell's row of `stats.summarise`; return the cell's status."""
        console = self._console()
        status = str(summary["status"])
        if self.place is not None:
            if not self.place.quiet:
                console.print(_line(self.place, summary), highlight=False)
            return status
        if not sys.stdout.isatty():
            console.print(f"{_title(self.plan)}   {_rounds(summary['rounds'])}", highlight=False)
        if self.failed is not None:
            console.print(f"[red]{self.failed.status}[/] in the {self.failed.role} run:")
            console.print(self.failed.error, markup=False, highlight=False)
        if summary["rounds"] > 0:
            console.print(_table(self.plan, summary, self.folder))
        else:
            console.print(f"{'saved':<17}{self.folder}", highlight=False)
        return status

    @property
    def _quiet(self) -> bool:
        return self.place is not None and self.place.quiet

    def _console(self) -> "Console":
        if self.console is None:
            from rich.console import Console

            # Piped output has no width of its own, and lines must not break at some default.
            self.console = Console(width=None if sys.stdout.isatty() else 160)
        return self.console

    def _start(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        title = _title(self.plan)
        if self.place is not None:
            title = f"cell {self.place.at} of {self.place.cells or '?'}  {self.name}"
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[what]}"),
            TimeElapsedColumn(),
            console=self._console(),
            auto_refresh=False,  # no thread that draws while the clock runs
            transient=self.place is not None,
            disable=self._quiet or not sys.stdout.isatty(),
        )
        self.task = self.progress.add_task(title, total=self.plan.measure.max_rounds, what="")
        self.progress.start()


def refused(run: Run, place: Place | None) -> None:
    """Say that a cell cannot be measured."""
    if place is None or not place.quiet:
        name = place.name if place is not None else f"{run.workload} on {run.executor}, n = {run.n}"
        why = f"{run.status}: {run.error}" if run.status == "unsupported" else run.error
        print(f"{_before(place)}{name}: {why}")


def differing(cells: Sequence[Plan | Run]) -> list[str]:
    """The name of each cell of a sweep: with the parameters in which it differs from others.

    A workload's parameters are compared within the workload, an executor's within the executor.
    """
    values: dict[tuple[str, str], set[str]] = {}
    for cell in cells:
        for column, value in cell.parameters.items():
            owner = getattr(cell, column.partition(".")[0])
            values.setdefault((owner, column), set()).add(repr(value))

    def named(cell: Plan | Run, group: Literal["workload", "executor"]) -> str:
        owner = getattr(cell, group)
        told = (
            f" {column.partition('.')[2]}={value}"
            for column, value in cell.parameters.items()
            if column.startswith(f"{group}.") and len(values[owner, column]) > 1
        )
        return f"{owner}{''.join(told)}"

    several = len({cell.scaling for cell in cells}) > 1
    return [
        f"{named(cell, 'workload')} on {named(cell, 'executor')}, n = {cell.n}"
        + (f", {cell.scaling} scaling" if several else "")
        for cell in cells
    ]


def clock(seconds: float) -> str:
    """A time that has gone or is left: minutes and seconds, hours from one on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _before(place: Place | None) -> str:
    return "" if place is None else str(place)


def seconds(value: float) -> str:
    """A duration for people: three digits and the unit that fits."""
    unit, size = next(((u, s) for u, s in _UNITS if value >= s), _UNITS[-1])
    return f"{value / size:.3g} {unit}"


def _span(low: float, high: float) -> str:
    """An interval of durations in the unit of its upper end."""
    if math.isnan(low):
        return "too few rounds"
    unit, size = next(((u, s) for u, s in _UNITS if high >= s), _UNITS[-1])
    return f"{low / size:.3g} – {high / size:.3g} {unit}"


def _name(plan: Plan) -> str:
    return f"{plan.workload} on {plan.executor}, n = {plan.n}"


def _title(plan: Plan) -> str:
    weak = ", weak scaling" if plan.scaling == "weak" else ""
    return f"{_name(plan)}{weak} ({plan.usable_cpus:g} usable CPUs)"


def _speedup(row: Mapping[Any, Any]) -> str:
    if math.isnan(row["speedup_low"]):
        return f"{row['speedup']:.2f}×  [one round: no interval]"
    return f"{row['speedup']:.2f}×  [{row['speedup_low']:.2f}, {row['speedup_high']:.2f}]"


def _rounds(count: int) -> str:
    return f"{count} round{'' if count == 1 else 's'}"


def _results(plan: Plan) -> str:
    return f"equal to {plan.baseline}" if plan.compared else "not compared"


def _line(place: Place, row: Mapping[Any, Any]) -> str:
    name = f"{place}{place.name}"
    times = place.times()
    if row["status"] != "ok":
        reason = str(row["error"]).strip().splitlines() or [""]
        told = f"[red]{row['status']}[/]: {reason[-1]}"
    else:
        told = f"{_speedup(row)}  {_rounds(row['rounds'])}"
    return f"{name:<46} {told}" + (f"   {times}" if times else "")


def _table(plan: Plan, row: Mapping[Any, Any], folder: Path) -> "Text":
    """Two columns, one for each side; below them what concerns the cell as a whole."""
    from rich.text import Text

    sides = ("baseline", "measured")
    width = "" if math.isnan(row["half_width"]) else f", ±{row['half_width']:.1%}"
    workers = 1 if plan.worker_kind == "caller" else plan.n
    noun = "tasks at a time" if plan.worker_kind == "coroutine" else "workers"
    by_workers = row["bound"] >= workers
    what = f"{workers} {noun}" if by_workers else f"{plan.usable_cpus:g} usable CPUs"
    speedup = "scaled speedup" if plan.scaling == "weak" else "speedup"
    lines = [
        ("", plan.baseline, f"{plan.executor}, n = {plan.n}"),
        ("median", *(seconds(row[f"{side}_median_s"]) for side in sides)),
        ("95% interval", *(_span(row[f"{side}_low_s"], row[f"{side}_high_s"]) for side in sides)),
        (speedup, _speedup(row), f"bound {row['bound']:.2f} ({what})"),
        ("cold, warm", f"{row['cold_speedup']:.2f}×, {row['speedup']:.2f}×", "first runs, others"),
        (
            "efficiency",
            f"{row['efficiency']:.0%} of {workers} {noun}",
            f"{row['speedup'] / row['bound']:.0%} of the bound",
        ),
        (
            "results",
            _results(plan) if row["status"] == "ok" else str(row["status"]),
            f"{_rounds(row['rounds'])}{width}, ended by {row['ended_by']}",
        ),
    ]
    column = max(len(middle) for _, middle, _ in lines) + 4
    text = Text()
    for name, middle, right in lines:
        style = "bold green" if name == speedup else ""
        text.append(f"{name:<17}", "dim").append(f"{middle:<{column}}", style).append(f"{right}\n")
    if plan.reuse:
        text.append(f"{'workers':<17}", "dim")
        text.append(f"kept between runs; starting them took {seconds(row['start_s'])} apart\n")
    for loss in explain(row):
        text.append(f"{'lost':<17}", "dim")
        text.append(f"{loss.share:.0%} {loss.title}: {loss.hint}\n")
    for flag in filter(None, row["flags"].split("; ")):
        text.append(f"{'note':<17}", "dim")
        text.append(flag, "yellow").append(f": {remedy(flag)}\n")
    return text.append(f"{'saved':<17}", "dim").append(str(folder))
