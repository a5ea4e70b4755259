"""Cells over time, for readers: in words, as Markdown, as CSV."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

import pandas as pd

from runners.analysis.interval import Interval
from runners.analysis.over_time import History, Point, Track, before
from runners.analysis.steps import Kind
from runners.analysis.verdicts import QUANTITIES, Quantity
from runners.report.compared import TITLES
from runners.report.markdown import bullets, table
from runners.words import escaping
from runners.words.escaping import markdown as escaped
from runners.words.rounding import bracketed, counted, duration

LEADS: tuple[Quantity, ...] = ("parallel", "speedup", "serial")
"""In the order in which they are told."""
SHORT = 7
"""Of fewer results on a machine it is not known how far they are scattered."""

METHOD = """\
- Ratios are above 1 where it got better: of times before / after, of speedups after / before, of
  the levels on both sides of a step. Brackets are 95% intervals of each by itself.
- A step is a change of the level that stands out against the intervals of the results and against
  their scatter around the levels. A single result that stands out, and after which all is as it was
  before, is no step: it is told as "only". The chance that anything is said of results that do not
  differ is at most 5%, for all cells and commits together (Holm), if they are scattered alike.
- Times of different machines are not held against each other.
- The code is not the only thing that changes between two results: what else is known to differ at
  a step is named with it. What a machine does in between is in all of them.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """The changes of a cell at one result: a ratio for each quantity that changed."""

    kind: Kind
    at: int
    alone: bool
    ratios: dict[Quantity, Interval]

    @property
    def better(self) -> bool:
        return next(iter(self.ratios.values())).estimate > 1


def steps(track: Track) -> list[Step]:
    """Of a cell, in order."""
    found: dict[tuple[int, Kind], Step] = {}
    for what in LEADS:
        for change in track.changes.get(what, ()):
            step = Step(change.kind, change.at, change.alone, {})
            found.setdefault((change.at, change.kind), step).ratios[what] = change.ratio
    return [found[key] for key in sorted(found)]


def told(history: History, track: Track, step: Step) -> str:
    """A step in words: `abc12345: slower, parallel time 0.91 [0.90, 0.92]`."""
    name = history.results[step.at].name
    ratios = ", ".join(f"{TITLES[what]} {_interval(ratio)}" for what, ratio in step.ratios.items())
    word = "better" if step.better else "worse"
    if step.kind == "outlier":
        return f"only {name} {word}: {ratios}"
    places = [point.at for point in track.measured]
    text = f"{name} {word}: {ratios}"
    if step.alone and step.at == places[-1]:
        return f"{text} (the last one: whether it stays is not known yet)"
    if step.alone:
        return f"{text} (only {history.results[places[0]].name} was before it)"
    return text


def head(history: History) -> list[str]:
    """Of the table that the terminal and history.md have."""
    return ["cell", "results", "parallel time", "now", "speedup", "now", "steps"]


def row(history: History, track: Track) -> list[str]:
    first, last = track.measured[0], track.measured[-1]
    found = [told(history, track, step) for step in steps(track)]
    return [
        history.name(track),
        str(len(track.measured)),
        *(_time(point.values["parallel"]) for point in (first, last)),
        *(_interval(point.values["speedup"]) for point in (first, last)),
        "; ".join(found) or "none",
    ]


def lines(history: History) -> Iterator[str]:
    """What has to be known before the numbers are read."""
    results = history.results
    ends = f"from {results[0].name} to {results[-1].name}"
    yield f"{counted(len(results), 'result')}, {ends}, in order {history.order}"
    if history.several_machines:
        machines = dict.fromkeys(result.machine for result in results)
        told = "; ".join(f"{name} (from {_first(history, name)} on)" for name in machines)
        yield f"several machines, whose times are not held against each other: {told}"
    if any(len(track.measured) < SHORT for track in history.shown):
        yield (
            f"fewer than {counted(SHORT, 'result')} of a cell: how far they are scattered is "
            "hardly known, steps are held against what is seen within each result"
        )
    if history.margin:
        yield f"what is within {history.margin:.1%} is no step"


def _first(history: History, machine: str) -> str:
    return next(result.name for result in history.results if result.machine == machine)


def notes(history: History) -> Iterator[str]:
    """What is known of the results at which something changed, and of cells without times."""
    at: dict[int, dict[str, Track]] = {}
    for track in history.shown:
        for step in steps(track):
            at.setdefault(step.at, {})[history.name(track)] = track
    for number, own in sorted(at.items()):
        result = history.results[number]
        earlier = sorted({before(track, number) for track in own.values()})
        parts = []
        for other in earlier:
            differs = history.differs.get((other, number), ())
            names = history.results[other].name
            commits = {history.results[other].commit, result.commit}
            what = "; ".join(differs) or "nothing else that is known differs"
            if len(commits) == 1 and None not in commits and "-dirty" not in str(result.commit):
                what = f"the commit is the same; {what}"
            parts.append(f"since {names}: {what}")
        busy = sum(_busy(history, track, number) for track in own.values())
        if busy:
            parts.append(f"{busy} of {counted(len(own), 'cell')} measured on a busy machine")
        total = sum(any(p.at == number for p in track.measured) for track in history.shown)
        yield f"{result.name} ({len(own)} of {counted(total, 'cell')}), {', '.join(parts)}"
    for pair, differs in history.differs.items():
        if differs and pair[1] == pair[0] + 1 and pair[1] not in at:
            yield f"{history.results[pair[1]].name}: {'; '.join(differs)}"
    for track in history.tracks:
        missing = [point for point in track.points if point.why]
        if missing:
            last = missing[-1]
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            name = f"{history.results[last.at].name}{more}"
            yield f"{history.name(track)}: no times in {name}: {last.status}: {last.why}"
    shown = {track.name for track in history.shown}
    lonely = [t.name for t in history.tracks if t.measured and t.name not in shown]
    if lonely:
        yield f"measured once, not shown: {'; '.join(lonely[:MOST_LISTED])}" + (
            f"; {len(lonely) - MOST_LISTED} more" if len(lonely) > MOST_LISTED else ""
        )


MOST_LISTED = 30
"""Cells in a list."""


def _busy(history: History, track: Track, at: int) -> bool:
    return any(point.at == at and (at, point.row) in history.busy for point in track.points)


def headline(history: History) -> str:
    """The outcome in a line."""
    found = [step for track in history.shown for step in steps(track)]
    single = sum(step.kind == "outlier" for step in found)
    parts = [counted(len(found) - single, "step")]
    if single:
        parts.append(f"{counted(single, 'single result')} apart from the others")
    cells = counted(len({track.name for track in history.shown}), "cell")
    return f"{cells} over {counted(len(history.results), 'result')}: {', '.join(parts)}"


def markdown(history: History) -> str:
    """The content of history.md."""
    parts = [
        f"# {escaped(headline(history))}",
        bullets(lines(history)),
        "![Speedups and times over the results](history.png)",
        table(head(history), (row(history, track) for track in history.shown)),
        "## What else changed",
        bullets(notes(history)),
        "## The results",
        table(
            ["result", "commit", "committed (UTC)", "branch", "measured (UTC)", "machine"],
            (
                [
                    *(result.name, result.commit or "", _date(result.committed)),
                    *(result.branch or "", _date(result.measured), result.machine),
                ]
                for result in history.results
            ),
        ),
        "## How to read it",
        METHOD.rstrip(),
    ]
    return "\n\n".join(parts) + "\n"


COLUMNS = (
    *("name", "n", "machine", "result", "commit", "committed", "branch", "measured"),
    *("python", "status", "why", "rounds", "busy"),
    *(
        f"{what}{end}"
        for what in ("serial_s", "parallel_s", "speedup")
        for end in ("", "_low", "_high")
    ),
    *(
        f"{what}_{name}"
        for what in QUANTITIES
        for name in ("change", "ratio", "ratio_low", "ratio_high")
    ),
    "cell",
)
"""Of history.csv. A change is `step`, `outlier` or nothing; ratios are above 1 if it got better."""


def csv(history: History) -> bytes:
    """The content of history.csv: a row for each cell and result."""
    rows = [_row(history, track, point) for track in history.tracks for point in track.points]
    return pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False).encode()


def _row(history: History, track: Track, point: Point) -> dict[str, object]:
    result = history.results[point.at]
    cell = result.summary.iloc[point.row]
    texts = {
        **{"name": track.name, "machine": track.machine, "result": result.name},
        **{"commit": result.commit or "", "branch": result.branch or "", "why": point.why},
        "python": "" if pd.isna(cell["python"]) else str(cell["python"]),
    }
    found: dict[str, object] = {
        **{name: escaping.csv(text) for name, text in texts.items()},
        **{"committed": _date(result.committed), "measured": _date(result.measured)},
        **{"n": track.n, "status": point.status, "rounds": point.rounds, "cell": cell["cell"]},
        "busy": (point.at, point.row) in history.busy,
    }
    for what in QUANTITIES:
        name = what if what == "speedup" else f"{what}_s"
        if what in point.values:
            found |= _ends(name, point.values[what])
        for change in track.changes.get(what, ()):
            if change.at == point.at:
                found |= {f"{what}_change": change.kind, **_ends(f"{what}_ratio", change.ratio)}
    return found


def _ends(name: str, found: Interval) -> dict[str, object]:
    return {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}


def _date(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _time(seconds: Interval) -> str:
    return duration(*astuple(seconds))


def _interval(ratio: Interval) -> str:
    return bracketed(*astuple(ratio))
