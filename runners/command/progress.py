"""What a person sees: progress between the runs, one table a cell, one line a cell of a sweep."""

import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TextIO

from runners.command.resume import Earlier
from runners.door import libraries_only
from runners.model import HERE, Plan, Run, printable
from runners.report import facts as table
from runners.report.facts import rounds_told, speedup_told
from runners.results.columns import counts
from runners.words import causes, flags
from runners.words.functions import of_parameters, shown
from runners.words.lines import broken, say, width_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.text import Text

    from runners.analysis.cell import CellSummary

NAMES = 17
"""Characters of the first column of what is printed of a single cell."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell stands in its sweep: the `at`-th, from 1 on, of `cells` (0: nobody knows).

    `name` tells it from the others. `times` gives a few words on the time that the sweep has taken
    and will take, once the cell has ended; `left` the same while it is measured. With
    `quiet`, nothing is said of it here.
    """

    at: int
    cells: int
    name: str
    times: Callable[[], str] = str
    left: Callable[[], str] = str
    quiet: bool = False

    def __str__(self) -> str:
        return f"{self.at:>3}/{self.cells}  " if self.cells else f"{self.at:>3}  "


class Terminal:
    """What is said of one cell; `place` is where it stands in a sweep, None for a single one.

    `failed` is the run that ended it early, if there is one.
    """

    def __init__(self, plan: Plan, folder: Path, place: Place | None = None) -> None:
        self.plan = plan
        self.folder = Path(min(str(folder), os.path.relpath(folder), key=len))
        self.place = place
        self.name = place.name if place is not None else _name(plan)
        self.failed: Run | None = None

    def begin(self, earlier: Earlier) -> None:
        """Say what becomes of an earlier measurement of this cell."""
        if earlier.outcome == "unreadable":
            self.say(f"not measured, it cannot be read: {earlier.error}")
        elif earlier.outcome != "new" and not self.quiet:
            what = "measured again" if earlier.outcome == "again" else earlier.outcome
            self.say(f"{what}, {why(earlier, self.plan)}")

    def say(self, text: str) -> None:
        """Tell at once what concerns this cell before it is measured."""
        if not self.quiet:
            tell(self.place, f"{self.name}: {text}")

    def finish(self, cell: "CellSummary") -> str:
        """Print what was found; return the cell's status."""
        console = _console()
        if self.place is not None:
            if not self.place.quiet:
                console.print(_line(self.place, cell, width_of()), soft_wrap=True)
            return cell.status
        if not sys.stdout.isatty():
            print(f"{_title(self.plan)}   {rounds_told(cell.rounds)}")
        if self.failed is not None:
            console.print(self.failed.status, style="red", end="")
            console.print(f" in the {self.failed.role} run:")
            say(str(self.failed.error), indent=0)
        if cell.rounds > 0:
            console.print(_table(cell, self.folder, width_of()), soft_wrap=True)
        else:
            for flag in self.plan.flags:
                say(f"{'note':<{NAMES}}{flags.told(flag)}: {flags.remedy(flag)}", indent=NAMES)
            print(f"{'saved':<{NAMES}}{self.folder}")
        return cell.status

    @property
    def quiet(self) -> bool:
        return self.place is not None and self.place.quiet

    def title(self, more: int) -> str:
        """What is being measured, together with so many cells after this, for the bar."""
        if self.place is None:
            return _title(self.plan)
        at, cells = self.place.at, self.place.cells or "?"
        return (
            f"cells {at} to {at + more} of {cells}"
            if more
            else f"cell {at} of {cells}  {self.name}"
        )


class Bar:
    """The progress of cells that are measured together.

    Nothing here runs by itself: the bar is redrawn when `update` is called, between two runs, and
    rich is loaded only then, so that it does not delay the first measurement. On `stream` it is
    shown for cells that are quiet, too.
    """

    def __init__(self, displays: Sequence[Terminal], stream: TextIO | None = None) -> None:
        self.stream = stream
        self.first = displays[0]
        self.more = len(displays) - 1
        self.total = self.first.plan.measure.max_rounds
        self.rounds: set[int] = set()
        self.progress: Progress | None = None
        self.task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        if self.progress is not None:
            self.progress.stop()

    def update(self, run: Run) -> None:
        """Take note of a run that has just ended."""
        if self.progress is None:
            self._start()
        assert self.progress is not None
        assert self.task is not None
        if run.role == "measured" and counts(run.row()):
            self.rounds.add(run.round)
        what = "warming up" if run.warmup else rounds_told(len(self.rounds))
        done = run.ended_by is not None and run.status == "ok"
        total = max(len(self.rounds), 1) if done else self.total
        left = self.first.place.left() if self.first.place is not None else ""
        what += f", {left}" if left else ""
        self.progress.update(self.task, completed=len(self.rounds), total=total, what=what)
        self.progress.refresh()

    def _start(self) -> None:
        with libraries_only():
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=40 if self.first.place is None else 10),
            TextColumn("{task.fields[what]}", markup=False),
            *([TimeElapsedColumn()] if self.first.place is None else []),
            console=_console(self.stream),
            auto_refresh=False,  # no thread that draws while the clock runs
            transient=self.first.place is not None,
            disable=(self.first.quiet and self.stream is None)
            or not (self.stream or sys.stdout).isatty(),
        )
        title = self.first.title(self.more)
        self.task = self.progress.add_task(title, total=self.total, what="")
        self.progress.start()


def _console(stream: TextIO | None = None) -> "Console":
    """Where names, paths and errors are printed: what is in brackets there is no markup."""
    with libraries_only():
        from rich.console import Console

    return Console(file=stream, markup=False, emoji=False, highlight=False)


def refused(run: Run, place: Place | None) -> None:
    """Say that a cell cannot be measured."""
    if place is None or not place.quiet:
        name = (
            place.name if place is not None else f"{_workload(run)} on {run.executor}, n = {run.n}"
        )
        why = f"{run.status}: {run.error}" if run.status != "failed" else run.error
        tell(place, f"{name}: {why}")


def tell(place: Place | None, text: str) -> None:
    """Print a line on a cell, which it names."""
    before = "" if place is None else str(place)
    say(f"{before}{text}", indent=len(before) or 2)


def why(earlier: Earlier, plan: Plan) -> str:
    """Why an earlier measurement stands, or does not."""
    if plan.measure.force:
        return "measure.force"
    if earlier.changed:
        return textwrap.shorten(printable("; ".join(earlier.changed)), 2000)  # of a file
    match earlier.status:
        case None:
            return "nothing says how it was measured"
        case "ok" if earlier.outcome == "reused":
            return f"ended by {earlier.ended_by}"
        case "ok":
            return "short of its precision" if earlier.ended_by else "not finished"
        case "timeout":
            return "it timed out"
        case "failed":
            return "it failed"
        case status:
            return f"it {'is' if earlier.outcome == 'reused' else 'was'} {status}"


def differing(cells: Sequence[Plan | Run]) -> list[str]:
    """The name of each cell of a sweep: with the parameters in which it differs from others.

    A workload's parameters are compared within the workload, an executor's within the executor.
    """
    values: dict[tuple[str, str], set[str]] = {}
    workloads = shown([of_parameters(cell.workload, cell.parameters) for cell in cells])
    for cell, workload in zip(cells, workloads, strict=True):
        for column, value in cell.parameters.items():
            owner = workload if column.startswith("workload.") else cell.executor
            values.setdefault((owner, column), set()).add(repr(value))

    def named(cell: Plan | Run, group: Literal["workload", "executor"], owner: str) -> str:
        told = (
            f" {column.partition('.')[2]}={value}"
            for column, value in cell.parameters.items()
            if column.startswith(f"{group}.") and len(values[owner, column]) > 1
        )
        return f"{owner}{''.join(told)}"

    pythons = [_python(cell) for cell in cells]
    labels = {label for label, _ in pythons}
    clear = len({python for python in pythons if python[1]}) <= len(labels)
    versions = any(map(_version, cells))
    several = len({cell.scaling for cell in cells}) > 1
    placements = len({cell.placement for cell in cells})
    fresh = [bool(_is_fresh(cell)) for cell in cells]
    mixed = len(set(fresh)) > 1
    return [
        f"{named(cell, 'workload', workload)} on {named(cell, 'executor', cell.executor)}, "
        f"n = {cell.n}"
        + (f", {_interpreter(label)}" if len(labels) > 1 or not clear else "")
        + (f" ({asked})" if asked and not clear else "")
        + (f", {_version(cell) or HERE}" if versions else "")
        + (f", placement={cell.placement}" if placements > 1 else "")
        + (f", {cell.scaling} scaling" if several else "")
        + (", first calls" if mixed and first else "")
        for cell, workload, first, (label, asked) in zip(
            cells, workloads, fresh, pythons, strict=True
        )
    ]


def _python(cell: Plan | Run) -> tuple[str | None, str]:
    """What its interpreter is called by itself, and by the user."""
    return (cell.python_label, cell.python.asked) if isinstance(cell, Plan) else (cell.python, "")


def _version(cell: Plan | Run) -> str:
    """Which version of the user's code it has; "" for the one that is here."""
    if isinstance(cell, Plan):
        return cell.version.name if cell.version is not None else ""
    return cell.code_version or ""


def _is_fresh(cell: Plan | Run) -> bool | None:
    return cell.measure.fresh if isinstance(cell, Plan) else cell.fresh


def clock(seconds: float) -> str:
    """A time that has gone or is left: minutes and seconds, hours from one on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _workload(cell: Plan | Run) -> str:
    [name] = shown([of_parameters(cell.workload, cell.parameters)])
    return name


def _name(plan: Plan) -> str:
    name = f"{_workload(plan)} on {plan.executor}, n = {plan.n}"
    usual = plan.python.is_this and plan.gil is None
    name += "" if usual else f", {_interpreter(plan.python_label)}"
    name += "" if plan.placement == "none" else f", placement={plan.placement}"
    return f"{name}, {plan.version.name}" if plan.version is not None else name


def _interpreter(label: str | None) -> str:
    """The interpreter of that label among other words: a version alone could be any number."""
    return f"Python {label}" if label and label[0].isdecimal() else str(label)


def _title(plan: Plan) -> str:
    weak = ", weak scaling" if plan.scaling == "weak" else ""
    first = ", first calls" if plan.measure.fresh else ""
    return f"{_name(plan)}{weak}{first} ({plan.usable_cpus:g} usable CPUs)"


def _line(place: Place, cell: "CellSummary", width: int | None) -> "Text":
    from rich.text import Text

    before = f"{f'{place}{place.name}':<46} "
    if cell.status == "ok":
        found = f"{speedup_told(cell.speedup)}  {rounds_told(cell.rounds)}"
    else:
        found = f"{cell.status}: {causes.reason(cell.error)}"
    times = place.times()
    line = f"{before}{found}" + (f"   {times}" if times else "")
    text = Text(broken(line, width, len(str(place))))
    if cell.status != "ok":
        at = text.plain.find(cell.status, len(before) - 1)
        text.stylize("red", at, at + len(cell.status))
    return text


def _table(cell: "CellSummary", folder: Path, width: int | None) -> "Text":
    """Two columns, one for each side; below them what concerns the cell as a whole."""
    from rich.text import Text

    facts = table.facts(cell)
    right_at = NAMES + table.width(facts)
    text = Text()
    for name, middle, right in facts:
        style = "bold green" if name in table.SPEEDUPS else ""
        text.append(f"{name:<{NAMES}}", "dim").append(f"{middle:<{right_at - NAMES}}", style)
        text.append(f"{broken(right, width, right_at, right_at)}\n")
    for name, kind, rest in table.notes(cell):
        told = Text(broken(f"{kind}{rest}", width, NAMES, NAMES))
        told.stylize("yellow", 0, len(kind))
        text.append(f"{name:<{NAMES}}", "dim").append(told).append("\n")
    return text.append(f"{'saved':<{NAMES}}", "dim").append(str(folder))
